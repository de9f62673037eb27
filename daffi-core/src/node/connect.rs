//! Joining a mesh.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::Semaphore;
use tokio::sync::{Notify, broadcast, oneshot, watch};
use tokio::time::Instant;

use super::around::Wrappers;
use super::serve::Serve;
use super::state::State;
use super::{Guard, Hook, Node, Options, Outgoing, Phase, Shared, driver};
use crate::callback::{AnyWrap, Callback, Registry, Serving, Wrap};
use crate::config;
use crate::error::{ConnectError, Error, RegisterError, Result};
use crate::identity::{
    CertificateFiles, Credentials, IdentityError, JoinString, Secret, Source, StateDirectory, is_loopback,
};
use crate::name::NodeName;
use crate::transport::Address;

/// Joins the mesh of the controller at `url`; to be awaited.
///
/// An empty `url` means the environment's `DAFFI_URL`, without that what the join string says, and without that
/// the default socket of this user.
///
/// At a `quic://` address a node shows what it was given: by [`join_file`](Connect::join_file) and the like, or by
/// the environment as `DAFFI_JOIN_FILE`, `DAFFI_JOIN` or `DAFFI_SECRET`. On this machine nothing is needed, since
/// all processes of a user share a key. A UNIX socket knows the user of each process by itself.
/// Every annotated function that is linked into this program is offered, unless
/// [`registry`](Connect::registry) says otherwise.
pub fn connect(url: &str) -> Connect {
    Connect {
        url: url.to_owned(),
        name: None,
        source: None,
        data_dir: None,
        timeout: config::CONNECT_TIMEOUT,
        registry: None,
        shown: None,
        companion: None,
        concurrency: config::CALLS_RUNNING_MAX,
        body_bytes_max: config::LARGE_BODY_BYTES_MAX,
        take_over: false,
        hidden: false,
        outlive_controller: false,
        on_connect: Vec::new(),
        on_disconnect: Vec::new(),
        around_calls: Vec::new(),
        around_callbacks: Vec::new(),
    }
}

/// How to join a mesh; made by [`connect`].
///
/// Awaiting it tries for [`timeout`](Self::timeout), so that the order in which processes start does not
/// matter. The node then comes back by itself whenever the link breaks, and registers again. Its tasks run on
/// the tokio runtime that it is awaited on, whose I/O and time must be enabled.
///
/// # Errors
/// Awaiting it gives an [`Error::Connect`] with the [`ConnectError`]; nothing of this node has run then.
///
/// # Cancel safety
/// Cancel safe: the node is not started, or ends.
#[must_use = "nothing is connected until it is awaited"]
pub struct Connect {
    url: String,
    name: Option<String>,
    source: Option<Source>,
    data_dir: Option<PathBuf>,
    timeout: Duration,
    registry: Option<Result<Registry, RegisterError>>,
    shown: Option<String>,
    companion: Option<Companion>,
    concurrency: usize,
    body_bytes_max: usize,
    take_over: bool,
    hidden: bool,
    outlive_controller: bool,
    on_connect: Vec<Hook>,
    on_disconnect: Vec<Hook>,
    around_calls: Vec<Arc<dyn AnyWrap<Outgoing>>>,
    around_callbacks: Vec<Arc<dyn AnyWrap<Serving>>>,
}

