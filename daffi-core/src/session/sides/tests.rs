//! Large bodies beside the lane, between two ends in this process.

use std::sync::Mutex;
use std::task::{Context, Poll};

use bytes::BytesMut;

use super::*;
use crate::transport::{self, Address, DialOptions, Faults, ListenOptions, Listener, Peer, inject, links};
use crate::wire::{Header, put_frame};

/// A connection in memory that has sides: each is a connection of its own.
#[derive(Debug)]
struct Sided {
    lane: Arc<dyn Connection>,
    sides: Place,
}

#[derive(Debug)]
enum Place {
    Dials(Address),
    Listens(Arc<dyn Listener>),
}

impl Connection for Sided {
    fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut BytesMut) -> Poll<io::Result<usize>> {
        self.lane.poll_read(cx, buffer)
    }

    fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        self.lane.try_write(bytes)
    }

    fn poll_writable(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lane.poll_writable(cx)
    }

    fn close(&self) {
        self.lane.close();
    }

    fn peer(&self) -> &Peer {
        self.lane.peer()
    }

    fn open_side(&self) -> Option<BoxFuture<'static, io::Result<Arc<dyn Connection>>>> {
        let Place::Dials(address) = &self.sides else { return None };
        let address = address.clone();
        Some(Box::pin(async move {
            transport::dial(&address, &DialOptions::default()).await.map_err(io::Error::other)
        }))
    }

    fn accept_side(&self) -> Option<BoxFuture<'_, io::Result<Arc<dyn Connection>>>> {
        match &self.sides {
            Place::Dials(_) => None,
            Place::Listens(listener) => Some(listener.accept()),
        }
    }
}

/// The sending and the receiving half of a link that has sides.
async fn link(name: &str) -> (Outbound, Inbound, Sides) {
    let address = |what: &str| -> Address { format!("memory://{name}-{what}").parse().expect("good") };
    let listen = async |what: &str| {
        transport::listen(&address(what), &ListenOptions::default()).await.expect("it listens")
    };
    let (lanes, sides) = (listen("lane").await, listen("sides").await);
    let dialled = transport::dial(&address("lane"), &DialOptions::default()).await.expect("it is there");
    let accepted = lanes.accept().await.expect("it was dialled");
    let ours = Sided { lane: dialled, sides: Place::Dials(address("sides")) };
    let theirs: Arc<dyn Connection> = Arc::new(Sided { lane: accepted, sides: Place::Listens(sides) });
    let outbound = Outbound::new(Arc::new(ours));
    let inbound = Inbound::new(Arc::clone(&theirs), config::FRAME_BYTES_MAX);
    let back = Outbound::new(Arc::clone(&theirs));
    (outbound, inbound, Sides::new(theirs, back).expect("it has sides"))
}

fn frame(kind: Kind, call: u64, body: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    put_frame(&mut frame, Header { call, ..Header::new(kind) }, &[], body);
    frame
}

fn spawn(outbound: &Outbound) -> tokio::task::JoinHandle<()> {
    let outbound = outbound.clone();
    tokio::spawn(async move { outbound.run().await })
}

