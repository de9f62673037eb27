//! A controller and a node in one process.

use std::convert::Infallible;
use std::fmt;
use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};

use futures::future::BoxFuture;

use crate::config;
use crate::controller::{Bind, Controller};
use crate::error::Result;
use crate::identity::Source;
use crate::node::{Connect, Node};

impl Connect {
    /// Starts a controller at the address in this process, and connects to it. Others are let in once this node
    /// and its callbacks are there.
    ///
    /// [`Node::stop`] then stops the controller as well: running calls finish, all nodes are told goodbye. When
    /// the last handle of the node is dropped without that, the controller ends at once.
    pub fn with_controller(self) -> WithController {
        WithController { connect: self }
    }
}

/// Arguments that a controller could send: there are none, since it calls nobody.
#[diagnostic::on_unimplemented(
    message = "a controller calls nobody",
    label = "only a node calls",
    note = "connect one: `let node = daffi::connect(&controller.url()).await?`",
    note = "or start both together: `daffi::connect(\"\").with_controller().await?`"
)]
pub trait SentByController {}

impl Controller {
    /// A controller calls nobody; this is here to say so. [`connect`](crate::node::connect) a node, which may live
    /// in the same process: [`Connect::with_controller`].
    #[doc(hidden)]
    pub fn call<A: SentByController>(&self, _name: &str, _arguments: A) -> Infallible {
        unreachable!("no arguments are a controller's to send")
    }
}

/// How to start a controller and a node in one process; made by [`Connect::with_controller`].
///
/// # Errors
/// Awaiting it gives [`Error::Bind`](crate::error::Error::Bind) if the controller cannot start, and what [`Connect`] gives
/// if the node cannot.
///
/// # Cancel safety
/// Cancel safe: what has started is stopped.
#[must_use = "nothing is started until it is awaited"]
pub struct WithController {
    connect: Connect,
}

impl WithController {
    async fn start(self) -> Result<Node> {
        // Chance alone would do but for tests, which may seed it alike.
        let number = DOORS.fetch_add(1, Ordering::Relaxed);
        let door = format!("memory://door-{number}-{:016x}", fastrand::u64(..));
        let bind = Controller::bind(&self.connect.url()).door(&door);
        let controller = with_identity(bind, &self.connect).await?;
        let url = controller.url();
        let open = controller.opener();
        let companion = Box::pin(controller.drain(config::DRAIN_TIME));
        let node = self.connect.through(door, url).companion(companion).await?;
        open();
        Ok(node)
    }
}

/// No two doors of one process are the same.
static DOORS: AtomicU64 = AtomicU64::new(0);

/// The controller asks of others what its own node would show.
fn with_identity(bind: Bind, connect: &Connect) -> Bind {
    let (source, data_dir) = connect.given();
    let bind = match data_dir {
        Some(path) => bind.data_dir(path),
        None => bind,
    };
    match source {
        Some(Source::Secret(secret)) => bind.secret(secret.clone()),
        Some(Source::Certificates(files)) => bind.certificates(files.clone()),
        Some(Source::Insecure) => bind.insecure(),
        // A token is somebody else's to give.
        Some(Source::Join(_) | Source::JoinFile(_)) | None => bind,
    }
}

impl IntoFuture for WithController {
    type Output = Result<Node>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

impl fmt::Debug for WithController {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WithController").field("connect", &self.connect).finish()
    }
}
