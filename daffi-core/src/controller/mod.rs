//! The controller: takes nodes in and routes their calls.
//!
//! [`Controller`] is the handle, `core` the state machine without sockets and clocks, `driver` the loops that own
//! them.

pub mod core;
mod driver;

use std::collections::BTreeMap;
use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use tokio::task::JoinSet;

use self::driver::Shared;
use crate::error::{BindError, Error};
use crate::transport::{self, Address, ListenOptions, Listener};

/// A running controller. It lives on the runtime that made it, and ends when it is dropped; to let running calls
/// finish, [`drain`](Self::drain) it first.
pub struct Controller {
    shared: Arc<Shared>,
    addresses: Vec<Address>,
    /// The accept loops, the timer and every link.
    tasks: JoinSet<()>,
}

impl Controller {
    /// Listens on `address`: `unix:///path`, `memory://name`, or empty for the default socket.
    pub fn bind(address: &str) -> Bind {
        Bind { addresses: vec![address.to_owned()], door: None, seed: None }
    }

    /// What lets everybody in, where until then only a [`Bind::door`] is open.
    pub(crate) fn opener(&self) -> impl FnOnce() + Send + use<> {
        let shared = Arc::clone(&self.shared);
        move || shared.open()
    }

    /// The address to connect to.
    pub fn url(&self) -> String {
        self.addresses.first().map(ToString::to_string).unwrap_or_default()
    }

    /// All addresses to connect to.
    pub fn urls(&self) -> Vec<String> {
        self.addresses.iter().map(ToString::to_string).collect()
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

/// A controller about to start; await it.
#[derive(Debug, Clone)]
#[must_use = "a controller starts when this is awaited"]
pub struct Bind {
    addresses: Vec<String>,
    door: Option<String>,
    seed: Option<u64>,
}

impl Bind {
    /// Listens on this address as well.
    pub fn also(mut self, address: &str) -> Self {
        self.addresses.push(address.to_owned());
        self
    }

    /// Takes connections at this address alone until the [`Controller::opener`] is called; those at the others wait. So the node of
    /// this process is there, with its callbacks, before anybody else looks.
    pub(crate) fn door(mut self, address: &str) -> Self {
        self.door = Some(address.to_owned());
        self
    }

    /// Fixes what is left to chance, such as the choice among equally busy nodes; for tests.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    async fn start(self) -> Result<Controller, BindError> {
        let mut listeners: Vec<Arc<dyn Listener>> = Vec::new();
        for text in &self.addresses {
            listeners.push(listen(text).await?);
        }
        let addresses = listeners.iter().map(|listener| listener.address().clone()).collect();
        let shared = Arc::new(Shared::new(self.seed.unwrap_or_else(|| fastrand::u64(..))));
        let mut tasks = JoinSet::new();
        tasks.spawn(driver::keep_time(shared.clone()));
        match &self.door {
            Some(door) => drop(tasks.spawn(driver::accept(shared.clone(), listen(door).await?))),
            None => shared.open(),
        }
        for listener in listeners {
            tasks.spawn(driver::accept_once_open(shared.clone(), listener));
        }
        Ok(Controller { shared, addresses, tasks })
    }
}

async fn listen(text: &str) -> Result<Arc<dyn Listener>, BindError> {
    let address: Address =
        text.parse().map_err(|reason| BindError::BadAddress { address: text.to_owned(), reason })?;
    transport::listen(&address, &ListenOptions::default()).await
}

impl IntoFuture for Bind {
    type Output = Result<Controller, Error>;
    type IntoFuture = BoxFuture<'static, Self::Output>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async { self.start().await.map_err(Error::from) })
    }
}
