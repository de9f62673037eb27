//! A network that delays, loses, reorders and repeats, between nodes and a controller over QUIC.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::{Duration, SystemTime};

use daffi::{Callback, Controller, Error, Ran, callback, callbacks};
use tokio::net::UdpSocket;
use tokio::sync::{Notify, watch};
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::support::{HOUR, guarded, guarded_for};

/// What happens to each datagram, in thousandths.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Odds {
    lost: u64,
    repeated: u64,
    /// Overtaken by those that follow within 10 ms.
    late: u64,
}

/// Carries datagrams between whoever sends to it and one target, as its seed and its odds say.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    network: Arc<Network>,
    _front: JoinSet<()>,
}

struct Network {
    front: UdpSocket,
    target: SocketAddr,
    odds: Odds,
    random: Mutex<u64>,
    is_cut: watch::Sender<bool>,
    /// Bytes that pass before it is cut.
    left: AtomicUsize,
    /// Datagrams that came while it was cut.
    swallowed: watch::Sender<usize>,
    /// By what each client is seen by the target.
    backs: Mutex<HashMap<SocketAddr, Arc<UdpSocket>>>,
    /// What is under way, and what listens for answers.
    tasks: Mutex<JoinSet<()>>,
}

impl Proxy {
    pub(crate) async fn to(target: SocketAddr, seed: u64, odds: Odds) -> Self {
        let front = UdpSocket::bind("127.0.0.1:0").await.unwrap();
        let address = front.local_addr().unwrap();
        let network = Arc::new(Network {
            front,
            target,
            odds,
            random: Mutex::new(seed),
            is_cut: watch::Sender::new(false),
            left: AtomicUsize::new(usize::MAX),
            swallowed: watch::Sender::default(),
            backs: Mutex::default(),
            tasks: Mutex::default(),
        });
        let mut listening = JoinSet::new();
        listening.spawn(Arc::clone(&network).carry());
        Self { address, network, _front: listening }
    }

    /// Loses everything, or no more than it should.
    pub(crate) fn cut(&self, is_cut: bool) {
        self.network.left.store(usize::MAX, Ordering::Relaxed);
        self.network.is_cut.send_replace(is_cut);
    }

    /// Loses everything once so many bytes have passed.
    pub(crate) fn cut_after(&self, bytes: usize) {
        self.network.left.store(bytes, Ordering::Relaxed);
    }

    /// Waits until it loses everything.
    pub(crate) async fn is_cut(&self) {
        self.network.is_cut.subscribe().wait_for(|is_cut| *is_cut).await.unwrap();
    }

    /// By which ports the target sees the clients.
    fn ports(&self) -> Vec<u16> {
        let backs = self.network.backs.lock().unwrap();
        backs.values().map(|back| back.local_addr().unwrap().port()).collect()
    }

    /// From now on the target sees all clients at other ports, as behind a router that has forgotten them.
    async fn rebind(&self) {
        let clients: Vec<SocketAddr> = self.network.backs.lock().unwrap().keys().copied().collect();
        for client in clients {
            self.network.bind(client).await;
        }
    }
}

impl Network {
    async fn carry(self: Arc<Self>) {
        let mut buffer = vec![0; 1 << 16];
        loop {
            // An error tells of a client that is gone.
            let Ok((bytes, client)) = self.front.recv_from(&mut buffer).await else { continue };
            let back = self.backs.lock().unwrap().get(&client).cloned();
            let back = match back {
                Some(back) => back,
                None => self.bind(client).await,
            };
            let (network, datagram) = (Arc::clone(&self), buffer[..bytes].to_vec());
            self.pass(bytes, move || {
                let (back, network, datagram) = (Arc::clone(&back), Arc::clone(&network), datagram.clone());
                async move { drop(back.send_to(&datagram, network.target).await) }
            });
        }
    }

    /// Gives a client a port of its own towards the target.
    async fn bind(self: &Arc<Self>, client: SocketAddr) -> Arc<UdpSocket> {
        let back = Arc::new(UdpSocket::bind("127.0.0.1:0").await.unwrap());
        self.backs.lock().unwrap().insert(client, Arc::clone(&back));
        let (network, answers) = (Arc::clone(self), Arc::clone(&back));
        self.tasks.lock().unwrap().spawn(async move {
            let mut buffer = vec![0; 1 << 16];
            loop {
                let Ok((bytes, _)) = answers.recv_from(&mut buffer).await else { continue };
                let (inner, datagram) = (Arc::clone(&network), buffer[..bytes].to_vec());
                network.pass(bytes, move || {
                    let (network, datagram) = (Arc::clone(&inner), datagram.clone());
                    async move { drop(network.front.send_to(&datagram, client).await) }
                });
            }
        });
        back
    }