impl Connect {
    /// Names the node. Without a name it is the program's with six random digits.
    pub fn name(mut self, name: impl Into<String>) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Tries to connect for this long, by default [`CONNECT_TIMEOUT`](config::CONNECT_TIMEOUT).
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout.min(config::TIMEOUT_MAX);
        self
    }

    /// Joins with the token in this file, which `daffi token new` or a controller's first start wrote.
    pub fn join_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.source = Some(Source::JoinFile(path.into()));
        self
    }

    /// Joins with this token.
    pub fn join(mut self, join: JoinString) -> Self {
        self.source = Some(Source::Join(Box::new(join)));
        self
    }

    /// Joins the mesh that shares this secret.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.source = Some(Source::Secret(secret));
        self
    }

    /// Joins with a certificate of an authority of your own, and trusts a controller with another.
    pub fn certificates(mut self, files: CertificateFiles) -> Self {
        self.source = Some(Source::Certificates(files));
        self
    }

    /// Joins a controller that lets everybody in: one that listens with `--insecure`, or with `--open-local` on
    /// this machine. Whoever listens there is taken for it.
    pub fn insecure(mut self) -> Self {
        self.source = Some(Source::Insecure);
        self
    }

    /// Finds the key that the processes of this user share in this directory, and not in
    /// `$XDG_STATE_HOME/daffi` or `~/.local/state/daffi`.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.data_dir = Some(path.into());
        self
    }

    /// Offers these callbacks, and not every annotated function of the program: a [`Registry`], or a list as
    /// `callbacks![…]` makes it. Two of one name are refused when it connects.
    pub fn registry<R>(mut self, registry: R) -> Self
    where
        R: TryInto<Registry>,
        R::Error: Into<RegisterError>,
    {
        self.registry = Some(registry.try_into().map_err(Into::into));
        self
    }

    /// Connects to the controller of this process through its door, though others know it as `url`.
    pub(crate) fn through(mut self, door: String, url: String) -> Self {
        (self.url, self.shown) = (door, Some(url));
        self
    }

    /// Runs `companion` once the node has ended, before [`Node::join`] and [`Node::stop`] return.
    pub(crate) fn companion(mut self, companion: Companion) -> Self {
        self.companion = Some(companion);
        self
    }

    /// What this node was given to show, and where its keys are: a controller of its own needs the same.
    pub(crate) fn given(&self) -> (Option<&Source>, Option<&Path>) {
        (self.source.as_ref(), self.data_dir.as_deref())
    }

    /// The address as it was given, or as the environment gives it.
    pub(crate) fn url(&self) -> String {
        match self.url.as_str() {
            "" => std::env::var("DAFFI_URL").unwrap_or_default(),
            url => url.to_owned(),
        }
    }

    /// Runs at most this many calls of others at a time, and at least one, by default
    /// [`CALLS_RUNNING_MAX`](config::CALLS_RUNNING_MAX). More wait, up to
    /// [`CALLS_QUEUED_MAX`](config::CALLS_QUEUED_MAX); those past that are refused as [`CallError::Busy`](crate::error::CallError::Busy) to their callers,
    /// and have not run.
    pub fn concurrency(mut self, concurrency: usize) -> Self {
        self.concurrency = concurrency.max(1);
        self
    }

    /// Sends and takes arguments and results of at most this many bytes, by default
    /// [`LARGE_BODY_BYTES_MAX`](config::LARGE_BODY_BYTES_MAX). Those of calls in the modes NO_RETURN, BROADCAST and
    /// PERIOD, of calls with an `eta`, and of those whose result is kept, never have more than
    /// [`BODY_BYTES_MAX`](config::BODY_BYTES_MAX).
    pub fn body_bytes_max(mut self, bytes: usize) -> Self {
        self.body_bytes_max = bytes;
        self
    }

    /// Takes the name over from a live node, which is told to go.
    pub fn take_over(mut self) -> Self {
        self.take_over = true;
        self
    }

    /// Stays out of the list of nodes, as scripts that only call do.
    pub fn hidden(mut self) -> Self {
        self.hidden = true;
        self
    }

    /// Goes on when the controller says goodbye, and joins the next one at the same address.
    pub fn outlive_controller(mut self) -> Self {
        self.outlive_controller = true;
        self
    }

    /// Runs `hook` each time the node has been connected. It must not block.
    pub fn on_connect(mut self, hook: impl Fn(&Node) + Send + Sync + 'static) -> Self {
        self.on_connect.push(Arc::new(hook));
        self
    }

    /// Runs `hook` each time the link is gone. It must not block.
    pub fn on_disconnect(mut self, hook: impl Fn(&Node) + Send + Sync + 'static) -> Self {
        self.on_disconnect.push(Arc::new(hook));
        self
    }

    /// Has `wrap` stand around every call that this node makes, in whatever mode; several nest in the order given, the
    /// first outermost. What it may do, [`Wrap`] shows.
    ///
    /// It sees a call as [`Outgoing`] before it is sent, and as [`Ended`](super::Ended) or a
    /// [`CallError`](crate::error::CallError) when it is over: one in the background when its result is here, whether its
    /// job was dropped or not, one that wants no result or whose result is kept when the controller has taken it, a stream
    /// at its end, a broadcast when every node has answered. All attempts of one that is repeated are one call, and so are
    /// all of a [`tell_each`](Node::tell_each). The result itself stays between caller and callee.
    ///
    /// Schedules are the controller's calls, and what a [`Node`] asks the controller itself, as [`Node::nodes`], is none:
    /// nothing stands around these.
    pub fn wrap_calls(mut self, wrap: impl Wrap<Outgoing>) -> Self {
        self.around_calls.push(Arc::new(wrap));
        self
    }

    /// Has `wrap` stand around every callback that this node runs, for whatever mode of call; several nest in the order
    /// given, the first outermost. What it may do, [`Wrap`] shows.
    ///
    /// It sees a call as [`Serving`] once there is room to run it, and what the callback comes to as its
    /// [`Outcome`](crate::callback::Outcome). Its time is the callback's: timeouts and bounds are for both. Around a plain
    /// function it runs on that one's thread, and holds it.
    ///
    /// Pings, and calls that are refused before they run, nothing stands around.
    pub fn wrap_callbacks(mut self, wrap: impl Wrap<Serving>) -> Self {
        self.around_callbacks.push(Arc::new(wrap));
        self
    }

    /// The address, as this builder would use it.
    ///
    /// # Errors
    /// [`ConnectError::BadAddress`] if it is none, [`ConnectError::Credentials`] if a join string should say it and
    /// does not.
    pub fn address(&self) -> Result<Address, ConnectError> {
        let mut url = self.url();
        if url.is_empty() {
            let source = self.source().map_err(|error| error.while_connecting("the controller"))?;
            url = source.and_then(|source| source.url()).unwrap_or_default();
        }
        url.parse().map_err(|reason| ConnectError::BadAddress { address: url, reason })
    }

    /// What this node was given to show, by its program or by the environment.
    fn source(&self) -> Result<Option<Source>, IdentityError> {
        let source = match &self.source {
            Some(source) => Some(source.clone()),
            None => Source::of_environment()?,
        };
        source.map(Source::resolved).transpose()
    }

    /// What it shows at `address`; nothing where the transport knows who is there.
    fn credentials(&self, address: &Address) -> Result<Option<Credentials>, ConnectError> {
        let url = address.to_string();
        let Some(is_near) = is_loopback(&url) else { return Ok(None) };
        let made = self.source().and_then(|source| match source {
            Some(source) => Credentials::new(source),
            None if is_near => {
                StateDirectory::locate(self.data_dir.as_deref()).and_then(|state| Credentials::local(&state))
            }
            None => Err(IdentityError::NoCredentials { address: url.clone() }),
        });
        made.map(Some).map_err(|error| error.while_connecting(&url))
    }

    async fn run(mut self) -> Result<Node, ConnectError> {
        let address = self.address()?;
        let name = self.name.take().unwrap_or_else(random_name);
        let name = NodeName::new(&name).map_err(|reason| ConnectError::BadName { name, reason })?;
        let registry = match self.registry.take() {
            Some(registry) => registry?,
            None => found()?,
        };
        let credentials = self.credentials(&address)?;
        let (timeout, companion) = (self.timeout, self.companion.take());
        let shared = self.shared(name, address, credentials);
        fill(&shared, &registry)?;
        let guard = Arc::new(Guard { shared: Arc::clone(&shared), tasks: Mutex::default() });
        let node = Node { shared: Arc::clone(&shared), guard: Some(guard), behalf: None };
        let first = node.start(timeout, companion);
        match first.await {
            Ok(Ok(())) => Ok(node),
            Ok(Err(error)) => Err(error),
            Err(_) => Err(ConnectError::Refused("the node was stopped while it connected".into())),
        }
    }

    fn shared(self, name: NodeName, address: Address, credentials: Option<Credentials>) -> Arc<Shared> {
        let options = Options {
            concurrency: self.concurrency,
            take_over: self.take_over,
            hidden: self.hidden,
            outlive_controller: self.outlive_controller,
            credentials,
            shown: self.shown,
            incarnation: fastrand::u128(..),
            body_bytes_max: self.body_bytes_max,
            on_connect: self.on_connect,
            on_disconnect: self.on_disconnect,
            around_calls: Wrappers::new(self.around_calls),
            around_callbacks: Wrappers::new(self.around_callbacks),
        };
        Arc::new(Shared {
            name,
            address,
            state: Mutex::new(State::new(Instant::now().into_std(), options.body_bytes_max)),
            serve: Serve::new(options.concurrency),
            options,
            phase: watch::Sender::new(Phase::Connecting),
            timer: Notify::new(),
            presence: broadcast::Sender::new(config::PRESENCE_QUEUED_MAX),
            runtime: tokio::runtime::Handle::current(),
            sent: Arc::new(Semaphore::new(config::SENT_IN_FLIGHT_MAX)),
            guard: Mutex::new(Weak::new()),
            stop: watch::Sender::new(false),
        })
    }
}

