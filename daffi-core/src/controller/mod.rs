//! The controller: takes nodes in and routes their calls.
//!
//! [`Controller`] is the handle, `core` the state machine without sockets and clocks, `driver` the loops that own
//! them.

pub mod core;
mod driver;
mod globalcounter;
mod tokens;

use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use self::driver::Shared;
use crate::config;
use crate::error::{BindError, Error};
use crate::hosted::kinds;
use crate::identity::{
    Access, AccessOptions, CertificateFiles, IdentityError, JoinString, Role, Secret, is_loopback,
};
use crate::transport::{self, Address, ListenOptions, Listener};

/// A running controller, made by [`bind`](Self::bind): it takes nodes in and routes their calls, and calls nobody itself.
/// What it knows of calls, results and schedules is in memory only.
///
/// It lives on the runtime that made it, and ends when it is dropped; to let running calls
/// finish, [`drain`](Self::drain) it first.
pub struct Controller {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    /// Where globalCounter's protocol is spoken.
    globalcounters: Vec<String>,
    first_join_file: Option<PathBuf>,
    /// The accept loops, the timer and every link.
    tasks: JoinSet<()>,
}

impl Controller {
    /// Listens on `address`: `unix:///path` for this machine, `quic://host:port` for others too, `memory://name` for this
    /// process alone, or empty for the default socket of this user.
    pub fn bind(address: &str) -> Bind {
        Bind {
            addresses: vec![address.to_owned()],
            globalcounters: Vec::new(),
            door: None,
            seed: None,
            is_runtime_ours: false,
            grace: config::GRACE,
            access: AccessOptions::default(),
        }
    }

    /// What lets everybody in, where until then only a [`Bind::door`] is open.
    pub(crate) fn opener(&self) -> impl FnOnce() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.open()
    }

    /// The address to connect to: the first, with the port that was chosen if it said 0.
    pub fn url(&self) -> String {
        self.addresses.first().map(ToString::to_string).unwrap_or_default()
    }

    /// All addresses to connect to.
    pub fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(ToString::to_string).collect()
    }

    /// Where globalCounter's own protocol is spoken, with the ports that were chosen where they said 0.
    pub fn globalcounters(&self) -> &[String] {
        &self.globalcounters
    }

    /// The file with the token that was made because nobody could have come in otherwise: on the first start at an
    /// address that other machines reach. Its holder may do everything.
    pub fn first_join_file(&self) -> Option<&Path> {
        self.first_join_file.as_deref()
    }

    /// Makes a token that ends after `time`, or lasts until it is revoked. It is in the file before this returns,
    /// which waits for the disk.
    ///
    /// # Errors
    /// [`IdentityError`] if the name is taken, there are too many, or no address has a use for tokens.
    pub fn new_token(
        &self,
        name: &str,
        role: Role,
        time: Option<Duration>,
    ) -> Result<JoinString, IdentityError> {
        let host = tokens::public_host(&self.addresses).unwrap_or_default();
        let now_ms = self.shared.unix_ms();
        let made = self.shared.access().new_token(name, role, time, &host, now_ms)?;
        Ok(made.join)
    }

    /// Revokes the token of this name or number: its sessions end, and it is refused from now on. Waits for the
    /// disk.
    ///
    /// # Errors
    /// [`IdentityError::NoSuchToken`] if no live token has the name, [`IdentityError::File`] if the file cannot be
    /// written: the token is good then.
    pub fn revoke_token(&self, name: &str) -> Result<(), IdentityError> {
        let token = self.shared.access().revoke(name, self.shared.unix_ms())?;
        self.shared.input(|core, now| core.end_token(now, &token.id, &tokens::farewell(&token)));
        Ok(())
    }

    /// Who is let in, for people.
    pub fn access(&self) -> &'static str {
        self.shared.access().summary()
    }

    /// Every counter, and the size of every table: what `daffi.stats` returns.
    pub fn stats(&self) -> BTreeMap<String, u64> {
        self.shared.stats()
    }

    /// Stops: lets nobody in any more, lets running calls finish for up to `time`, says goodbye to all nodes and
    /// returns when their links are closed.
    ///
    /// # Cancel safety
    /// Not cancel safe: the controller is dropped, and calls that are still running are cut off.
    pub async fn drain(self, time: Duration) {
        let Self { shared, mut tasks, .. } = self;
        shared.drain(time).await;
        // Whoever listens at the address next must find it free.
        tasks.shutdown().await;
    }
}

