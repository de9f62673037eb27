//! Large bodies and streams: cut through, under their windows, and ended with their calls.

use std::time::Duration;

use super::super::Violation;
use super::harness::{Mesh, Received, Reply, Sending};
use crate::config::{
    BULK_BYTES_LOST, BULK_BYTES_MAX, CHUNK_BYTES, FLOW_WINDOW_BYTES, FLOWS_MAX, OUTPUT_BYTES_LOST,
    OUTPUT_BYTES_MAX,
};
use crate::error::{CallError, Ran};
use crate::session::Queued;
use crate::wire::{CallId, Direction, Extension, Failure, Flags, Header, Kind};

const SECOND: Duration = Duration::from_secs(1);
static CHUNK: [u8; CHUNK_BYTES] = [7; CHUNK_BYTES];

impl Mesh {
    /// A call whose arguments follow in chunks.
    pub(super) fn call_in_chunks(&mut self, at: usize, flags: Flags, timeout: Option<Duration>) -> CallId {
        self.call_named_in_chunks(at, "f", flags, &Extension::default(), timeout)
    }

    pub(super) fn call_named_in_chunks(
        &mut self,
        at: usize,
        name: &str,
        flags: Flags,
        extension: &Extension,
        timeout: Option<Duration>,
    ) -> CallId {
        let call = self.node(at).take_slot();
        self.begin_sending(at, call.to_bits(), Direction::Request);
        let header = Header { flags, call: call.to_bits(), ..Header::new(Kind::Call) };
        let sent = self.send_call(at, name, header.with_remaining(timeout), extension.clone(), b"first");
        sent.expect("a good call");
        call
    }

    pub(super) fn chunk(
        &mut self,
        at: usize,
        call: u64,
        direction: Direction,
        more: bool,
        body: &[u8],
    ) -> Result<(), Violation> {
        if let Some(flow) = self.node(at).sending.get_mut(&(call, direction)) {
            (flow.window, flow.bytes) = (flow.window.saturating_sub(body.len()), flow.bytes + body.len());
        }
        if !more {
            self.forget_sent(at, call, direction);
        }
        self.send(at, Header::chunk(call, direction, more), &[], body)
    }

    /// The sender of a flow gives it up.
    pub(super) fn give_up(&mut self, at: usize, call: u64, direction: Direction, error: &CallError) {
        self.forget_sent(at, call, direction);
        let header = Header::chunk(call, direction, false);
        let header = Header { flags: header.flags.with(Flags::FAILED), ..header };
        self.send(at, header, &[], &Failure::from(error).encode()).expect("a good chunk");
    }

    fn begin_sending(&mut self, at: usize, call: u64, direction: Direction) {
        self.node(at).sending.insert((call, direction), Sending::NEW);
        self.node(at).sent.push((call, direction));
    }

    /// A callee has run once the last of its result is sent.
    fn forget_sent(&mut self, at: usize, call: u64, direction: Direction) {
        self.node(at).sending.remove(&(call, direction));
        if direction == Direction::Reply {
            self.node(at).running.retain(|running| *running != call);
            self.node(at).flows.remove(&(call, Direction::Request));
        }
    }

    pub(super) fn reply_in_chunks(&mut self, at: usize, run: u64, flags: Flags) -> Result<(), Violation> {
        let first: &[u8] = if flags.has(Flags::MORE) { b"first" } else { &[] };
        self.begin_sending(at, run, Direction::Reply);
        self.send(at, Header { flags, call: run, ..Header::new(Kind::Reply) }, &[], first)
    }

    pub(super) fn grant(
        &mut self,
        at: usize,
        call: u64,
        direction: Direction,
        bytes: usize,
    ) -> Result<(), Violation> {
        if let Some(flow) = self.node(at).flows.get_mut(&(call, direction)) {
            flow.ungranted = flow.ungranted.saturating_sub(bytes);
        }
        self.send(at, Header::window(call, direction, bytes as u32), &[], &[])
    }

    /// A caller and a callee that runs one of its calls.
    fn pair(flags: Flags) -> (Self, usize, usize, CallId, u64) {
        let mut mesh = Self::new(1);
        let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
        let call = mesh.call_in_chunks(caller, flags, Some(10 * SECOND));
        let run = mesh.node(callee).running[0];
        (mesh, caller, callee, call, run)
    }

    fn only_reply(&mut self, at: usize) -> Reply {
        let replies = self.replies(at);
        let [(_, reply)] = &replies[..] else { panic!("{replies:?}") };
        reply.clone()
    }
}

