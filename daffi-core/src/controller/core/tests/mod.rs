//! The core driven by hand: rules one by one here, everything at once from seeds in `simulation`.

mod again;
mod flows;
mod harness;
mod listeners;
mod own;
mod replay;
mod resume;
mod rights;
mod simulation;

use std::time::Duration;

use self::harness::{Mesh, Reply};
use crate::config;
use crate::error::{CallError, Ran, Stage};
use crate::wire::{Extension, Flags, JobEntry, JobState};

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn a_call_is_answered_by_the_node_that_offers_it() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["add"]));

    let call = mesh.call(caller, "add", Flags::NONE, &Extension::default(), Some(SECOND));
    let run = mesh.node(callee).running[0];
    mesh.answer(callee, run, b"\x03");

    assert_eq!(mesh.replies(caller), [(call, Reply::Value(vec![3], "callee".into()))]);
    mesh.check_empty();
}

#[test]
fn a_name_is_learnt_by_number_on_first_use() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["add"]));
    mesh.call(caller, "add", Flags::NONE, &Extension::default(), None);

    assert!(mesh.node(caller).names.contains_key("add"));
    mesh.call(caller, "add", Flags::NONE, &Extension::default(), None);

    assert_eq!(mesh.node(callee).running.len(), 2);
}

#[test]
fn a_number_of_a_withdrawn_name_is_good_again_once_it_is_offered_again() {
    let mut mesh = Mesh::new(1);
    let (caller, first) = (mesh.join("caller", &[]), mesh.join("first", &["add"]));
    mesh.call(caller, "add", Flags::NONE, &Extension::default(), None);
    mesh.leave(first);
    mesh.replies(caller);

    mesh.call(caller, "add", Flags::NONE, &Extension::default(), None);
    let [(_, Reply::Error(CallError::NoSuchCallback { name, .. }))] = &mesh.replies(caller)[..] else {
        panic!("refused");
    };
    assert_eq!(name, "add");
    let second = mesh.join("second", &["add"]);
    mesh.call(caller, "add", Flags::NONE, &Extension::default(), None);

    assert_eq!(mesh.node(second).running.len(), 1);
}

#[test]
fn the_least_busy_node_is_chosen() {
    let mut mesh = Mesh::new(7);
    let caller = mesh.join("caller", &[]);
    let nodes = [mesh.join("a", &["f"]), mesh.join("b", &["f"]), mesh.join("c", &["f"])];

    for _ in 0..30 {
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    }

    assert_eq!(nodes.map(|node| mesh.node(node).running.len()), [10, 10, 10]);
}

#[test]
fn the_callers_own_callback_serves_only_when_nobody_else_has_it() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &["f"]);
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    assert_eq!(mesh.node(caller).running.len(), 1);

    let other = mesh.join("other", &["f"]);
    for _ in 0..5 {
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    }

    assert_eq!((mesh.node(caller).running.len(), mesh.node(other).running.len()), (1, 5));
}

#[test]
fn a_suspect_gets_no_calls_while_another_serves() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let (stopped, live) = (mesh.join("stopped", &["f"]), mesh.join("live", &["f"]));
    mesh.node(stopped).is_stopped = true;
    for _ in 0..3 {
        mesh.advance(SECOND);
    }

    for _ in 0..4 {
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    }
    assert_eq!(mesh.node(live).running.len(), 4);
    mesh.leave(live);
    mesh.replies(caller);
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

    assert_eq!(mesh.node(stopped).running.len(), 1);
}

#[test]
fn calls_of_one_key_go_to_one_node() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    let nodes = [mesh.join("a", &["f"]), mesh.join("b", &["f"]), mesh.join("c", &["f"])];

    for _ in 0..9 {
        let keyed = Extension { key: Some("user:7".into()), ..Extension::default() };
        mesh.call(caller, "f", Flags::NONE, &keyed, None);
    }

    let mut counts = nodes.map(|node| mesh.node(node).running.len());
    counts.sort_unstable();
    assert_eq!(counts, [0, 0, 9]);
}

