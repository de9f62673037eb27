//! Spaces as their users write them: sent at once, in order, several in one step, and watched.

use std::collections::BTreeSet;

use daffi::datatypes::space::{Action, Alteration, Check, DynSpace, Predicate, SpaceChange, Value, Write};
use daffi::{DataError, Heard, Node, SpaceError, config, obj};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;
use futures::stream::FuturesUnordered;

async fn mesh() -> (Mesh, Node) {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    (mesh, node)
}

fn refused<T>(result: Result<T, DataError>) -> SpaceError {
    match result {
        Err(DataError::Space(error)) => error,
        Err(error) => panic!("{error}"),
        Ok(_) => panic!("it was done"),
    }
}

async fn number(space: &DynSpace, key: &str, attribute: &str) -> i64 {
    match space.get(key).await.unwrap().unwrap()[attribute] {
        Value::Int(number) => number,
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_sent_is_carried_out_whoever_awaits_it() {
    let (_mesh, node) = mesh().await;
    let tally = node.add_space("space tally key k attributes int n, list(int) seen").await.unwrap();
    tally.put("a", obj! {}).await.unwrap();

    drop(tally.atomic_add("a", obj! { n: 1 }).send());
    let later = tally.atomic_add("a", obj! { n: 1 }).send();
    while number(&tally, "a", "n").await < 2 {}
    assert!(later.await.unwrap());
    // What is wrong about it is said when it is awaited.
    let unfit = tally.atomic_add("a", obj! { x: 1 }).send();
    assert!(matches!(refused(unfit.await), SpaceError::UnknownAttribute { .. }));
    let ready = tally.atomic_add("a", obj! { n: 1 }).send_when_ready().await;
    assert!(ready.await.unwrap());
    assert_eq!(number(&tally, "a", "n").await, 3);
}

#[tokio::test(start_paused = true)]
async fn more_than_a_node_may_have_on_their_way_are_carried_out_too() {
    let (_mesh, node) = mesh().await;
    let tally = node.add_space("space tally key k attributes int n").await.unwrap();
    tally.put("a", obj! {}).await.unwrap();

    let all = 3 * config::SENT_IN_FLIGHT_MAX;
    let mut outstanding: FuturesUnordered<_> =
        (0..all).map(|_| tally.add_and_fetch("a", "n", 1).send()).collect();
    let mut sums = BTreeSet::new();
    while let Some(sum) = outstanding.next().await {
        assert!(sums.insert(sum.unwrap()));
    }
    assert_eq!(sums, (1..=all as i64).map(Value::from).collect());
}

#[tokio::test(start_paused = true)]
async fn one_too_many_waits_for_its_place_and_can_be_given_up() {
    let (_mesh, node) = mesh().await;
    let tally = node.add_space("space tally key k attributes int n").await.unwrap();
    tally.put("a", obj! {}).await.unwrap();
    let mails = node.queue::<u64>("mails");
    // Each of them waits for an item, and keeps its place.
    let mut waiting: Vec<_> = (0..config::SENT_IN_FLIGHT_MAX).map(|_| mails.pop_wait().send()).collect();

    let given_up = tally.atomic_add("a", obj! { n: 10 }).send();
    let parked = tally.atomic_add("a", obj! { n: 1 }).send();
    for _ in 0..10 {
        assert_eq!(
            number(&tally, "a", "n").await,
            0,
            "what is awaited needs no place, and what is sent has none"
        );
    }
    given_up.cancel();
    waiting.pop().unwrap().cancel();
    assert!(parked.await.unwrap());
    assert_eq!(number(&tally, "a", "n").await, 1);
    waiting.into_iter().for_each(daffi::Sent::cancel);
}

#[tokio::test(start_paused = true)]
async fn a_handle_in_order_does_what_is_done_by_one_key_in_the_order_in_which_it_was_begun() {
    let (_mesh, node) = mesh().await;
    let log = node.add_space("space log key k attributes list(int) seen").await.unwrap();
    let ordered = log.ordered_by_key();
    for key in ["a", "b"] {
        log.put(key, obj! {}).await.unwrap();
    }

    let all = 2 * config::SENT_IN_FLIGHT_MAX as i64;
    let sent: Vec<_> = (0..all)
        .map(|at| ordered.clone().list_rpush(if at % 2 == 0 { "a" } else { "b" }, obj! { seen: at }).send())
        .collect();
    let last = ordered.get("a").send();
    let found = last.await.unwrap().unwrap();
    assert_eq!(found["seen"], (0..all).step_by(2).collect::<Vec<_>>().into());
    for done in join_all(sent).await {
        assert!(done.unwrap());
    }
    assert_eq!(log.get("b").await.unwrap().unwrap()["seen"], (1..all).step_by(2).collect::<Vec<_>>().into());
}

/// The document's race, with the atomic operations that are its remedy.
#[tokio::test(start_paused = true)]
async fn ten_thousand_raises_and_deductions_of_sixteen_tasks_lose_nothing() {
    const TASKS: i64 = 16;
    const EACH: i64 = 625;
    let (mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary").await.unwrap();
    staff.put("john", obj! { salary: 100_000 }).await.unwrap();
    let mut nodes = vec![node];
    for name in ["two", "three", "four"] {
        nodes.push(mesh.node(name).await.unwrap());
    }

    let tasks = (0..TASKS).map(|task| {
        let node = nodes[task as usize % nodes.len()].clone();
        tokio::spawn(async move {
            let staff = node.dyn_space("staff").await.unwrap();
            let mut sum = 0;
            for step in 0..EACH {
                let is_raise = (task + step) % 3 != 0;
                let by = 1_500 + task * step;
                sum += if is_raise { by } else { -by };
                let done = match step % 2 {
                    _ if is_raise => staff.atomic_add("john", obj! { salary: by }),
                    0 => staff.atomic_sub("john", obj! { salary: by }),
                    _ => staff.atomic_add("john", obj! { salary: -by }),
                };
                assert!(done.send().await.unwrap());
            }
            sum
        })
    });
    let sums: i64 = join_all(tasks).await.into_iter().map(|sum| sum.unwrap()).sum();

    assert_eq!(number(&staff, "john", "salary").await, 100_000 + sums);
    assert_eq!(staff.get("john").await.unwrap().unwrap().version as i64, 1 + TASKS * EACH);
}

#[tokio::test(start_paused = true)]
async fn objects_of_several_spaces_are_written_in_one_step_or_not_at_all() {
    let (_mesh, node) = mesh().await;
    let accounts = node.add_space("space accounts key name attributes int balance").await.unwrap();
    let log = node.add_space("space transfers key int id attributes string who, int amount").await.unwrap();
    for name in ["joe", "brian"] {
        accounts.put(name, obj! { balance: 15 }).await.unwrap();
    }
    let enough = Predicate::is("balance", Check::GreaterEqual(10.into()));

    for (id, is_enough) in [(1, true), (2, false)] {
        let mut batch = node.batch();
        let take = Write::new().change("balance", Action::Sub(10.into())).when(enough.clone());
        batch.add(log.put_if_not_exist(id, obj! { who: "joe", amount: 10 }));
        let given = batch.add(accounts.add_and_fetch("brian", "balance", 10));
        let taken = batch.add(accounts.write("joe", take));
        match batch.await {
            Ok(mut done) => {
                assert!(is_enough);
                assert_eq!(done.take(given).unwrap(), 25.into());
                assert_eq!(done.take(taken).unwrap().version, 2);
            }
            Err(error) => {
                assert!(!is_enough);
                assert!(matches!(refused::<()>(Err(error)), SpaceError::ConditionFailed { .. }));
            }
        }
    }

    assert_eq!(number(&accounts, "joe", "balance").await, 5);
    assert_eq!(number(&accounts, "brian", "balance").await, 25);
    assert_eq!(
        log.len().await.unwrap(),
        1,
        "what stood before the condition that failed is not there either"
    );
}

#[tokio::test(start_paused = true)]
async fn many_transfers_in_both_directions_keep_the_sum() {
    let (_mesh, node) = mesh().await;
    let accounts = node.add_space("space accounts key name attributes int balance").await.unwrap();
    for name in ["joe", "brian"] {
        accounts.put(name, obj! { balance: 100 }).await.unwrap();
    }
    let transfers = (0..64_i64).map(|at| {
        let (node, accounts) = (node.clone(), accounts.clone());
        async move {
            let (from, to) = if at % 3 == 0 { ("joe", "brian") } else { ("brian", "joe") };
            let amount = at % 7 + 1;
            let enough = Predicate::is("balance", Check::GreaterEqual(amount.into()));
            let mut batch = node.batch();
            batch.add(accounts.cond_atomic_sub(from, enough, obj! { balance: amount }));
            batch.add(accounts.atomic_add(to, obj! { balance: amount }));
            match batch.await {
                Ok(_) => true,
                Err(DataError::Space(SpaceError::ConditionFailed { .. })) => false,
                Err(error) => panic!("{error}"),
            }
        }
    });
    let done = join_all(transfers).await;

    let (joe, brian) =
        (number(&accounts, "joe", "balance").await, number(&accounts, "brian", "balance").await);
    assert_eq!(joe + brian, 200);
    assert!(joe >= 0 && brian >= 0 && done.contains(&true));
}

async fn heard(feed: &mut daffi::Feed<SpaceChange>) -> SpaceChange {
    match feed.next().await.unwrap().unwrap() {
        Heard::Item(item) => item.value,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(start_paused = true)]
async fn one_object_is_watched_and_no_other() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary, set(string) tags").await.unwrap();
    let mut feed = staff.watch("ann").await.unwrap();

    staff.put("bob", obj! { salary: 1 }).await.unwrap();
    staff.put("ann", obj! { salary: 2, tags: ["b", "a"] }).await.unwrap();
    staff.delete("bob").await.unwrap();
    staff.delete("ann").await.unwrap();
    staff.put("bob", obj! { salary: 1 }).await.unwrap();
    staff.clear().await.unwrap();

    let tags = Value::from(BTreeSet::from(["a", "b"]));
    let SpaceChange::Written { before: None, after, .. } = heard(&mut feed).await else { panic!() };
    assert_eq!(after, obj! { salary: 2, tags: tags.clone() });
    let SpaceChange::Erased { before, .. } = heard(&mut feed).await else { panic!() };
    assert_eq!(before, obj! { salary: 2, tags: tags });
    assert_eq!(heard(&mut feed).await, SpaceChange::Cleared);
    assert!(matches!(staff.watch(1).await, Err(DataError::Space(SpaceError::WrongType { .. }))));
}

#[tokio::test(start_paused = true)]
async fn what_a_predicate_holds_for_is_watched_as_it_comes_and_goes() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary, string team").await.unwrap();
    staff.put("ann", obj! { salary: 5 }).await.unwrap();
    let mut rich = staff.watch_where(Predicate::is("salary", Check::Greater(10.into()))).await.unwrap();

    for salary in [6, 11, 12, 7, 8] {
        staff.put("ann", obj! { salary: salary }).await.unwrap();
    }
    let mut salaries = Vec::new();
    for _ in 0..3 {
        let SpaceChange::Written { after, .. } = heard(&mut rich).await else { panic!() };
        salaries.push(after["salary"].clone());
    }
    assert_eq!(salaries, [11, 12, 7].map(Value::from));

    let add = Alteration::Add { name: "age".into(), of: "int".parse().unwrap() };
    let altered = staff.alter(add).await.unwrap();
    assert!(matches!(heard(&mut rich).await, SpaceChange::Altered { version: 2, .. }));
    altered.put("ann", obj! { salary: 20, age: 3 }).await.unwrap();
    let SpaceChange::Written { after, .. } = heard(&mut rich).await else { panic!() };
    assert_eq!(after["age"], 3.into());
    // What is asked of an attribute that is not there any more comes to an end.
    altered.alter(Alteration::Drop("salary".into())).await.unwrap();
    let end = rich.next().await.unwrap();
    assert!(matches!(end, Err(DataError::Space(SpaceError::UnknownAttribute { .. }))));
    assert!(rich.next().await.is_none());
    let unfit = staff.watch_where(obj! { nothing: 1 }).await;
    assert!(matches!(unfit, Err(DataError::Space(SpaceError::UnknownAttribute { .. }))));
}

#[tokio::test(start_paused = true)]
async fn changes_are_heard_from_a_revision_on() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary").await.unwrap();
    staff.put("ann", obj! { salary: 1 }).await.unwrap();
    let mut feed = staff.changes(None).await.unwrap();
    staff.put("bob", obj! { salary: 2 }).await.unwrap();
    let Heard::Item(first) = feed.next().await.unwrap().unwrap() else { panic!() };
    staff.put("cid", obj! { salary: 3 }).await.unwrap();

    let mut again = staff.changes(Some(first.revision)).await.unwrap();
    let SpaceChange::Written { key, .. } = heard(&mut again).await else { panic!() };
    assert_eq!(key, "cid".into());
}
