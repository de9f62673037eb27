//! Spaces of types of Rust: `#[derive(Space)]`.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::future::IntoFuture;
use std::time::SystemTime;

use daffi::datatypes::space::{Alteration, Float, TypedSpace, Value, Where};
use daffi::{DataError, Node, Space, SpaceError, config, obj};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::future::join_all;

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

/// One of each type.
#[derive(Space, Debug, Clone, PartialEq)]
#[space(name = "profiles", index(last), subspace(first, last), tolerate = 0)]
struct Profile {
    /// By which it is found.
    #[key]
    username: String,
    first: String,
    last: String,
    views: i64,
    score: f64,
    friends: BTreeSet<String>,
    pending: Vec<String>,
    upvotes: BTreeMap<String, i64>,
    seen: SystemTime,
    extra: Value,
}

fn john() -> Profile {
    Profile {
        username: "jsmith1".into(),
        first: "John".into(),
        last: "Smith".into(),
        views: 3,
        score: 0.5,
        friends: BTreeSet::from(["jd".into()]),
        pending: vec!["a".into(), "b".into()],
        upvotes: BTreeMap::from([("post".into(), 7)]),
        seen: SystemTime::UNIX_EPOCH,
        extra: obj! { boss: obj! { age: 50 } }.into(),
    }
}

async fn profiles() -> (Mesh, Node, TypedSpace<Profile>) {
    let (mesh, node) = mesh().await;
    let profiles = node.space::<Profile>();
    assert!(profiles.ensure().await.unwrap());
    assert!(!profiles.ensure().await.unwrap());
    assert!(profiles.put(&john()).await.unwrap());
    (mesh, node, profiles)
}

#[tokio::test(start_paused = true)]
async fn a_struct_describes_a_space_and_its_values_are_the_objects() {
    let (_mesh, node, profiles) = profiles().await;
    let description = "space profiles key username attributes string first, string last, int views, float score, \
                       set(string) friends, list(string) pending, map(string, int) upvotes, timestamp(second) seen, \
                       document extra subspace first, last index last tolerate 0 failures";
    assert_eq!(Profile::schema().unwrap(), description.parse().unwrap());

    assert_eq!(profiles.get("jsmith1").await.unwrap(), Some(john()));
    assert_eq!(profiles.get("nobody").await.unwrap(), None);
    assert!(!profiles.insert(&john()).await.unwrap());
    assert!(!profiles.put(&Profile { views: 4, ..john() }).await.unwrap());
    assert_eq!(profiles.get_attr("jsmith1", Profile::views()).await.unwrap(), Some(4));
    assert_eq!(profiles.get_attr("nobody", Profile::views()).await.unwrap(), None);
    assert_eq!(profiles.len().await.unwrap(), 1);

    // The same without types.
    let plain = node.dyn_space("profiles").await.unwrap();
    plain.put("jd", obj! { first: "Jane" }).await.unwrap();
    assert_eq!(profiles.get("jd").await.unwrap().unwrap().first, "Jane");
    assert_eq!(profiles.delete_all(Profile::first().eq("Jane")).await.unwrap(), 1);
    plain.alter(Alteration::Drop("views".into())).await.unwrap();
    assert!(matches!(profiles.get("jsmith1").await, Err(DataError::WrongValue { .. })));
    assert!(matches!(refused(profiles.ensure().await), SpaceError::SpaceDiffers { .. }));
}