/// The next frame of a side.
async fn next_chunk(sides: &mut Sides) -> Result<(u64, Vec<u8>), WireError> {
    loop {
        let mut side = sides.next().await?;
        let chunk = side.next()?.map(|frame| (frame.header.call, frame.body.to_vec()));
        sides.read_on(side);
        if let Some(chunk) = chunk {
            return Ok(chunk);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_chunk_is_not_taken_before_the_frame_it_goes_with() {
    let (outbound, mut inbound, mut sides) = link("sides-hold").await;
    let writer = spawn(&outbound);
    let call = frame(Kind::Call, 7, b"first part");
    outbound.with(|out| out.extend_from_slice(&call));
    outbound.put_bulk(7, true, &frame(Kind::Chunk, 7, b"the rest"));
    outbound.flush();

    let held = tokio::time::timeout(std::time::Duration::from_millis(20), sides.next()).await;
    assert!(held.is_err(), "the lane was not read yet");
    assert!(inbound.fill().await.expect("it is there"));
    assert_eq!(inbound.next().expect("a good frame").expect("all of it").body, b"first part");
    sides.advance(inbound.received());

    assert_eq!(inbound.received(), call.len() as u64);
    assert_eq!(next_chunk(&mut sides).await, Ok((7, b"the rest".to_vec())));
    writer.abort();
}

#[tokio::test]
async fn each_body_has_a_side_and_its_chunks_arrive_in_order() {
    const FLOWS: u64 = 20;
    const CHUNKS: u8 = 50;
    let (outbound, _inbound, mut sides) = link("sides-order").await;
    let writer = spawn(&outbound);
    for number in 0..CHUNKS {
        for flow in 0..FLOWS {
            let chunk = frame(Kind::Chunk, flow, &vec![number; 5_000]);
            outbound.put_bulk(flow, number + 1 == CHUNKS, &chunk);
        }
        tokio::task::yield_now().await;
    }

    let mut seen = vec![0; FLOWS as usize];
    while seen.iter().any(|seen| *seen < CHUNKS) {
        let mut side = sides.next().await.expect("good frames");
        while let Some(chunk) = side.next().expect("good frames") {
            let seen = &mut seen[chunk.header.call as usize];
            assert!(chunk.body.iter().all(|byte| byte == seen));
            *seen += 1;
        }
        sides.read_on(side);
    }

    assert_eq!(outbound.flush().chunks, 0);
    writer.abort();
}

#[tokio::test(start_paused = true)]
async fn neither_the_lane_nor_a_side_waits_until_the_other_has_no_more() {
    let (outbound, mut lane, mut sides) = link("sides-turns").await;
    let writer = spawn(&outbound);
    for _ in 0..200 {
        outbound.put_bulk(7, false, &frame(Kind::Chunk, 7, &[0; 5_000]));
        outbound.with(|out| out.extend_from_slice(&frame(Kind::Call, 8, &[0; 5_000])));
    }
    outbound.flush();
    // Time goes on once nobody has more to write.
    tokio::time::sleep(std::time::Duration::from_millis(1)).await;

    let (mut of_lane, mut of_side) = (0, 0);
    for _ in 0..6 {
        match fill(&mut lane, Some(&mut sides)).await.expect("good frames") {
            Filled::Lane(filled) => {
                assert!(filled.expect("it is there"));
                while lane.next().expect("good frames").is_some() {}
                sides.advance(lane.received());
                of_lane += 1;
            }
            Filled::Side(mut side) => {
                while side.next().expect("good frames").is_some() {}
                sides.read_on(side);
                of_side += 1;
            }
        }
    }

    assert_eq!((of_lane, of_side), (3, 3));
    writer.abort();
}

#[tokio::test]
async fn a_side_that_fails_is_reported_and_the_rest_of_its_flow_goes_nowhere() {
    let (outbound, _inbound, mut sides) = link("sides-fail").await;
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    outbound.on_given_up(move |flow| tell.send(flow).expect("it is listened to"));
    let writer = spawn(&outbound);
    outbound.put_bulk(3, false, &frame(Kind::Chunk, 3, b"one"));
    assert_eq!(next_chunk(&mut sides).await, Ok((3, b"one".to_vec())));

    links("sides-fail-sides")[0].cut();
    outbound.put_bulk(3, false, &frame(Kind::Chunk, 3, b"two"));
    assert_eq!(told.recv().await, Some(3));
    outbound.put_bulk(3, true, &frame(Kind::Chunk, 3, b"three"));
    outbound.put_bulk(4, true, &frame(Kind::Chunk, 4, b"other"));

    assert_eq!(next_chunk(&mut sides).await, Ok((4, b"other".to_vec())));
    assert_eq!(outbound.flush().chunks, 0);
    writer.abort();
}

#[tokio::test]
async fn a_body_is_given_up_with_the_link_unless_the_other_end_has_read_it() {
    let (outbound, _inbound, mut sides) = link("sides-lost").await;
    outbound.count_from_here(super::super::Keep::UntilReceived);
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    outbound.on_given_up(move |flow| tell.send(flow).expect("it is listened to"));
    let writer = spawn(&outbound);
    for flow in [3, 4] {
        outbound.put_bulk(flow, true, &frame(Kind::Chunk, flow, b"whole"));
        assert_eq!(next_chunk(&mut sides).await, Ok((flow, b"whole".to_vec())));
    }
    let flags = Flags::RECEIVED.with(Flags::SIDE);
    outbound.received(Header { flags, call: 3, ..Header::new(Kind::Credit) }).expect("it was sent");

    outbound.detach(0);
    writer.await.expect("no panic");
    let address: Address = "memory://sides-lost-lane".parse().expect("good");
    let next = transport::dial(&address, &DialOptions::default()).await;
    let next = next.unwrap_or_else(|_| outbound.lock().connection.clone());
    outbound.attach(next, 0, || Some(Vec::new())).expect("all of it is there");

    assert_eq!(told.recv().await, Some(4));
    assert!(told.try_recv().is_err(), "the other was read");
}

#[tokio::test]
async fn the_other_end_says_what_it_has_read() {
    let (outbound, _inbound, mut sides) = link("sides-read").await;
    let writer = spawn(&outbound);
    outbound.put_bulk(9, true, &frame(Kind::Chunk, 9, b"whole"));
    assert_eq!(next_chunk(&mut sides).await, Ok((9, b"whole".to_vec())));

    let quiet = tokio::time::timeout(std::time::Duration::from_millis(50), sides.next()).await;

    assert!(quiet.is_err(), "there is nothing more");
    sides.outbound.flush();
    let mut back = Inbound::new(outbound.lock().connection.clone(), config::FRAME_BYTES_MAX);
    assert!(back.fill().await.expect("it is there"));
    let header = back.next().expect("a good frame").expect("all of it").header;
    assert_eq!((header.flags, header.call), (Flags::RECEIVED.with(Flags::SIDE), 9));
    writer.abort();
}

#[tokio::test]
async fn a_side_that_cannot_be_opened_is_reported() {
    inject("sides-refuse-sides", Faults { refuses: true, ..Faults::default() });
    let (outbound, _inbound, _sides) = link("sides-refuse").await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    outbound.on_given_up(move |flow| tell.lock().expect("no panic").push(flow));
    let writer = spawn(&outbound);

    outbound.put_bulk(3, true, &frame(Kind::Chunk, 3, b"one"));
    while told.lock().expect("no panic").is_empty() {
        tokio::task::yield_now().await;
    }

    assert_eq!(*told.lock().expect("no panic"), [3]);
    assert_eq!(outbound.flush().chunks, 0);
    writer.abort();
}

#[tokio::test]
async fn only_chunks_may_travel_on_a_side() {
    let (outbound, _inbound, mut sides) = link("sides-only").await;
    let writer = spawn(&outbound);

    outbound.put_bulk(1, true, &frame(Kind::Call, 1, b"not here"));

    let refused = next_chunk(&mut sides).await;
    assert!(matches!(refused, Err(WireError::Malformed { what: "side", .. })), "{refused:?}");
    writer.abort();
}

#[tokio::test]
async fn a_side_that_does_not_say_where_it_begins_ends_the_link() {
    let (_outbound, _inbound, mut sides) = link("sides-begin").await;
    let address: Address = "memory://sides-begin-sides".parse().expect("good");
    let side = transport::dial(&address, &DialOptions::default()).await.expect("it is there");

    side.try_write(&frame(Kind::Chunk, 1, b"no preface")).expect("room");

    let refused = sides.next().await.map(drop);
    assert!(matches!(refused, Err(WireError::Malformed { what: "side", .. })), "{refused:?}");
}

#[tokio::test(start_paused = true)]
async fn no_more_sides_are_read_than_flows_are_allowed() {
    let (_outbound, _inbound, mut sides) = link("sides-many").await;
    let address: Address = "memory://sides-many-sides".parse().expect("good");
    let mut dialled = Vec::new();
    for _ in 0..config::FLOWS_MAX + 5 {
        dialled.push(transport::dial(&address, &DialOptions::default()).await.expect("it is there"));
    }

    let quiet = tokio::time::timeout(std::time::Duration::from_millis(20), sides.next()).await;

    assert!(quiet.is_err(), "none says anything");
    assert_eq!(sides.reading.len(), config::FLOWS_MAX);
}
