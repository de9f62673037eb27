//! What every transport must do, tried over each.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::time::Duration;

use super::*;

use super::quic::tests::{Mesh, pair};

/// A listener, a connection to it, and its other end.
struct Setup {
    listener: Arc<dyn Listener>,
    dialled: Arc<dyn Connection>,
    accepted: Arc<dyn Connection>,
    listening: ListenOptions,
    dialling: DialOptions,
    /// One end knows what the other does as soon as it is done.
    is_instant: bool,
    _directory: Option<tempfile::TempDir>,
}

impl Setup {
    async fn at(address: &Address, directory: Option<tempfile::TempDir>) -> Self {
        let (listening, dialling) = (ListenOptions::default(), DialOptions::default());
        let listener = listen(address, &listening).await.unwrap();
        let dialled = dial(address, &dialling).await.unwrap();
        let accepted = listener.accept().await.unwrap();
        Self { listener, dialled, accepted, listening, dialling, is_instant: true, _directory: directory }
    }

    async fn quic(_name: &str) -> Self {
        let mesh = Mesh::new("mesh");
        let (listening, dialling) = (mesh.listening(), mesh.dialling());
        let listener = listen(&"quic://127.0.0.1:0".parse().unwrap(), &listening).await.unwrap();
        let (dialled, accepted) = pair(&*listener, &dialling).await;
        Self { listener, dialled, accepted, listening, dialling, is_instant: false, _directory: None }
    }

    async fn unix(_name: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let address = Address::Unix(UnixAddress::new(directory.path().join("controller.sock")));
        Self::at(&address, Some(directory)).await
    }

    async fn memory(name: &str) -> Self {
        Self::at(&Address::Memory(name.to_owned()), None).await
    }
}

macro_rules! over {
    ($transport:ident, $setup:ident; $($behaviour:ident)+) => {
        mod $transport {
            $(
                #[tokio::test]
                async fn $behaviour() {
                    let setup = super::Setup::$setup(stringify!($behaviour)).await;
                    super::bounded(super::$behaviour(setup)).await;
                }
            )+
        }
    };
}

macro_rules! on_each_transport {
    ($($behaviour:ident)+) => {
        over! { over_unix, unix; the_peer_is_known $($behaviour)+ }
        over! { over_memory, memory; the_peer_is_known $($behaviour)+ }
        over! { over_quic, quic; $($behaviour)+ }
    };
}

on_each_transport! {
    bytes_arrive_whole_and_in_order_whatever_the_sizes
    both_directions_are_independent
    a_full_connection_would_block_until_it_is_read
    what_was_written_before_closing_arrives_and_then_the_end
    writing_to_a_closed_connection_fails
    a_waiting_reader_sees_its_peer_go
    a_waiting_reader_sees_its_own_end_closed
    a_waiting_writer_sees_its_peer_go
    a_read_stays_within_the_spare_capacity
    an_address_is_used_once_and_free_when_dropped
    connections_that_nobody_accepted_end_with_the_listener
}

pub(super) async fn read(connection: &dyn Connection, room: usize) -> io::Result<BytesMut> {
    let mut buffer = BytesMut::with_capacity(room);
    poll_fn(|cx| connection.poll_read(cx, &mut buffer)).await?;
    Ok(buffer)
}

pub(super) async fn read_to_end(connection: &dyn Connection) -> io::Result<Vec<u8>> {
    let mut all = Vec::new();
    loop {
        let some = read(connection, 32 << 10).await?;
        if some.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&some);
    }
}

/// Fails instead of hanging.
async fn bounded(behaviour: impl Future<Output = ()>) {
    tokio::time::timeout(Duration::from_secs(60), behaviour).await.expect("somebody was not woken");
}

/// A task that has been polled and waits.
pub(super) struct Waiting<T>(tokio::task::JoinHandle<T>);

impl<T: Send + 'static> Waiting<T> {
    pub(super) async fn new(future: impl Future<Output = T> + Send + 'static) -> Self {
        let task = tokio::spawn(future);
        tokio::task::yield_now().await;
        assert!(!task.is_finished(), "it should wait");
        Self(task)
    }

    /// What it comes to, once woken.
    pub(super) async fn end(self) -> T {
        let end = tokio::time::timeout(Duration::from_secs(30), self.0).await;
        end.expect("it was not woken").unwrap()
    }
}

