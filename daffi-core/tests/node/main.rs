//! Nodes and a controller in one process, through what users see.
#![expect(clippy::unwrap_used, reason = "tests")]

mod flows;
mod links;
mod resume;
mod storm;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

use daffi_core::api::modifiers::{BG, BROADCAST, FG, NO_RETURN, PERIOD};
use daffi_core::api::{millis, secs};
use daffi_core::callback::invoke::{failure, value};
use daffi_core::callback::{Callback, Context, Declaration, OnCancel, Options, Registry};
use daffi_core::config;
use daffi_core::controller::Controller;
use daffi_core::error::{CallError, ConnectError, Error, Ran, Stage};
use daffi_core::node::{Node, connect};
use daffi_core::wire::Presence;
use futures::StreamExt;
use tokio::sync::Semaphore;

const PLAIN: Options = Options {
    inline: false,
    sees_context: false,
    timeout: None,
    concurrency: None,
    idempotent: false,
    on_cancel: OnCancel::Abort,
    blocking: false,
};

fn declare(name: &'static str, parameters: &'static [(&'static str, &'static str)]) -> Declaration {
    Declaration { name, parameters, result: "i64", doc: "", options: PLAIN, place: ("node.rs", 1) }
}

const TWO: &[(&str, &str)] = &[("a", "i64"), ("b", "i64")];

fn add() -> Callback {
    Callback::asynchronous(declare("add", TWO), async |_: Context, (a, b): (i64, i64)| value(&(a + b)))
}

fn add_inline() -> Callback {
    let options = Options { inline: true, ..PLAIN };
    let declaration = Declaration { options, ..declare("add_inline", TWO) };
    Callback::asynchronous(declaration, async |_: Context, (a, b): (i64, i64)| {
        tokio::task::yield_now().await;
        value(&(a + b))
    })
}

fn add_blocking() -> Callback {
    Callback::blocking(declare("add_blocking", TWO), |_, (a, b): (i64, i64)| value(&(a + b)))
}

fn fails() -> Callback {
    let answer = async |_: Context, (): ()| failure(&"no tea", vec!["no water".into()]);
    Callback::asynchronous(declare("fails", &[]), answer)
}

fn panics() -> Callback {
    let answer = async |_: Context, (): ()| -> Result<Vec<u8>, _> { panic!("a bug") };
    Callback::asynchronous(declare("panics", &[]), answer)
}

fn sleeps() -> Callback {
    Callback::asynchronous(declare("sleeps", &[("ms", "u64")]), async |_: Context, (ms,): (u64,)| {
        tokio::time::sleep(millis(ms)).await;
        value(&1_i64)
    })
}

fn registry(callbacks: Vec<Callback>) -> Registry {
    callbacks.try_into().unwrap()
}

fn all() -> Registry {
    registry(vec![add(), add_inline(), add_blocking(), fails(), panics(), sleeps()])
}

/// A controller of its own for each test.
async fn controller() -> Controller {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    Controller::bind(&format!("memory://node-tests-{number}")).await.unwrap()
}

async fn node(controller: &Controller, name: &str, registry: Registry) -> Node {
    connect(&controller.url()).name(name).registry(registry).await.unwrap()
}

async fn mesh() -> (Controller, Node, Node) {
    let controller = controller().await;
    let callee = node(&controller, "callee", all()).await;
    let caller = node(&controller, "caller", Registry::new()).await;
    (controller, caller, callee)
}

