//! Links that break and go on: calls, callbacks and registrations outlive the connection.

use std::collections::HashMap;
use std::future::IntoFuture;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use daffi_core::api::{millis, secs};
use daffi_core::callback::invoke::value;
use daffi_core::callback::{Callback, Context, Registry};
use daffi_core::config;
use daffi_core::controller::Controller;
use daffi_core::error::{CallError, Error, Ran};
use daffi_core::node::{Node, connect};
use daffi_core::transport::{self, Address, Connection, DialOptions, Faults, inject, links};
use daffi_core::wire::{self, Header, Hello, Kind, Resume, Versions, Welcome, put_frame};

use super::{all, call_error, declare, node, registry};

/// A controller whose links may break and go on.
async fn controller(name: &str) -> Controller {
    Controller::bind(&format!("memory://{name}?resume")).await.unwrap()
}

/// The links to a controller are cut, or refused from now on, or both.
fn cut_all(name: &str) {
    links(&format!("{name}?resume")).iter().for_each(transport::Link::cut);
}

fn refuse(name: &str, refuses: bool) {
    let mut faults = Faults::default();
    faults.refuses = refuses;
    inject(&format!("{name}?resume"), faults);
}

/// How often each call was run.
type Runs = Arc<Mutex<HashMap<u64, u32>>>;

/// A callback that takes a moment, returns its argument doubled, and counts.
fn counted(runs: &Runs) -> Callback {
    let runs = Arc::clone(runs);
    Callback::asynchronous(declare("counted", &[("number", "u64")]), move |_: Context, (number,): (u64,)| {
        let runs = Arc::clone(&runs);
        async move {
            *runs.lock().unwrap().entry(number).or_default() += 1;
            tokio::time::sleep(Duration::from_micros(number % 7 * 300)).await;
            value(&((number * 2) as i64))
        }
    })
}

async fn mesh(name: &str) -> (Controller, Node, Node) {
    let controller = controller(name).await;
    let callee = node(&controller, "callee", all()).await;
    let caller = node(&controller, "caller", Registry::new()).await;
    (controller, caller, callee)
}

