//! Sets that are combined and compared.

use std::collections::{BTreeSet, HashSet};

use daffi::datatypes::{Operand, SetChange};
use daffi::{DataError, Heard, Node, Set, secs};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

async fn sorted(set: &Set<String>) -> Vec<String> {
    ordered(set.members().await.unwrap())
}

fn ordered(mut members: Vec<String>) -> Vec<String> {
    members.sort();
    members
}

/// What can be eaten, and what grows: two sets of two nodes.
async fn kitchen() -> (Mesh, Set<String>, Set<String>) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (edible, plants) = (one.set::<String>("edible"), other.set::<String>("plants"));
    edible.extend(["eggs", "beans", "tofu"]).await.unwrap();
    plants.extend(["beans", "ivy"]).await.unwrap();
    (mesh, edible, plants)
}

#[tokio::test(start_paused = true)]
async fn sets_of_several_nodes_are_combined_and_stay_as_they_are() {
    let (_mesh, edible, plants) = kitchen().await;

    assert_eq!(ordered(edible.union([&plants]).await.unwrap()), ["beans", "eggs", "ivy", "tofu"]);
    assert_eq!(edible.intersection([&plants]).await.unwrap(), ["beans"]);
    assert_eq!(ordered(edible.difference([&plants]).await.unwrap()), ["eggs", "tofu"]);
    assert_eq!(plants.difference([&edible]).await.unwrap(), ["ivy"]);
    assert_eq!(ordered(edible.symmetric_difference([&plants]).await.unwrap()), ["eggs", "ivy", "tofu"]);

    assert_eq!(sorted(&edible).await, ["beans", "eggs", "tofu"]);
    assert_eq!(sorted(&plants).await, ["beans", "ivy"]);
    // With none it is the set itself, and a set that is not there has no members.
    assert_eq!(edible.union([] as [&Set<String>; 0]).await.unwrap().len(), 3);
    let none = plants.object().node().set::<String>("none");
    assert!(edible.intersection([&none]).await.unwrap().is_empty());
    assert_eq!(edible.difference([&none, &edible]).await.unwrap(), [] as [&str; 0]);
}

