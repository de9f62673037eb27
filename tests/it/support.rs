//! A mesh to test with, and what tests wait with.
//!
//! Nothing here waits for a time to pass: tests wait for events, and a guard ends those whose event never comes.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use daffi::{CallError, Callback, Connect, Controller, Error, Node, Secret};
use daffi_core::testing;
use futures::FutureExt;
use tempfile::TempDir;
use tokio::sync::watch;
use tokio::time::Instant;

/// No wait of a test may last longer.
pub(crate) const GUARD: Duration = Duration::from_secs(60);
/// A timeout that no test lives to see: what comes before it came for another reason.
pub(crate) const HOUR: Duration = Duration::from_secs(3600);

/// Runs a test to its end; one that hangs fails.
pub(crate) async fn guarded<T>(test: impl Future<Output = T>) -> T {
    guarded_for(if soak() == SOAK { GUARD } else { HOUR }, test).await
}

/// How many calls the tests make that try whether anything is left of them; by hand, say, `DAFFI_SOAK=1000000`.
pub(crate) fn soak() -> usize {
    std::env::var("DAFFI_SOAK").map_or(SOAK, |calls| calls.parse().unwrap())
}

const SOAK: usize = 2_000;

/// As [`guarded`], for tests whose virtual time passes quickly.
pub(crate) async fn guarded_for<T>(guard: Duration, test: impl Future<Output = T>) -> T {
    let outcome = tokio::time::timeout(guard, test.boxed_local()).await;
    outcome.unwrap_or_else(|_| panic!("the test did not end within {guard:?}"))
}

/// Waits on this thread for what needs neither timers nor sockets.
pub(crate) fn wait<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(future)
}

/// A name that nothing else in this process has.
pub(crate) fn unique(what: &str) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    format!("{what}-{}", NUMBER.fetch_add(1, Ordering::Relaxed))
}

/// What all who meet over QUIC show each other.
pub(crate) fn secret() -> Secret {
    Secret::new("for the tests, and nobody else").unwrap()
}

/// A controller, and the way to it.
pub(crate) struct Mesh {
    pub(crate) url: String,
    home: Home,
    directory: Option<TempDir>,
}

/// Where a mesh is.
enum Home {
    /// In memory, where links break on demand.
    Memory(testing::Mesh),
    /// At a socket.
    Socket(Option<Controller>),
}

impl Mesh {
    /// A controller in memory.
    pub(crate) async fn in_memory() -> Self {
        let mesh = testing::Mesh::new().local().await.unwrap();
        Self { url: mesh.controller().url(), home: Home::Memory(mesh), directory: None }
    }

    /// A controller at a free port of this machine, which its nodes share a secret with.
    pub(crate) async fn over_quic() -> Self {
        let controller = Controller::bind("quic://localhost:0").secret(secret()).await.unwrap();
        Self { url: controller.url(), home: Home::Socket(Some(controller)), directory: None }
    }

    /// A controller at a UNIX socket.
    pub(crate) async fn over_unix() -> Self {
        let mut mesh = Self::without_controller();
        mesh.start_controller().await;
        mesh
    }

