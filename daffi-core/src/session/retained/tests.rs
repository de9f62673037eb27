//! Bytes that are written again: all frames arrive once and in order, whatever breaks.

use std::io;
use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::BytesMut;
use proptest::prelude::*;

use super::super::Inbound;
use super::*;
use crate::transport::Peer;
use crate::wire::{Header, Kind, put_frame};

/// Takes so many bytes, then breaks. What it took can be read once.
#[derive(Debug)]
struct Breaks {
    peer: Peer,
    room: Mutex<usize>,
    taken: Mutex<Vec<u8>>,
}

impl Breaks {
    fn after(room: usize) -> Arc<Self> {
        let peer = Peer { uid: None, pid: None, address: "test".into(), certificates: Vec::new() };
        Arc::new(Self { peer, room: Mutex::new(room), taken: Mutex::default() })
    }

    fn taken(&self) -> Vec<u8> {
        self.taken.lock().expect("no panic").clone()
    }
}

impl Connection for Breaks {
    fn poll_read(&self, _: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        let mut taken = self.taken.lock().expect("no panic");
        let count = taken.len().min(buffer.capacity() - buffer.len());
        buffer.extend(taken.drain(..count));
        Poll::Ready(Ok(count))
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut room = self.room.lock().expect("no panic");
        if *room == 0 {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        let count = bytes.len().min(*room);
        *room -= count;
        self.taken.lock().expect("no panic").extend_from_slice(&bytes[..count]);
        Ok(count)
    }

    fn poll_writable(&self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn close(&self) {
        *self.room.lock().expect("no panic") = 0;
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}

/// A link that keeps its bytes, over a connection that takes `room` of them.
fn keeping(room: usize) -> (Arc<Breaks>, Outbound) {
    let connection = Breaks::after(room);
    let outbound = Outbound::new(connection.clone());
    outbound.count_from_here(Keep::UntilReceived);
    (connection, outbound)
}

fn say(outbound: &Outbound, text: &[u8]) {
    outbound.with(|out| out.extend_from_slice(text));
    outbound.flush();
}

#[test]
fn what_the_other_end_lacks_is_written_again_behind_the_greeting() {
    let (first, outbound) = keeping(7);
    say(&outbound, b"abcdefghij");
    assert_eq!(first.taken(), b"abcdefg");
    say(&outbound, b"klm");

    let next = Breaks::after(100);
    outbound.attach(next.clone(), 5, || Some(b"HI".to_vec())).expect("all of it is there");
    outbound.flush();

    assert_eq!(next.taken(), b"HIfghijklm");
    assert!(outbound.may_resume() && !outbound.has_ended());
}

#[test]
fn the_handshake_is_not_counted_even_if_it_was_not_written() {
    let connection = Breaks::after(3);
    let outbound = Outbound::new(connection.clone());
    outbound.with(|out| out.extend_from_slice(b"welcome"));
    outbound.count_from_here(Keep::UntilReceived);
    say(&outbound, b"abc");

    let next = Breaks::after(100);
    outbound.attach(next.clone(), 0, || Some(b"again".to_vec())).expect("all of it is there");
    outbound.flush();

    assert_eq!(next.taken(), b"againabc");
}

#[test]
fn a_break_in_the_middle_of_the_greeting_does_no_harm() {
    let (_, outbound) = keeping(6);
    say(&outbound, b"abcdefgh");
    let second = Breaks::after(3);
    outbound.attach(second.clone(), 4, || Some(b"welcome".to_vec())).expect("there");
    outbound.flush();
    assert_eq!(second.taken(), b"wel");
    assert_eq!(
        outbound.attach(Breaks::after(1), 7, || Some(Vec::new())),
        Err(CannotResume),
        "6 were written"
    );

    let third = Breaks::after(100);
    outbound.attach(third.clone(), 4, || Some(b"again".to_vec())).expect("there");
    outbound.flush();

    assert_eq!(third.taken(), b"againefgh");
}

#[test]
fn a_second_break_finds_everything_that_was_not_received_still_there() {
    let (_, outbound) = keeping(4);
    say(&outbound, b"abcdef");
    let second = Breaks::after(3);
    outbound.attach(second.clone(), 2, || Some(b"-".to_vec())).expect("there");
    outbound.flush();
    assert_eq!(second.taken(), b"-cd");

    let third = Breaks::after(100);
    outbound.attach(third.clone(), 3, || Some(b"+".to_vec())).expect("there");
    outbound.flush();

    assert_eq!(third.taken(), b"+def");
}

#[test]
fn what_was_received_is_kept_no_longer() {
    let (_, outbound) = keeping(usize::MAX);
    let chunk = vec![7; 100 << 10];
    for count in 1..=100_u64 {
        say(&outbound, &chunk);
        outbound.acknowledged(count * chunk.len() as u64).expect("it was written");
    }

    assert!(outbound.lock().bytes.len() <= 2 * chunk.len());
    assert!(outbound.attach(Breaks::after(1), 5, || Some(Vec::new())).is_err(), "long gone");
}

#[test]
fn a_count_of_more_than_was_written_is_refused() {
    let (_, outbound) = keeping(4);
    say(&outbound, b"abcdef");

    assert_eq!(outbound.acknowledged(5), Err(NeverSent));
    assert_eq!(outbound.acknowledged(4), Ok(()));
    assert_eq!(outbound.acknowledged(2), Ok(()), "an older word comes late");
    assert_eq!(outbound.attach(Breaks::after(1), 5, || Some(Vec::new())), Err(CannotResume));
    assert_eq!(outbound.attach(Breaks::after(1), 4, || Some(Vec::new())), Ok(()));
}

#[test]
fn past_the_bound_only_who_has_what_was_dropped_may_go_on() {
    let (_, outbound) = keeping(usize::MAX);
    let chunk = vec![7; 1 << 20];
    for _ in 0..10 {
        say(&outbound, &chunk);
    }
    assert!(outbound.lock().bytes.len() <= 2 * config::RESUME_BYTES_MAX + chunk.len());
    outbound.detach(0);

    let go_on = |received| outbound.attach(Breaks::after(1), received, || Some(Vec::new()));
    assert_eq!(go_on(1 << 20), Err(CannotResume));
    assert_eq!(go_on(9 << 20), Ok(()));
}

#[test]
fn what_is_said_while_it_is_away_waits_and_a_link_that_ends_then_is_over() {
    let (_, outbound) = keeping(100);
    outbound.detach(0);
    say(&outbound, b"abc");
    assert_eq!((outbound.queued(), outbound.has_ended()), (3, false));

    outbound.close();

    assert!(outbound.has_ended() && !outbound.may_resume());
    assert_eq!(outbound.attach(Breaks::after(1), 0, || Some(Vec::new())), Err(CannotResume));
}

#[test]
fn a_connection_that_was_replaced_cannot_break_the_link() {
    let (_, outbound) = keeping(100);
    outbound.attach(Breaks::after(100), 0, || Some(Vec::new())).expect("there");

    outbound.detach(0);

    let next = outbound.lock();
    assert!(!next.is_cut && next.turn == 1);
}

#[test]
fn a_link_that_keeps_nothing_ends_with_its_connection() {
    let connection = Breaks::after(2);
    let outbound = Outbound::new(connection);
    outbound.count_from_here(Keep::Nothing);
    say(&outbound, b"abc");

    assert!(outbound.has_ended() && !outbound.may_resume());
    assert_eq!(outbound.acknowledged(1000), Ok(()), "nobody counts");
}

#[test]
fn a_greeting_that_declines_leaves_the_link_as_it_was() {
    let (_, outbound) = keeping(3);
    say(&outbound, b"abc");

    assert_eq!(outbound.attach(Breaks::after(100), 1, || None), Err(CannotResume));
    let next = Breaks::after(100);
    outbound.attach(next.clone(), 1, || Some(Vec::new())).expect("there");
    outbound.flush();

    assert_eq!(next.taken(), b"bc");
}

/// Reads what a connection took, from `received` on, and says what the frames hold.
fn read(connection: Arc<Breaks>, received: u64, frames: &mut Vec<u64>) -> u64 {
    let mut inbound = Inbound::new(connection, config::FRAME_BYTES_MAX);
    inbound.count_from(received);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    runtime.block_on(async {
        while inbound.fill().await.expect("no errors") {
            while let Some(frame) = inbound.next().expect("good frames") {
                frames.push(frame.header.call);
            }
        }
    });
    inbound.received()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn every_frame_arrives_once_and_in_order_however_often_the_link_breaks(
        lengths in proptest::collection::vec(prop_oneof![0usize..100, 3_000usize..20_000], 1..60),
        breaks in proptest::collection::vec((1usize..9_000, any::<bool>()), 0..30),
    ) {
        let (mut connection, outbound) = keeping(500);
        let (mut arrived, mut received) = (Vec::new(), 0);
        let mut breaks = breaks.into_iter();
        for (number, length) in lengths.iter().enumerate() {
            let header = Header { call: number as u64, ..Header::new(Kind::Call) };
            outbound.with(|out| put_frame(out, header, &[], &vec![1; *length]));
            outbound.flush();
            // It breaks wherever it is: in the middle of a frame too, of which a part has then arrived in vain.
            while outbound.lock().is_cut {
                received = read(connection, received, &mut arrived);
                let (room, tells) = breaks.next().unwrap_or((usize::MAX, true));
                connection = Breaks::after(room);
                outbound.attach(connection.clone(), received, || Some(Vec::new())).expect("little is under way");
                outbound.flush();
                if tells && !outbound.lock().is_cut {
                    outbound.acknowledged(received).expect("it was written");
                }
            }
        }
        read(connection, received, &mut arrived);

        prop_assert_eq!(arrived, (0..lengths.len() as u64).collect::<Vec<_>>());
    }
}