    /// Sends a datagram, now or later, once, twice or never.
    fn pass<F: Future<Output = ()> + Send + 'static>(self: &Arc<Self>, bytes: usize, send: impl Fn() -> F) {
        if self
            .left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(bytes))
            .is_err()
        {
            self.is_cut.send_replace(true);
        }
        let (fate, micros) = {
            let mut random = self.random.lock().unwrap();
            (draw(&mut random) % 1_000, draw(&mut random) % 1_000)
        };
        let Odds { lost, repeated, late } = self.odds;
        if *self.is_cut.borrow() {
            return self.swallowed.send_modify(|swallowed| *swallowed += 1);
        }
        if fate < lost {
            return;
        }
        let delay = Duration::from_micros(if fate < lost + late { 10 * micros } else { micros / 4 });
        let times = if fate >= 1_000 - repeated { 2 } else { 1 };
        let mut tasks = self.tasks.lock().unwrap();
        while tasks.try_join_next().is_some() {}
        for _ in 0..times {
            let sending = send();
            tasks.spawn(async move {
                tokio::time::sleep(delay).await;
                sending.await;
            });
        }
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.network.tasks.lock().unwrap().abort_all();
    }
}

/// SplitMix64.
fn draw(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut bits = *state;
    bits = (bits ^ bits >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ bits >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ bits >> 31
}

/// A socket whose datagrams come back, and how to reach it by way of a proxy.
async fn echo(odds: Odds) -> (Proxy, UdpSocket, JoinSet<()>) {
    let target = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::to(target.local_addr().unwrap(), 7, odds).await;
    let mut echoing = JoinSet::new();
    echoing.spawn(async move {
        let mut buffer = [0; 2];
        loop {
            let (bytes, from) = target.recv_from(&mut buffer).await.unwrap();
            target.send_to(&buffer[..bytes], from).await.unwrap();
        }
    });
    let client = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    client.connect(proxy.address).await.unwrap();
    (proxy, client, echoing)
}

/// Sends numbered datagrams one after the other.
async fn send(client: &UdpSocket, numbers: Range<u16>) {
    for number in numbers {
        client.send(&number.to_le_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
}

async fn receive(client: &UdpSocket) -> u16 {
    let mut buffer = [0; 2];
    client.recv(&mut buffer).await.unwrap();
    u16::from_le_bytes(buffer)
}

#[tokio::test]
async fn the_network_loses_repeats_and_reorders() {
    guarded(async {
        let (_proxy, client, _echoing) = echo(Odds { lost: 100, repeated: 100, late: 100 }).await;
        let (mut repeated, mut overtaken, mut seen, mut sent) = (false, false, BTreeSet::new(), 0);

        // What is drawn is the seed's, but not for which datagram: so until all was seen, and enough was sent to
        // lose some.
        while !(repeated && overtaken && sent >= 200) {
            send(&client, sent..sent + 20).await;
            sent += 20;
            let mut last = 0;
            while let Ok(number) = timeout(Duration::from_millis(50), receive(&client)).await {
                repeated |= !seen.insert(number);
                overtaken |= number < last;
                last = number;
            }
        }

        assert!(!seen.is_empty() && seen.len() < usize::from(sent), "some are lost");
    })
    .await;
}

#[tokio::test]
async fn the_network_is_silent_while_it_is_cut_and_goes_on_from_other_ports() {
    guarded(async {
        let (proxy, client, _echoing) = echo(Odds::default()).await;
        proxy.cut(true);
        send(&client, 0..5).await;
        let mut swallowed = proxy.network.swallowed.subscribe();
        swallowed.wait_for(|swallowed| *swallowed == 5).await.unwrap();

        proxy.cut(false);
        let before = proxy.ports();
        proxy.rebind().await;
        send(&client, 5..10).await;

        let mut heard = Vec::new();
        while heard.len() < 5 {
            heard.push(receive(&client).await);
        }
        heard.sort_unstable();
        assert_eq!(heard, [5, 6, 7, 8, 9], "none of the first five");
        let after = proxy.ports();
        assert!(before.len() == 1 && after.len() == 1 && before != after, "{before:?} {after:?}");
    })
    .await;
}

/// How often each call was run.
static RUNS: LazyLock<Mutex<HashMap<u64, u32>>> = LazyLock::new(Mutex::default);

/// Told once a thousand calls have run.
static WELL_BEGUN: Notify = Notify::const_new();

#[callback(name = "proxy.doubled")]
fn doubled(number: u64) -> u64 {
    let mut runs = RUNS.lock().unwrap();
    *runs.entry(number).or_default() += 1;
    if runs.len() == 1_000 {
        WELL_BEGUN.notify_one();
    }
    number * 2
}

/// Calls in this run; `DAFFI_SOAK` raises it.
fn calls() -> u64 {
    std::env::var("DAFFI_SOAK").map_or(10_000, |calls| calls.parse::<u64>().unwrap().max(10_000))
}

/// Callers at a time.
const CALLERS: u64 = 50;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_calls_through_a_bad_network_run_at_most_once_each() {
    guarded_for(HOUR, async {
        let seed = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_nanos() as u64;
        eprintln!("the seed is {seed}");
        let directory = tempfile::tempdir().unwrap();
        let state = directory.path().join("state");
        // Long enough that a slow machine is not taken for a bad network.
        let bind = Controller::bind("quic://127.0.0.1:0").data_dir(&state).grace(Duration::from_secs(60));
        let controller = bind.await.unwrap();
        let target: SocketAddr = controller.url().strip_prefix("quic://").unwrap().parse().unwrap();
        let proxy = Proxy::to(target, seed, Odds { lost: 20, repeated: 10, late: 50 }).await;
        let url = format!("quic://{}", proxy.address);
        let connect = |name: &str| daffi::connect(&url).name(name).data_dir(&state);
        let _callee = connect("callee").registry(callbacks![doubled]).await.unwrap();
        let caller = connect("caller").registry(Vec::<Callback>::new()).await.unwrap();

        let tasks: Vec<_> = (0..CALLERS)
            .map(|task| {
                let caller = caller.clone();
                tokio::spawn(async move {
                    let mut outcomes = Vec::new();
                    for number in (task..calls()).step_by(CALLERS as usize) {
                        let call = caller.call::<u64>("proxy.doubled", (number,));
                        outcomes.push((number, call.timeout(HOUR).await));
                    }
                    outcomes
                })
            })
            .collect();
        let ended = async {
            let mut outcomes = Vec::new();
            for task in tasks {
                outcomes.extend(task.await.unwrap());
            }
            outcomes
        };
        let outcomes = tokio::select! {
            outcomes = ended => outcomes,
            () = trouble(&proxy, seed) => unreachable!("trouble does not end"),
        };

        assert_eq!(outcomes.len() as u64, calls(), "each call ends");
        let maybe =
            outcomes.into_iter().filter(|(number, outcome)| !is_certain(seed, *number, outcome)).count();
        let stats = controller.stats();
        eprintln!("{maybe} of {} calls may have run; {} links went on", calls(), stats["sessions_resumed"]);
        assert_eq!(maybe, 0, "seed {seed}: all links came back in time");
        assert!(stats["sessions_resumed"] >= 2, "seed {seed}: both links were cut for longer than they live");
    })
    .await;
}

/// Cuts the network now and then, the first time for longer than a connection outlives, and moves the nodes.
async fn trouble(proxy: &Proxy, seed: u64) {
    let mut random = seed;
    let mut cut = Duration::from_millis(4_000);
    // However quick the machine is, most calls are still to come.
    WELL_BEGUN.notified().await;
    loop {
        proxy.cut(true);
        tokio::time::sleep(cut).await;
        proxy.cut(false);
        tokio::time::sleep(Duration::from_millis(draw(&mut random) % 400)).await;
        proxy.rebind().await;
        cut = Duration::from_millis(draw(&mut random) % 300);
        tokio::time::sleep(Duration::from_millis(100 + draw(&mut random) % 400)).await;
    }
}

/// Whether it is known that the call has run; it has not run twice in any case.
fn is_certain(seed: u64, number: u64, outcome: &Result<u64, Error>) -> bool {
    let ran = RUNS.lock().unwrap().get(&number).copied().unwrap_or(0);
    assert!(ran <= 1, "seed {seed}: call {number} ran {ran} times");
    match outcome {
        Ok(result) => assert_eq!((*result, ran), (number * 2, 1), "seed {seed}"),
        Err(Error::Call(error)) if error.ran() == Ran::Maybe => return false,
        Err(Error::Call(error)) => {
            assert_eq!(ran, u32::from(error.ran() == Ran::Yes), "seed {seed}: {error}");
        }
        Err(error) => panic!("seed {seed}: {error}"),
    }
    true
}
