//! Peers that mean harm: each meets a limit with a name, is counted under its own, and harms nobody beside it.

use std::time::Duration;

use daffi::CallError;
use daffi_core::config;
use daffi_core::wire::{CallId, Extension, Failure, Flags, Header, Kind, Offered, Register, encode};

use crate::children::Child;
use crate::offers::hold;
use crate::rogue::{Honest, Rogue, call, frame, hello, nothing, offered};
use crate::support::{Mesh, failure, fresh_probe, guarded, in_virtual_time, on_each_transport};

/// Says `bytes` as a node that was taken in, and waits until it is cut off for it.
async fn is_cut_off_for(mesh: &Mesh, honest: &Honest, counter: &str, bytes: &[u8]) {
    let (before, ended) = (mesh.stat(counter), mesh.stat("sessions_violating"));
    let mut rogue = Rogue::join(&mesh.url, "rogue", &["rogue.f"]).await;

    rogue.write(bytes).await;
    rogue.ended().await;

    mesh.until_stat(&honest.node, counter, before + 1).await;
    assert_eq!(mesh.stat("sessions_violating"), ended + 1);
    mesh.until_stat_falls_to(&honest.node, "nodes", 2).await;
}

/// A value that nests deeper than any may.
fn deep() -> Vec<u8> {
    vec![0x91; 1_000]
}

fn named(slot: u32, flags: Flags) -> Vec<u8> {
    call(slot, flags, "rogue.f", &nothing())
}

async fn links_that_never_say_who_they_are_give_way(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut silent = Vec::new();
    for _ in 0..config::STRANGERS_MAX + 20 {
        silent.push(Rogue::dial(&mesh.url).await);
    }

    mesh.until_stat(&honest.node, "sessions_crowded_out", 20).await;
    for rogue in &mut silent[..20] {
        rogue.ended().await;
    }
    let late = Rogue::join(&mesh.url, "late", &[]).await;

    mesh.until_stat_falls_to(&honest.node, "sessions", config::STRANGERS_MAX as u64 + 3).await;
    drop(late);
    honest.went_on().await;
}

async fn a_link_that_says_nothing_is_cut_off_in_time(mesh: Mesh) {
    let node = mesh.caller().await;
    let mut silent = Rogue::dial(&mesh.url).await;
    let mut halting = Rogue::dial(&mesh.url).await;
    assert!(halting.write(&frame(Header::new(Kind::Hello), &[], &hello("halting"))[..40]).await);
    let begun = tokio::time::Instant::now();

    silent.ended().await;
    halting.ended().await;

    assert!(begun.elapsed() < config::HANDSHAKE_TIMEOUT + 2 * config::PING_INTERVAL + Duration::from_secs(1));
    assert_eq!(mesh.stat("sessions_silent"), 2);
    node.stats().await.unwrap();
}

async fn whoever_calls_before_hello_is_cut_off(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::dial(&mesh.url).await;

    rogue.write(&named(0, Flags::NONE)).await;
    rogue.ended().await;

    mesh.until_stat(&honest.node, "sessions_out_of_place", 1).await;
    honest.went_on().await;
}

async fn a_stranger_may_say_little(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::dial(&mesh.url).await;
    let length = config::HANDSHAKE_BYTES_MAX as u32 + 1;

    rogue.write(&length.to_le_bytes()).await;
    rogue.ended().await;

    mesh.until_stat(&honest.node, "sessions_oversize", 1).await;
    honest.went_on().await;
}

async fn lengths_beyond_the_bound_end_a_session(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let over = config::FRAME_BYTES_MAX as u32 + 1;
    for length in [over, u32::MAX, 0, 23] {
        is_cut_off_for(&mesh, &honest, "sessions_oversize", &length.to_le_bytes()).await;
    }
    // An extension map that is longer than its frame.
    let mut bytes = frame(Header::new(Kind::Call), &[], &[]);
    bytes[6..8].copy_from_slice(&100u16.to_le_bytes());
    is_cut_off_for(&mesh, &honest, "sessions_oversize", &bytes).await;
    honest.went_on().await;
}