#[test]
fn a_full_callee_refuses_and_the_call_has_not_run() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    mesh.join("callee", &["f"]);
    let room = harness::CONCURRENCY as usize + config::CALLS_QUEUED_MAX;

    for _ in 0..room {
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    }
    assert_eq!(mesh.replies(caller).len(), 0);
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

    let replies = mesh.replies(caller);
    let [(_, Reply::Error(error @ CallError::Busy { .. }))] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(error.ran(), Ran::No);
}

#[test]
fn a_callee_that_leaves_ends_its_calls_at_once() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), Some(SECOND));

    mesh.leave(callee);

    let replies = mesh.replies(caller);
    let [(_, Reply::Error(CallError::NodeLost { node, ran: Ran::Maybe }))] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!(*node, "callee");
    mesh.check_empty();
}

#[test]
fn a_caller_that_leaves_cancels_its_calls() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

    mesh.leave(caller);

    assert_eq!(mesh.node(callee).cancelled, 1);
    mesh.check_empty();
}

#[test]
fn a_call_for_a_node_that_lacks_the_callback_names_the_nearest_that_this_one_offers() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);
    mesh.join("callee", &["orders.create", "unlike"]);
    mesh.join("other", &["order.create", "order.creates"]);
    let on = |node: &str| Extension { on: Some(node.into()), ..Extension::default() };

    mesh.call(caller, "order.create", Flags::NONE, &on("callee"), None);

    let replies = mesh.replies(caller);
    let [(_, Reply::Error(CallError::NoSuchCallback { name, similar }))] = &replies[..] else {
        panic!("{replies:?}")
    };
    assert_eq!((name.as_str(), &similar[..]), ("order.create on callee", &["orders.create".to_owned()][..]));
}

#[test]
fn a_call_that_ran_out_of_time_says_whether_it_may_have_waited_at_its_callee() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let stages = |mesh: &mut Mesh, calls: u32| {
        for _ in 0..calls {
            mesh.call(caller, "f", Flags::NONE, &Extension::default(), Some(SECOND));
        }
        mesh.advance(2 * SECOND);
        mesh.node(callee).running.clear();
        let replies = mesh.replies(caller);
        assert_eq!(replies.len(), calls as usize);
        let stage = |(_, reply): &(_, Reply)| match reply {
            Reply::Error(CallError::TimedOut { stage, after: SECOND, node: Some(_) }) => *stage,
            other => panic!("{other:?}"),
        };
        replies.iter().map(stage).collect::<Vec<_>>()
    };

    assert!(stages(&mut mesh, harness::CONCURRENCY).iter().all(|stage| *stage == Stage::Running));
    assert_eq!(stages(&mut mesh, harness::CONCURRENCY + 1)[0], Stage::Queued);
}

#[test]
fn a_late_reply_is_counted_and_never_meets_the_next_user_of_its_slot() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::NONE, &Extension::default(), Some(SECOND));
    let late = mesh.node(callee).running[0];
    mesh.advance(2 * SECOND);
    let replies = mesh.replies(caller);
    let [(_, Reply::Error(CallError::TimedOut { stage: Stage::Running, .. }))] = &replies[..] else {
        panic!("{replies:?}")
    };

    mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);
    mesh.node(callee).running.push(late);
    mesh.answer(callee, late, b"\x01");

    assert_eq!(mesh.replies(caller), []);
    assert_eq!(mesh.stat("late_replies"), 1);
}

#[test]
fn a_number_that_meant_a_node_that_left_means_the_next_one() {
    let mut mesh = Mesh::new(1);
    let callee = mesh.join("callee", &["f"]);
    for name in ["first", "second"] {
        let caller = mesh.join(name, &[]);
        mesh.call(caller, "f", Flags::NONE, &Extension::default(), None);

        assert_eq!(mesh.node(callee).last_caller, name);
        mesh.leave(caller);
    }
}

