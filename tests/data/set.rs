//! Sets.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use daffi::datatypes::LimitedAdd;
use daffi::{CallError, DataError, Set, config, millis, secs};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

fn is_invalid<T>(result: Result<T, DataError>) -> bool {
    matches!(result.err(), Some(DataError::Invalid { .. }))
}

async fn sorted(set: &Set<String>) -> Vec<String> {
    let mut members = set.members().await.unwrap();
    members.sort();
    members
}

#[tokio::test(start_paused = true)]
async fn what_one_node_adds_is_a_member_for_all() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (mine, theirs) = (one.set::<String>("tags"), other.set::<String>("tags"));

    assert!(mine.add("a").await.unwrap());
    assert!(!theirs.add("a").await.unwrap());
    assert_eq!(theirs.extend(["a", "b", "c", "c"]).await.unwrap(), 2);
    assert_eq!(theirs.extend(Vec::<String>::new()).await.unwrap(), 0);
    assert_eq!(sorted(&mine).await, ["a", "b", "c"]);
    assert!(mine.contains("b").await.unwrap() && !mine.contains("d").await.unwrap());
    assert_eq!(mine.contains_many(["a", "d", "b"]).await.unwrap(), [true, false, true]);
    assert_eq!(mine.len().await.unwrap(), 3);

    assert!(theirs.remove("a").await.unwrap() && !theirs.remove("a").await.unwrap());
    assert_eq!(mine.remove_many(["a", "b", "b"]).await.unwrap(), 1);
    assert_eq!(mine.remove_many(Vec::<String>::new()).await.unwrap(), 0);
    assert_eq!(mine.clear().await.unwrap(), 1);
    assert!(theirs.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn removing_a_member_can_tell_how_many_are_left() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<String>("left");
    set.extend(["a", "b", "c"]).await.unwrap();

    assert_eq!(set.remove_and_len("a").await.unwrap(), 2);
    assert_eq!(set.remove_and_len("a").await.unwrap(), 2);
    assert_eq!(set.remove_and_len("b").await.unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn members_differ_as_their_values_do() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (integers, floats) = (node.set::<i64>("mixed"), node.set::<f64>("mixed"));
    let (truths, texts) = (node.set::<bool>("mixed"), node.set::<String>("mixed"));

    integers.add(1).await.unwrap();
    floats.add(1.0).await.unwrap();
    truths.add(true).await.unwrap();
    texts.add("1").await.unwrap();
    // The size of an integer makes none.
    assert!(!node.set::<u8>("mixed").add(1).await.unwrap());

    assert_eq!(integers.len().await.unwrap(), 4);
    assert!(is_invalid(floats.add(f64::NAN).await));
    assert!(matches!(integers.members().await, Err(DataError::WrongValue { .. })));
    // Maps are equal whatever the order of their pairs.
    let maps = node.set::<BTreeMap<String, u8>>("maps");
    maps.add(BTreeMap::from([("a".to_owned(), 1), ("b".to_owned(), 2)])).await.unwrap();
    let unordered = std::collections::HashMap::from([("b".to_owned(), 2_u8), ("a".to_owned(), 1)]);
    assert!(node.set::<std::collections::HashMap<String, u8>>("maps").contains(&unordered).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_member_is_popped_once_whoever_pops() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let added: BTreeSet<u32> = (0..100).collect();
    one.set::<u32>("popped").extend(&added).await.unwrap();

    let popped = [&one, &other].map(|node| {
        let set = node.set::<u32>("popped");
        async move {
            let mut popped = Vec::new();
            while let Some(member) = set.pop().await.unwrap() {
                popped.push(member);
            }
            popped
        }
    });
    let popped = join_all(popped).await.concat();

    assert_eq!(popped.len(), 100);
    assert_eq!(popped.into_iter().collect::<BTreeSet<u32>>(), added);
    assert!(one.set::<u32>("popped").is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn popping_all_takes_what_is_there_in_one_step() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let set = one.set::<u32>("popped");

    // Others add all the while: each member is popped once, or is still there.
    let adding = async {
        let set = other.set::<u32>("popped");
        for member in 0..200 {
            set.add(member).await.unwrap();
        }
    };
    let popping = async {
        let mut popped = Vec::new();
        for _ in 0..50 {
            popped.extend(set.pop_all().await.unwrap());
        }
        popped
    };
    let ((), mut popped) = futures::join!(adding, popping);
    popped.extend(set.pop_all().await.unwrap());
    popped.sort_unstable();

    assert_eq!(popped, (0..200).collect::<Vec<u32>>());
    assert_eq!(set.pop_all().await.unwrap(), [] as [u32; 0]);
}

#[tokio::test(start_paused = true)]
async fn what_is_drawn_stays_and_none_is_drawn_from_nothing() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<u32>("drawn");
    assert_eq!(set.random().await.unwrap(), None);
    assert_eq!(set.pop().await.unwrap(), None);
    assert_eq!(set.random_many(3).await.unwrap(), [] as [u32; 0]);
    assert_eq!(set.random_with_repeats(3).await.unwrap(), [] as [u32; 0]);
    set.extend(0..5).await.unwrap();

    let one = set.random().await.unwrap().unwrap();
    let some = set.random_many(3).await.unwrap();
    let all = set.random_many(1_000_000_000).await.unwrap();
    let many = set.random_with_repeats(50).await.unwrap();

    assert!(one < 5);
    assert_eq!(some.iter().collect::<BTreeSet<_>>().len(), 3);
    assert_eq!(all.into_iter().collect::<BTreeSet<_>>(), (0..5).collect());
    assert_eq!(many.len(), 50);
    assert!(many.iter().all(|member| *member < 5));
    assert!(is_invalid(set.random_with_repeats(config::DRAWN_MAX as u64 + 1).await));
    assert_eq!(set.len().await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn adding_under_a_limit_tells_added_there_and_full_apart() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<String>("limited");

    assert_eq!(set.limited_add("a", 2).await.unwrap(), LimitedAdd::Added);
    assert_eq!(set.limited_add("a", 2).await.unwrap(), LimitedAdd::Exists);
    assert!(set.limited_add("b", 2).await.unwrap().is_added());
    assert_eq!(set.limited_add("c", 2).await.unwrap(), LimitedAdd::Full);
    assert_eq!(set.limited_add("a", 2).await.unwrap(), LimitedAdd::Full, "the limit comes first");

    assert_eq!(sorted(&set).await, ["a", "b"]);
}

#[tokio::test(start_paused = true)]
async fn many_nodes_do_not_add_beyond_the_limit() {
    let mesh = Mesh::new().await.unwrap();
    let mut nodes = Vec::new();
    for number in 0..6 {
        nodes.push(mesh.node(&format!("n{number}")).await.unwrap());
    }

    let added = nodes.iter().enumerate().map(|(number, node)| {
        let set = node.set::<usize>("limited");
        async move {
            let outcomes = join_all((0..10).map(|member| {
                let added = set.limited_add(number * 10 + member, 7);
                async move { added.await.unwrap().is_added() }
            }));
            outcomes.await.into_iter().filter(|added| *added).count()
        }
    });
    let added: usize = join_all(added).await.into_iter().sum();

    assert_eq!(added, 7);
    assert_eq!(nodes[0].set::<usize>("limited").len().await.unwrap(), 7);
}

#[tokio::test(start_paused = true)]
async fn each_addition_by_a_handle_with_a_ttl_begins_it_anew() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (set, plain) = (node.set::<String>("short").ttl(secs(10)), node.set::<String>("short"));

    set.add("a").await.unwrap();
    mesh.advance(secs(9)).await;
    set.add("a").await.unwrap();
    mesh.advance(secs(9)).await;
    set.extend(["b"]).await.unwrap();
    mesh.advance(secs(9)).await;
    set.limited_add("c", 10).await.unwrap();
    mesh.advance(secs(9)).await;
    assert_eq!(sorted(&plain).await, ["a", "b", "c"]);

    // What reads, removes, or has no TTL leaves the time as it is.
    set.random().await.unwrap();
    set.remove("c").await.unwrap();
    plain.add("d").await.unwrap();
    mesh.advance(secs(1)).await;
    assert!(plain.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_set_that_was_emptied_expires_again_from_its_next_addition_on() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let (set, plain) = (node.set::<String>("short").ttl(secs(10)), node.set::<String>("short"));

    for empty in 0..5 {
        set.add_for("a", secs(2)).await.unwrap();
        match empty {
            0 => assert_eq!(set.clear().await.unwrap(), 1),
            1 => assert_eq!(set.pop().await.unwrap().as_deref(), Some("a")),
            2 => assert_eq!(set.pop_all().await.unwrap(), ["a"]),
            3 => assert!(set.remove("a").await.unwrap()),
            _ => mesh.advance(secs(2)).await,
        }
        assert!(plain.is_empty().await.unwrap());
        set.add("b").await.unwrap();
        mesh.advance(secs(9)).await;
        assert_eq!(sorted(&plain).await, ["b"]);
        mesh.advance(secs(1)).await;
        assert!(plain.is_empty().await.unwrap());
    }

    // The time of what is gone is not handed down to what others add.
    set.add("a").await.unwrap();
    plain.pop().await.unwrap();
    plain.add("b").await.unwrap();
    mesh.advance(secs(200)).await;
    assert_eq!(sorted(&plain).await, ["b"]);
}

#[tokio::test(start_paused = true)]
async fn who_adds_a_member_last_decides_how_long_it_stays() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<String>("members");
    assert_eq!(set.extend_for(["a", "b", "c", "d"], secs(2)).await.unwrap(), 4);
    assert!(set.limited_add_for("e", 10, secs(2)).await.unwrap().is_added());
    mesh.advance(secs(1)).await;

    assert!(!set.add("a").await.unwrap());
    assert!(!set.add_for("b", secs(3)).await.unwrap());
    assert!(set.persist("c").await.unwrap() && !set.persist("c").await.unwrap());
    assert!(set.set_ttl_of("d", secs(5)).await.unwrap());
    assert!(!set.set_ttl_of("none", secs(5)).await.unwrap());

    assert_eq!(set.ttl_of("b").await.unwrap(), Some(secs(3)));
    assert_eq!(set.ttl_of("a").await.unwrap(), None);
    assert_eq!(set.ttl_of("none").await.unwrap(), None);
    mesh.advance(secs(1)).await;
    assert_eq!(sorted(&set).await, ["a", "b", "c", "d"]);
    mesh.advance(secs(2)).await;
    assert_eq!(sorted(&set).await, ["a", "c", "d"]);
    mesh.advance(secs(200)).await;
    assert_eq!(sorted(&set).await, ["a", "c"]);
}

#[tokio::test(start_paused = true)]
async fn times_that_are_none_are_refused() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<String>("times");

    assert!(is_invalid(set.add_for("a", Duration::ZERO).await));
    assert!(is_invalid(set.extend_for(["a"], Duration::ZERO).await));
    assert!(is_invalid(set.clone().ttl(Duration::ZERO).add("a").await));
    assert!(is_invalid(set.set_ttl_of("a", Duration::ZERO).await));

    assert!(set.is_empty().await.unwrap());
    set.add_for("a", Duration::from_micros(1)).await.unwrap();
    mesh.advance(millis(1)).await;
    assert!(set.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn an_iteration_sees_what_stays_exactly_once_whatever_else_comes_and_goes() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<u32>("many");
    set.extend(0..3_125).await.unwrap();

    let mut members = set.iter();
    let mut seen = Vec::new();
    while let Some(member) = members.next().await {
        seen.push(member.unwrap());
        // Between the pages every third one goes, and new ones come.
        if seen.len() % 500 == 0 {
            let turn = seen.len() as u32;
            set.remove_many((0..3_125).filter(|member| member % 3 == 0).skip(turn as usize / 4).take(100))
                .await
                .unwrap();
            set.extend(turn * 1_000..turn * 1_000 + 100).await.unwrap();
        }
    }

    let mut stayed: Vec<u32> =
        seen.iter().copied().filter(|member| *member < 3_125 && member % 3 != 0).collect();
    stayed.sort_unstable();
    assert_eq!(stayed, (0..3_125).filter(|member| member % 3 != 0).collect::<Vec<_>>());
    assert_eq!(seen.iter().collect::<BTreeSet<_>>().len(), seen.len(), "nothing came twice");
}

#[tokio::test(start_paused = true)]
async fn a_thread_iterates_as_a_task_does_and_a_task_is_not_blocked() {
    let mesh = Mesh::new().await.unwrap();
    let set = mesh.node("one").await.unwrap().set::<u32>("many");
    set.extend(0..2_500).await.unwrap();

    let walk = set.iter();
    let (done, walked) = tokio::sync::oneshot::channel();
    let thread = std::thread::spawn(move || done.send(walk.wait().collect::<Result<BTreeSet<u32>, _>>()));
    assert_eq!(walked.await.unwrap().unwrap(), (0..2_500).collect());
    thread.join().unwrap().unwrap();

    let mut blocked = set.iter().wait();
    assert!(matches!(blocked.next(), Some(Err(DataError::Call(CallError::WouldBlock)))));
    assert!(blocked.next().is_none());
}

#[tokio::test(start_paused = true)]
async fn an_iteration_over_a_link_that_is_lost_ends_with_the_error() {
    let mesh = Mesh::new().grace(Duration::ZERO).await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let set = node.set::<u32>("many");
    set.extend(0..1_500).await.unwrap();
    let mut members = set.iter();
    for _ in 0..1_000 {
        members.next().await.unwrap().unwrap();
    }

    node.stop().await.unwrap();

    assert!(matches!(members.next().await, Some(Err(DataError::Call(_)))));
    assert!(members.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn a_handle_or_node_that_goes_leaves_everything_there() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    {
        let set = one.set::<String>("kept");
        set.add("a").await.unwrap();
    }
    mesh.kill("one");
    mesh.settled().await;

    assert_eq!(other.set::<String>("kept").members().await.unwrap(), ["a"]);
}
