//! Five controllers that are processes, of which two at a time are killed, stopped or cut off, and those who use them.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daffi::{Controller, Masters, Node, QuorumError, RedlockGuard, millis, secs};
use futures::future::join_all;
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use tempfile::TempDir;
use tokio::sync::watch;

use crate::relay::Relay;

const ROLE: &str = "DAFFI_TEST_ROLE";
/// Of whom the child is told, with spaces between.
const URLS: &str = "DAFFI_TEST_URL";
/// What stands before the lines that are meant for the parent.
const MARK: &str = "@child ";
const MASTERS: usize = 5;
const CLIENTS: usize = 3;
/// How often numbers are given between two disturbances, at least.
const NUMBERS: usize = 10;
/// How often the lock is.
const LOCKS: usize = 4;
/// Nothing is waited for any longer: what has not happened by then never does.
const GUARD: Duration = Duration::from_secs(120);

/// How often masters are disturbed; by hand, say, `DAFFI_QUORUM=500`.
fn disturbances() -> usize {
    std::env::var("DAFFI_QUORUM").map_or(8, |count| count.parse().unwrap())
}

/// A process in a role.
struct Process {
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Process {
    /// Starts it, and waits for what it says first.
    fn start(role: &str, urls: &str) -> (Self, String) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["quorum::role", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(URLS, urls)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        let mut process = Self { child, lines };
        let said = process.line();
        (process, said)
    }

    /// The next thing that it says.
    fn line(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert!(self.lines.read_line(&mut line).unwrap() > 0, "it has ended");
            if let Some((_, said)) = line.split_once(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    fn tell(&mut self, line: &str) {
        writeln!(self.child.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Stops it; the signal alone lets its threads go on for a moment.
    fn stop(&self) {
        self.signal(Signal::STOP);
        let (_, status) =
            waitpid(Some(Pid::from_child(&self.child)), WaitOptions::UNTRACED).unwrap().unwrap();
        assert!(status.stopped(), "{status:?}");
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

fn say(what: &str) {
    let mut output = std::io::stdout().lock();
    writeln!(output, "\n{MARK}{what}").unwrap();
    output.flush().unwrap();
}

/// Not a test, but what the children do.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else { return };
    let urls = std::env::var(URLS).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    match role.as_str() {
        "master" => {
            let _controller = runtime.block_on(Controller::bind(&urls).into_future()).unwrap();
            say("ready");
            // Its end is that of the parent.
            drop(std::io::stdin().read_to_end(&mut Vec::new()));
        }
        "holder" => {
            let urls: Vec<&str> = urls.split(' ').collect();
            let masters =
                runtime.block_on(Masters::connect(urls.iter().map(|url| quiet(url, "holder")))).unwrap();
            let lock = masters.redlock("printer").auto_release_time(millis(500));
            let guard = runtime.block_on(lock.into_future()).unwrap();
            say(&guard.fencing_token().to_string());
            // It is stopped while it waits for a word of its parent.
            assert!(std::io::stdin().read_line(&mut String::new()).unwrap() > 0);
            say(&guard.fencing_token().to_string());
            say(&runtime.block_on(guard.lost()).to_string());
        }
        other => panic!("no role `{other}`"),
    }
}

fn quiet(url: &str, name: &str) -> daffi::Connect {
    daffi::connect(url).name(name).registry(Vec::new())
}

fn url(path: &Path) -> String {
    format!("unix://{}", path.display())
}

/// Five masters, and the ways of the clients to them.
struct Council {
    directory: TempDir,
    masters: Vec<Option<Process>>,
    /// By client and master.
    relays: Vec<Vec<Relay>>,
    random: fastrand::Rng,
}

/// What happens to a master.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Harm {
    Killed,
    Stopped,
    Cut,
    /// One client does not reach it.
    CutFrom(usize),
}

impl Council {
    fn start() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let seed =
            std::env::var("DAFFI_SEED").map_or_else(|_| fastrand::u64(..), |seed| seed.parse().unwrap());
        eprintln!("DAFFI_SEED={seed}");
        let random = fastrand::Rng::with_seed(seed);
        let mut council = Self { directory, masters: Vec::new(), relays: Vec::new(), random };
        for number in 0..MASTERS {
            council.masters.push(None);
            council.start_master(number);
        }
        for client in 0..CLIENTS {
            let relays = (0..MASTERS).map(|master| {
                let name = format!("way-{client}-{master}");
                Relay::start(council.directory.path(), &name, &council.path(master))
            });
            council.relays.push(relays.collect());
        }
        council
    }

    fn path(&self, master: usize) -> std::path::PathBuf {
        self.directory.path().join(format!("master-{master}"))
    }

    fn start_master(&mut self, master: usize) {
        let (process, said) = Process::start("master", &url(&self.path(master)));
        assert_eq!(said, "ready");
        self.masters[master] = Some(process);
    }

    /// A client's own ways.
    async fn client(&self, client: usize) -> Masters {
        let urls: Vec<String> = self.relays[client].iter().map(|relay| relay.url.clone()).collect();
        let connecting = urls.iter().map(|url| quiet(url, &format!("client-{client}")).into_future());
        let nodes: Vec<Node> = join_all(connecting).await.into_iter().map(Result::unwrap).collect();
        Masters::new(&nodes).timeout(millis(300))
    }

    /// By chance, other masters than those that are spared.
    fn some(&mut self, count: usize, spared: &[usize]) -> Vec<usize> {
        let mut all: Vec<usize> = (0..MASTERS).filter(|master| !spared.contains(master)).collect();
        self.random.shuffle(&mut all);
        all.truncate(count);
        all
    }

    fn harm(&mut self, master: usize, harm: Harm) {
        eprintln!("{master}: {harm:?}");
        match harm {
            // It ends when it is dropped.
            Harm::Killed => drop(self.masters[master].take()),
            Harm::Stopped => self.masters[master].as_ref().unwrap().stop(),
            Harm::Cut => (0..CLIENTS).for_each(|client| self.cut(client, master, true)),
            Harm::CutFrom(client) => self.cut(client, master, true),
        }
    }

    fn heal(&mut self, master: usize, harm: Harm) {
        eprintln!("{master}: healed");
        match harm {
            Harm::Killed => self.start_master(master),
            Harm::Stopped => self.masters[master].as_ref().unwrap().signal(Signal::CONT),
            Harm::Cut => (0..CLIENTS).for_each(|client| self.cut(client, master, false)),
            Harm::CutFrom(client) => self.cut(client, master, false),
        }
    }

    fn cut(&self, client: usize, master: usize, is_cut: bool) {
        self.relays[client][master].cut(is_cut);
    }

    fn some_harm(&mut self, may_kill: bool) -> Harm {
        match self.random.u8(if may_kill { 0..5 } else { 2..5 }) {
            0 | 1 => Harm::Killed,
            2 => Harm::Stopped,
            3 => Harm::Cut,
            _ => Harm::CutFrom(self.random.usize(..CLIENTS)),
        }
    }
}

/// How often something was done, and why it was not.
#[derive(Default)]
struct Progress {
    count: watch::Sender<usize>,
    error: Mutex<String>,
}

impl Progress {
    fn made(&self) {
        self.count.send_modify(|count| *count += 1);
    }

    /// It could not be done this time.
    fn failed(&self, error: &QuorumError) {
        assert!(error.is_retryable(), "{error}");
        *self.error.lock().unwrap() = error.to_string();
    }

    /// Waits until it was done so often.
    async fn until_more(&self, times: usize) {
        let target = *self.count.borrow() + times;
        let mut count = self.count.subscribe();
        let more = tokio::time::timeout(GUARD, count.wait_for(|count| *count >= target)).await;
        assert!(more.is_ok(), "nothing goes on: {}", self.error.lock().unwrap());
    }
}

/// The numbers that were given to anybody.
#[derive(Default)]
struct Given {
    ids: Mutex<BTreeSet<u64>>,
    progress: Progress,
    is_over: AtomicBool,
}

impl Given {
    fn last(&self) -> u64 {
        self.ids.lock().unwrap().last().copied().unwrap_or(0)
    }

    fn add(&self, first: u64, last: u64, before: u64) {
        let mut ids = self.ids.lock().unwrap();
        assert!(first > before, "{first} was given after {before}");
        for id in first..=last {
            assert!(ids.insert(id), "{id} was given twice");
        }
        self.progress.made();
    }
}

/// Takes numbers until all is over; half of them by a handle that has seen none.
async fn take(masters: Masters, given: Arc<Given>) {
    let mut random = fastrand::Rng::new();
    let mut ids = masters.next_id("ids");
    while !given.is_over.load(Ordering::Relaxed) {
        if random.bool() {
            ids = masters.next_id("ids");
        }
        let before = given.last();
        match ids.reserve(random.u64(1..4)).await {
            Ok(numbers) => given.add(*numbers.start(), *numbers.end(), before),
            Err(error) => given.progress.failed(&error),
        }
    }
}

/// Waits until these masters know of all numbers that are given by now.
async fn taught(observers: &[Node], masters: &[usize], given: &Given) {
    let target = given.last();
    for master in masters {
        let ids = observers[*master].next_id("ids");
        let known = async {
            // One that was restarted is not connected to at once.
            while ids.last().await.map_or(true, |last| last < target) {
                tokio::task::yield_now().await;
            }
        };
        assert!(tokio::time::timeout(GUARD, known).await.is_ok(), "{master} does not learn of {target}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_number_is_given_twice_or_late_while_two_of_five_are_killed_stopped_or_cut_off() {
    let mut council = Council::start();
    let given = Arc::new(Given::default());
    let mut taking = Vec::new();
    for client in 0..CLIENTS {
        taking.push(tokio::spawn(take(council.client(client).await, given.clone())));
    }
    let mut observers = Vec::new();
    for master in 0..MASTERS {
        observers.push(quiet(&url(&council.path(master)), "observer").await.unwrap());
    }

    for _ in 0..disturbances() {
        // What the promise rests on: before one forgets, the others know.
        taught(&observers, &[0, 1, 2, 3, 4], &given).await;
        let harmed: Vec<(usize, Harm)> =
            council.some(2, &[]).into_iter().map(|master| (master, council.some_harm(true))).collect();
        harmed.iter().for_each(|(master, harm)| council.harm(*master, *harm));
        given.progress.until_more(NUMBERS).await;
        for (master, harm) in harmed {
            council.heal(master, harm);
            given.progress.until_more(NUMBERS).await;
        }
    }
    // Two that never come back.
    for master in council.some(2, &[]) {
        council.harm(master, Harm::Killed);
        given.progress.until_more(NUMBERS).await;
    }

    given.is_over.store(true, Ordering::Relaxed);
    for taking in taking {
        taking.await.unwrap();
    }
}

/// What all know of who holds the lock.
#[derive(Default)]
struct Room {
    inside: Mutex<(Option<Arc<RedlockGuard>>, u64)>,
    progress: Progress,
    is_over: AtomicBool,
}

impl Room {
    /// Whoever was here before and did not leave must know that its lease is over.
    fn enter(&self, guard: RedlockGuard) -> Arc<RedlockGuard> {
        let guard = Arc::new(guard);
        let mut inside = self.inside.lock().unwrap();
        let before = inside.0.replace(guard.clone());
        assert!(before.is_none_or(|before| before.is_lost()), "two at once");
        assert!(guard.fencing_token() > inside.1, "{} after {}", guard.fencing_token(), inside.1);
        inside.1 = guard.fencing_token();
        self.progress.made();
        guard
    }

    fn leave(&self, guard: &RedlockGuard) {
        let mut inside = self.inside.lock().unwrap();
        if inside.1 == guard.fencing_token() {
            inside.0 = None;
        }
    }
}

/// Takes the lock until all is over, and does something under it.
async fn enter(masters: Masters, room: Arc<Room>) {
    let lock = masters.redlock("printer").auto_release_time(secs(1)).auto_renew();
    let mut random = fastrand::Rng::new();
    while !room.is_over.load(Ordering::Relaxed) {
        let guard = match lock.acquire().await {
            Ok(guard) => room.enter(guard),
            Err(error) => {
                room.progress.failed(&error);
                continue;
            }
        };
        for _ in 0..random.u8(..20) {
            if guard.is_lost() {
                break;
            }
            // A few round trips.
            drop(lock.locked().await);
        }
        room.leave(&guard);
        // Some are not waited for, and some go back by themselves.
        if let Some(guard) = Arc::into_inner(guard)
            && random.bool()
        {
            drop(guard.release().await);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_two_hold_a_lock_at_once_while_two_of_five_are_killed_stopped_or_cut_off() {
    let mut council = Council::start();
    let room = Arc::new(Room::default());
    let mut entering = Vec::new();
    for client in 0..CLIENTS {
        entering.push(tokio::spawn(enter(council.client(client).await, room.clone())));
    }
    // Those that are killed stay away: one that comes back before a lease ends has forgotten it.
    let mut killed = Vec::new();

    for dead in 0..3 {
        for _ in 0..disturbances() / 2 {
            let harmed: Vec<(usize, Harm)> = council
                .some(2 - dead, &killed)
                .into_iter()
                .map(|master| (master, council.some_harm(false)))
                .collect();
            harmed.iter().for_each(|(master, harm)| council.harm(*master, *harm));
            room.progress.until_more(LOCKS).await;
            harmed.iter().for_each(|(master, harm)| council.heal(*master, *harm));
            room.progress.until_more(LOCKS).await;
        }
        if dead < 2 {
            let next = council.some(1, &killed);
            council.harm(next[0], Harm::Killed);
            killed.extend(next);
        }
    }

    room.is_over.store(true, Ordering::Relaxed);
    for entering in entering {
        entering.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_holder_that_is_stopped_for_longer_than_its_lease_writes_late_and_is_known_by_its_token() {
    let council = Council::start();
    let urls: Vec<String> = (0..MASTERS).map(|master| url(&council.path(master))).collect();
    let (mut holder, held) = Process::start("holder", &urls.join(" "));
    let held: u64 = held.parse().unwrap();

    holder.stop();
    let guard = council.client(0).await.redlock("printer").acquire().await.unwrap();
    holder.tell("write");
    holder.signal(Signal::CONT);
    let written: u64 = holder.line().parse().unwrap();

    assert_eq!(written, held, "it acts as if it held the lock");
    assert!(guard.fencing_token() > written, "whoever has seen this one refuses that");
    assert!(!guard.is_lost());
    assert!(holder.line().contains("whose lease ran out"), "it is told");
}