pub(super) async fn write_all(connection: &dyn Connection, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match connection.try_write(bytes) {
            Ok(written) => bytes = &bytes[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => {
                poll_fn(|cx| connection.poll_writable(cx)).await?;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Writes until nothing more fits; how many bytes did.
fn fill(connection: &dyn Connection) -> usize {
    let block = [7; 4096];
    let mut filled = 0;
    loop {
        match connection.try_write(&block) {
            Ok(written) => filled += written,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                return filled;
            }
        }
    }
}

async fn bytes_arrive_whole_and_in_order_whatever_the_sizes(setup: Setup) {
    let mut random = fastrand::Rng::with_seed(1);
    let sent: Arc<[u8]> = std::iter::repeat_with(|| random.u8(..)).take(3 << 20).collect();
    let (writer, bytes) = (Arc::clone(&setup.dialled), Arc::clone(&sent));
    let mut sizes = random.fork();
    let writing = tokio::spawn(async move {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            // Now a few bytes, now more than the connection holds.
            let most = if sizes.bool() { 20 } else { 300_000 };
            let (now, later) = rest.split_at(sizes.usize(1..=most).min(rest.len()));
            write_all(&*writer, now).await.unwrap();
            rest = later;
        }
        writer.close();
    });

    let mut received = Vec::new();
    loop {
        let most = if random.bool() { 20 } else { 200_000 };
        let some = read(&*setup.accepted, random.usize(1..=most)).await.unwrap();
        if some.is_empty() {
            break;
        }
        received.extend_from_slice(&some);
        if random.u8(..) == 0 {
            tokio::task::yield_now().await;
        }
    }

    writing.await.unwrap();
    assert!(received == *sent, "{} of {} bytes", received.len(), sent.len());
}

async fn both_directions_are_independent(setup: Setup) {
    fill(&*setup.dialled);

    assert_eq!(setup.accepted.try_write(b"back").unwrap(), 4);
    assert_eq!(read(&*setup.dialled, 64).await.unwrap(), "back");
}

async fn a_full_connection_would_block_until_it_is_read(setup: Setup) {
    let filled = fill(&*setup.dialled);
    let writer = Arc::clone(&setup.dialled);
    let waiting = Waiting::new(async move { poll_fn(|cx| writer.poll_writable(cx)).await }).await;

    let mut drained = 0;
    while drained < filled {
        drained += read(&*setup.accepted, 64 << 10).await.unwrap().len();
    }
    waiting.end().await.unwrap();

    assert_eq!(setup.dialled.try_write(b"more").unwrap(), 4);
    assert_eq!(read(&*setup.accepted, 64).await.unwrap(), "more");
}

async fn what_was_written_before_closing_arrives_and_then_the_end(setup: Setup) {
    let filled = fill(&*setup.dialled);
    setup.dialled.close();
    drop(setup.dialled);

    assert_eq!(read_to_end(&*setup.accepted).await.unwrap().len(), filled);
    assert!(read(&*setup.accepted, 64).await.unwrap().is_empty(), "the end stays the end");
}

async fn writing_to_a_closed_connection_fails(setup: Setup) {
    setup.dialled.close();

    if !setup.is_instant {
        // More than there is room for, so that the end of it waits for the news.
        write_all(&*setup.accepted, &vec![0; 8 << 20]).await.unwrap_err();
    }
    assert_eq!(setup.accepted.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    assert_eq!(setup.dialled.try_write(b"x").unwrap_err().kind(), ErrorKind::BrokenPipe);
    while !setup.is_instant && !read(&*setup.dialled, 64).await.unwrap().is_empty() {}
    assert!(read(&*setup.dialled, 64).await.unwrap().is_empty());
}

async fn a_waiting_reader_sees_its_peer_go(setup: Setup) {
    let reader = setup.accepted;
    let waiting = Waiting::new(async move { read(&*reader, 64).await }).await;

    drop(setup.dialled);

    assert!(waiting.end().await.unwrap().is_empty());
}

async fn a_waiting_reader_sees_its_own_end_closed(setup: Setup) {
    let reader = Arc::clone(&setup.dialled);
    let waiting = Waiting::new(async move { read(&*reader, 64).await }).await;

    setup.dialled.close();

    assert!(waiting.end().await.unwrap().is_empty());
}

async fn a_waiting_writer_sees_its_peer_go(setup: Setup) {
    fill(&*setup.dialled);
    let writer = Arc::clone(&setup.dialled);
    let waiting = Waiting::new(async move { poll_fn(|cx| writer.poll_writable(cx)).await }).await;

    drop(setup.accepted);

    waiting.end().await.unwrap();
    let kind = setup.dialled.try_write(b"x").unwrap_err().kind();
    assert!(matches!(kind, ErrorKind::BrokenPipe | ErrorKind::ConnectionReset), "{kind}");
}

async fn a_read_stays_within_the_spare_capacity(setup: Setup) {
    setup.dialled.try_write(b"0123456789").unwrap();
    let mut buffer = BytesMut::with_capacity(8);
    buffer.extend_from_slice(b"abcd");

    let read_first = poll_fn(|cx| setup.accepted.poll_read(cx, &mut buffer)).await.unwrap();

    assert_eq!((read_first, buffer.capacity()), (4, 8));
    assert_eq!(buffer, "abcd0123");
    // This one follows a read that filled its room, which is done in another way.
    assert_eq!(read(&*setup.accepted, 64).await.unwrap(), "456789");
}

async fn the_peer_is_known(setup: Setup) {
    let uid = rustix::process::geteuid().as_raw();
    let address = setup.listener.address().to_string();

    for end in [&setup.dialled, &setup.accepted] {
        let expected = Peer {
            uid: Some(uid),
            pid: Some(std::process::id()),
            address: address.clone(),
            certificates: Vec::new(),
        };
        assert_eq!(*end.peer(), expected);
    }
}

async fn an_address_is_used_once_and_free_when_dropped(setup: Setup) {
    let address = setup.listener.address().clone();
    let second = listen(&address, &setup.listening).await.unwrap_err();
    assert_eq!(second, BindError::InUse { address: address.to_string() });

    drop(setup.listener);

    let refused = dial(&address, &setup.dialling).await.unwrap_err();
    assert!(matches!(&refused, DialError::Unreachable(_)), "{refused}");
    assert_eq!(setup.dialled.try_write(b"on").unwrap(), 2, "connections outlive their listener");
    // Over QUIC they share its socket.
    drop((setup.dialled, setup.accepted));
    listen(&address, &setup.listening).await.unwrap();
}

async fn connections_that_nobody_accepted_end_with_the_listener(setup: Setup) {
    let waiting = dial(setup.listener.address(), &setup.dialling).await.unwrap();

    drop(setup.listener);

    // Over UNIX the kernel may call it a reset.
    let ended = read(&*waiting, 64).await;
    assert!(ended.as_ref().map_or(true, |bytes| bytes.is_empty()), "{ended:?}");
    assert!(waiting.try_write(b"x").is_err());
}