impl fmt::Debug for Controller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Controller").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

/// A controller about to start; await it. Made by [`Controller::bind`].
///
/// # Errors
/// Awaiting it gives an [`Error::Bind`] with the [`BindError`]; it listens nowhere then.
///
/// # Cancel safety
/// Cancel safe: it does not start.
#[derive(Debug, Clone)]
#[must_use = "a controller starts when this is awaited"]
pub struct Bind {
    addresses: Vec<String>,
    globalcounters: Vec<String>,
    door: Option<String>,
    seed: Option<u64>,
    is_runtime_ours: bool,
    grace: Duration,
    access: AccessOptions,
}

impl Bind {
    /// Listens on this address as well.
    pub fn also(mut self, address: &str) -> Self {
        self.addresses.push(address.to_owned());
        self
    }

    /// Speaks globalCounter's own protocol at this address, `udp://host:port` or `tcp://host:port`, so that its clients
    /// count the topics that nodes know as [`Node::counter`](crate::node::Node::counter). May be said several times.
    ///
    /// That protocol knows no rights: whoever reaches the address may count and reset any topic. The empty topic is the
    /// one that nodes call `(empty)`. What is no request is dropped, or its connection closed.
    ///
    /// * Every datagram counts. globalCounter's clients send one again where no answer came within a tenth of a second, and
    ///   nothing in it says so: then a number is left out, and none is given twice. With
    ///   `udp://host:port?repeats=answer`, one that comes from the same port once more within
    ///   [half a second](config::GLOBALCOUNTER_REPEATED_FOR) is answered as before. That leaves no number out, but gives one
    ///   twice where a port is used for another request in that time: by a client that has one port for all, or when the
    ///   system gives the port again, as it does more often than not among 300 requests from one machine in that time.
    /// * Over TCP a request ends where its sender shuts its side, or pauses for
    ///   [20 ms](config::GLOBALCOUNTER_GAP). With `tcp://host:port?reads=once` it is what comes with the first read, as
    ///   at the original.
    pub fn globalcounter(mut self, address: &str) -> Self {
        self.globalcounters.push(address.to_owned());
        self
    }

    /// Takes connections at this address alone until the [`Controller::opener`] is called; those at the others wait. So the node of
    /// this process is there, with its callbacks, before anybody else looks.
    pub(crate) fn door(mut self, address: &str) -> Self {
        self.door = Some(address.to_owned());
        self
    }

    /// Promises that no other code runs on this runtime, as in a process that is a controller and nothing else: packets
    /// are then handled on it, and not on a thread of their own, which others cannot stall but which costs a wake-up
    /// for each.
    pub fn dedicated_runtime(mut self) -> Self {
        self.is_runtime_ours = true;
        self
    }

    /// Keeps keys and tokens in this directory, and not in `$XDG_STATE_HOME/daffi` or `~/.local/state/daffi`.
    pub fn data_dir(mut self, path: impl Into<PathBuf>) -> Self {
        self.access.data_dir = Some(path.into());
        self
    }

    /// Lets in whoever has this secret, which the environment may give as `DAFFI_SECRET`. Whoever has it can also
    /// pose as the controller: for programs that start together, as in one compose file.
    pub fn secret(mut self, secret: Secret) -> Self {
        self.access.secret = Some(secret);
        self
    }

    /// Lets in whoever can reach a `quic://` address, to do anything. It says so at every start.
    pub fn insecure(mut self) -> Self {
        self.access.is_insecure = true;
        self
    }

    /// Lets all users of this machine in over loopback, to do everything but what an operator does.
    pub fn open_local(mut self) -> Self {
        self.access.is_open_local = true;
        self
    }