async fn messages_that_are_none_end_a_session(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let register = Header::new(Kind::Register);
    for garbage in [b"\xc1garbage".to_vec(), vec![0xdd, 0xff, 0xff, 0xff, 0xff], deep()] {
        is_cut_off_for(&mesh, &honest, "sessions_malformed", &frame(register, &[], &garbage)).await;
    }
    let call = Header { flags: Flags::NAMED, ..Header::new(Kind::Call) };
    is_cut_off_for(&mesh, &honest, "sessions_malformed", &frame(call, &deep(), &nothing())).await;
    honest.went_on().await;
}

async fn arguments_that_nest_too_deep_are_refused_where_they_are_read(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;
    let slots = [("it.add", 0), ("daffi.node", 1), ("daffi.schedule.create", 2)];

    for (name, slot) in slots {
        assert!(rogue.write(&call(slot, Flags::NONE, name, &deep())).await);
        let reply = rogue.reply(CallId { slot, generation: 0 }.to_bits()).await;
        assert!(reply.header.flags.has(Flags::FAILED));
        let error = CallError::from(Failure::decode(&reply.body).unwrap());
        assert!(matches!(error, CallError::BadArguments { .. }), "{name}: {error:?}");
    }

    assert!(rogue.is_heard().await);
    honest.went_on().await;
}

async fn a_session_that_breaks_the_order_of_calls_is_ended(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let credit = Header { call: 5, ..Header::new(Kind::Credit) };
    let twice =
        [call(3, Flags::NONE, "daffi.wait_node", &encode(&("nobody",)).unwrap()), named(3, Flags::NONE)];
    let offences = [
        named(config::CALLS_IN_FLIGHT_MAX as u32, Flags::NONE),
        named(u32::MAX, Flags::NONE),
        twice.concat(),
        named(7, Flags::ONE_WAY),
        frame(credit, &[], &[]),
        frame(Header::new(Kind::Hello), &[], &hello("another")),
    ];

    for bytes in offences {
        is_cut_off_for(&mesh, &honest, "sessions_out_of_place", &bytes).await;
    }
    honest.went_on().await;
}

async fn unknown_kinds_are_skipped_but_not_in_a_flood(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;
    let unknown = frame(Header::new(Kind::Unknown(200)), &[], b"?");

    assert!(rogue.write(&unknown.repeat(config::UNKNOWN_FRAMES_MAX as usize)).await);
    assert!(rogue.is_heard().await, "a few are no harm");
    // More than may come before and after a round of pings.
    rogue.write(&unknown.repeat(2 * config::UNKNOWN_FRAMES_MAX as usize + 1)).await;
    rogue.ended().await;

    mesh.until_stat(&honest.node, "sessions_babbling", 1).await;
    honest.went_on().await;
}

/// Asks for as much as it can and reads nothing, until it is cut off.
async fn never_read(url: &str) {
    let rogue = Rogue::join(url, "deaf", &[]).await;
    // First answers that are large, then, when those are refused, small ones without end.
    let body = encode(&"x".repeat(1 << 20)).unwrap();
    for slot in 0..20 {
        if !rogue.write(&call(slot, Flags::NONE, "daffi.ping", &body)).await {
            return;
        }
    }
    let pings = frame(Header::new(Kind::Ping), &[], &[]).repeat(10_000);
    while rogue.write(&pings).await {}
}

async fn whoever_does_not_read_is_cut_off(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;

    never_read(&mesh.url).await;

    mesh.until_stat(&honest.node, "sessions_not_reading", 1).await;
    mesh.until_stat_falls_to(&honest.node, "sessions", 2).await;
    mesh.until_stat_falls_to(&honest.node, "backlog_bytes", 1 << 20).await;
    honest.went_on().await;
}

async fn callees_that_do_not_read_make_their_callers_busy(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let deaf = Rogue::join(&mesh.url, "deaf", &["deaf.f"]).await;
    let text = "x".repeat(1 << 20);

    let refused = loop {
        let told = honest.node.tell("deaf.f", (&text,)).no_return().await;
        assert!(mesh.stat("backlog_bytes") <= config::OUTPUT_BYTES_LOST as u64);
        if told.is_err() {
            break failure(told);
        }
    };

    assert!(matches!(refused, CallError::Busy { .. }), "{refused:?}");
    drop(deaf);
    honest.went_on().await;
}