/// What is done when a node has ended.
pub(crate) type Companion = BoxFuture<'static, ()>;

impl Node {
    /// Starts the node's tasks; whoever waits is told of the first success or failure to connect.
    fn start(
        &self,
        timeout: Duration,
        companion: Option<Companion>,
    ) -> oneshot::Receiver<Result<(), ConnectError>> {
        let (first_in, first_out) = oneshot::channel();
        let shared = &self.shared;
        let guard = self.guard.as_ref().expect("the first handle has it");
        *shared.guard.lock().expect("nobody else has it yet") = Arc::downgrade(guard);
        let timer = shared.runtime.spawn(driver::keep_time(Arc::clone(shared)));
        let driver = shared.runtime.spawn(driver::run(Arc::clone(shared), timeout, first_in, companion));
        let mut tasks = guard.tasks.lock().expect("nobody else has it yet");
        tasks.extend([timer.abort_handle(), driver.abort_handle()]);
        first_out
    }
}

/// The annotated functions of this program.
fn found() -> Result<Registry, RegisterError> {
    let registry = Registry::from_inventory()?;
    tracing::info!(callbacks = registry.len(), "annotated functions found in this program");
    Ok(registry)
}

fn fill(shared: &Shared, registry: &Registry) -> Result<(), RegisterError> {
    let mut offers = shared.serve.offers();
    if registry.len() > config::CALLBACKS_PER_NODE_MAX {
        return Err(RegisterError::TooMany { limit: config::CALLBACKS_PER_NODE_MAX });
    }
    let mut state = shared.lock();
    for callback in registry.iter() {
        state.offers += 1;
        Arc::make_mut(&mut *offers).insert(state.offers, Arc::new(Callback::clone(callback)));
    }
    Ok(())
}