#[test]
fn a_broadcast_has_one_outcome_from_each_node() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &["f"]);
    let nodes = [mesh.join("a", &["f"]), mesh.join("b", &["f"]), mesh.join("c", &["f"])];
    let call = mesh.call(caller, "f", Flags::BROADCAST, &Extension::default(), Some(SECOND));
    assert!(mesh.node(caller).running.is_empty(), "the sender is left out");

    let run = mesh.node(nodes[0]).running[0];
    mesh.answer(nodes[0], run, b"\x01");
    mesh.leave(nodes[1]);
    mesh.advance(2 * SECOND);

    let replies = mesh.replies(caller);
    let [(id, Reply::Parts(parts))] = &replies[..] else { panic!("{replies:?}") };
    assert_eq!(*id, call);
    let outcome =
        |node: &str| parts.iter().find(|(name, _)| name == node).map(|(_, outcome)| outcome.clone());
    assert_eq!(outcome("a"), Some(Ok(vec![1])));
    assert!(matches!(outcome("b"), Some(Err(CallError::NodeLost { .. }))));
    assert!(matches!(outcome("c"), Some(Err(CallError::TimedOut { .. }))));
    mesh.check_empty();
}

#[test]
fn the_result_of_a_background_call_is_kept_when_its_caller_has_gone() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::BACKGROUND, &Extension::default(), None);
    let job = mesh.node(caller).jobs[0];
    mesh.leave(caller);
    let run = mesh.node(callee).running[0];
    mesh.answer(callee, run, b"\x2a");

    let reader = mesh.join("reader", &[]);
    let jobs: Vec<JobEntry> = mesh.ask(reader, "daffi.jobs", &());
    assert_eq!((jobs[0].id, jobs[0].state), (job, JobState::Done));
    assert_eq!(mesh.ask::<_, u8>(reader, "daffi.job.result", &(job,)), 42);
    mesh.advance(config::KEPT_FOR + SECOND);

    assert_eq!(mesh.ask::<_, Vec<JobEntry>>(reader, "daffi.jobs", &()), []);
}

#[test]
fn a_result_that_is_waited_for_is_given_when_it_comes() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    mesh.call(caller, "f", Flags::BACKGROUND.with(Flags::KEPT), &Extension::default(), None);
    let job = mesh.node(caller).jobs[0];
    let wait = mesh.call_with(caller, "daffi.job.result", Flags::NONE, &Extension::default(), None, &(job,));

    let run = mesh.node(callee).running[0];
    mesh.answer(callee, run, b"\x07");

    assert_eq!(mesh.replies(caller), [(wait, Reply::Value(vec![7], "".into()))]);
    assert_eq!(mesh.ask::<_, u8>(caller, "daffi.job.result", &(job,)), 7, "it can be read again");
    mesh.check_empty();
}

#[test]
fn a_delayed_call_is_not_sent_before_its_eta_and_its_time_starts_then() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let delayed = Extension { eta_ms: Some(5_000), ..Extension::default() };
    mesh.call(caller, "f", Flags::NONE, &delayed, Some(SECOND));

    mesh.advance(4 * SECOND);
    assert!(mesh.node(callee).running.is_empty());
    mesh.advance(SECOND);
    assert_eq!(mesh.node(callee).running.len(), 1);
    assert_eq!(mesh.replies(caller), []);
    mesh.advance(2 * SECOND);

    assert!(matches!(mesh.replies(caller)[..], [(_, Reply::Error(CallError::TimedOut { .. }))]));
    mesh.check_empty();
}

#[test]
fn calls_that_wait_for_their_eta_take_no_more_than_their_share() {
    let mut mesh = Mesh::new(1);
    let (caller, _) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let delayed = Extension { eta_ms: Some(5_000), ..Extension::default() };
    let large = serde_bytes::ByteBuf::from(vec![0; 3 << 20]);

    let wait = |mesh: &mut Mesh| mesh.call_with(caller, "f", Flags::NONE, &delayed, None, &(&large,));
    for _ in 0..config::DELAYED_BYTES_MAX / (3 << 20) - 1 {
        wait(&mut mesh);
    }
    assert_eq!(mesh.replies(caller), []);
    wait(&mut mesh);
    wait(&mut mesh);

    let replies = mesh.replies(caller);
    assert!(matches!(replies[..], [.., (_, Reply::Error(CallError::Busy { .. }))]), "{}", replies.len());
    mesh.leave(caller);
    mesh.check_empty();
}

