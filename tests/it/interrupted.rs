//! Links that break, or fall silent, in the middle of a large body.

use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use daffi::{CallError, Callback, Node, Ran, callback, callbacks};
use serde_bytes::ByteBuf;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::proxy::{Odds, Proxy};
use crate::support::{HOUR, Mesh, failure, fresh_probe, guarded, probe, secret};

#[callback(name = "interrupted.zeros")]
async fn zeros(probe_name: String, data: ByteBuf, length: usize) -> ByteBuf {
    drop(data);
    probe(&probe_name).note("begun");
    ByteBuf::from(vec![0; length])
}

const BODY: usize = 8 << 20;
/// The middle of it.
const MIDDLE: usize = 3 << 20;

/// Where one node's link passes, to be interrupted.
enum Relay {
    Unix { url: String, gate: Arc<Gate>, _tasks: JoinSet<()> },
    Quic { url: String, proxy: Proxy },
}

/// What bytes over UNIX sockets must pass.
struct Gate {
    /// Bytes that may pass.
    left: AtomicUsize,
    state: watch::Sender<Passage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Passage {
    Open,
    Shut,
    /// The connections that there are end.
    Broken,
}

impl Relay {
    async fn over_unix(mesh: &Mesh) -> Self {
        let target = PathBuf::from(mesh.url.strip_prefix("unix://").unwrap());
        let socket = target.with_extension("relay");
        let listener = UnixListener::bind(&socket).unwrap();
        let gate =
            Arc::new(Gate { left: AtomicUsize::new(usize::MAX), state: watch::Sender::new(Passage::Open) });
        let mut tasks = JoinSet::new();
        let passing = Arc::clone(&gate);
        tasks.spawn(async move {
            let mut links = JoinSet::new();
            loop {
                let (near, _) = listener.accept().await.unwrap();
                let far = UnixStream::connect(&target).await.unwrap();
                let gate = Arc::clone(&passing);
                gate.state.send_replace(Passage::Open);
                links.spawn(async move {
                    let ((near_in, near_out), (far_in, far_out)) = (near.into_split(), far.into_split());
                    tokio::select! {
                        () = gate.carry(near_in, far_out) => {}
                        () = gate.carry(far_in, near_out) => {}
                    }
                });
            }
        });
        Self::Unix { url: format!("unix://{}", socket.display()), gate, _tasks: tasks }
    }

    async fn over_quic(mesh: &Mesh) -> Self {
        let port = mesh.url.rsplit_once(':').unwrap().1.parse().unwrap();
        let proxy = Proxy::to(([127, 0, 0, 1], port).into(), 1, Odds::default()).await;
        Self::Quic { url: format!("quic://{}", proxy.address), proxy }
    }

    async fn node(&self, name: &str, callbacks: Vec<Callback>) -> Node {
        let (Self::Unix { url, .. } | Self::Quic { url, .. }) = self;
        daffi::connect(url).name(name).registry(callbacks).secret(secret()).await.unwrap()
    }

    /// Nothing passes any more after so many bytes.
    fn shut_after(&self, bytes: usize) {
        match self {
            Self::Unix { gate, .. } => gate.left.store(bytes, Ordering::Relaxed),
            Self::Quic { proxy, .. } => proxy.cut_after(bytes),
        }
    }

    fn open(&self) {
        match self {
            Self::Unix { gate, .. } => gate.go(Passage::Open),
            Self::Quic { proxy, .. } => proxy.cut(false),
        }
    }

    /// Waits until nothing passes any more, and then until the link of `node` is lost; the next one passes.
    async fn lose(&self, node: &Node) {
        match self {
            Self::Unix { gate, .. } => {
                gate.state.subscribe().wait_for(|now| *now == Passage::Shut).await.unwrap();
                gate.go(Passage::Broken);
            }
            Self::Quic { proxy, .. } => {
                proxy.is_cut().await;
                while node.is_connected() {
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
                proxy.cut(false);
            }
        }
    }
}

impl Gate {
    fn go(&self, passage: Passage) {
        self.left.store(usize::MAX, Ordering::Relaxed);
        self.state.send_replace(passage);
    }

    async fn carry(&self, from: OwnedReadHalf, to: OwnedWriteHalf) {
        let (mut buffer, mut state) = (vec![0; 1 << 16], self.state.subscribe());
        loop {
            let bytes = tokio::select! {
                read = read(&from, &mut buffer) => read,
                _ = state.wait_for(|now| *now == Passage::Broken) => 0,
            };
            if bytes == 0 {
                return;
            }
            let passed = |left: usize| left.checked_sub(bytes);
            if self.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, passed).is_err() {
                self.state.send_replace(Passage::Shut);
            }
            let now = *state.wait_for(|now| *now != Passage::Shut).await.unwrap();
            if now == Passage::Broken || !write(&to, &buffer[..bytes]).await {
                return;
            }
        }
    }
}

/// How many bytes were read; none at the end.
async fn read(from: &OwnedReadHalf, buffer: &mut [u8]) -> usize {
    loop {
        from.readable().await.unwrap();
        match from.try_read(buffer) {
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            read => return read.unwrap_or(0),
        }
    }
}

/// Writes all; `false` if nobody reads any more.
async fn write(to: &OwnedWriteHalf, mut bytes: &[u8]) -> bool {
    while !bytes.is_empty() {
        to.writable().await.unwrap();
        match to.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(_) => return false,
        }
    }
    true
}