/// Names that nothing else has, from `first` on.
fn many(first: usize, count: usize) -> Vec<Offered> {
    (first..first + count).map(|at| offered(at, &format!("rogue.{at}"))).collect()
}

async fn a_million_names_are_more_than_one_node_may_offer(mesh: Mesh) {
    const FRAME: usize = 30_000;
    const FRAMES_MAX: usize = config::CALLBACKS_PER_NODE_MAX / FRAME + 1;
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;
    let mut refused = 0;

    for round in 0..FRAMES_MAX {
        let reply = rogue.register(many(round * FRAME, FRAME)).await;
        assert_eq!(reply.header.flags.has(Flags::FAILED), round == FRAMES_MAX - 1);
    }
    // Which names the others are makes no difference.
    let body = Register { callbacks: many(500_000, FRAME), ready: true }.encode();
    for _ in FRAMES_MAX..1_000_000 / FRAME {
        refused += u64::from(rogue.register_encoded(&body).await.header.flags.has(Flags::FAILED));
    }

    assert_eq!(refused, (1_000_000 / FRAME - FRAMES_MAX) as u64);
    assert_eq!(mesh.stat("registrations_refused"), refused + 1);
    assert!(mesh.stat("names") <= config::CALLBACKS_PER_NODE_MAX as u64 + 10);
    // The list of all these is more than a frame carries: whoever asks is told so, and stays.
    let listed = failure(honest.node.call::<()>("daffi.callbacks", ("*",)).await);
    assert!(matches!(listed, CallError::TooLarge { .. }), "{listed:?}");
    drop(rogue);
    mesh.until_stat_falls_to(&honest.node, "names", 10).await;
    honest.went_on().await;
}

async fn signatures_are_bounded_in_bytes(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;
    let with_doc = |at: usize, bytes: usize| {
        let mut offered = offered(at, &format!("rogue.{at}"));
        offered.signature.doc = "d".repeat(bytes);
        offered
    };

    let long = rogue.register(vec![with_doc(0, config::SIGNATURE_BYTES_MAX)]).await;
    let mut refused = 0;
    let batch = config::SIGNATURES_BYTES_PER_NODE_MAX / 60_000 / 20;
    for first in (0..25).map(|round| round * batch) {
        let callbacks = (first..first + batch).map(|at| with_doc(at, 60_000)).collect();
        refused += u64::from(rogue.register(callbacks).await.header.flags.has(Flags::FAILED));
    }

    assert!(long.header.flags.has(Flags::FAILED));
    assert!((4..=6).contains(&refused), "{refused} of 25");
    assert_eq!(mesh.stat("registrations_refused"), refused + 1);
    drop(rogue);
    mesh.until_stat_falls_to(&honest.node, "names", 10).await;
    honest.went_on().await;
}

async fn a_reply_to_a_call_of_others_is_dropped(mesh: Mesh) {
    let _callee = mesh.node("holder", daffi::callbacks![hold]).await;
    let caller = mesh.caller().await;
    let (name, probe) = fresh_probe();
    // Before there are many calls, so that its number is easily guessed.
    let held = hold::call(&caller, name).bg();
    probe.wait_for("started").await;
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;

    for slot in 0..64 {
        for generation in 0..8 {
            let call = CallId { slot, generation }.to_bits();
            assert!(rogue.send(Header { call, ..Header::new(Kind::Reply) }, &encode(&666).unwrap()).await);
        }
    }
    assert!(rogue.is_heard().await);

    assert!(mesh.stat("foreign_replies") >= 1);
    assert!(mesh.stat("late_replies") >= 1);
    probe.open();
    assert_ne!(held.await.unwrap(), 666);
    honest.went_on().await;
}