#[test]
fn a_large_body_travels_both_ways_under_the_numbers_of_each_link() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    let other = mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    assert_ne!(other, call);

    mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK).expect("within the window");
    mesh.chunk(caller, call.to_bits(), Direction::Request, false, b"last").expect("within the window");
    let taken = mesh.node(callee).flows[&(run, Direction::Request)].clone();
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");
    mesh.chunk(callee, run, Direction::Reply, true, &CHUNK).expect("within the window");
    assert_eq!(mesh.replies(caller), [], "the reply has not ended");
    mesh.chunk(callee, run, Direction::Reply, false, b"end").expect("within the window");

    assert!(taken.has_ended && taken.bytes == [b"first", &CHUNK[..], b"last"].concat());
    let Reply::Chunks(result) = mesh.only_reply(caller) else { panic!("no result in chunks") };
    assert!(result.has_ended && result.bytes == [b"first", &CHUNK[..], b"end"].concat());
    mesh.forget_running();
    mesh.cancel(caller, other);
    mesh.check_empty();
}

#[test]
fn streams_go_both_ways_at_once_and_an_error_comes_after_the_items_before_it() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::FEEDS);
    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");

    mesh.chunk(caller, call.to_bits(), Direction::Request, true, b"in").expect("within the window");
    mesh.chunk(callee, run, Direction::Reply, true, b"out").expect("within the window");
    let error = CallError::BadArguments { expected: "an item".into(), got: "none".into() };
    mesh.give_up(callee, run, Direction::Reply, &error);

    let Reply::Chunks(result) = mesh.only_reply(caller) else { panic!("no result in chunks") };
    assert_eq!((result.bytes, result.failure), (b"out".to_vec(), Some(error)));
    mesh.check_empty();
}

#[test]
fn a_sender_gets_as_far_as_its_window_and_further_when_it_is_granted_more() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    let number = call.to_bits();
    for _ in 0..FLOW_WINDOW_BYTES / CHUNK_BYTES {
        mesh.chunk(caller, number, Direction::Request, true, &CHUNK).expect("within the window");
    }

    mesh.grant(callee, run, Direction::Request, CHUNK_BYTES).expect("it was sent as much");
    mesh.chunk(caller, number, Direction::Request, true, &CHUNK).expect("it was granted");
    let beyond = mesh.chunk(caller, number, Direction::Request, true, b"1");

    assert_eq!(mesh.node(caller).sending[&(number, Direction::Request)].granted, CHUNK_BYTES);
    assert_eq!(beyond, Err(Violation::OutOfPlace("more of a flow than its window")));
}

#[test]
fn a_sender_that_exceeds_its_window_is_ended_alone() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    let bystander = mesh.join("bystander", &[]);
    mesh.call(bystander, "f", Flags::NONE, &Extension::default(), None);
    let sent: Result<(), Violation> = (0..=FLOW_WINDOW_BYTES / CHUNK_BYTES)
        .try_for_each(|_| mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK));

    mesh.end_violating(caller, &sent.expect_err("more than a window"));

    assert_eq!(mesh.node(callee).running.len(), 1, "the bystander's call goes on");
    assert!(!mesh.node(callee).running.contains(&run), "the other was cancelled");
    assert!(!mesh.node(callee).has_left && !mesh.node(bystander).has_left);
    assert_eq!(mesh.stat("sessions_violating"), 1);
}

#[test]
fn nobody_can_grant_more_than_was_sent() {
    let (mut mesh, _, callee, _, run) = Mesh::pair(Flags::MORE);

    let granted = mesh.grant(callee, run, Direction::Request, 1);

    assert_eq!(granted, Err(Violation::OutOfPlace("more granted than was sent")));
}

#[test]
fn chunks_without_an_end_or_beyond_the_bound_are_refused() {
    let (mut mesh, caller, _, call, _) = Mesh::pair(Flags::MORE);

    let empty = mesh.chunk(caller, call.to_bits(), Direction::Request, true, &[]);
    let large = mesh.chunk(caller, call.to_bits(), Direction::Request, true, &[0; CHUNK_BYTES + 1]);

    assert_eq!(empty, Err(Violation::OutOfPlace("an empty chunk")));
    assert_eq!(large, Err(Violation::OutOfPlace("a chunk beyond the bound")));
}