#[test]
fn a_wait_for_what_cannot_be_a_name_is_refused() {
    let mut mesh = Mesh::new(1);
    let waiter = mesh.join("waiter", &[]);

    for (asked, name) in [("daffi.wait_node", "a b".to_owned()), ("daffi.wait_callback", "x".repeat(1 << 20))]
    {
        mesh.call_with(waiter, asked, Flags::NONE, &Extension::default(), None, &(name,));
        let replies = mesh.replies(waiter);
        assert!(matches!(replies[..], [(_, Reply::Error(CallError::BadArguments { .. }))]), "{replies:?}");
    }
    mesh.check_empty();
}

#[test]
fn a_wait_for_a_node_ends_when_it_joins() {
    let mut mesh = Mesh::new(1);
    let waiter = mesh.join("waiter", &["own"]);
    let node =
        mesh.call_with(waiter, "daffi.wait_node", Flags::NONE, &Extension::default(), None, &("late",));
    let own =
        mesh.call_with(waiter, "daffi.wait_callback", Flags::NONE, &Extension::default(), None, &("own",));
    assert_eq!(mesh.replies(waiter), []);

    mesh.join("late", &[]);
    let ended: Vec<_> = mesh.replies(waiter).into_iter().map(|(call, _)| call).collect();
    assert_eq!(ended, [node]);
    mesh.join("other", &["own"]);

    let ended: Vec<_> = mesh.replies(waiter).into_iter().map(|(call, _)| call).collect();
    assert_eq!(ended, [own]);
    mesh.check_empty();
}

#[test]
fn a_second_node_of_one_name_is_refused_unless_it_takes_over() {
    let mut mesh = Mesh::new(1);
    let first = mesh.join("worker", &["f"]);

    let second = mesh.try_join("worker", &["f"], false);
    assert!(mesh.node(second).refused.as_deref().is_some_and(|why| why.contains("connected for")));
    let third = mesh.try_join("worker", &["f"], true);

    assert!(mesh.node(third).refused.is_none() && mesh.node(third).is_ready);
    assert!(mesh.node(first).was_dismissed);
    assert_eq!(mesh.stat("nodes"), 1);
}

#[test]
fn one_way_calls_are_acknowledged_together_and_refusals_one_by_one() {
    let mut mesh = Mesh::new(1);
    let (caller, callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));

    mesh.one_way(caller, &["f", "f", "nobody", "f"]);

    let node = mesh.node(caller);
    assert_eq!((node.one_way_acked, node.one_way_refused), (4, 1));
    assert_eq!(mesh.node(callee).one_way_received, 3);
    mesh.credit(callee, 3);
    assert_eq!(mesh.stat("one_way_outstanding"), 0);
}

#[test]
fn a_peer_that_forges_a_call_number_is_cut_off() {
    let mut mesh = Mesh::new(1);
    let caller = mesh.join("caller", &[]);

    let refused = mesh.raw_call(caller, config::CALLS_IN_FLIGHT_MAX as u32);

    assert!(refused.is_err());
}

#[test]
fn a_silent_peer_is_cut_off() {
    let mut mesh = Mesh::new(1);
    mesh.connect();

    mesh.advance(config::HANDSHAKE_TIMEOUT + SECOND);

    assert_eq!(mesh.stat("sessions_silent"), 1);
}

#[test]
fn a_million_timed_out_or_cancelled_calls_leave_nothing_behind() {
    let mut mesh = Mesh::new(1);
    let (caller, _callee) = (mesh.join("caller", &[]), mesh.join("callee", &["f"]));
    let rounds = 1_000_000 / 1_000;

    for round in 0..rounds {
        let calls: Vec<_> = (0..1_000)
            .map(|_| mesh.call(caller, "f", Flags::NONE, &Extension::default(), Some(SECOND)))
            .collect();
        if round % 2 == 0 {
            for call in calls {
                mesh.cancel(caller, call);
            }
        } else {
            mesh.advance(2 * SECOND);
            assert_eq!(mesh.replies(caller).len(), 1_000);
        }
        mesh.forget_running();
    }

    assert_eq!(mesh.stat("calls_timed_out") + mesh.stat("calls_cancelled"), 1_000_000);
    mesh.check_empty();
}