#[tokio::test(start_paused = true)]
async fn attributes_offer_what_their_types_allow_and_say_what_it_came_to() {
    let (_mesh, _node, profiles) = profiles().await;
    let key = "jsmith1";
    assert_eq!(profiles.fetch(key, Profile::views().add(4)).await.unwrap(), 7);
    assert_eq!(profiles.fetch(key, Profile::views().rem(-2)).await.unwrap(), -1);
    assert_eq!(profiles.fetch(key, Profile::score().mul(4)).await.unwrap(), 2.0);
    assert_eq!(profiles.fetch(key, Profile::first().append("ny")).await.unwrap(), "Johnny");
    assert_eq!(profiles.fetch(key, Profile::first().trim_end(2)).await.unwrap(), "John");
    assert_eq!(profiles.fetch(key, Profile::pending().pop_front()).await.unwrap(), Some("a".into()));
    assert_eq!(profiles.fetch(key, Profile::pending().push_back("c")).await.unwrap(), 2);
    assert_eq!(profiles.fetch(key, Profile::pending().remove_at(0)).await.unwrap(), Some("b".into()));
    assert_eq!(profiles.fetch(key, Profile::pending().keep(1, 1)).await.unwrap(), 0);
    assert_eq!(profiles.fetch(key, Profile::pending().pop_back()).await.unwrap(), None);
    assert_eq!(profiles.fetch(key, Profile::friends().union(["jj", "jd"])).await.unwrap(), 2);
    assert_eq!(profiles.fetch(key, Profile::friends().remove("jd")).await.unwrap(), 1);
    assert_eq!(profiles.fetch(key, Profile::upvotes().at("post").add(1)).await.unwrap(), 8);
    assert_eq!(profiles.fetch(key, Profile::upvotes().at("new").sub(2)).await.unwrap(), -2);
    assert_eq!(profiles.fetch(key, Profile::upvotes().remove("post")).await.unwrap(), 1);
    assert_eq!(profiles.fetch(key, Profile::extra().at("boss.age").add(1)).await.unwrap(), 51.into());
    profiles.fetch(key, Profile::extra().at("boss.name").set("Ann")).await.unwrap();
    profiles.fetch(key, Profile::extra().at("boss.age").unset()).await.unwrap();

    let now = profiles.get(key).await.unwrap().unwrap();
    let wanted = Profile {
        views: -1,
        score: 2.0,
        friends: BTreeSet::from(["jj".into()]),
        pending: vec![],
        upvotes: BTreeMap::from([("new".into(), -2)]),
        extra: obj! { boss: obj! { name: "Ann" } }.into(),
        ..john()
    };
    assert_eq!(now, wanted);
}

#[tokio::test(start_paused = true)]
async fn typed_writes_have_conditions_create_and_return_what_they_were_asked_for() {
    let (_mesh, node, profiles) = profiles().await;
    let step =
        || Profile::first().set("Jon").then(Profile::views().add(1)).then(Profile::friends().insert("jj"));
    let asked =
        || Profile::first().eq("John") & (Profile::views().lt(100) | Profile::friends().contains("x"));

    let done = profiles.update("jsmith1", step()).when(asked()).returning_before().returning_after();
    let done = done.send().await.unwrap();
    assert_eq!((done.version, done.is_new, done.before), (2, false, Some(john())));
    assert_eq!(done.after.unwrap().first, "Jon");
    let again = profiles.update("jsmith1", step()).when(asked()).await;
    assert!(matches!(refused(again), SpaceError::ConditionFailed { .. }));
    assert!(matches!(refused(profiles.update("x", step()).await), SpaceError::NotFound { .. }));
    assert!(profiles.update("x", step()).or_create().await.unwrap().is_new);

    let every = Profile::username().between("a", "z") & !Profile::pending().length_is(9);
    assert_eq!(profiles.update_all(every, Profile::views().set(0)).await.unwrap(), 2);
    assert!(!profiles.delete_when("x", Profile::views().ne(0)).await.unwrap());
    let mut batch = node.batch();
    let place = batch.add(profiles.update("x", Profile::views().add(5)).returning_after().operation());
    batch.add(profiles.delete("jsmith1"));
    let mut done = batch.await.unwrap();
    assert_eq!(done.take(place).unwrap().after.unwrap().views, 5);
    assert_eq!(profiles.delete_all(Where::always()).await.unwrap(), 1);
    assert!(profiles.is_empty().await.unwrap());
}

/// With an index, and what is hashed or made of floats.
#[derive(Space, Debug, Clone, PartialEq)]
#[space(index(level))]
struct Reading {
    #[key]
    id: i64,
    level: i64,
    marks: BTreeSet<Float>,
    tags: HashSet<String>,
    sums: HashMap<i64, f64>,
    steps: BTreeMap<Float, String>,
}