#[tokio::test(start_paused = true)]
async fn members_at_hand_stand_beside_sets_of_the_mesh() {
    let (_mesh, edible, plants) = kitchen().await;
    let at_hand = BTreeSet::from(["tofu".to_owned(), "tea".to_owned()]);
    let hashed = HashSet::from(["tofu".to_owned()]);

    let union = edible.union([Operand::from(&plants), Operand::from(&at_hand), Operand::of(["rice"])]);
    assert_eq!(ordered(union.await.unwrap()), ["beans", "eggs", "ivy", "rice", "tea", "tofu"]);
    assert_eq!(edible.intersection([&at_hand]).await.unwrap(), ["tofu"]);
    assert_eq!(edible.intersection([&hashed]).await.unwrap(), ["tofu"]);
    assert!(edible.is_superset(Operand::of(["eggs", "tofu"])).await.unwrap());

    let floats = plants.object().node().set::<f64>("floats");
    let error = floats.update([Operand::of([1.0, f64::NAN])]).await.unwrap_err();
    assert!(matches!(error, DataError::Invalid { .. }), "{error}");
    assert!(floats.is_empty().await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn sets_are_compared_where_they_are_kept() {
    let (_mesh, edible, plants) = kitchen().await;
    let few = plants.object().node().set::<String>("few");
    few.extend(["beans", "eggs"]).await.unwrap();

    assert!(few.is_subset(&edible).await.unwrap() && edible.is_superset(&few).await.unwrap());
    assert!(!few.is_subset(&plants).await.unwrap() && !few.is_superset(&edible).await.unwrap());
    assert!(!few.is_disjoint(&plants).await.unwrap());
    few.remove("beans").await.unwrap();
    assert!(few.is_disjoint(&plants).await.unwrap() && plants.is_disjoint(&few).await.unwrap());

    assert!(edible.equals(&edible).await.unwrap() && edible.is_subset(&edible).await.unwrap());
    assert!(!edible.equals(&plants).await.unwrap());
    assert!(edible.equals(Operand::of(["tofu", "eggs", "beans", "eggs"])).await.unwrap());
    assert!(!edible.equals(Operand::of(["tofu", "eggs"])).await.unwrap());
    // Nothing is part of everything.
    let none = few.object().node().set::<String>("none");
    assert!(none.is_subset(&edible).await.unwrap() && none.is_disjoint(&none).await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_set_is_changed_by_others_in_place() {
    let (_mesh, edible, plants) = kitchen().await;
    let all = edible.object().node().set::<String>("all");

    assert_eq!(all.update([&edible, &plants]).await.unwrap(), 4);
    assert_eq!(all.update([&edible]).await.unwrap(), 0);
    assert_eq!(sorted(&all).await, ["beans", "eggs", "ivy", "tofu"]);
    assert_eq!(all.difference_update([&plants]).await.unwrap(), 2);
    assert_eq!(sorted(&all).await, ["eggs", "tofu"]);
    assert_eq!(all.symmetric_difference_update([Operand::of(["tofu", "tea"])]).await.unwrap(), 2);
    assert_eq!(sorted(&all).await, ["eggs", "tea"]);
    assert_eq!(all.intersection_update([&edible]).await.unwrap(), 1);
    assert_eq!(sorted(&all).await, ["eggs"]);
    assert_eq!(all.difference_update([&all]).await.unwrap(), 1);

    assert!(all.is_empty().await.unwrap());
    assert_eq!((edible.len().await.unwrap(), plants.len().await.unwrap()), (3, 2), "others stay");
}

#[tokio::test(start_paused = true)]
async fn what_sets_come_to_is_kept_as_another() {
    let (mesh, edible, plants) = kitchen().await;
    let target = edible.object().node().set::<String>("target");
    target.extend(["old", "eggs"]).await.unwrap();

    assert_eq!(edible.union_into(&target, [&plants]).await.unwrap(), 4);
    assert_eq!(sorted(&target).await, ["beans", "eggs", "ivy", "tofu"]);
    assert_eq!(edible.difference_into(&target, [Operand::of(["eggs"])]).await.unwrap(), 2);
    assert_eq!(sorted(&target).await, ["beans", "tofu"]);
    assert_eq!(edible.symmetric_difference_into(&target, [&plants]).await.unwrap(), 3);
    assert_eq!(sorted(&target).await, ["eggs", "ivy", "tofu"]);
    // It may be among them, as it was before.
    assert_eq!(target.intersection_into(&target, [&plants]).await.unwrap(), 1);
    assert_eq!(sorted(&target).await, ["ivy"]);

    let brief = target.clone().ttl(secs(10));
    edible.union_into(&brief, [&plants]).await.unwrap();
    mesh.advance(secs(10)).await;
    assert!(target.is_empty().await.unwrap());
    assert_eq!(edible.len().await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn whoever_watches_hears_of_each_member_that_comes_or_goes() {
    let (_mesh, edible, plants) = kitchen().await;
    let mut changes = plants.object().watch::<SetChange>(None).await.unwrap();

    plants.symmetric_difference_update([&edible]).await.unwrap();

    let mut told = Vec::new();
    for _ in 0..3 {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("a change") };
        told.push(match item.value {
            SetChange::Added { member } => format!("+{}", member.get::<String>().unwrap()),
            SetChange::Removed { member } => format!("-{}", member.get::<String>().unwrap()),
            other => panic!("{other:?}"),
        });
    }
    assert_eq!(told, ["+eggs", "+tofu", "-beans"]);
}

#[tokio::test(start_paused = true)]
async fn a_batch_combines_what_it_has_changed_itself() {
    let (_mesh, edible, plants) = kitchen().await;

    let mut batch = edible.object().node().batch();
    batch.add(plants.add("rice"));
    let added = batch.add(edible.update([&plants]));
    let both = batch.add(plants.is_subset(&edible));
    let mut done = batch.await.unwrap();

    assert_eq!(done.take(added).unwrap(), 2);
    assert!(done.take(both).unwrap());
}

/// Moves a member to and fro, each time in one step.
async fn move_about(node: &Node) {
    let (left, right) = (node.set::<u32>("left"), node.set::<u32>("right"));
    for turn in 0..200 {
        let (from, to) = if turn % 2 == 0 { (&left, &right) } else { (&right, &left) };
        let mut batch = node.batch();
        batch.add(from.remove(7));
        batch.add(to.add(7));
        batch.await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn sets_are_seen_at_one_moment_whatever_moves_between_them() {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    let (left, right) = (one.set::<u32>("left"), one.set::<u32>("right"));
    left.add(7).await.unwrap();

    let looking = async {
        let mut sides = BTreeSet::new();
        for _ in 0..200 {
            assert_eq!(left.union([&right]).await.unwrap(), [7], "it is always somewhere");
            assert_eq!(left.symmetric_difference([&right]).await.unwrap(), [7], "and never twice");
            sides.insert(left.contains(7).await.unwrap());
        }
        sides.len()
    };
    let (sides, ()) = futures::join!(looking, move_about(&other));

    assert_eq!(sides, 2, "it did move meanwhile");
}

/// Adds a thousand members of its own by each way there is.
async fn add_by_every_way(node: Node, task: u32) {
    let (all, own) = (node.set::<u32>("all"), node.set::<u32>(format!("own {task}")));
    for turn in 0..1_000 {
        let member = task * 10_000 + turn;
        match turn % 5 {
            0 => assert!(all.add(member).await.unwrap()),
            1 => assert_eq!(all.extend([member]).await.unwrap(), 1),
            2 => assert_eq!(all.update([Operand::of([member])]).await.unwrap(), 1),
            3 => assert_eq!(all.symmetric_difference_update([Operand::of([member])]).await.unwrap(), 1),
            _ => {
                own.add(member).await.unwrap();
                assert_eq!(all.update([&own]).await.unwrap(), 1);
                own.clear().await.unwrap();
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_lost_of_what_eight_tasks_add_by_every_way() {
    let mesh = Mesh::new().await.unwrap();
    let mut adding = Vec::new();
    for task in 0..8 {
        adding.push(add_by_every_way(mesh.node(&format!("n{task}")).await.unwrap(), task));
    }

    join_all(adding).await;

    let all = mesh.node("last").await.unwrap().set::<u32>("all");
    let expected: BTreeSet<u32> = (0..8).flat_map(|task| task * 10_000..task * 10_000 + 1_000).collect();
    assert!(all.equals(&expected).await.unwrap());
    assert_eq!(all.len().await.unwrap(), 8_000);
    assert_eq!(all.difference_update([&expected]).await.unwrap(), 8_000);
}
