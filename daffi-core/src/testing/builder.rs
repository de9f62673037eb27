//! What a mesh is made with.

use std::future::IntoFuture;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;

use super::{Faults, Mesh};
use crate::config;
use crate::controller::Controller;
use crate::error::Result;
use crate::transport::Address;

/// A mesh about to start, made by [`Mesh::new`]; await it.
///
/// # Errors
/// Awaiting it gives a [`BindError`](crate::error::BindError) if the controller cannot start, for which there is no reason
/// at present: its address is its own.
///
/// # Panics
/// If it is awaited outside a tokio runtime.
///
/// # Cancel safety
/// Cancel safe.
#[derive(Debug, Clone)]
#[must_use = "a mesh starts when this is awaited"]
pub struct NewMesh {
    seed: Option<u64>,
    grace: Duration,
    is_local: bool,
}

impl Default for NewMesh {
    fn default() -> Self {
        Self { seed: None, grace: config::GRACE, is_local: false }
    }
}

impl NewMesh {
    /// Where chance begins: the choice among equally busy nodes, how long delayed messages take, the pauses before a
    /// node tries again to connect. Without one it is drawn, and printed if the test panics.
    ///
    /// A test that awaits one thing at a time in virtual time comes out the same with the same seed, as far as daffi is
    /// concerned; the runtime has chances of its own. It seeds this thread's `fastrand`, too.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// How long the controller keeps the session of a node whose link is [cut](Mesh::cut), by default
    /// [`GRACE`](config::GRACE).
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace;
        self
    }

    /// Makes links like UNIX sockets, which do not go on once they break: a node whose link is [cut](Mesh::cut) has
    /// left at once. Without this they are like QUIC's.
    pub fn local(mut self) -> Self {
        self.is_local = true;
        self
    }

    async fn start(self) -> Result<Mesh> {
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let kind = if self.is_local { "" } else { "?resume" };
        let place = format!("daffi-testing-{number}{kind}");
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        fastrand::seed(seed);
        let controller = self.bind(&place, seed).await?;
        let (ways, faults) = (Arc::default(), Mutex::new(Faults::default()));
        Ok(Mesh { settings: self, seed, place, controller: Some(controller), restarts: 0, ways, faults })
    }

    /// Starts a controller of this kind.
    pub(super) async fn bind(&self, place: &str, seed: u64) -> Result<Controller> {
        let address = Address::Memory(place.to_owned()).to_string();
        Controller::bind(&address).seed(seed).grace(self.grace).await
    }
}

impl IntoFuture for NewMesh {
    type Output = Result<Mesh>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.start())
    }
}

/// Meshes of one process must not meet.
static NUMBER: AtomicU64 = AtomicU64::new(0);