fn reading(id: i64) -> Reading {
    Reading {
        id,
        level: id % 7,
        marks: BTreeSet::new(),
        tags: HashSet::new(),
        sums: HashMap::new(),
        steps: BTreeMap::new(),
    }
}

async fn readings(count: i64) -> (Mesh, Node, TypedSpace<Reading>) {
    let (mesh, node) = mesh().await;
    let readings = node.space::<Reading>();
    readings.ensure().await.unwrap();
    for put in join_all((0..count).map(|id| readings.put(&reading(id)).into_future())).await {
        assert!(put.unwrap());
    }
    (mesh, node, readings)
}

#[tokio::test(start_paused = true)]
async fn typed_searches_are_streams_of_values_that_go_on_where_another_ended() {
    const COUNT: i64 = 2 * config::PAGE_ENTRIES_MAX as i64 + 300;
    let (_mesh, _node, readings) = readings(COUNT).await;

    let mut found = readings.search(Reading::level().ne(9)).await.unwrap();
    let mut ids = BTreeSet::new();
    for _ in 0..COUNT / 2 {
        let one = found.next().await.unwrap().unwrap();
        assert_eq!(one, reading(one.id));
        assert!(ids.insert(one.id), "each of them once");
    }
    let cursor = found.keep().unwrap();
    // What is written meanwhile is not seen.
    readings.put(&reading(COUNT)).await.unwrap();
    readings.delete(COUNT - 1).await.unwrap();
    let mut rest = readings.resume(cursor).unwrap();
    while let Some(one) = rest.next().await {
        assert!(ids.insert(one.unwrap().id));
    }
    assert!(ids.into_iter().eq(0..COUNT));
    assert_eq!(rest.cursor(), None);

    let few: Vec<i64> = readings
        .search((Reading::level().lt(2) | Reading::level().eq(6)) & Reading::id().between(0, 9))
        .await
        .unwrap()
        .map(|one| one.unwrap().id)
        .collect()
        .await;
    assert_eq!(BTreeSet::from_iter(few), BTreeSet::from([0, 1, 6, 7, 8]));
}

