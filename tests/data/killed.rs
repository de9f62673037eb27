//! Producers and consumers that are killed at any moment, as by `kill -9`: nothing is lost, nothing is done twice, and
//! each producer's order is kept.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Child, Command, Stdio};

use daffi::{Controller, Node, secs};
use rustix::process::{Pid, Signal, kill_process};

const ROLE: &str = "DAFFI_TEST_ROLE";
const URL: &str = "DAFFI_TEST_URL";
/// What stands before the lines that are meant for the parent.
const MARK: &str = "@child ";
/// Items that each producer makes at least; the last ones are made when nobody is killed any more.
const ITEMS: u64 = 300;
const PRODUCERS: usize = 2;

/// How many are killed; by hand, say, `DAFFI_KILLS=1000`.
fn kills() -> usize {
    std::env::var("DAFFI_KILLS").map_or(200, |kills| kills.parse().unwrap())
}

/// A process in a role, which says a line at each step.
struct Process {
    role: String,
    child: Child,
    lines: BufReader<std::process::ChildStdout>,
}

impl Process {
    fn start(role: &str, url: &str) -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["killed::role", "--exact", "--nocapture"])
            .env(ROLE, role)
            .env(URL, url)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap());
        Self { role: role.to_owned(), child, lines }
    }

    /// The next thing that it says; `None` at its end.
    fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.lines.read_line(&mut line).unwrap_or(0) == 0 {
                return None;
            }
            if let Some((_, said)) = line.split_once(MARK) {
                return Some(said.trim_end().to_owned());
            }
        }
    }

    fn kill(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::KILL).unwrap();
        self.child.wait().unwrap();
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
    let url = std::env::var(URL).unwrap();
    std::thread::spawn(|| {
        // Its end is that of the parent.
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(0);
    });
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let name = format!("{role}-{}", std::process::id());
        let node = daffi::connect(&url).name(name).registry(Vec::new()).await.unwrap();
        match role.split_once('-') {
            Some(("producer", producer)) => produce(&node, producer).await,
            _ => consume(&node).await,
        }
    });
}

/// Goes on where the last one was killed: an item and the note that it was made are one step.
async fn produce(node: &Node, producer: &str) {
    let (queue, made) = (node.queue::<(String, u64)>("work"), node.counters("made"));
    loop {
        let number = made.get(producer).await.unwrap();
        if number as u64 >= ITEMS && made.get("enough").await.unwrap() > 0 {
            return say("done");
        }
        let mut batch = node.batch();
        batch.add(queue.push((producer.to_owned(), number as u64)));
        batch.add(made.inc(producer, 1));
        batch.await.unwrap();
        say("made");
    }
}

/// Takes an item, and notes it in the step in which it is done with.
async fn consume(node: &Node) {
    let (queue, done) = (node.queue::<(String, u64)>("work"), node.counters("done"));
    loop {
        let item = queue.lease(secs(600)).await.unwrap();
        let (producer, number) = (*item).clone();
        let next = done.get(&producer).await.unwrap();
        if next as u64 != number {
            say(&format!("{producer} has {number} in the place of {next}"));
            std::process::exit(1);
        }
        let mut batch = node.batch();
        let acked = batch.add(item.ack());
        batch.add(done.inc(&producer, 1));
        batch.await.unwrap().take(acked).unwrap();
        say("took");
    }
}

/// Kills processes at random steps, each followed by another in its role; the parent goes on in a thread, since it
/// waits for lines.
fn kill_some(url: &str) -> Vec<Process> {
    let mut random = fastrand::Rng::with_seed(42);
    let roles: Vec<String> =
        (0..PRODUCERS).map(|number| format!("producer-{number}")).chain(["consumer".to_owned()]).collect();
    let mut running: Vec<Process> = roles.iter().map(|role| Process::start(role, url)).collect();
    for _ in 0..kills() {
        let at = random.usize(..running.len());
        for _ in 0..random.usize(..6) {
            let said = running[at].line().expect("it ended by itself");
            assert!(matches!(said.as_str(), "made" | "took"), "{said}");
        }
        let role = running[at].role.clone();
        // One of each role at a time: what the last one held has gone back by the time the next one asks.
        running.remove(at).kill();
        running.insert(at, Process::start(&role, url));
    }
    running
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_lost_or_done_twice_or_out_of_order_whoever_is_killed() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}", directory.path().join("controller.sock").display());
    let _controller = Controller::bind(&url).await.unwrap();
    let node = daffi::connect(&url).name("parent").registry(Vec::new()).await.unwrap();
    let of_children = url.clone();

    let mut running = tokio::task::spawn_blocking(move || kill_some(&of_children)).await.unwrap();

    node.counters("made").set("enough", 1).await.unwrap();
    let made = tokio::task::spawn_blocking(move || {
        for producer in &mut running[..PRODUCERS] {
            while producer.line().expect("it ended by itself") != "done" {}
        }
        running
    });
    let running = made.await.unwrap();
    let made = node.counters("made").sizes().await.unwrap();
    let all = |done: &BTreeMap<String, i64>| {
        (0..PRODUCERS).all(|producer| done.get(&producer.to_string()) == made.get(&producer.to_string()))
    };
    while !all(&node.counters("done").sizes().await.unwrap()) {}

    let counts = node.queue::<(String, u64)>("work").counts().await.unwrap();
    assert_eq!((counts.ready, counts.leased, counts.dead), (0, 0, 0), "{counts:?}");
    running.into_iter().for_each(Process::kill);
}
