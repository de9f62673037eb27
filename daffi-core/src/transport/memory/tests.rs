//! The faults; what memory has in common with the other transports is tested with them.

use std::future::poll_fn;
use std::io::ErrorKind;
use std::time::Duration;

use bytes::BytesMut;
use tokio::time::Instant;

use super::super::tests::{Waiting, read, read_to_end};
use super::*;

async fn connected(name: &str) -> (Arc<dyn Listener>, Arc<dyn Connection>, Arc<dyn Connection>) {
    let listener = listen(name).unwrap();
    let dialled = dial(name).unwrap();
    let accepted = listener.accept().await.unwrap();
    (listener, dialled, accepted)
}

fn slow(seed: u64) -> Faults {
    Faults { delay: Some(Duration::from_millis(1)..=Duration::from_millis(100)), ..Faults::seeded(seed) }
}

/// When each of twenty one-byte messages arrived, and what they were.
async fn arrivals(name: &str, seed: u64) -> (Vec<Duration>, Vec<u8>) {
    inject(name, slow(seed));
    let (_listener, dialled, accepted) = connected(name).await;
    let begin = Instant::now();
    for byte in 0..20 {
        dialled.try_write(&[byte]).unwrap();
    }
    let (mut times, mut bytes) = (Vec::new(), Vec::new());
    while bytes.len() < 20 {
        bytes.extend_from_slice(&read(&*accepted, 1).await.unwrap());
        times.push(begin.elapsed());
    }
    inject(name, Faults::default());
    (times, bytes)
}

#[tokio::test(start_paused = true)]
async fn delayed_bytes_keep_their_order_and_arrive_within_the_bounds() {
    let (times, bytes) = arrivals("delayed", 7).await;

    assert_eq!(bytes, (0..20).collect::<Vec<u8>>());
    assert!(times.is_sorted());
    let most = times[19];
    assert!(most >= Duration::from_millis(1) && most <= Duration::from_millis(102), "{most:?}");
}

#[tokio::test(start_paused = true)]
async fn delays_are_reproducible_from_the_seed() {
    let first = arrivals("reproducible", 7).await;

    assert_eq!(first, arrivals("reproducible", 7).await);
    assert_ne!(first, arrivals("reproducible", 8).await);
}

#[tokio::test(start_paused = true)]
async fn closing_a_slow_link_delivers_the_rest() {
    inject("slow close", slow(1));
    let (_listener, dialled, accepted) = connected("slow close").await;

    dialled.try_write(b"first ").unwrap();
    dialled.try_write(b"last").unwrap();
    dialled.close();

    assert_eq!(read_to_end(&*accepted).await.unwrap(), b"first last");
    inject("slow close", Faults::default());
}

/// After how many bytes each of five connections broke.
async fn cuts(name: &str, seed: u64) -> Vec<usize> {
    inject(name, Faults { cut_after_bytes: Some(10..=5_000), ..Faults::seeded(seed) });
    let listener = listen(name).unwrap();
    let mut cuts = Vec::new();
    for _ in 0..5 {
        let dialled = dial(name).unwrap();
        let accepted = listener.accept().await.unwrap();
        dialled.try_write(&[1; 6_000]).unwrap();
        let mut delivered = BytesMut::with_capacity(6_000);
        let error = loop {
            if let Err(error) = poll_fn(|cx| accepted.poll_read(cx, &mut delivered)).await {
                break error;
            }
        };
        assert_eq!(error.kind(), ErrorKind::ConnectionReset);
        assert_eq!(dialled.try_write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
        cuts.push(delivered.len());
    }
    inject(name, Faults::default());
    cuts
}

#[tokio::test]
async fn cuts_by_chance_are_reproducible_from_the_seed() {
    let first = cuts("cut by chance", 3).await;

    assert!(first.iter().all(|bytes| (10..=5_000).contains(bytes)), "{first:?}");
    assert!(first.windows(2).any(|two| two[0] != two[1]), "{first:?}");
    assert_eq!(first, cuts("cut by chance", 3).await);
    assert_ne!(first, cuts("cut by chance", 4).await);
}

#[tokio::test]
async fn a_cut_link_resets_both_sides_and_loses_what_was_under_way() {
    let (_listener, dialled, accepted) = connected("cut").await;
    dialled.try_write(b"lost").unwrap();
    let waiting = Waiting::new(async move { read(&*dialled, 64).await }).await;

    links("cut")[0].cut();

    assert_eq!(waiting.end().await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(read(&*accepted, 64).await.unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(accepted.try_write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert!(links("cut").is_empty());
}

#[tokio::test]
async fn a_stalled_link_delivers_nothing_until_it_is_resumed() {
    let (_listener, dialled, accepted) = connected("stall").await;
    let link = links("stall").remove(0);

    link.stall();
    dialled.try_write(b"held").unwrap();
    dialled.close();
    let waiting = Waiting::new(async move { read_to_end(&*accepted).await }).await;
    link.resume();

    assert_eq!(waiting.end().await.unwrap(), b"held");
}

#[tokio::test]
async fn a_name_that_refuses_has_nobody_for_new_connections() {
    let (_listener, dialled, accepted) = connected("refuses").await;

    inject("refuses", Faults { refuses: true, ..Faults::default() });
    let refused = dial("refuses").unwrap_err();
    inject("refuses", Faults::default());

    assert_eq!(refused, DialError::Unreachable("memory://refuses: connection refused".into()));
    dialled.try_write(b"old ones go on").unwrap();
    assert_eq!(read(&*accepted, 64).await.unwrap(), "old ones go on");
    assert!(dial("refuses").is_ok());
}

#[tokio::test]
async fn names_that_nobody_uses_are_forgotten() {
    let (listener, dialled, accepted) = connected("forgotten").await;

    drop((listener, dialled, accepted));
    let missing = dial("forgotten").unwrap_err();

    assert!(missing.to_string().contains("nobody in this process listens"), "{missing}");
    assert!(!places().contains_key("forgotten"));
}

#[test]
fn whoever_says_who_they_are_may_have_faults_of_their_own() {
    let _listener = listen("told apart").unwrap();
    inject("told apart#a", Faults { refuses: true, ..Faults::default() });

    assert!(dial("told apart#a").is_err());
    let (_b, _c) = (dial("told apart#b").unwrap(), dial("told apart").unwrap());
    assert_eq!((links("told apart#b").len(), links("told apart").len()), (1, 2));
    inject("told apart#a", Faults::default());
    let a = dial("told apart#a").unwrap();

    links("told apart#a")[0].cut();
    assert_eq!(a.try_write(b"x").unwrap_err().kind(), ErrorKind::ConnectionReset);
    assert_eq!(links("told apart").len(), 2);
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_after_a_delay_ended_does_not_overtake_what_was_sent_before() {
    let second = Duration::from_secs(1);
    let (_listener, dialled, accepted) = connected("delay ends").await;
    let link = &links("delay ends")[0];
    let begin = Instant::now();

    link.set_delay(Some(second..=second));
    dialled.try_write(b"first ").unwrap();
    link.set_delay(None);
    dialled.try_write(b"last").unwrap();

    assert_eq!(read(&*accepted, 10).await.unwrap(), "first last");
    assert_eq!(begin.elapsed().as_secs(), 1);
    dialled.try_write(b"!").unwrap();
    assert_eq!(read(&*accepted, 1).await.unwrap(), "!");
    assert_eq!(begin.elapsed().as_secs(), 1);
}