#[tokio::test(start_paused = true)]
async fn typed_searches_are_sorted_counted_and_explained() {
    let (_mesh, _node, readings) = readings(50).await;
    let sorted = async |by, limit| -> Vec<i64> {
        let found = readings.sorted_search(Reading::id().lt(20), by, limit).await.unwrap();
        found.map(|one| one.unwrap().id).collect().await
    };

    assert_eq!(sorted(Reading::level().descending(), 4).await, [13, 6, 19, 12]);
    assert_eq!(sorted(Reading::level().ascending(), 4).await, [0, 7, 14, 1]);
    assert_eq!(sorted(Reading::id().descending(), 2).await, [19, 18]);
    assert_eq!(sorted(Reading::id().ascending(), 99).await, (0..20).collect::<Vec<_>>());
    assert_eq!(readings.count(Reading::level().eq(3)).await.unwrap(), 7);
    assert_eq!(readings.count(Where::always()).await.unwrap(), 50);
    let plan = readings.search_describe(Reading::level().eq(3)).await.unwrap();
    assert_eq!((plan.looked_at, plan.objects, plan.is_exact), (7, 50, true));
    assert_eq!(format!("{:?}", Reading::level().descending()), "By(level descending)");
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_no_value_any_more_is_an_error_of_its_search() {
    let (_mesh, node, readings) = readings(3).await;
    let plain = node.dyn_space("reading").await.unwrap();
    plain.alter(Alteration::Drop("marks".into())).await.unwrap();

    let found: Vec<_> = readings.search(Where::always()).await.unwrap().collect().await;

    assert_eq!(found.len(), 3);
    assert!(found.iter().all(|one| matches!(one, Err(DataError::WrongValue { .. }))));
}

/// The index of a whole document is no index.
#[derive(Space, Debug)]
#[space(index(extra))]
struct Indescribable {
    #[key]
    id: i64,
    extra: Value,
}

#[tokio::test(start_paused = true)]
async fn a_type_that_describes_no_space_says_so_of_everything_done_with_it() {
    let (_mesh, node) = mesh().await;
    let none = node.space::<Indescribable>();
    let is_told = |error| assert!(matches!(error, SpaceError::Unindexable { .. }), "{error}");

    is_told(refused(none.ensure().await));
    is_told(refused(none.search(Where::always()).await));
    is_told(refused(none.sorted_search(Where::always(), Indescribable::id().ascending(), 1).await));
    is_told(refused(none.count(Indescribable::extra().at("a").eq(1)).await));
    // Nothing is waited for.
    is_told(refused(none.count(Where::always()).wait()));
    is_told(refused(none.search_describe(Where::always()).await));
}

#[tokio::test(start_paused = true)]
async fn sets_of_floats_and_what_is_hashed_are_attributes_too() {
    let (_mesh, node, readings) = readings(2).await;
    let description = "space reading key int id attributes int level, set(float) marks, set(string) tags, \
                       map(int, float) sums, map(float, string) steps index level";
    assert_eq!(Reading::schema().unwrap(), description.parse().unwrap());

    assert_eq!(readings.fetch(1, Reading::marks().insert(0.5)).await.unwrap(), 1);
    assert_eq!(readings.fetch(1, Reading::marks().union([0.0, -0.0, 2.0])).await.unwrap(), 3);
    let unfit = readings.fetch(1, Reading::marks().insert(f64::NAN)).await;
    assert!(matches!(refused(unfit), SpaceError::NotANumber { .. }));
    assert_eq!(readings.fetch(1, Reading::tags().union(["a", "b"])).await.unwrap(), 2);
    assert_eq!(readings.fetch(1, Reading::tags().remove("a")).await.unwrap(), 1);
    assert_eq!(readings.fetch(1, Reading::sums().at(7).add(1.5)).await.unwrap(), 1.5);
    assert_eq!(readings.fetch(1, Reading::sums().at(7).mul(2)).await.unwrap(), 3.0);
    assert_eq!(readings.fetch(1, Reading::steps().insert(0.25, "quarter")).await.unwrap(), 1);
    assert_eq!(readings.fetch(1, Reading::steps().at(0.25).append("s")).await.unwrap(), "quarters");

    let wanted = Reading {
        marks: BTreeSet::from([0.0, 0.5, 2.0].map(Float::from)),
        tags: HashSet::from(["b".into()]),
        sums: HashMap::from([(7, 3.0)]),
        steps: BTreeMap::from([(0.25.into(), "quarters".into())]),
        ..reading(1)
    };
    assert_eq!(readings.get(1).await.unwrap(), Some(wanted.clone()));
    let asked = Reading::marks().contains(0.5)
        & Reading::tags().eq(wanted.tags.clone())
        & Reading::sums().contains(7)
        & Reading::steps().length_is(1);
    assert_eq!(readings.count(asked).await.unwrap(), 1);
    assert!(readings.put(&Reading { id: 5, ..wanted.clone() }).await.unwrap());
    assert_eq!(readings.get(5).await.unwrap(), Some(Reading { id: 5, ..wanted }));

    // The same without types.
    let plain = node.dyn_space("reading").await.unwrap();
    assert!(plain.put(6, obj! { marks: BTreeSet::from([Float::from(1), Float::from(0.5)]) }).await.unwrap());
    assert_eq!(
        readings.count(Reading::marks().contains(1) & Reading::marks().length_is(2)).await.unwrap(),
        1
    );
}

#[tokio::test]
async fn a_thread_reads_what_a_typed_search_finds() {
    let (_mesh, _node, readings) = readings(10).await;

    let thread = std::thread::spawn(move || {
        let found = readings.search(Reading::id().lt(4)).wait().unwrap();
        let ids: BTreeSet<i64> = found.wait().map(|one| one.unwrap().id).collect();
        (ids, readings.count(Reading::id().ge(4)).wait().unwrap())
    });

    let (ids, count) = tokio::task::spawn_blocking(|| thread.join()).await.unwrap().unwrap();
    assert_eq!((ids, count), ((0..4).collect(), 6));
}