async fn a_hundred_thousand_names_are_not_all_given_numbers(mesh: Mesh) {
    const NAMES: usize = 100_000;
    let honest = Honest::beside(&mesh).await;
    let mut callee = Rogue::join(&mesh.url, "callee", &[]).await;
    for first in (0..NAMES).step_by(20_000) {
        assert!(!callee.register(many(first, 20_000)).await.header.flags.has(Flags::FAILED));
    }
    let reading = tokio::spawn(async move { while callee.next().await.is_some() {} });
    let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;

    for sequence in 1..=NAMES as u64 {
        let extension =
            Extension { name: Some(format!("rogue.{}", sequence - 1)), ..Extension::NONE }.encode();
        let flags = Flags::ONE_WAY.with(Flags::NAMED);
        let header = Header { flags, call: sequence, ..Header::new(Kind::Call) };
        assert!(rogue.write(&frame(header, &extension, &nothing())).await);
        if sequence % 1_000 == 0 {
            assert!(rogue.is_heard().await);
        }
    }

    let most = config::NAMES_PER_SESSION_MAX as u64;
    assert_eq!(mesh.stat("names_not_interned"), NAMES as u64 - most);
    assert!(mesh.stat("names_interned") <= most + 10);
    assert!(mesh.stat("one_way_outstanding") <= config::ONE_WAY_QUEUED_MAX as u64);
    assert!(mesh.stat("one_way_refused") >= NAMES as u64 - config::ONE_WAY_QUEUED_MAX as u64);
    reading.abort();
    honest.went_on().await;
}

async fn guesses_at_names_are_not_all_explained(mesh: Mesh) {
    let honest = Honest::beside(&mesh).await;
    let mut rogue = Rogue::join(&mesh.url, "rogue", &["rogue.f"]).await;
    let guesses = 3 * config::MISSES_EXPLAINED_MAX;

    let mut explained = 0;
    for slot in 0..guesses {
        assert!(rogue.write(&call(slot, Flags::NONE, "rogue.g", &nothing())).await);
        let reply = rogue.reply(CallId { slot, generation: 0 }.to_bits()).await;
        let error = CallError::from(Failure::decode(&reply.body).unwrap());
        let CallError::NoSuchCallback { similar, .. } = error else { panic!("{error:?}") };
        explained += u32::from(!similar.is_empty());
    }

    // A round of pings may pass meanwhile, after which misses are explained again.
    assert!(explained >= config::MISSES_EXPLAINED_MAX);
    mesh.until_stat(&honest.node, "misses_unexplained", u64::from(guesses - explained)).await;
    honest.went_on().await;
}

on_each_transport!(
    whoever_calls_before_hello_is_cut_off,
    a_stranger_may_say_little,
    lengths_beyond_the_bound_end_a_session,
    messages_that_are_none_end_a_session,
    arguments_that_nest_too_deep_are_refused_where_they_are_read,
    a_session_that_breaks_the_order_of_calls_is_ended,
    unknown_kinds_are_skipped_but_not_in_a_flood,
    whoever_does_not_read_is_cut_off,
    callees_that_do_not_read_make_their_callers_busy,
    a_million_names_are_more_than_one_node_may_offer,
    signatures_are_bounded_in_bytes,
    a_reply_to_a_call_of_others_is_dropped,
    a_hundred_thousand_names_are_not_all_given_numbers,
    guesses_at_names_are_not_all_explained,
);
// However long a busy machine takes to make so many links, none is cut off for its silence.
in_virtual_time!(a_link_that_says_nothing_is_cut_off_in_time, links_that_never_say_who_they_are_give_way);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_memory_of_a_controller_stays_bounded_whatever_is_asked_of_it() {
    guarded(async {
        let mesh = Mesh::without_controller();
        let controller = Child::start("controller", "controller", &mesh.url).await;
        let before = controller.peak_bytes();

        let mut silent = Vec::new();
        for _ in 0..config::STRANGERS_MAX {
            silent.push(Rogue::dial(&mesh.url).await);
        }
        never_read(&mesh.url).await;
        let mut rogue = Rogue::join(&mesh.url, "rogue", &[]).await;
        for first in (0..5).map(|round| round * 30_000) {
            rogue.register(many(first, 30_000)).await;
        }

        // What one that does not read may have waiting, twice for buffers that grow, and some for a directory.
        let grown = controller.peak_bytes() - before;
        assert!(grown < 4 * config::OUTPUT_BYTES_LOST + (100 << 20), "{} MiB", grown >> 20);
    })
    .await;
}