/// The program's name and six random digits.
fn random_name() -> String {
    let program = std::env::current_exe().ok();
    let program = program.as_ref().and_then(|program| program.file_stem()).and_then(|stem| stem.to_str());
    let is_good = |c: &char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
    let program: String =
        program.unwrap_or_default().chars().filter(is_good).take(PROGRAM_CHARS_MAX).collect();
    let program = if program.is_empty() { "node" } else { &program };
    format!("{program}-{:06x}", fastrand::u32(..0x100_0000))
}

/// Enough to recognise a program by.
const PROGRAM_CHARS_MAX: usize = 64;

impl IntoFuture for Connect {
    type Output = Result<Node>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.run().await.map_err(Error::from) })
    }
}

impl fmt::Debug for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connect").field("url", &self.url).field("name", &self.name).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_without_a_name_gets_a_good_one() {
        let (one, other) = (random_name(), random_name());

        assert!(NodeName::new(&one).is_ok(), "{one}");
        assert_ne!(one, other);
    }

    #[tokio::test(start_paused = true)]
    async fn a_controller_that_is_not_there_is_named_with_the_reason() {
        let timeout = Duration::from_secs(2);
        let url = "unix:///nonexistent/controller.sock";

        let error = connect(url).registry(Registry::new()).timeout(timeout).await.expect_err("nobody there");

        let Error::Connect(ConnectError::Unreachable { address, after, tried }) = error else {
            panic!("{error}")
        };
        assert_eq!((address.as_str(), after), (url, timeout));
        assert_eq!(tried, ["/nonexistent/controller.sock: no such socket"]);
    }

    #[tokio::test]
    async fn a_bad_address_or_name_is_refused_at_once() {
        let error = connect("tcp://x").registry(Registry::new()).await.expect_err("refused");
        assert!(matches!(error, Error::Connect(ConnectError::BadAddress { .. })), "{error}");

        let error = connect("memory://x").name("a b").registry(Registry::new()).await.expect_err("refused");
        assert!(matches!(error, Error::Connect(ConnectError::BadName { .. })), "{error}");
    }
}