#[tokio::test(start_paused = true)]
async fn a_call_outlives_the_links_of_its_caller_and_of_its_callee() {
    let (controller, caller, callee) = mesh("resume-call").await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (2_000,)).into_future());
    tokio::time::sleep(millis(10)).await;

    cut_all("resume-call");

    assert_eq!(running.await.unwrap().unwrap(), 1);
    let stats = controller.stats();
    assert_eq!((stats["sessions_resumed"], stats["sessions_away"], stats["calls_lost"]), (2, 0, 0));
    for node in [&caller, &callee] {
        assert_eq!((node.own_stats()["links"], node.own_stats()["links_resumed"]), (1, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_answered_and_asked_while_the_link_is_away_comes_when_it_is_back() {
    let (_controller, caller, callee) = mesh("resume-away").await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (1_000,)).into_future());
    tokio::time::sleep(millis(10)).await;
    refuse("resume-away", true);
    cut_all("resume-away");
    tokio::time::sleep(millis(100)).await;
    assert!(!caller.is_connected() && !callee.is_connected());

    let asked = tokio::spawn(caller.call::<i64>("add", (1, 2)).into_future());
    let told = tokio::spawn(caller.tell("add", (1, 2)).no_return().into_future());
    tokio::time::sleep(secs(2)).await;
    refuse("resume-away", false);

    assert_eq!(running.await.unwrap().unwrap(), 1);
    assert_eq!(asked.await.unwrap().unwrap(), 3);
    told.await.unwrap().unwrap();
    assert_eq!(caller.own_stats()["links_resumed"], 1);
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_dropped_while_the_link_is_away_is_cancelled_when_it_is_back() {
    let (_controller, caller, callee) = mesh("resume-drop").await;
    let dropped = tokio::time::timeout(millis(50), caller.call::<i64>("sleeps", (60_000,)).into_future());
    let cut = async {
        tokio::time::sleep(millis(10)).await;
        refuse("resume-drop", true);
        cut_all("resume-drop");
    };
    assert!(tokio::join!(dropped, cut).0.is_err());
    refuse("resume-drop", false);

    // The number of the dropped call is used again: the controller has heard of the end of the first.
    assert_eq!(caller.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    tokio::time::sleep(secs(2)).await;

    assert_eq!(callee.own_stats()["calls_running"], 0);
    assert_eq!((caller.own_stats()["links"], caller.own_stats()["links_resumed"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_link_that_does_not_come_back_in_time_is_lost_as_any_other() {
    let (controller, caller, callee) = mesh("resume-late").await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (60_000,)).into_future());
    tokio::time::sleep(millis(10)).await;

    refuse("resume-late", true);
    cut_all("resume-late");
    let begun = tokio::time::Instant::now();
    let lost = call_error(running.await.unwrap().unwrap_err());

    assert_eq!(lost, CallError::Disconnected { ran: Ran::Maybe });
    assert!(begun.elapsed() <= config::GRACE + millis(10), "{:?}", begun.elapsed());
    tokio::time::sleep(millis(500)).await;
    assert_eq!((controller.stats()["sessions"], controller.stats()["sessions_away"]), (0, 0));
    refuse("resume-late", false);
    caller.wait_callback("add").await.unwrap();
    assert_eq!(caller.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    assert_eq!((callee.own_stats()["links"], callee.own_stats()["calls_running"]), (2, 0));
}

#[tokio::test(start_paused = true)]
async fn the_grace_is_what_the_controller_was_told() {
    let controller = Controller::bind("memory://resume-grace?resume").grace(millis(500)).await.unwrap();
    let _callee = node(&controller, "callee", all()).await;
    let caller = node(&controller, "caller", Registry::new()).await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (60_000,)).into_future());
    tokio::time::sleep(millis(10)).await;
    let begun = tokio::time::Instant::now();

    refuse("resume-grace", true);
    cut_all("resume-grace");

    assert_eq!(call_error(running.await.unwrap().unwrap_err()), CallError::Disconnected { ran: Ran::Maybe });
    assert!(begun.elapsed() <= millis(510), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_node_that_stops_while_its_link_is_away_is_gone_at_the_end_of_the_grace() {
    let (controller, caller, callee) = mesh("resume-stop").await;
    refuse("resume-stop", true);
    links("resume-stop?resume")[0].cut();
    tokio::time::sleep(millis(10)).await;

    callee.stop().await.unwrap();
    tokio::time::sleep(config::GRACE).await;

    assert_eq!(controller.stats()["sessions"], 1);
    let error = call_error(caller.call::<i64>("add", (1, 2)).await.unwrap_err());
    assert!(matches!(error, CallError::NoSuchCallback { .. }), "{error}");
    refuse("resume-stop", false);
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_stops_waits_for_nobody_who_is_away() {
    let (controller, caller, callee) = mesh("resume-drain").await;
    refuse("resume-drain", true);
    cut_all("resume-drain");
    tokio::time::sleep(millis(10)).await;
    let begun = tokio::time::Instant::now();

    controller.drain(secs(1)).await;

    assert!(begun.elapsed() <= millis(10), "{:?}", begun.elapsed());
    assert!(!caller.is_connected() && !callee.is_connected());
    refuse("resume-drain", false);
}

/// Calls through links that break at random. How many there were of which the caller cannot know whether they ran.
async fn calls_through_faults(name: &str, seed: u64, calls: u64) -> usize {
    let runs = Runs::default();
    let controller = controller(name).await;
    let mut faults = Faults::seeded(seed);
    faults.cut_after_bytes = Some(1_000..=8_000);
    faults.delay = Some(millis(0)..=millis(3));
    inject(&format!("{name}?resume"), faults);
    let _callees = [
        node(&controller, "one", registry(vec![counted(&runs)])).await,
        node(&controller, "two", registry(vec![counted(&runs)])).await,
    ];
    let caller = connect(&controller.url()).name("caller").registry(Registry::new()).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .map(|task| {
            let caller = caller.clone();
            tokio::spawn(async move {
                let mut outcomes = Vec::new();
                for number in (task..calls).step_by(20) {
                    outcomes.push((number, caller.call::<i64>("counted", (number,)).await));
                }
                outcomes
            })
        })
        .collect();
    let mut maybe = 0;
    for task in tasks {
        for (number, outcome) in task.await.unwrap() {
            let ran = runs.lock().unwrap().get(&number).copied().unwrap_or(0);
            assert!(ran <= 1, "seed {seed}: call {number} ran {ran} times");
            match outcome {
                Ok(doubled) => assert_eq!((doubled, ran), (number as i64 * 2, 1), "seed {seed}"),
                Err(Error::Call(error)) => match error.ran() {
                    Ran::Maybe => maybe += 1,
                    Ran::No => assert_eq!(ran, 0, "seed {seed}: {error}"),
                    Ran::Yes => assert_eq!(ran, 1, "seed {seed}: {error}"),
                },
                Err(error) => panic!("seed {seed}: {error}"),
            }
        }
    }
    let stats = controller.stats();
    eprintln!(
        "seed {seed}: {} breaks were gone on from, {maybe} of {calls} calls may have run",
        stats["sessions_resumed"]
    );
    assert!(stats["sessions_resumed"] > calls / 200, "seed {seed}: it breaks often");
    assert_eq!(stats["calls_in_flight"], 0, "seed {seed}");
    inject(&format!("{name}?resume"), Faults::default());
    maybe
}

#[tokio::test(start_paused = true)]
async fn no_call_runs_twice_and_none_is_lost_however_often_links_break() {
    let soak: Option<u64> = std::env::var("DAFFI_SOAK").ok().and_then(|seeds| seeds.parse().ok());
    let first = fastrand::u64(..1 << 40);
    for seed in first..first + soak.unwrap_or(4) {
        let maybe = calls_through_faults(&format!("resume-faults-{seed}"), seed, 2_000).await;
        assert_eq!(maybe, 0, "seed {seed}: every link came back in time");
    }
}

/// A node that is only a connection, for saying what nodes do not.
struct Raw(Arc<dyn Connection>);

impl Raw {
    /// Says hello as a node of this name. What the controller answers.
    async fn hello(address: &Address, incarnation: u128, resume: Option<Resume>) -> (Self, Option<Welcome>) {
        let connection = transport::dial(address, &DialOptions::default()).await.unwrap();
        let hello = Hello {
            versions: Versions::OURS,
            node: daffi_core::name::NodeName::new("raw").unwrap(),
            incarnation,
            concurrency: 1,
            take_over: false,
            hidden: false,
            software: "test".into(),
            resume,
        };
        let raw = Self(connection);
        raw.say(Header::new(Kind::Hello), &hello.encode());
        let answer = raw.hear().await;
        let welcome = answer.first().filter(|(header, _)| header.kind == Kind::Welcome);
        let welcome = welcome.map(|(_, body)| Welcome::decode(body).unwrap());
        (raw, welcome)
    }

    fn say(&self, header: Header, body: &[u8]) {
        let mut frame = Vec::new();
        put_frame(&mut frame, header, &[], body);
        assert_eq!(self.0.try_write(&frame).unwrap(), frame.len());
    }

    /// The frames of the next read; none if the connection has ended.
    async fn hear(&self) -> Vec<(Header, Vec<u8>)> {
        let mut buffer = bytes::BytesMut::with_capacity(1 << 16);
        let read = std::future::poll_fn(|cx| self.0.poll_read(cx, &mut buffer)).await;
        let mut frames = Vec::new();
        let mut rest = if read.is_ok() { &buffer[..] } else { &[] };
        while let Some(frame) = wire::split(rest, config::FRAME_BYTES_MAX).unwrap() {
            frames.push((frame.header, frame.body.to_vec()));
            rest = &rest[frame.bytes()..];
        }
        frames
    }

    /// Is ready for calls, and offers nothing. How many bytes that took, and those of the answer.
    async fn register(&self) -> u64 {
        let register = wire::Register { callbacks: Vec::new(), ready: true };
        self.say(Header::new(Kind::Register), &register.encode());
        self.hear().await.iter().map(|(_, body)| (wire::HEADER_BYTES + body.len()) as u64).sum()
    }
}

async fn raw(name: &str) -> (Controller, Address, Raw, Resume) {
    let controller = controller(name).await;
    let address: Address = controller.url().parse().unwrap();
    let (raw, welcome) = Raw::hello(&address, 1, None).await;
    let welcome = welcome.unwrap();
    let received = raw.register().await;
    let resume = Resume { session: welcome.session, secret: welcome.resume.unwrap(), received };
    (controller, address, raw, resume)
}

#[tokio::test(start_paused = true)]
async fn who_does_not_know_the_secret_gets_nothing_of_the_session() {
    let (controller, address, _first, resume) = raw("resume-secret").await;
    let wrong = Resume { secret: (resume.secret.0 ^ 1, resume.secret.1), ..resume };

    let (_second, welcome) = Raw::hello(&address, 2, Some(wrong)).await;

    assert!(welcome.is_none(), "the name is taken");
    assert_eq!((controller.stats()["resumes_refused"], controller.stats()["nodes"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_later_claim_takes_the_session_from_the_connection_of_an_earlier_one() {
    let (controller, address, first, resume) = raw("resume-twice").await;

    let (second, one) = Raw::hello(&address, 1, Some(resume)).await;
    let (third, other) = Raw::hello(&address, 1, Some(resume)).await;

    assert_eq!(one.unwrap().resumed, other.unwrap().resumed);
    assert!(first.hear().await.is_empty() && second.hear().await.is_empty(), "both have ended");
    third.say(Header { call: 9, ..Header::new(Kind::Ping) }, &[]);
    assert_eq!(third.hear().await[0].0.kind, Kind::Pong);
    assert_eq!((controller.stats()["sessions"], controller.stats()["sessions_resumed"]), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_lacks_bytes_that_are_gone_or_claims_too_many_begins_a_new_session() {
    let (controller, address, _first, resume) = raw("resume-count").await;
    let beyond = Resume { received: resume.received + 1, ..resume };

    let (second, welcome) = Raw::hello(&address, 1, Some(beyond)).await;

    let welcome = welcome.unwrap();
    assert_eq!(welcome.resumed, None);
    assert_ne!(welcome.resume, Some(resume.secret));
    second.register().await;
    assert_eq!((controller.stats()["resumes_refused"], controller.stats()["nodes"]), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_node_that_claims_to_have_what_was_never_sent_is_cut_off() {
    let (controller, _, first, resume) = raw("resume-ack").await;

    let header =
        Header { flags: wire::Flags::RECEIVED, call: resume.received + 1, ..Header::new(Kind::Credit) };
    first.say(header, &[]);

    assert!(first.hear().await.is_empty());
    assert_eq!((controller.stats()["sessions_violating"], controller.stats()["sessions"]), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn part_of_a_frame_that_was_cut_off_is_as_if_never_sent() {
    let (controller, address, first, resume) = raw("resume-part").await;
    let mut ping = Vec::new();
    put_frame(&mut ping, Header { call: 9, ..Header::new(Kind::Ping) }, &[], b"body");
    first.0.try_write(&ping[..20]).unwrap();
    tokio::time::sleep(millis(1)).await;
    cut_all("resume-part");

    let (second, welcome) = Raw::hello(&address, 1, Some(resume)).await;
    let received = welcome.unwrap().resumed.unwrap();
    second.0.try_write(&ping).unwrap();
    let heard = second.hear().await;

    assert_eq!((heard[0].0.kind, heard[0].0.call), (Kind::Pong, 9));
    let register = wire::Register { callbacks: Vec::new(), ready: true }.encode();
    assert_eq!(received as usize, wire::HEADER_BYTES + register.len(), "only whole frames count");
    assert_eq!(controller.stats()["sessions_violating"], 0);
}