#[test]
fn an_answer_in_the_middle_of_the_arguments_ends_the_call() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);

    mesh.answer(callee, run, b"\x01");
    mesh.chunk(caller, call.to_bits(), Direction::Request, false, &CHUNK).expect("it is late, no more");

    assert!(matches!(mesh.only_reply(caller), Reply::Value(..)));
    assert_eq!(mesh.stat("late_chunks"), 1);
    mesh.check_empty();
}

#[test]
fn a_deadline_in_the_middle_of_a_result_ends_both_sides() {
    let (mut mesh, caller, callee, _, run) = Mesh::pair(Flags::FEEDS);
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");

    mesh.advance(20 * SECOND);
    mesh.chunk(callee, run, Direction::Reply, false, b"late").expect("it is late, no more");

    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::TimedOut { .. })));
    assert_eq!((mesh.node(callee).cancelled, mesh.stat("late_chunks")), (1, 1));
    mesh.check_empty();
}

#[test]
fn the_loss_of_either_side_in_mid_flow_is_told_to_the_other() {
    let (mut mesh, caller, callee, _, run) = Mesh::pair(Flags::MORE);
    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");
    mesh.leave(callee);
    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::NodeLost { ran: Ran::Maybe, .. })));
    mesh.check_empty();

    let (mut mesh, caller, callee, ..) = Mesh::pair(Flags::FEEDS);
    mesh.leave(caller);
    assert_eq!((mesh.node(callee).cancelled, mesh.node(callee).running.len()), (1, 0));
    mesh.check_empty();
}

#[test]
fn a_cancelled_call_leaves_no_flow_behind() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");

    mesh.cancel(caller, call);
    mesh.grant(callee, run, Direction::Request, 1).expect("it is late, no more");

    assert_eq!((mesh.node(callee).cancelled, mesh.stat("late_windows")), (1, 1));
    mesh.check_empty();
}

#[test]
fn what_must_come_whole_is_refused_in_chunks() {
    let mut mesh = Mesh::new(1);
    let (caller, _) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    for flags in [Flags::BROADCAST, Flags::BACKGROUND.with(Flags::KEPT)] {
        let call = mesh.call_in_chunks(caller, flags.with(Flags::MORE), None);
        let Reply::Error(CallError::TooLarge { ran: Ran::No, .. }) = mesh.only_reply(caller) else {
            panic!("{flags:?} was taken")
        };
        mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK).expect("dropped, no more");
    }

    let header = Header { flags: Flags::ONE_WAY.with(Flags::MORE), call: 1, ..Header::new(Kind::Call) };
    let one_way = mesh.send_call(caller, "f", header, Extension::default(), &[]);

    assert_eq!(one_way, Err(Violation::OutOfPlace("a one-way call in chunks")));
    assert_eq!(mesh.stat("late_chunks"), 2);
    mesh.check_empty();
}

#[test]
fn callees_are_told_which_results_must_come_whole() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let none = Extension::default();
    let held = Extension { eta_ms: Some(1), ..Extension::default() };

    mesh.call(caller, "f", Flags::NONE, &none, None);
    mesh.call(caller, "f", Flags::BACKGROUND, &none, None);
    mesh.call(caller, "f", Flags::BROADCAST, &none, None);
    mesh.call(caller, "f", Flags::BACKGROUND.with(Flags::KEPT), &none, None);
    mesh.call(caller, "f", Flags::NONE, &held, None);
    mesh.advance(SECOND);

    let kept: Vec<bool> = mesh.node(callee).calls.iter().map(|flags| flags.has(Flags::KEPT)).collect();
    assert_eq!(kept, [false, false, true, true, true]);
}

#[test]
fn a_result_in_chunks_where_it_must_come_whole_is_cancelled() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::BROADCAST, &Extension::default(), None);
    let run = mesh.node(callee).running[0];

    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("no violation");

    let Reply::Parts(parts) = mesh.only_reply(caller) else { panic!("no parts") };
    assert!(matches!(parts[0].1, Err(CallError::BadReply { .. })), "{parts:?}");
    assert_eq!((mesh.node(callee).cancelled, mesh.stat("flows_refused")), (1, 1));
    mesh.check_empty();
}