fn call_error(error: Error) -> CallError {
    let Error::Call(error) = error else { panic!("{error}") };
    error
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_callback_answers() {
    let (_controller, caller, _callee) = mesh().await;

    for name in ["add", "add_inline", "add_blocking"] {
        for round in 0..3 {
            assert_eq!(caller.call::<i64>(name, (round, 2)).await.unwrap(), round + 2, "{name}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn every_failure_has_its_own_error() {
    let (_controller, caller, callee) = mesh().await;

    let error = call_error(caller.call::<i64>("fails", ()).await.unwrap_err());
    assert!(matches!(&error, CallError::Remote { node, message, chain, .. }
        if node == callee.name() && message == "no tea" && chain.len() == 1));
    let error = call_error(caller.call::<i64>("panics", ()).await.unwrap_err());
    assert!(
        matches!(&error, CallError::Panicked { message, at, .. } if message == "a bug" && at.contains("main.rs"))
    );
    let error = call_error(caller.call::<i64>("ad", (1, 2)).await.unwrap_err());
    assert!(matches!(&error, CallError::NoSuchCallback { similar, .. } if similar[0] == "add"), "{error}");
    let error = call_error(caller.call::<String>("add", (1, 2)).await.unwrap_err());
    assert!(matches!(error, CallError::BadReply { .. }));
    let error = call_error(caller.call::<i64>("add", (1, 2)).on("nobody").await.unwrap_err());
    assert!(matches!(error, CallError::NoSuchNode { .. }), "{error}");
    assert_eq!(caller.call::<i64>("add", (1, 2)).on("callee").await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn arguments_that_do_not_fit_are_refused_before_and_after_the_signature_is_known() {
    let (controller, caller, _callee) = mesh().await;

    for _ in 0..2 {
        let error = call_error(caller.call::<i64>("add", (1, "two")).await.unwrap_err());
        assert!(matches!(&error, CallError::BadArguments { got, .. } if got.contains("b: i64")), "{error}");
        caller.call::<i64>("add", (1, 2)).await.unwrap();
    }

    let large = vec![0_u8; config::BODY_BYTES_MAX];
    let error = call_error(caller.call::<i64>("add", (large, 1)).submit().await.unwrap_err());
    assert!(matches!(error, CallError::TooLarge { ran: Ran::No, .. }), "{error}");
    drop(controller);
}

#[tokio::test(start_paused = true)]
async fn a_call_times_out_and_leaves_nothing_behind() {
    let (_controller, caller, callee) = mesh().await;

    let error = call_error(caller.call::<i64>("sleeps", (60_000,)).timeout(secs(1)).await.unwrap_err());

    let CallError::TimedOut { stage: Stage::Running, node, after } = &error else { panic!("{error}") };
    assert_eq!((node.as_ref(), *after), (Some(callee.name()), secs(1)));
    caller.call::<i64>("add", (1, 2)).await.unwrap();
    assert_eq!(caller.own_stats()["calls_in_flight"], 0);
    assert_eq!(callee.own_stats()["calls_running"], 0);
}

#[tokio::test(start_paused = true)]
async fn times_of_any_length_are_understood() {
    let (_controller, caller, _callee) = mesh().await;

    for timeout in [Duration::MAX, config::TIMEOUT_MAX] {
        assert_eq!(caller.call::<i64>("add", (1, 2)).timeout(timeout).await.unwrap(), 3);
        assert_eq!(caller.call::<i64>("add", (1, 2)).timeout(timeout).bg().await.unwrap(), 3);
        assert_eq!(caller.call::<i64>("add", (1, 2)).broadcast().timeout(timeout).await.unwrap().len(), 1);
        caller.tell("add", (1, 2)).timeout(timeout).no_return().await.unwrap();
        caller.wait_process("callee").timeout(timeout).await.unwrap();
        let mut job = caller.call::<i64>("add", (1, 2)).no_timeout().bg();
        assert_eq!(job.get_timeout(timeout).await.unwrap(), 3);
        caller.tell("add", (1, 2)).timeout(timeout).every(timeout).await.unwrap().cancel().await.unwrap();
        drop(caller.call::<i64>("add", (1, 2)).eta(timeout).bg());
    }
    let error = call_error(caller.call::<i64>("sleeps", (1,)).timeout(Duration::ZERO).await.unwrap_err());
    assert!(matches!(error, CallError::TimedOut { .. }), "{error}");
}

#[tokio::test(start_paused = true)]
async fn a_dropped_call_is_cancelled_where_it_runs() {
    let (controller, caller, callee) = mesh().await;
    let told = Arc::new(Semaphore::new(0));
    let tell = Arc::clone(&told);
    let options = Options { sees_context: true, ..PLAIN };
    let waits = Callback::asynchronous(
        Declaration { options, ..declare("waits", &[]) },
        move |context: Context, (): ()| {
            let tell = Arc::clone(&tell);
            async move {
                tell.add_permits(1);
                context.cancelled().await;
                tell.add_permits(1);
                value(&context.is_cancelled())
            }
        },
    );
    let registration = callee.register(waits).await.unwrap();
    caller.wait_callback("waits").await.unwrap();

    let call = tokio::spawn(caller.call::<bool>("waits", ()).into_future());
    told.acquire().await.unwrap().forget();
    call.abort();
    told.acquire().await.unwrap().forget();

    drop(registration);
    assert_eq!(caller.own_stats()["calls_in_flight"], 0);
    drop(controller);
}

#[tokio::test(start_paused = true)]
async fn a_callback_calls_back_with_no_more_time_than_it_has() {
    let (controller, caller, callee) = mesh().await;
    let options = Options { sees_context: true, ..PLAIN };
    let declaration = Declaration { options, ..declare("nested", &[]) };
    let nested = Callback::asynchronous(declaration, async |context: Context, (): ()| {
        let error = context.node().call::<i64>("sleeps", (60_000,)).await.unwrap_err();
        value(&error.to_string())
    });
    caller.register(nested).await.unwrap().keep();
    callee.wait_callback("nested").await.unwrap();
    let begun = tokio::time::Instant::now();

    let error = callee.call::<String>("nested", ()).timeout(secs(2)).await.unwrap_err();

    assert!(matches!(call_error(error), CallError::TimedOut { .. }));
    assert!(begun.elapsed() < secs(3));
    drop(controller);
}

#[tokio::test(start_paused = true)]
async fn a_job_can_be_read_twice_waited_for_and_fetched_elsewhere() {
    let (controller, caller, _callee) = mesh().await;

    let mut job = caller.call::<i64>("sleeps", (500,)).bg();
    assert!(!job.is_done());
    let error = call_error(job.get_timeout(millis(100)).await.unwrap_err());
    assert!(matches!(error, CallError::TimedOut { .. }));
    assert_eq!(job.wait().await.unwrap(), 1);
    assert!(job.is_done());
    assert_eq!(job.await.unwrap(), 1);

    let id = caller.call::<i64>("add", (2, 3)).submit().await.unwrap();
    let other = node(&controller, "other", Registry::new()).await;
    assert_eq!(other.job::<i64>(id).await.unwrap(), 5);
    assert_eq!(other.jobs().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_cancelled_job_says_so_and_a_dropped_one_goes_on() {
    let (_controller, caller, callee) = mesh().await;

    let mut job = caller.call::<i64>("sleeps", (60_000,)).bg();
    job.id().await.unwrap();
    job.cancel().await.unwrap();
    assert!(matches!(call_error(job.wait().await.unwrap_err()), CallError::Cancelled { .. }));

    let mut job = caller.call::<i64>("sleeps", (1_000,)).bg();
    job.id().await.unwrap();
    tokio::time::sleep(millis(100)).await;
    assert_eq!(callee.own_stats()["calls_running"], 1);
    drop(job);
    tokio::time::sleep(millis(500)).await;
    assert_eq!(callee.own_stats()["calls_running"], 1);

    drop(caller.call::<i64>("sleeps", (60_000,)).bg().cancel_on_drop());
    tokio::time::sleep(secs(2)).await;
    assert_eq!(callee.own_stats()["calls_running"], 0);
    assert_eq!(caller.own_stats()["calls_in_flight"], 0);
}

#[tokio::test(start_paused = true)]
async fn calls_without_a_result_are_taken_and_run() {
    let (controller, caller, callee) = mesh().await;
    let count = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&count);
    let counts = Callback::asynchronous(declare("counts", &[]), move |_: Context, (): ()| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { value(&()) }
    });
    callee.register(counts).await.unwrap().keep();
    caller.wait_callback("counts").await.unwrap();

    let calls = (0..100).map(|_| caller.tell("counts", ()).no_return());
    for taken in futures::future::join_all(calls).await {
        taken.unwrap();
    }
    let error = call_error(caller.tell("missing", ()).no_return().await.unwrap_err());
    tokio::time::sleep(millis(100)).await;

    assert!(matches!(error, CallError::NoSuchCallback { .. }));
    assert_eq!(count.load(Ordering::Relaxed), 100);
    assert_eq!(caller.own_stats()["one_way_unacknowledged"], 0);
    drop(controller);
}

#[tokio::test(start_paused = true)]
async fn a_broadcast_has_one_outcome_for_each_node() {
    let (controller, caller, _callee) = mesh().await;
    let other = node(&controller, "other", all()).await;
    let broken = Callback::asynchronous(declare("add", TWO), async |_: Context, (_, _): (i64, i64)| {
        failure(&"no", vec![])
    });
    let _broken = node(&controller, "broken", registry(vec![broken])).await;

    let replies = caller.call::<i64>("add", (1, 2)).broadcast().await.unwrap();
    assert_eq!(replies.len(), 3);
    assert_eq!(replies.get("callee"), Some(&Ok(3)));
    assert!(matches!(replies.get("broken"), Some(Err(CallError::Remote { .. }))));
    assert!(matches!(call_error(replies.all_ok().unwrap_err()), CallError::TooFew { wanted: 3, got: 2, .. }));

    let at_least = caller.call::<i64>("add", (1, 2)).broadcast().at_least(3).await;
    assert!(matches!(call_error(at_least.unwrap_err()), CallError::TooFew { wanted: 3, got: 2, .. }));
    let streamed: Vec<_> = StreamExt::collect(caller.call::<i64>("add", (1, 2)).broadcast().stream()).await;
    assert_eq!(streamed.len(), 3);
    let first = caller.call::<i64>("sleeps", (100,)).broadcast().first(1).await.unwrap();
    assert_eq!(first.iter().filter(|(_, reply)| reply.is_ok()).count(), 1);
    let mine = other.call::<i64>("add", (1, 2)).broadcast().include_self().await.unwrap();
    assert_eq!(mine.len(), 3);
    caller.tell("add", (1, 2)).broadcast().no_return().await.unwrap();
    let late = caller.call::<i64>("sleeps", (60_000,)).broadcast().timeout(secs(1)).await.unwrap();
    assert!(
        late.iter().all(|(_, reply)| matches!(reply, Err(CallError::TimedOut { .. }))) && late.len() == 2
    );
}

#[tokio::test(start_paused = true)]
async fn a_schedule_runs_is_shown_paused_and_cancelled() {
    let (_controller, caller, _callee) = mesh().await;

    let schedule = caller.tell("add", (1, 2)).every(secs(5)).times(100).named("tick").await.unwrap();
    tokio::time::sleep(secs(11)).await;
    assert_eq!(schedule.show().await.unwrap().unwrap().runs, 2);
    assert_eq!(caller.schedules().await.unwrap()[0].id, schedule.id);
    assert!(schedule.pause().await.unwrap());
    assert!(schedule.resume().await.unwrap());
    assert!(schedule.cancel().await.unwrap().is_some());
    assert!(schedule.cancel().await.unwrap().is_none());

    let at = caller.tell("add", (1, 2)).at([SystemTime::now() + secs(3600)]).await.unwrap();
    drop(at.cancel_on_drop());
    tokio::time::sleep(millis(10)).await;
    assert!(caller.schedules().await.unwrap().is_empty());
    let refused = caller.tell("add", (1, 2)).every(Duration::ZERO).await.unwrap_err();
    assert!(matches!(call_error(refused), CallError::BadArguments { .. }));
}

#[tokio::test(start_paused = true)]
async fn the_modes_have_the_spelling_of_python_too() {
    let (_controller, caller, _callee) = mesh().await;

    assert_eq!((caller.call::<i64>("add", (1, 2)) & FG.timeout(secs(15))).await.unwrap(), 3);
    assert_eq!((caller.call::<i64>("add", (1, 2)) & BG).await.unwrap(), 3);
    (caller.call::<i64>("add", (1, 2)) & NO_RETURN).await.unwrap();
    assert_eq!((caller.call::<i64>("add", (1, 2)) & BROADCAST).await.unwrap().len(), 1);
    let schedule = (caller.call::<i64>("add", (1, 2)) & PERIOD(secs(5))).await.unwrap();
    assert_eq!(schedule.callback, "add");
}

#[tokio::test(start_paused = true)]
async fn a_second_node_of_one_name_is_refused_unless_it_takes_over() {
    let (controller, _caller, callee) = mesh().await;
    let again = || connect(&controller.url()).name("callee").registry(all());

    let Error::Connect(error) = again().await.unwrap_err() else { panic!("a connect error") };
    assert!(matches!(error, ConnectError::NameTaken { .. }), "{error}");

    let second = again().take_over().await.unwrap();
    callee.join().await.unwrap();
    assert!(second.is_connected() && !callee.is_connected());
    let ended = call_error(callee.call::<i64>("add", (1, 2)).await.unwrap_err());
    assert_eq!(ended, CallError::Disconnected { ran: Ran::No });
}

#[tokio::test(start_paused = true)]
async fn a_node_comes_back_to_a_controller_that_was_restarted() {
    let (controller, caller, callee) = mesh().await;
    let url = controller.url();
    let running = tokio::spawn(caller.call::<i64>("sleeps", (60_000,)).into_future());
    tokio::time::sleep(millis(10)).await;

    drop(controller);
    let lost = call_error(running.await.unwrap().unwrap_err());
    assert_eq!(lost, CallError::Disconnected { ran: Ran::Maybe });
    let waiting = tokio::spawn({
        let caller = caller.clone();
        async move { caller.stats().await }
    });
    tokio::time::sleep(secs(1)).await;
    assert!(!callee.is_connected());
    let error = call_error(caller.call::<i64>("add", (1, 2)).timeout(secs(1)).await.unwrap_err());
    assert!(matches!(error, CallError::TimedOut { stage: Stage::Connecting, .. }), "{error}");
    let _controller = Controller::bind(&url).await.unwrap();

    waiting.await.unwrap().unwrap();
    caller.wait_callback("add").await.unwrap();
    assert_eq!(caller.call::<i64>("add", (1, 2)).await.unwrap(), 3);
    assert_eq!(callee.own_stats()["links"], 2);
}

#[tokio::test(start_paused = true)]
async fn a_stopped_node_lets_its_callbacks_finish() {
    let (_controller, caller, callee) = mesh().await;
    let running = tokio::spawn(caller.call::<i64>("sleeps", (2_000,)).into_future());
    tokio::time::sleep(millis(10)).await;

    let stopping = tokio::spawn({
        let callee = callee.clone();
        async move { callee.stop().await }
    });
    tokio::time::sleep(millis(10)).await;
    let refused = call_error(caller.call::<i64>("add", (1, 2)).await.unwrap_err());

    assert_eq!(refused.ran(), Ran::No);
    assert_eq!(running.await.unwrap().unwrap(), 1);
    stopping.await.unwrap().unwrap();
    assert_eq!(caller.nodes().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_node_ends_when_its_controller_says_goodbye() {
    let (controller, caller, callee) = mesh().await;

    controller.drain(secs(1)).await;

    caller.join().await.unwrap();
    callee.join().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_comes_and_goes_is_told_to_those_who_listen() {
    let (controller, caller, _callee) = mesh().await;
    let mut presence = caller.presence().await.unwrap();

    let other = node(&controller, "other", Registry::new()).await;
    let joined = presence.next().await.unwrap();
    assert!(matches!(&joined, Presence::Joined { node } if node == "other"), "{joined:?}");
    other.stop().await.unwrap();

    let left = presence.next().await.unwrap();
    assert!(matches!(&left, Presence::Left { node, .. } if node == "other"), "{left:?}");
}

#[tokio::test(start_paused = true)]
async fn waits_end_when_what_they_wait_for_is_there_or_their_time_is_up() {
    let (controller, caller, _callee) = mesh().await;

    caller.wait_process("callee").await.unwrap();
    caller.wait_callback("add").await.unwrap();
    let error = call_error(caller.wait_process("other").timeout(secs(1)).await.unwrap_err());
    assert!(matches!(error, CallError::TimedOut { .. }));
    let (waited, _other) =
        tokio::join!(caller.wait_process("other").into_future(), node(&controller, "other", Registry::new()));
    waited.unwrap();
    caller.ping("callee").await.unwrap();
    assert!(caller.callbacks().await.unwrap().len() >= 6);
    assert!(!caller.stats().await.unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn calls_past_the_bound_of_a_node_wait_or_are_refused() {
    let controller = controller().await;
    let _callee = connect(&controller.url()).name("callee").registry(all()).concurrency(1).await.unwrap();
    let caller = node(&controller, "caller", Registry::new()).await;

    let calls = (0..config::CALLS_QUEUED_MAX + 10).map(|_| caller.call::<i64>("sleeps", (1,)).into_future());
    let results = futures::future::join_all(calls).await;

    let busy = |result: &Result<i64, Error>| matches!(result, Err(Error::Call(CallError::Busy { .. })));
    assert!(results.iter().any(busy));
    assert!(results.iter().all(|result| result.is_ok() || busy(result)));
    assert!(results.iter().filter(|result| result.is_ok()).count() >= config::CALLS_QUEUED_MAX);
}

#[tokio::test(start_paused = true)]
async fn the_last_handle_ends_the_node() {
    let (_controller, caller, callee) = mesh().await;

    drop(callee);
    tokio::time::sleep(millis(10)).await;

    assert_eq!(caller.nodes().await.unwrap().len(), 1);
}