#[derive(Debug, Clone, Copy)]
enum Whose {
    Caller,
    Callee,
}

#[derive(Debug, Clone, Copy)]
enum Body {
    Argument,
    Result,
}

/// A mesh of two nodes, one of whose links can be interrupted.
struct Trial {
    mesh: Mesh,
    relay: Relay,
    caller: Node,
    callee: Node,
    whose: Whose,
    probe_name: String,
}

impl Trial {
    async fn new(mesh: Mesh, relay: Relay, whose: Whose) -> Self {
        let (callee, caller) = match whose {
            Whose::Caller => {
                (mesh.node("callee", callbacks![zeros]).await, relay.node("caller", vec![]).await)
            }
            Whose::Callee => (relay.node("callee", callbacks![zeros]).await, mesh.caller().await),
        };
        caller.wait_callback("interrupted.zeros").await.unwrap();
        Self { mesh, relay, caller, callee, whose, probe_name: fresh_probe().0 }
    }

    /// The node whose link is interrupted.
    fn node(&self) -> &Node {
        match self.whose {
            Whose::Caller => &self.caller,
            Whose::Callee => &self.callee,
        }
    }

    async fn call(&self, body: Body, bytes: usize, timeout: Duration) -> daffi::Result<ByteBuf> {
        let (argument, result) = match body {
            Body::Argument => (bytes, 0),
            Body::Result => (0, bytes),
        };
        let arguments = (&self.probe_name, ByteBuf::from(vec![0; argument]), result);
        self.caller.call::<ByteBuf>("interrupted.zeros", arguments).timeout(timeout).await
    }

    /// What is said of the call is true, the next one works, and nothing is left of either.
    async fn check(&self, body: Body, error: &CallError) {
        let runs = probe(&self.probe_name).count("begun");
        match body {
            Body::Argument => assert!(runs == 0 && error.ran() != Ran::Yes, "{runs} runs: {error:?}"),
            Body::Result => assert!(runs == 1 && error.ran() != Ran::No, "{runs} runs: {error:?}"),
        }
        self.caller.wait_callback("interrupted.zeros").timeout(HOUR).await.unwrap();
        self.call(body, BODY, HOUR).await.unwrap();
        assert_eq!(probe(&self.probe_name).count("begun"), runs + 1, "the first one did not run again");
        for table in ["flows_sending", "calls_in_flight"] {
            self.mesh.until_stat_falls_to(&self.caller, table, 0).await;
        }
        for node in [&self.caller, &self.callee] {
            for table in ["flows", "calls_in_flight", "calls_running"] {
                while node.own_stats()[table] > 0 {
                    node.stats().await.unwrap();
                }
            }
        }
    }
}

async fn a_link_that_breaks(trial: Trial, body: Body) {
    trial.relay.shut_after(MIDDLE);

    let (outcome, ()) = tokio::join!(trial.call(body, BODY, HOUR), trial.relay.lose(trial.node()));

    let error = failure(outcome);
    let is_right = match (trial.whose, &trial.relay) {
        (Whose::Callee, Relay::Unix { .. }) => matches!(error, CallError::NodeLost { .. }),
        _ => matches!(error, CallError::Disconnected { .. }),
    };
    assert!(is_right, "{error:?}");
    trial.check(body, &error).await;
    let own = trial.node().own_stats();
    // Over QUIC the session goes on, though the body is lost.
    let links = if matches!(trial.relay, Relay::Unix { .. }) { (2, 0) } else { (1, 1) };
    assert_eq!((own["links"], own["links_resumed"]), links);
}

async fn a_deadline_that_passes(trial: Trial, body: Body) {
    trial.relay.shut_after(MIDDLE);

    let error = failure(trial.call(body, BODY, Duration::from_secs(1)).await);

    assert!(matches!(error, CallError::TimedOut { .. }), "{error:?}");
    trial.relay.open();
    trial.check(body, &error).await;
}

macro_rules! in_the_middle {
    ($($name:ident: $what:ident of $whose:ident in $body:ident;)+) => {
        mod over_unix {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                guarded(async {
                    let mesh = Mesh::over_unix().await;
                    let relay = Relay::over_unix(&mesh).await;
                    $what(Trial::new(mesh, relay, Whose::$whose).await, Body::$body).await;
                }).await;
            })+
        }

        mod over_quic {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $name() {
                guarded(async {
                    let mesh = Mesh::over_quic().await;
                    let relay = Relay::over_quic(&mesh).await;
                    $what(Trial::new(mesh, relay, Whose::$whose).await, Body::$body).await;
                }).await;
            })+
        }
    };
}

in_the_middle! {
    the_callers_link_breaks_in_an_argument: a_link_that_breaks of Caller in Argument;
    the_callers_link_breaks_in_a_result: a_link_that_breaks of Caller in Result;
    the_callees_link_breaks_in_an_argument: a_link_that_breaks of Callee in Argument;
    the_callees_link_breaks_in_a_result: a_link_that_breaks of Callee in Result;
    the_deadline_passes_in_an_argument_at_the_caller: a_deadline_that_passes of Caller in Argument;
    the_deadline_passes_in_a_result_at_the_caller: a_deadline_that_passes of Caller in Result;
    the_deadline_passes_in_an_argument_at_the_callee: a_deadline_that_passes of Callee in Argument;
    the_deadline_passes_in_a_result_at_the_callee: a_deadline_that_passes of Callee in Result;
}