#[test]
fn a_large_result_of_a_background_call_whose_caller_has_gone_is_kept_as_too_large() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::BACKGROUND, &Extension::default(), None);
    let (job, run) = (mesh.node(caller).jobs[0], mesh.node(callee).running[0]);
    mesh.leave(caller);

    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("no violation");

    let reader = mesh.join("reader", &[]);
    mesh.call_with(reader, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));
    let reply = mesh.only_reply(reader);
    assert!(matches!(reply, Reply::Error(CallError::TooLarge { ran: Ran::Yes, .. })), "{reply:?}");
    assert_eq!(mesh.node(callee).cancelled, 1);
    mesh.check_empty();
}

#[test]
fn a_background_call_whose_caller_leaves_in_mid_flow_fails() {
    let (mut mesh, caller, callee, _, run) = Mesh::pair(Flags::BACKGROUND.with(Flags::MORE));
    let job = mesh.node(caller).jobs[0];
    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");

    mesh.leave(caller);

    let reader = mesh.join("reader", &[]);
    mesh.call_with(reader, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));
    assert_eq!(mesh.only_reply(reader), Reply::Error(CallError::Disconnected { ran: Ran::Maybe }));
    assert_eq!(mesh.node(callee).cancelled, 1);
    mesh.check_empty();
}

#[test]
fn whoever_waits_for_a_job_hears_that_its_result_went_to_the_caller() {
    let (mut mesh, _, callee, _, run) = Mesh::pair(Flags::BACKGROUND.with(Flags::FEEDS));
    let job = mesh.nodes[0].jobs[0];
    let reader = mesh.join("reader", &[]);
    mesh.call_with(reader, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));

    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");
    mesh.chunk(callee, run, Direction::Reply, false, &[]).expect("the end");

    assert!(matches!(mesh.only_reply(reader), Reply::Error(CallError::BadReply { .. })));
    mesh.check_empty();
}

#[test]
fn a_session_has_so_many_flows_and_no_more() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let (first, second) = (mesh.join("a", &["f"]), mesh.join("b", &["f"]));
    for _ in 0..FLOWS_MAX {
        mesh.call_in_chunks(caller, Flags::MORE, None);
    }
    assert_eq!(mesh.replies(caller), []);

    mesh.call_in_chunks(caller, Flags::FEEDS, None);

    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::Busy { .. })));
    let other = mesh.join("other", &[]);
    for _ in 0..FLOWS_MAX {
        mesh.call_in_chunks(other, Flags::MORE, None);
    }
    let running = [first, second].map(|node| mesh.node(node).running.len());
    assert_eq!(running, [FLOWS_MAX, FLOWS_MAX]);
    let third = mesh.join("third", &[]);
    mesh.call_in_chunks(third, Flags::MORE, None);
    assert!(matches!(mesh.only_reply(third), Reply::Error(CallError::Busy { .. })), "both are full");
}

#[test]
fn chunks_of_a_call_to_nobody_are_dropped_and_counted() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let call = mesh.call_in_chunks(caller, Flags::MORE, None);

    mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK).expect("dropped, no more");
    mesh.chunk(caller, call.to_bits(), Direction::Request, false, &CHUNK).expect("dropped, no more");

    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::NoSuchCallback { .. })));
    assert_eq!(mesh.stat("late_chunks"), 2);
    mesh.check_empty();
}

#[test]
fn a_second_result_for_one_call_is_a_violation() {
    let (mut mesh, _, callee, _, run) = Mesh::pair(Flags::FEEDS);
    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");

    let second = mesh.reply_in_chunks(callee, run, Flags::STREAMED);

    assert_eq!(second, Err(Violation::OutOfPlace("a second reply to a call")));
}

#[test]
fn a_number_of_the_callees_own_call_is_not_taken_for_the_one_it_runs() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &["g"]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    let first = mesh.node(callee).running[0];
    mesh.answer(callee, first, b"\x01");
    mesh.replies(caller);
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    let run = mesh.node(callee).running[0];
    let own = mesh.call(callee, "g", Flags::NONE, &Extension::default(), None);
    assert_eq!(own.to_bits(), run, "each side counts from 0");
    mesh.reply_in_chunks(callee, run, Flags::STREAMED).expect("a good reply");

    mesh.chunk(callee, run, Direction::Request, true, b"x").expect("of no flow, so dropped");
    mesh.chunk(callee, run, Direction::Reply, false, b"y").expect("within the window");

    let Reply::Chunks(Received { bytes, .. }) = mesh.only_reply(caller) else { panic!("no stream") };
    assert_eq!((&bytes[..], mesh.stat("late_chunks")), (&b"y"[..], 1));
}

