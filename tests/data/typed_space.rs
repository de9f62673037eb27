//! Spaces of types of Rust: `#[derive(Space)]`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::SystemTime;

use daffi::datatypes::space::{Alteration, TypedSpace, Value, Where};
use daffi::{DataError, Node, Space, SpaceError, obj};
use daffi_core::testing::Mesh;

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
