//! Slots are taken, answered, given up and used again.

use proptest::prelude::*;

use super::*;

fn reply(byte: u8) -> Outcome {
    Ok(Reply { peer: 0, body: Body::from(&[byte][..]) })
}

fn poll(in_flight: &mut InFlight, id: CallId) -> Poll<Outcome> {
    in_flight.poll_outcome(id, &mut Context::from_waker(Waker::noop()))
}

#[test]
fn a_late_reply_never_meets_the_next_call_of_its_slot() {
    let mut in_flight = InFlight::new(10);
    let first = in_flight.insert(Expect::Reply, None).expect("room");
    assert!(in_flight.abandon(first).0);
    let second = in_flight.insert(Expect::Reply, None).expect("room");
    assert_eq!(first.slot, second.slot);

    assert!(!in_flight.finish(first, reply(1), &mut Vec::new()));

    assert!(poll(&mut in_flight, second).is_pending());
}

#[test]
fn a_reply_wakes_whoever_waits_and_frees_the_slot_when_it_is_taken() {
    let mut in_flight = InFlight::new(1);
    let id = in_flight.insert(Expect::Reply, None).expect("room");
    assert!(in_flight.insert(Expect::Reply, None).is_none());
    assert!(poll(&mut in_flight, id).is_pending());
    let mut woken = Vec::new();

    assert!(in_flight.finish(id, reply(7), &mut woken));

    assert_eq!(woken.len(), 1);
    assert_eq!(poll(&mut in_flight, id), Poll::Ready(reply(7)));
    assert_eq!(in_flight.len(), 0);
    assert!(in_flight.insert(Expect::Reply, None).is_some());
}

#[test]
fn a_detached_job_keeps_its_slot_until_the_controller_is_done_with_it() {
    let mut in_flight = InFlight::new(10);
    let id = in_flight.insert(Expect::TakenAndReply, None).expect("room");

    in_flight.detach(id);
    assert!(in_flight.taken(id, JobId(1), &mut Vec::new()));
    assert_eq!((in_flight.len(), in_flight.waiting()), (1, 0));
    assert!(in_flight.finish(id, reply(1), &mut Vec::new()));

    assert_eq!((in_flight.len(), in_flight.waiting()), (0, 0));
}

#[test]
fn a_kept_job_is_over_once_it_is_taken() {
    let mut in_flight = InFlight::new(10);
    let id = in_flight.insert(Expect::Taken, None).expect("room");

    in_flight.taken(id, JobId(9), &mut Vec::new());
    in_flight.detach(id);

    assert_eq!(in_flight.len(), 0);
}

#[test]
fn parts_that_came_before_the_link_broke_are_not_lost() {
    let mut in_flight = InFlight::new(10);
    let id = in_flight.insert(Expect::Parts, None).expect("room");
    let part = (NodeName::new("a").expect("a good name"), Ok(Bytes::new()));
    in_flight.parts(id, vec![part.clone()], false, &mut Vec::new());

    in_flight.lose_all(&mut Vec::new());

    let cx = &mut Context::from_waker(Waker::noop());
    assert_eq!(in_flight.poll_parts(id, cx), Poll::Ready(Ok(vec![part])));
    let lost = Err(CallError::Disconnected { ran: Ran::Maybe });
    assert_eq!(in_flight.poll_parts(id, cx), Poll::Ready(lost));
    assert_eq!(in_flight.len(), 0);
}

#[test]
fn an_expired_call_says_that_the_controller_is_silent() {
    let mut in_flight = InFlight::new(10);
    let id = in_flight.insert(Expect::Reply, Some(Duration::from_secs(3))).expect("room");

    assert_eq!(in_flight.expire(id.slot, &mut Vec::new()), Some(id));

    let after = Duration::from_secs(3);
    let expected = Err(CallError::TimedOut { stage: Stage::Controller, node: None, after });
    assert_eq!(poll(&mut in_flight, id), Poll::Ready(expected));
    assert_eq!(in_flight.expire(id.slot, &mut Vec::new()), None);
}

proptest! {
    #[test]
    fn every_call_ends_once_and_no_slot_leaks(steps in proptest::collection::vec((0u8..6, any::<u8>()), 0..200)) {
        let mut in_flight = InFlight::new(8);
        let mut known: Vec<CallId> = Vec::new();
        for (step, pick) in steps {
            let at = usize::from(pick) % known.len().max(1);
            let woken = &mut Vec::new();
            match (step, known.get(at).copied()) {
                (0 | 1, _) => known.extend(in_flight.insert(Expect::TakenAndReply, None)),
                (2, Some(id)) => prop_assert!(in_flight.finish(id, reply(pick), woken) || in_flight.is_finished(id)),
                (3, Some(id)) => if poll(&mut in_flight, id).is_ready() {
                    known.swap_remove(at);
                    prop_assert!(!in_flight.finish(id, reply(pick), woken));
                },
                (4, Some(id)) => {
                    in_flight.abandon(id);
                    known.swap_remove(at);
                }
                (_, Some(id)) => {
                    in_flight.detach(id);
                    in_flight.finish(id, reply(pick), woken);
                    known.swap_remove(at);
                }
                (_, None) => {}
            }
            prop_assert_eq!((in_flight.len(), in_flight.waiting()), (known.len(), known.len()));
            prop_assert!(in_flight.slots.len() <= 8);
        }
    }
}