#[test]
fn a_body_costs_the_controller_its_window_and_no_more_however_large_it_is() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    let number = call.to_bits();
    let mut random = fastrand::Rng::with_seed(7);
    let chunks = FLOW_WINDOW_BYTES / CHUNK_BYTES;
    let overhead = chunks * crate::wire::HEADER_BYTES;
    let (mut window, mut sent, mut most) = (FLOW_WINDOW_BYTES, 0, 0);

    while sent < 64 * FLOW_WINDOW_BYTES {
        mesh.node(callee).does_not_read = true;
        let allowed = window / CHUNK_BYTES;
        for _ in 0..random.usize(..=allowed) {
            mesh.chunk(caller, number, Direction::Request, true, &CHUNK).expect("within the window");
            (sent, window) = (sent + CHUNK_BYTES, window - CHUNK_BYTES);
        }
        let held = (mesh.stat("backlog_bytes") + mesh.stat("bulk_bytes")) as usize;
        most = most.max(held);
        assert!(held <= FLOW_WINDOW_BYTES + overhead, "{held} bytes are held");
        if random.bool() {
            mesh.node(callee).does_not_read = false;
            mesh.read(callee);
            let ungranted = mesh.node(callee).flows[&(run, Direction::Request)].ungranted;
            if ungranted > 0 {
                mesh.grant(callee, run, Direction::Request, ungranted).expect("it was sent as much");
                window += ungranted;
            }
            mesh.node(callee).flows.get_mut(&(run, Direction::Request)).expect("open").bytes.clear();
        }
    }

    assert!(most >= FLOW_WINDOW_BYTES, "the test reached the bound: {most}");
}

#[test]
fn a_call_ends_whose_receiver_grants_what_it_has_not_read() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    mesh.node(callee).does_not_read = true;

    for _ in 0..=BULK_BYTES_LOST / CHUNK_BYTES {
        mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK).expect("it was granted");
        if mesh.stat("flows_receiving") == 1 {
            mesh.grant(callee, run, Direction::Request, CHUNK_BYTES).expect("it was sent as much");
        }
    }
    mesh.end_batch(caller);

    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::TooLarge { ran: Ran::Maybe, .. })));
    assert_eq!((mesh.stat("flows_flooding"), mesh.stat("sessions_not_reading")), (1, 0));
    assert!(mesh.stat("bulk_bytes") <= (BULK_BYTES_LOST + 2 * CHUNK_BYTES) as u64);
}

#[test]
fn a_sender_of_chunks_of_few_bytes_does_not_have_a_slow_receiver_cut_off() {
    let (mut mesh, caller, callee, call, _) = Mesh::pair(Flags::FEEDS);
    mesh.node(callee).does_not_read = true;
    mesh.node(callee).backlog.set(Queued { frames: OUTPUT_BYTES_MAX, chunks: 0 });

    for _ in 0..FLOW_WINDOW_BYTES {
        mesh.chunk(caller, call.to_bits(), Direction::Request, true, b"x").expect("within the window");
    }
    mesh.end_batch(caller);

    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::TooLarge { ran: Ran::Maybe, .. })));
    assert_eq!((mesh.stat("flows_flooding"), mesh.stat("sessions_not_reading")), (1, 0));
    assert!(mesh.stat("backlog_bytes") < (OUTPUT_BYTES_MAX + 2 * FLOW_WINDOW_BYTES) as u64);
}

#[test]
fn a_receiver_with_many_streams_may_have_a_window_of_each_before_it() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let streams = OUTPUT_BYTES_LOST / FLOW_WINDOW_BYTES + 8;
    let calls: Vec<CallId> = (0..streams).map(|_| mesh.call_in_chunks(caller, Flags::FEEDS, None)).collect();
    mesh.node(callee).does_not_read = true;

    for call in &calls {
        for _ in 0..FLOW_WINDOW_BYTES / CHUNK_BYTES {
            let sent = mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK);
            sent.expect("within the window");
        }
    }
    mesh.end_batch(caller);

    assert!(mesh.stat("backlog_bytes") > OUTPUT_BYTES_LOST as u64, "the test reached the bound");
    for call in &calls {
        let ended = mesh.chunk(caller, call.to_bits(), Direction::Request, false, &[]);
        ended.expect("the end takes no window");
    }
    mesh.end_batch(caller);

    assert_eq!((mesh.stat("flows_receiving"), mesh.stat("flows_flooding")), (0, 0));
    assert_eq!((mesh.stat("sessions_not_reading"), mesh.replies(caller).len()), (0, 0));
}