    /// A UNIX address with nobody there.
    pub(crate) fn without_controller() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let url = format!("unix://{}", directory.path().join("controller.sock").display());
        Self { url, home: Home::Socket(None), directory: Some(directory) }
    }

    pub(crate) async fn start_controller(&mut self) {
        match &mut self.home {
            Home::Memory(mesh) => mesh.start_controller().await.unwrap(),
            Home::Socket(controller) => {
                *controller = Some(Controller::bind(&self.url).secret(secret()).await.unwrap());
            }
        }
    }

    pub(crate) fn take_controller(&mut self) -> Controller {
        match &mut self.home {
            Home::Memory(mesh) => mesh.take_controller(),
            Home::Socket(controller) => controller.take().unwrap(),
        }
    }

    fn controller(&self) -> &Controller {
        match &self.home {
            Home::Memory(mesh) => mesh.controller(),
            Home::Socket(controller) => controller.as_ref().unwrap(),
        }
    }

    /// What breaks the links of a mesh in memory.
    pub(crate) fn memory(&self) -> &testing::Mesh {
        match &self.home {
            Home::Memory(mesh) => mesh,
            Home::Socket(_) => panic!("the links to {} cannot be broken", self.url),
        }
    }

    /// Breaks the link of a node, which may come back at once.
    pub(crate) fn break_link(&self, name: &str) {
        self.memory().cut(name);
        self.memory().heal(name);
    }

    pub(crate) fn connect(&self, name: &str, callbacks: Vec<Callback>) -> Connect {
        let connect = match &self.home {
            Home::Memory(mesh) => mesh.node(name),
            Home::Socket(_) => daffi::connect(&self.url).name(name).secret(secret()),
        };
        connect.registry(callbacks)
    }

    /// A connected node.
    pub(crate) async fn node(&self, name: &str, callbacks: Vec<Callback>) -> Node {
        self.connect(name, callbacks).await.unwrap()
    }

    /// A node that offers nothing.
    pub(crate) async fn caller(&self) -> Node {
        self.node("caller", Vec::new()).await
    }

    /// One of the controller's counters.
    pub(crate) fn stat(&self, name: &str) -> u64 {
        let stats = self.controller().stats();
        *stats.get(name).unwrap_or_else(|| panic!("no counter `{name}` in {stats:?}"))
    }

    /// Calls that reached the controller, without those of its own callbacks.
    pub(crate) fn calls_started(&self) -> u64 {
        self.stat("calls_started") - self.stat("builtin_calls")
    }

    /// Waits until a counter has reached a value, sending messages to and fro: what it counts is under way. What
    /// the controller had sent to `node` before that has then arrived there.
    pub(crate) async fn until_stat(&self, node: &Node, name: &str, value: u64) {
        self.until(node, || self.stat(name) >= value).await;
    }

    /// The same for a table that shall become smaller.
    pub(crate) async fn until_stat_falls_to(&self, node: &Node, name: &str, value: u64) {
        self.until(node, || self.stat(name) <= value).await;
    }

    async fn until(&self, node: &Node, is_reached: impl Fn() -> bool) {
        loop {
            let was_reached = is_reached();
            node.stats().await.unwrap();
            if was_reached {
                return;
            }
        }
    }
}

impl fmt::Debug for Mesh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, directory, .. } = self;
        f.debug_struct("Mesh").field("url", url).field("directory", directory).finish_non_exhaustive()
    }
}

