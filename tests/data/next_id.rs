//! Numbers that are given once and grow.

use std::collections::BTreeSet;
use std::future::IntoFuture;
use std::time::Duration;

use daffi::{DataError, Masters, QuorumError, QuorumNextId, Ran, millis, secs};
use daffi_core::testing::{Faults, Mesh};
use tokio::time::Instant;

use crate::masters::{Council, two_of_five};

#[tokio::test(start_paused = true)]
async fn numbers_of_one_controller_begin_at_one() {
    let mesh = Mesh::new().await.unwrap();
    let ids = mesh.node("a").await.unwrap().next_id("user-ids");

    assert_eq!([ids.next().await, ids.next().await, ids.next().await], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(ids.reserve(100).await, Ok(4..=103));
    assert_eq!(ids.next().await, Ok(104));
    assert_eq!(ids.last().await, Ok(104));
    assert!(matches!(ids.reserve(0).await, Err(DataError::Invalid { .. })));
    assert_eq!(ids.reset().await, Ok(true));
    assert_eq!(ids.next().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn whoever_asks_one_controller_is_never_told_to_try_again() {
    let mesh = Mesh::new().await.unwrap();
    let mut asking = Vec::new();
    for name in ["a", "b"] {
        let node = mesh.node(name).await.unwrap();
        for _ in 0..4 {
            let ids = node.next_id("ids");
            asking.push(tokio::spawn(async move {
                let mut given = Vec::new();
                for _ in 0..50 {
                    given.push(ids.next().await.unwrap());
                }
                given
            }));
        }
    }

    let mut all = BTreeSet::new();
    for given in asking {
        let given = given.await.unwrap();
        assert!(given.is_sorted());
        all.extend(given);
    }

    assert_eq!(all, (1..=400).collect());
}

#[tokio::test(start_paused = true)]
async fn a_handle_goes_on_above_what_it_has_seen_though_its_controller_forgot() {
    let mut mesh = Mesh::new().await.unwrap();
    let ids = mesh.node("a").await.unwrap().next_id("ids");
    assert_eq!(ids.reserve(10).await, Ok(1..=10));

    mesh.kill_controller().await;
    mesh.start_controller().await.unwrap();

    assert_eq!(ids.clone().next().await, Ok(11));
}

#[tokio::test(start_paused = true)]
async fn blocks_are_dealt_out_without_asking_and_overlap_with_no_other() {
    let council = Council::of(5).await;
    let (one, other) = (council.masters("a").await, council.masters("b").await);
    let (one, other) = (one.next_id("ids").in_blocks_of(10), other.next_id("ids").in_blocks_of(10));
    let mut given = Vec::new();
    for number in 1..=10 {
        assert_eq!(one.next().await, Ok(number));
        given.push(number);
    }

    for _ in 0..15 {
        given.push(other.next().await.unwrap());
        given.push(one.clone().next().await.unwrap());
    }

    assert_eq!(given.iter().collect::<BTreeSet<_>>().len(), given.len(), "{given:?}");
    let of_one: Vec<u64> = given[10..].iter().skip(1).step_by(2).copied().collect();
    assert!(of_one.is_sorted(), "{of_one:?}");
    council.freeze_only("a", &[0, 1, 2, 3, 4]);
    let left = one.next().await.expect("of its block");
    assert!(!given.contains(&left));
    let none = one.clone();
    for _ in 0..10 {
        drop(none.next().await);
    }
    assert!(matches!(none.next().await, Err(QuorumError::QuorumIsImpossible { .. })));
}

#[tokio::test(start_paused = true)]
async fn clones_that_wait_for_the_same_block_have_each_its_own_time() {
    let council = Council::of(3).await;
    let blocks = council.masters("a").await.next_id("ids").in_blocks_of(10);
    council.freeze_only("a", &[0, 1, 2]);
    let began = Instant::now();

    let asking: Vec<_> =
        (0..4).map(|_| tokio::spawn(blocks.next().timeout(millis(100)).into_future())).collect();

    for asking in asking {
        assert!(asking.await.unwrap().is_err());
    }
    assert!(began.elapsed() < millis(110), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_began_anew_at_some_masters_alone_is_told_so() {
    let mut council = Council::of(3).await;
    let ids = council.masters("a").await.next_id("ids");
    assert_eq!(ids.next().await, Ok(1));
    council.kill(&[2]).await;

    let some = ids.reset().await.unwrap_err();

    assert!(matches!(&some, QuorumError::NotByAll { done: 2, masters: 3, .. }), "{some}");
    assert_eq!((some.ran(), some.is_retryable(), &*some.code().to_string()), (Ran::Maybe, true, "D0505"));
    assert_eq!(ids.next().await, Ok(2), "it goes on above what it has seen");
}

#[tokio::test(start_paused = true)]
async fn blocks_of_one_controller_are_dealt_out_by_threads_and_tasks() {
    let mesh = Mesh::new().await.unwrap();
    let ids = mesh.node("a").await.unwrap().next_id("ids");
    let blocks = ids.in_blocks_of(3);

    assert_eq!([blocks.next().await, blocks.next().await], [Ok(1), Ok(2)]);
    assert_eq!(ids.next().await, Ok(4));
    assert_eq!([blocks.next().await, blocks.next().await], [Ok(3), Ok(5)]);
    let none = ids.in_blocks_of(0).next().await;
    assert!(matches!(none, Err(QuorumError::Data(DataError::Invalid { .. }))), "{none:?}");
}

#[tokio::test(start_paused = true)]
async fn several_controllers_give_numbers_from_one_on() {
    let council = Council::of(5).await;
    let (a, b) = (council.masters("a").await, council.masters("b").await);
    let (user_ids, elsewhere) = (a.next_id("user-ids"), b.next_id("user-ids"));

    assert_eq!([user_ids.next().await, user_ids.next().await, user_ids.next().await], [Ok(1), Ok(2), Ok(3)]);
    assert_eq!(elsewhere.next().await, Ok(4));
    assert_eq!(elsewhere.reserve(6).await, Ok(5..=10));
    assert_eq!(user_ids.next().await, Ok(11));
    assert_eq!(elsewhere.last().await, Ok(11));
    assert_eq!(b.next_id("comment-ids").next().await, Ok(1));
    user_ids.reset().await.unwrap();
    assert_eq!(user_ids.next().await, Ok(1));
}

/// Asks for numbers, and says how often that had to be done again.
async fn ask(ids: QuorumNextId, times: usize) -> (Vec<u64>, usize) {
    let (mut given, mut refused) = (Vec::new(), 0);
    while given.len() < times {
        match ids.next().await {
            Ok(id) => given.push(id),
            Err(QuorumError::QuorumNotAchieved { .. }) => refused += 1,
            Err(error) => panic!("{error}"),
        }
    }
    (given, refused)
}

#[tokio::test(start_paused = true)]
async fn eight_who_ask_five_controllers_at_the_same_time_are_given_different_numbers() {
    let council = Council::of(5).await;
    for mesh in &council.meshes {
        let mut faults = Faults::default();
        faults.delay = Some(millis(1)..=millis(5));
        mesh.inject(faults);
    }
    let mut asking = Vec::new();
    for number in 0..8 {
        let masters = council.masters(&format!("n{number}")).await;
        asking.push(tokio::spawn(ask(masters.next_id("ids"), 50)));
    }

    let (mut all, mut refusals) = (BTreeSet::new(), 0);
    for given in asking {
        let (given, refused) = given.await.unwrap();
        assert!(given.is_sorted());
        refusals += refused;
        all.extend(given);
    }

    assert_eq!(all.len(), 400, "a number was given twice");
    assert!(refusals < 40, "{refusals} refusals for 400 numbers");
}

#[tokio::test(start_paused = true)]
async fn tasks_that_share_a_handle_do_not_contend() {
    let council = Council::of(3).await;
    let ids = council.masters("a").await.next_id("ids");
    let asking: Vec<_> = (0..8).map(|_| tokio::spawn(ask(ids.clone(), 20))).collect();

    let mut all = BTreeSet::new();
    for given in asking {
        let (given, refused) = given.await.unwrap();
        assert_eq!(refused, 0);
        all.extend(given);
    }

    assert_eq!(all, (1..=160).collect(), "nobody else asks, so none is left out");
}

#[tokio::test(start_paused = true)]
async fn two_of_five_controllers_may_be_gone_and_three_may_not() {
    let mut council = Council::of(5).await;
    let ids = council.masters("a").await.next_id("ids");
    assert_eq!(ids.next().await, Ok(1));

    council.kill(&[1, 3]).await;
    assert_eq!(ids.next().await, Ok(2));
    council.kill(&[0]).await;
    let refused = ids.next().await.unwrap_err();

    let QuorumError::QuorumIsImpossible { name, masters, failures } = &refused else { panic!("{refused}") };
    assert_eq!((&**name, *masters, failures.len()), ("ids", 5, 3), "{refused}");
    assert_eq!(refused.code().to_string(), "D0505");
    assert!(refused.is_retryable());
}

#[tokio::test(start_paused = true)]
async fn numbers_grow_whichever_minority_is_cut_off() {
    let council = Council::of(5).await;
    let (mut random, mut last) = (fastrand::Rng::with_seed(11), 0);
    let clients = ["a", "b", "c"];
    let mut ids = Vec::new();
    for client in clients {
        ids.push(council.masters(client).await.timeout(millis(50)).next_id("ids"));
    }

    for _ in 0..150 {
        let client = random.usize(..3);
        council.freeze_only(clients[client], &two_of_five(&mut random));
        let id = ids[client].next().await.unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

#[tokio::test(start_paused = true)]
async fn controllers_may_be_restarted_one_after_the_other() {
    let mut council = Council::of(3).await;
    let (mut last, mut of_a) = (0, council.masters("a").await.next_id("ids"));
    for round in 0..9 {
        for is_down in [false, true] {
            if is_down {
                council.settled().await;
                council.kill(&[round % 3]).await;
            }
            let id = of_a.next().await.unwrap();
            assert!(id > last, "{id} after {last}");
            last = id;
        }
        council.restart(&[round % 3], &["a"]).await;
        // One that has seen nothing so far.
        of_a = of_a.masters().next_id("ids");
    }
}

/// What the promise rests on, and what comes of it if that does not hold.
#[tokio::test(start_paused = true)]
async fn controllers_of_which_a_majority_forgets_give_numbers_again_but_to_no_handle_twice() {
    let mut council = Council::of(3).await;
    let masters = council.masters("a").await;
    let ids = masters.next_id("ids");
    assert_eq!(ids.reserve(5).await, Ok(1..=5));

    council.kill(&[0, 1, 2]).await;
    council.restart(&[0, 1, 2], &["a"]).await;

    assert_eq!(masters.next_id("ids").next().await, Ok(1), "nobody knows better");
    assert_eq!(ids.next().await, Ok(6));
}

#[tokio::test(start_paused = true)]
async fn a_slow_controller_holds_up_nobody_and_learns_of_the_numbers_all_the_same() {
    let council = Council::of(3).await;
    let nodes = council.nodes("a").await;
    let ids = Masters::new(&nodes).next_id("ids");
    council.meshes[2].delay("a", millis(300));
    let began = Instant::now();

    assert_eq!(ids.next().await, Ok(1));

    assert!(began.elapsed() < millis(10), "{:?}", began.elapsed());
    council.meshes[2].advance(secs(1)).await;
    assert_eq!(nodes[2].next_id("ids").last().await, Ok(1));
}

#[tokio::test(start_paused = true)]
async fn masters_that_are_no_masters_are_told_so() {
    let council = Council::of(2).await;
    let nodes = council.nodes("a").await;

    let none = Masters::new([]).next_id("ids").next().await.unwrap_err();
    let twice = Masters::new([&nodes[0], &nodes[1], &nodes[0]]).next_id("ids").next().await.unwrap_err();

    assert!(matches!(none, QuorumError::QuorumIsImpossible { masters: 0, .. }), "{none}");
    assert!(twice.to_string().contains("would count twice"), "{twice}");
}

#[tokio::test(start_paused = true)]
async fn numbers_are_asked_for_no_longer_than_they_are_wanted() {
    let council = Council::of(3).await;
    let ids = council.masters("a").await.next_id("ids");
    council.freeze_only("a", &[0, 1]);
    let began = Instant::now();

    let late = ids.next().timeout(millis(100)).await.unwrap_err();

    assert!(matches!(late, QuorumError::QuorumIsImpossible { .. }), "{late}");
    assert!(began.elapsed() < millis(200), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn masters_are_there_once_a_majority_is() {
    let mut council = Council::of(3).await;
    council.kill(&[2]).await;
    let urls: Vec<String> = council.meshes.iter().map(|mesh| mesh.url("late")).collect();
    let connect = |url: &String| daffi::connect(url).name("late").registry(Vec::new());

    let masters = Masters::connect(urls.iter().map(connect)).await.unwrap();
    assert_eq!(masters.next_id("ids").next().await, Ok(1));
    council.meshes[2].start_controller().await.unwrap();
    council.meshes[2].advance(secs(10)).await;
    council.kill(&[0]).await;

    assert_eq!(masters.next_id("ids").next().await, Ok(2), "the third is there by now");
    council.kill(&[1]).await;
    let began = Instant::now();
    let none = Masters::connect(urls.iter().map(connect)).await.unwrap_err();
    assert!(matches!(none, QuorumError::QuorumNotAchieved { .. }), "{none}");
    assert!(began.elapsed() >= Duration::from_secs(1));
}

#[tokio::test(start_paused = true)]
async fn masters_that_connect_by_themselves_outlive_controllers_that_say_goodbye() {
    let mut council = Council::of(3).await;
    let urls: Vec<String> = council.meshes.iter().map(|mesh| mesh.url("late")).collect();
    let connect = |url: &String| daffi::connect(url).name("late").registry(Vec::new());
    let masters = Masters::connect(urls.iter().map(connect)).await.unwrap();
    let (ids, mut last) = (masters.next_id("ids"), 0);

    for mesh in &mut council.meshes {
        mesh.take_controller().drain(Duration::ZERO).await;
        mesh.start_controller().await.unwrap();
        mesh.advance(secs(10)).await;
        let id = ids.next().await.unwrap();
        assert!(id > last, "{id} after {last}");
        last = id;
    }
}

#[test]
fn numbers_of_several_controllers_are_for_threads_too() {
    let council: Vec<String> = (0..3).map(|number| format!("memory://next-id-threads-{number}")).collect();
    let nodes: Vec<_> = council
        .iter()
        .map(|url| daffi::blocking::connect(url).registry(Vec::new()).with_controller().open().unwrap())
        .collect();
    let masters = Masters::new(nodes.iter().map(|node| &**node));

    let first = masters.next_id("ids").next().wait().unwrap();
    // A master that a majority did not wait for may note the first number after it was asked for the second ones.
    let second = masters.next_id("ids").in_blocks_of(5).next().wait().unwrap();
    assert!(first > 0 && second > first, "{second} after {first}");
    let guard = masters.redlock("printer").acquire().wait().unwrap();
    assert!(masters.redlock("printer").try_acquire().wait().unwrap().is_none());
    drop(guard);
    let guard = masters.redlock("printer").acquire().wait().unwrap();
    guard.extend().wait().unwrap();
    guard.release().wait().unwrap();
    let none = Masters::new([]).next_id("ids").next().wait();
    assert!(matches!(none, Err(QuorumError::QuorumIsImpossible { .. })));
    let none = Masters::new([]).next_id("ids").in_blocks_of(5).next().timeout(secs(1)).wait();
    assert!(matches!(none, Err(QuorumError::QuorumIsImpossible { .. })), "there is no runtime to wait on");
}