#[test]
fn whoever_comes_after_one_that_did_not_read_is_not_taken_for_it() {
    let mut mesh = Mesh::new(1);
    let slow = mesh.join("slow", &[]);
    mesh.node(slow).backlog.set(Queued { frames: OUTPUT_BYTES_LOST, chunks: 0 });
    mesh.send(slow, Header::new(Kind::Ping), &[], &[]).expect("a good ping");
    mesh.leave(slow);

    let next = mesh.join("next", &[]);
    mesh.end_batch(next);

    assert_eq!((mesh.stat("sessions_not_reading"), mesh.stat("sessions")), (0, 1));
}

#[test]
fn no_flow_to_a_node_begins_while_many_bytes_of_earlier_ones_wait_for_it() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.node(callee).backlog.set(Queued { frames: 0, chunks: BULK_BYTES_MAX });

    mesh.call_in_chunks(caller, Flags::MORE, None);
    assert!(matches!(mesh.only_reply(caller), Reply::Error(CallError::Busy { .. })));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

    assert_eq!(mesh.node(callee).running.len(), 1, "bulk takes nobody else's room");
}

#[test]
fn a_sender_that_gives_up_is_heard_past_the_chunks_before() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    mesh.node(callee).does_not_read = true;
    mesh.chunk(caller, call.to_bits(), Direction::Request, true, &CHUNK).expect("within the window");

    let error = CallError::Cancelled { ran: Ran::No };
    mesh.give_up(caller, call.to_bits(), Direction::Request, &error);
    mesh.node(callee).does_not_read = false;
    mesh.read(callee);

    let taken = &mesh.node(callee).flows[&(run, Direction::Request)];
    assert_eq!((&taken.failure, &taken.bytes[..]), (&Some(error), &b"first"[..]));
    assert_eq!(mesh.stat("flows_receiving"), 0);
    mesh.answer(callee, run, b"\x01");
    mesh.check_empty();
}

#[test]
fn what_a_link_cannot_bring_to_its_end_fails_there() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::MORE);
    let request = Header::chunk(run, Direction::Request, true).flow();
    mesh.give_up_at(callee, request);
    let taken = &mesh.node(callee).flows[&(run, Direction::Request)];
    assert_eq!(taken.failure, Some(CallError::Disconnected { ran: Ran::Maybe }));
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");

    let reply = Header::chunk(call.to_bits(), Direction::Reply, true).flow();
    mesh.give_up_at(caller, reply);
    mesh.give_up_at(caller, reply);

    assert_eq!(mesh.node(caller).late_chunks, 1, "the second time it is over");
    let Reply::Chunks(result) = mesh.only_reply(caller) else { panic!("no result in chunks") };
    assert_eq!(result.failure, Some(CallError::Disconnected { ran: Ran::Maybe }));
    assert_eq!(mesh.node(callee).cancelled, 1);
    mesh.check_empty();
}

#[test]
fn a_result_whose_last_chunk_is_still_on_its_way_fails_if_it_cannot_be_brought() {
    let (mut mesh, caller, callee, call, run) = Mesh::pair(Flags::FEEDS);
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");
    mesh.node(caller).does_not_read = true;
    mesh.chunk(callee, run, Direction::Reply, false, b"last").expect("within the window");
    assert_eq!(mesh.stat("calls_in_flight"), 0);

    mesh.give_up_at(caller, Header::chunk(call.to_bits(), Direction::Reply, true).flow());
    mesh.node(caller).does_not_read = false;
    mesh.read(caller);

    let Reply::Chunks(result) = mesh.only_reply(caller) else { panic!("no result in chunks") };
    assert_eq!(result.failure, Some(CallError::Disconnected { ran: Ran::Maybe }));
}

#[test]
fn the_controller_is_not_idle_while_a_result_in_chunks_waits_for_its_caller() {
    let (mut mesh, caller, callee, _, run) = Mesh::pair(Flags::FEEDS);
    mesh.reply_in_chunks(callee, run, Flags::MORE).expect("a good reply");
    mesh.node(caller).does_not_read = true;
    mesh.chunk(callee, run, Direction::Reply, false, b"last").expect("within the window");

    assert!(!mesh.core.is_idle());
    mesh.node(caller).does_not_read = false;
    mesh.read(caller);

    assert!(mesh.core.is_idle());
    assert!(matches!(mesh.only_reply(caller), Reply::Chunks(_)));
}
