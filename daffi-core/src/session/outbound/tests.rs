//! Links that take little, and what waits for them.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::Context;

use bytes::BytesMut;

use super::*;
use crate::transport::Peer;
use crate::wire::{Kind, put_frame};

/// Takes as many bytes as it has room for.
#[derive(Debug)]
struct Narrow {
    peer: Peer,
    room: AtomicUsize,
    taken: Mutex<Vec<u8>>,
    writes: AtomicUsize,
    is_closed: AtomicBool,
}

impl Connection for Narrow {
    fn poll_read(&self, _: &mut Context<'_>, _: &mut BytesMut) -> Poll<io::Result<usize>> {
        Poll::Pending
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.writes.fetch_add(1, Ordering::Relaxed);
        let room = self.room.load(Ordering::Relaxed).min(bytes.len());
        if room == 0 {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        self.room.fetch_sub(room, Ordering::Relaxed);
        self.taken.lock().expect("no panic").extend_from_slice(&bytes[..room]);
        Ok(room)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if self.room.load(Ordering::Relaxed) > 0 {
            return Poll::Ready(Ok(()));
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    fn close(&self) {
        self.is_closed.store(true, Ordering::Relaxed);
    }

    fn peer(&self) -> &Peer {
        &self.peer
    }
}

fn narrow(room: usize) -> (Arc<Narrow>, Outbound) {
    let connection = Arc::new(Narrow {
        peer: Peer { uid: None, pid: None, address: "test".into(), certificates: Vec::new() },
        room: AtomicUsize::new(room),
        taken: Mutex::default(),
        writes: AtomicUsize::new(0),
        is_closed: AtomicBool::new(false),
    });
    let outbound = Outbound::new(connection.clone());
    (connection, outbound)
}

fn taken(connection: &Narrow) -> Vec<u8> {
    connection.taken.lock().expect("no panic").clone()
}

#[tokio::test]
async fn what_does_not_fit_follows_in_order_once_there_is_room() {
    let (connection, outbound) = narrow(3);
    let writer = tokio::spawn({
        let outbound = outbound.clone();
        async move { outbound.run().await }
    });

    outbound.with(|bytes| bytes.extend_from_slice(b"abcdef"));
    outbound.flush();
    assert_eq!((taken(&connection), outbound.queued()), (b"abc".to_vec(), 3));
    outbound.with(|bytes| bytes.extend_from_slice(b"ghi"));
    outbound.close();
    connection.room.store(100, Ordering::Relaxed);
    writer.await.expect("no panic");

    assert_eq!(taken(&connection), b"abcdefghi");
    assert!(connection.is_closed.load(Ordering::Relaxed));
}

#[tokio::test]
async fn what_ready_tasks_append_goes_out_in_one_write() {
    let (connection, outbound) = narrow(1000);
    let writer = tokio::spawn({
        let outbound = outbound.clone();
        async move { outbound.run().await }
    });
    let tasks: Vec<_> = (0..10)
        .map(|_| {
            let outbound = outbound.clone();
            tokio::spawn(async move {
                outbound.with(|bytes| bytes.push(1));
                outbound.flush_soon();
            })
        })
        .collect();

    for task in tasks {
        task.await.expect("no panic");
    }
    outbound.close();
    writer.await.expect("no panic");

    assert_eq!(taken(&connection).len(), 10);
    assert_eq!(connection.writes.load(Ordering::Relaxed), 1);
}

#[tokio::test]
async fn an_aborted_link_drops_what_waits_and_takes_no_more() {
    let (connection, outbound) = narrow(0);

    outbound.with(|bytes| bytes.push(1));
    outbound.abort();
    outbound.with(|bytes| bytes.push(2));
    outbound.run().await;

    assert_eq!(outbound.queued(), 0);
    assert!(connection.is_closed.load(Ordering::Relaxed) && outbound.has_ended());
}

#[test]
fn memory_of_a_burst_is_given_back_when_it_was_not_needed_since() {
    let (_connection, outbound) = narrow(1 << 20);
    outbound.with(|bytes| bytes.extend_from_slice(&[0; 1 << 20]));
    outbound.flush();

    outbound.trim();
    assert!(outbound.lock().bytes.capacity() >= 1 << 20);
    outbound.trim();

    assert!(outbound.lock().bytes.capacity() <= 2 * BYTES_KEPT);
}

/// One byte at a time, so that what goes first shows.
async fn write_all(connection: &Narrow, bytes: usize) {
    for _ in 0..bytes {
        connection.room.fetch_add(1, Ordering::Relaxed);
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
        tokio::task::yield_now().await;
    }
}

fn spawn(outbound: &Outbound) -> tokio::task::JoinHandle<()> {
    let outbound = outbound.clone();
    tokio::spawn(async move { outbound.run().await })
}

#[tokio::test]
async fn chunks_take_turns_and_keep_their_order_within_a_flow() {
    let (connection, outbound) = narrow(1000);
    for chunk in [b"a1", b"a2", b"a3"] {
        outbound.put_bulk(1, chunk == b"a3", chunk);
    }
    for chunk in [b"b1", b"b2"] {
        outbound.put_bulk(2, chunk == b"b2", chunk);
    }
    assert_eq!(outbound.lock().queued().chunks, 10);

    let writer = spawn(&outbound);
    write_all(&connection, 20).await;

    assert_eq!(taken(&connection), b"a1b1a2b2a3");
    assert_eq!(outbound.lock().queued().chunks, 0);
    writer.abort();
}

#[tokio::test]
async fn a_small_frame_waits_for_one_chunk_at_the_most() {
    let (connection, outbound) = narrow(0);
    for chunk in [b"a1", b"a2", b"a3"] {
        outbound.put_bulk(1, chunk == b"a3", chunk);
    }
    let writer = spawn(&outbound);
    write_all(&connection, 1).await;
    assert_eq!(taken(&connection), b"a");

    outbound.with(|bytes| bytes.extend_from_slice(b"call"));
    outbound.flush();
    write_all(&connection, 20).await;

    assert_eq!(taken(&connection), b"a1calla2a3");
    writer.abort();
}

#[tokio::test]
async fn chunks_of_a_flow_that_is_forgotten_do_not_go_out() {
    let (connection, outbound) = narrow(0);
    for chunk in [b"a1", b"a2"] {
        outbound.put_bulk(1, false, chunk);
    }
    outbound.put_bulk(2, true, b"b1");

    outbound.forget_bulk(1);
    let writer = spawn(&outbound);
    write_all(&connection, 20).await;

    assert_eq!((taken(&connection), outbound.lock().queued().chunks), (b"b1".to_vec(), 0));
    writer.abort();
}

#[tokio::test]
async fn chunks_that_come_with_frames_go_behind_them_until_one_has_failed() {
    let (connection, outbound) = narrow(1000);
    let chunk = |call, flags: Flags| {
        let mut bytes = Vec::new();
        put_frame(&mut bytes, Header { flags, call, ..Header::new(Kind::Chunk) }, &[], b"body");
        bytes
    };
    let (first, last) = (chunk(1, Flags::MORE), chunk(1, Flags::NONE));

    outbound.with_chunks(|frames, chunks| {
        frames.extend_from_slice(b"call");
        for part in [&chunk(2, Flags::MORE), &first, &chunk(2, Flags::FAILED), &last] {
            chunks.extend_from_slice(part);
        }
    });
    let writer = spawn(&outbound);
    write_all(&connection, 20).await;

    assert_eq!(taken(&connection), [b"call", &first[..], &last].concat());
    assert_eq!(outbound.flush(), Queued { frames: 0, chunks: 0 });
    writer.abort();
}

#[tokio::test]
async fn a_link_that_closes_writes_its_frames_and_drops_its_chunks() {
    let (connection, outbound) = narrow(0);
    outbound.put_bulk(1, true, b"a1");
    outbound.with(|bytes| bytes.extend_from_slice(b"bye"));
    let writer = spawn(&outbound);

    outbound.close();
    outbound.put_bulk(2, true, b"b1");
    write_all(&connection, 20).await;
    writer.await.expect("no panic");

    assert_eq!((taken(&connection), outbound.lock().queued().chunks), (b"bye".to_vec(), 0));
}