    /// Uses a certificate of an authority of your own instead of tokens, and lets in whoever has another.
    pub fn certificates(mut self, files: CertificateFiles) -> Self {
        self.access.certificates = Some(files);
        self
    }

    /// What the user `uid` may do over a UNIX socket. Without this the controller's own user and root may do
    /// everything, and those whom a shared socket admits everything but what an operator does.
    pub fn uid_role(mut self, uid: u32, role: Role) -> Self {
        self.access.uid_roles.insert(uid, role);
        self
    }

    /// Fixes what is left to chance, such as the choice among equally busy nodes; for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Keeps the session of a node whose link broke for this long, by default [`GRACE`](config::GRACE): a node that comes
    /// back in time goes on as if nothing had happened. Links of one machine end at once.
    pub fn grace(mut self, grace: Duration) -> Self {
        self.grace = grace.min(config::TIMEOUT_MAX);
        self
    }

    async fn start(self) -> Result<Controller, BindError> {
        let access =
            self.access.clone().with_environment().and_then(|access| Access::open(&access, &self.addresses));
        let access = access.map_err(|error| error.while_binding())?;
        let mut listeners: Vec<Arc<dyn Listener>> = Vec::new();
        for text in &self.addresses {
            listeners.push(listen(text, &access, self.is_runtime_ours).await?);
        }
        let mut counters = Vec::new();
        for text in &self.globalcounters {
            counters.push(globalcounter::listen(text).await?);
        }
        let globalcounters = counters.iter().map(|counter| counter.url().to_owned()).collect();
        let addresses: Vec<Address> = listeners.iter().map(|listener| listener.address().clone()).collect();
        let (asked_in, asked_out) = mpsc::unbounded_channel();
        let seed = self.seed.unwrap_or_else(|| fastrand::u64(..));
        let shared = Arc::new(Shared::new(seed, kinds()?, access, asked_in));
        shared.set_grace(self.grace);
        let host = tokens::public_host(&addresses);
        let first_join_file = first_token(&shared, &addresses, host.as_deref());
        let first_join_file = first_join_file.map_err(|error| error.while_binding())?;
        let mut tasks = JoinSet::new();
        tasks.spawn(tokens::answer(shared.clone(), asked_out, host));
        tasks.spawn(driver::keep_time(shared.clone()));
        match &self.door {
            Some(door) => {
                let listener = listen(door, shared.access(), self.is_runtime_ours).await?;
                tasks.spawn(driver::accept(shared.clone(), listener));
            }
            None => shared.open(),
        }
        for listener in listeners {
            tasks.spawn(driver::accept_once_open(shared.clone(), listener));
        }
        for counter in counters {
            tasks.spawn(counter.serve(shared.clone()));
        }
        Ok(Controller { shared, addresses, globalcounters, first_join_file, tasks })
    }
}

/// Where nobody could come in from other machines, one who may do everything can from now on. Only the path of
/// the file is told.
fn first_token(
    shared: &Shared,
    addresses: &[Address],
    host: Option<&str>,
) -> Result<Option<PathBuf>, IdentityError> {
    let is_far = |address: &Address| is_loopback(&address.to_string()) == Some(false);
    let Some(host) = host.filter(|_| addresses.iter().any(is_far)) else { return Ok(None) };
    let path = shared.access().first_token(host, shared.unix_ms())?;
    if let Some(path) = &path {
        tracing::warn!(path = %path.display(), "the first token was made; whoever has the file may do everything");
    }
    Ok(path)
}

async fn listen(text: &str, access: &Access, is_runtime_ours: bool) -> Result<Arc<dyn Listener>, BindError> {
    let address: Address =
        text.parse().map_err(|reason| BindError::BadAddress { address: text.to_owned(), reason })?;
    let options = ListenOptions { tls: access.tls(&address.to_string()), is_runtime_ours };
    transport::listen(&address, &options).await
}

impl IntoFuture for Bind {
    type Output = Result<Controller, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.start().await.map_err(Error::from) })
    }
}