/// Makes of each function a test over each transport: on one thread in memory, on several over sockets.
macro_rules! on_each_transport {
    ($($name:ident),+ $(,)?) => {
        mod over_memory {
            $crate::support::tests! { in_memory on #[tokio::test]; $($name,)+ }
        }

        mod over_unix {
            $crate::support::tests! {
                over_unix on #[tokio::test(flavor = "multi_thread", worker_threads = 2)]; $($name,)+
            }
        }

        mod over_quic {
            $crate::support::tests! {
                over_quic on #[tokio::test(flavor = "multi_thread", worker_threads = 2)]; $($name,)+
            }
        }
    };
}
pub(crate) use on_each_transport;

/// Makes of each function a test in a mesh of this kind, on a runtime of this kind.
macro_rules! tests {
    ($mesh:ident on #[$($runtime:tt)+]; $($name:ident,)+) => {
        $crate::support::tests! { @each $mesh, [$($runtime)+], $($name,)+ }
    };
    (@each $mesh:ident, $runtime:tt, $($name:ident,)+) => {
        $($crate::support::tests! { @one $mesh, $runtime, $name })+
    };
    (@one $mesh:ident, [$($runtime:tt)+], $name:ident) => {
        #[$($runtime)+]
        async fn $name() {
            $crate::support::guarded(async {
                super::$name($crate::support::Mesh::$mesh().await).await;
            }).await;
        }
    };
}
pub(crate) use tests;

/// Makes of each function a test in memory whose time is virtual: it moves on when nothing else can happen.
macro_rules! in_virtual_time {
    ($($name:ident),+ $(,)?) => {
        mod in_virtual_time {
            $(
                #[tokio::test(start_paused = true)]
                async fn $name() {
                    $crate::support::guarded_for(24 * $crate::support::HOUR, async {
                        super::$name($crate::support::Mesh::in_memory().await).await;
                    }).await;
                }
            )+
        }
    };
}
pub(crate) use in_virtual_time;

/// What a call that must fail failed with.
#[track_caller]
pub(crate) fn failure<T: fmt::Debug>(result: Result<T, impl Into<Error>>) -> CallError {
    match result.map_err(Into::into) {
        Err(Error::Call(error)) => error,
        Err(other) => panic!("not a call's error: {other:?}"),
        Ok(value) => panic!("it succeeded: {value:?}"),
    }
}

/// Where callbacks say what they have reached, and wait for leave to go on. The callbacks of one process are
/// shared by all its tests, so each test has a probe of its own, and callbacks take its name as an argument.
#[derive(Debug)]
pub(crate) struct Probe {
    begun: Instant,
    notes: watch::Sender<Vec<String>>,
    open: watch::Sender<bool>,
}

static PROBES: LazyLock<Mutex<BTreeMap<String, Arc<Probe>>>> = LazyLock::new(Mutex::default);

/// The probe of this name.
pub(crate) fn probe(name: &str) -> Arc<Probe> {
    let fresh = || {
        Arc::new(Probe {
            begun: Instant::now(),
            notes: watch::Sender::default(),
            open: watch::Sender::default(),
        })
    };
    PROBES.lock().unwrap().entry(name.to_owned()).or_insert_with(fresh).clone()
}

/// A probe that nothing else has, and its name.
pub(crate) fn fresh_probe() -> (String, Arc<Probe>) {
    let name = unique("probe");
    let probe = probe(&name);
    (name, probe)
}

impl Probe {
    pub(crate) fn note(&self, what: impl Into<String>) {
        self.notes.send_modify(|notes| notes.push(what.into()));
    }

    /// The seconds since the probe was made, rounded: virtual time is exact, wall clocks count milliseconds.
    pub(crate) fn seconds(&self) -> u64 {
        (self.begun.elapsed() + Duration::from_millis(500)).as_secs()
    }

    pub(crate) fn notes(&self) -> Vec<String> {
        self.notes.borrow().clone()
    }

    pub(crate) fn count(&self, what: &str) -> usize {
        self.notes.borrow().iter().filter(|note| *note == what).count()
    }

    /// Waits until something was noted as often as this.
    pub(crate) async fn wait_for_all(&self, what: &str, times: usize) {
        let mut notes = self.notes.subscribe();
        let is_there = |notes: &Vec<String>| notes.iter().filter(|note| *note == what).count() >= times;
        let noted = notes.wait_for(is_there).await.map(drop);
        noted.unwrap();
    }

    /// Waits until something was noted.
    pub(crate) async fn wait_for(&self, what: &str) {
        self.wait_for_all(what, 1).await;
    }

    /// Waits until there are as many notes as this.
    pub(crate) async fn wait_for_notes(&self, count: usize) {
        let noted = self.notes.subscribe().wait_for(|notes| notes.len() >= count).await.map(drop);
        noted.unwrap();
    }

    /// Lets everybody go on who waits or will wait.
    pub(crate) fn open(&self) {
        self.open.send_replace(true);
    }

    pub(crate) async fn opened(&self) {
        let opened = self.open.subscribe().wait_for(|open| *open).await.map(drop);
        opened.unwrap();
    }

    /// Notes something when the returned value is dropped.
    pub(crate) fn note_on_drop(self: &Arc<Self>, what: &'static str) -> NoteOnDrop {
        NoteOnDrop { probe: Arc::clone(self), what }
    }
}

#[derive(Debug)]
pub(crate) struct NoteOnDrop {
    probe: Arc<Probe>,
    what: &'static str,
}

impl Drop for NoteOnDrop {
    fn drop(&mut self) {
        self.probe.note(self.what);
    }
}
