//! HyperDex's chapter on asynchronous and atomic operations, step by step, with what it prints.

use std::collections::{BTreeMap, BTreeSet};

use daffi::datatypes::space::{DynSpace, Fields, Value};
use daffi::{DataError, Node, Sent, obj};
use daffi_core::testing::Mesh;
use futures::StreamExt;
use futures::stream::FuturesUnordered;

const FRIENDS: &str = "
space friendlists
key username
attributes
   string first,
   string last,
   set(string) friends
";

const LOCKS: &str = "
space userlocks
key username
";

const ALL: &str = "space alldatatypes key k attributes string s, int i, float f, list(string) ls, set(string) ss, map(string, string) mss, map(string, int) msi";

const KEY: &str = "somekey";

fn set(elements: &[&str]) -> Value {
    elements.iter().copied().collect::<BTreeSet<_>>().into()
}

fn list(elements: &[&str]) -> Value {
    elements.to_vec().into()
}

fn map<V: Into<Value> + Copy>(entries: &[(&str, V)]) -> Value {
    entries.iter().copied().collect::<BTreeMap<_, _>>().into()
}

async fn got(space: &DynSpace, key: &str) -> Fields {
    space.get(key).await.unwrap().unwrap().fields
}

#[tokio::test(start_paused = true)]
async fn the_chapter_prints_what_it_prints() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("c").await.unwrap();
    let friends = setup(&node).await;
    asynchronous_operations(&friends).await;
    conditional_puts(&friends).await;
    locks(&node).await;
    let all = creation(&node).await;
    numbers(&all).await;
    strings_lists_and_sets(&all).await;
    maps(&all).await;
    elements_of_maps(&all).await;
    cleaning_up(&node).await;
}

/// S1, and what the chapter does where nobody sees it.
async fn setup(node: &Node) -> DynSpace {
    node.add_space("space rt key x").await.unwrap();
    assert!(node.rm_space("rt").await.unwrap());
    let friends = node.add_space(FRIENDS).await.unwrap();
    for (key, first, last) in
        [("jsmith1", "John", "Smith"), ("jd", "John", "Doe"), ("bjones1", "Brian", "Jones")]
    {
        assert!(friends.put(key, obj! { first: first, last: last }).await.unwrap());
    }
    friends
}

/// S2 to S7.
async fn asynchronous_operations(c: &DynSpace) {
    let d = c.put("jj", obj! { first: "John", last: "Jackson" }).send();
    assert!(format!("{d:?}").starts_with("Sent"));
    assert!(d.await.unwrap());
    let jackson = obj! { first: "John", last: "Jackson", friends: set(&[]) };
    let d = c.get("jj").send();
    assert_eq!(d.await.unwrap().unwrap().fields, jackson);
    let get = async |client: &DynSpace, key: &str| client.get(key).send().await;
    assert_eq!(get(c, "jj").await.unwrap().unwrap().fields, jackson);

    let d1 = c.set_add("jj", obj! { friends: "jsmith1" }).send();
    let d2 = c.set_add("jsmith1", obj! { friends: "jj" }).send();
    assert!(d1.await.unwrap());
    assert!(d2.await.unwrap());
    let d1 = c.set_add("jsmith1", obj! { friends: "bjones1" }).send();
    let d2 = c.set_add("bjones1", obj! { friends: "jsmith1" }).send();
    let d3 = c.set_add("jsmith1", obj! { friends: "jd" }).send();
    let d4 = c.set_add("jd", obj! { friends: "jsmith1" }).send();
    // The order in which they are waited for does not matter.
    for d in [d3, d1, d4, d2] {
        assert!(d.await.unwrap());
    }

    let usernames = got(c, "jsmith1").await["friends"].clone();
    assert_eq!(usernames, set(&["bjones1", "jd", "jj"]));
    let Value::Set(usernames) = usernames else { panic!("{usernames:?}") };
    let mut outstanding: FuturesUnordered<Sent<_>> =
        usernames.keys().map(|username| c.get(username.clone()).send()).collect();
    let mut friends = Vec::new();
    while let Some(d) = outstanding.next().await {
        friends.push(d.unwrap().unwrap()["first"].clone());
    }
    friends.sort();
    assert_eq!(friends, ["Brian", "John", "John"].map(Value::from));
}

/// S8 to S10.
async fn conditional_puts(c: &DynSpace) {
    let friends = || set(&["bjones1", "jd", "jj"]);
    let john = |first: &str| obj! { first: first, last: "Smith", friends: friends() };
    assert_eq!(got(c, "jsmith1").await, john("John"));
    let (was, becomes) = (obj! { first: "John", last: "Smith" }, obj! { first: "Jon" });
    assert!(c.cond_put("jsmith1", was.clone(), becomes.clone()).await.unwrap());
    assert_eq!(got(c, "jsmith1").await, john("Jon"));

    assert!(!c.cond_put("jsmith1", was, becomes).await.unwrap());
    assert_eq!(got(c, "jsmith1").await, john("Jon"));

    let put = c.cond_put("jsmith1", obj! { friends: friends() }, obj! { first: "John" });
    assert!(put.await.unwrap());
    assert_eq!(got(c, "jsmith1").await, john("John"));
}

/// S11 and S12.
async fn locks(node: &Node) {
    let locks = node.add_space(LOCKS).await.unwrap();
    assert!(locks.put_if_not_exist("jsmith1", obj! {}).await.unwrap());
    assert_eq!(locks.get("jsmith1").await.unwrap().unwrap().fields, obj! {});
    assert!(!locks.put_if_not_exist("jsmith1", obj! {}).await.unwrap());
    assert!(locks.delete("jsmith1").await.unwrap());

    async fn lock(client: &DynSpace, user: &str) -> Result<(), DataError> {
        while !client.put_if_not_exist(user, obj! {}).await? {
            tokio::task::yield_now().await;
        }
        Ok(())
    }
    async fn unlock(client: &DynSpace, user: &str) -> Result<bool, DataError> {
        client.delete(user).await
    }
    lock(&locks, "jsmith1").await.unwrap();
    assert!(unlock(&locks, "jsmith1").await.unwrap());

    // One at a time, whoever else tries.
    let inside = std::sync::atomic::AtomicUsize::new(0);
    let contenders = (0..8).map(|_| async {
        lock(&locks, "jsmith1").await.unwrap();
        assert_eq!(inside.fetch_add(1, std::sync::atomic::Ordering::SeqCst), 0);
        tokio::task::yield_now().await;
        inside.fetch_sub(1, std::sync::atomic::Ordering::SeqCst);
        assert!(unlock(&locks, "jsmith1").await.unwrap());
    });
    futures::future::join_all(contenders).await;
    assert_eq!(locks.get("jsmith1").await.unwrap(), None);
}

/// S13 to S16.
async fn creation(node: &Node) -> DynSpace {
    let c = node.add_space(ALL).await.unwrap();
    assert!(c.put_if_not_exist(KEY, obj! { s: "initial value" }).await.unwrap());
    assert!(!c.put_if_not_exist(KEY, obj! { s: "initial value" }).await.unwrap());
    let (was, becomes) = (obj! { s: "initial value" }, obj! { s: "some string" });
    assert!(c.cond_put(KEY, was.clone(), becomes.clone()).await.unwrap());
    assert!(!c.cond_put(KEY, was, becomes).await.unwrap());
    let none = obj! { f: 0.0, i: 0, mss: map::<&str>(&[]), ss: set(&[]), s: "some string", ls: list(&[]), msi: map::<i64>(&[]) };
    assert_eq!(got(&c, KEY).await, none);
    c
}

/// The object with these numbers, all else being as S16 leaves it.
fn with(i: i64, f: f64) -> Fields {
    obj! { f: f, i: i, mss: map::<&str>(&[]), ss: set(&[]), s: "some string", ls: list(&[]), msi: map::<i64>(&[]) }
}

/// S17 to S23.
async fn numbers(c: &DynSpace) {
    assert!(c.atomic_add(KEY, obj! { i: 1, f: 0.25 }).await.unwrap());
    assert_eq!(got(c, KEY).await, with(1, 0.25));
    assert!(c.atomic_sub(KEY, obj! { i: 2, f: 0.5 }).await.unwrap());
    assert_eq!(got(c, KEY).await, with(-1, -0.25));
    assert!(c.atomic_mul(KEY, obj! { i: 2, f: 4.0 }).await.unwrap());
    assert_eq!(got(c, KEY).await, with(-2, -1.0));
    assert!(c.atomic_div(KEY, obj! { i: 2, f: 4.0 }).await.unwrap());
    assert_eq!(got(c, KEY).await, with(-1, -0.25));

    assert!(c.put(KEY, obj! { i: 0xdead_beef_cafe_i64 }).await.unwrap());
    assert!(c.atomic_and(KEY, obj! { i: 0xffff_ffff_0000_i64 }).await.unwrap());
    assert_eq!(got(c, KEY).await, with(244_837_814_042_624, -0.25));
    assert!(c.atomic_or(KEY, obj! { i: 0x0000_0000_cafe_i64 }).await.unwrap());
    assert_eq!(got(c, KEY).await["i"], 0xdead_beef_cafe_i64.into());
    assert!(c.atomic_xor(KEY, obj! { i: 0xdea5_a040_3af3_i64 }).await.unwrap());
    assert_eq!(got(c, KEY).await["i"], 0x8_1eaf_f00d_i64.into());
}

/// S24 to S26.
async fn strings_lists_and_sets(c: &DynSpace) {
    assert!(c.string_prepend(KEY, obj! { s: "->" }).await.unwrap());
    assert_eq!(got(c, KEY).await["s"], "->some string".into());
    assert!(c.string_append(KEY, obj! { s: "<-" }).await.unwrap());
    assert_eq!(got(c, KEY).await["s"], "->some string<-".into());

    assert!(c.put(KEY, obj! { ls: ["B"] }).await.unwrap());
    assert!(c.list_lpush(KEY, obj! { ls: "A" }).await.unwrap());
    assert_eq!(got(c, KEY).await["ls"], list(&["A", "B"]));
    assert!(c.list_rpush(KEY, obj! { ls: "C" }).await.unwrap());
    assert_eq!(got(c, KEY).await["ls"], list(&["A", "B", "C"]));

    assert!(c.set_add(KEY, obj! { ss: "C" }).await.unwrap());
    assert_eq!(got(c, KEY).await["ss"], set(&["C"]));
    assert!(c.set_remove(KEY, obj! { ss: "C" }).await.unwrap());
    assert_eq!(got(c, KEY).await["ss"], set(&[]));
    assert!(c.set_union(KEY, obj! { ss: set(&["A", "B", "C"]) }).await.unwrap());
    assert_eq!(got(c, KEY).await["ss"], set(&["A", "B", "C"]));
    assert!(c.set_intersect(KEY, obj! { ss: set(&["A", "B", "Z"]) }).await.unwrap());
    assert_eq!(got(c, KEY).await["ss"], set(&["A", "B"]));
}

/// The object with these maps, all else being as S26 leaves it.
fn with_maps(mss: Value, msi: Value) -> Fields {
    obj! {
        f: -0.25, i: 34_874_585_101_i64, mss: mss, ss: set(&["A", "B"]), s: "->some string<-",
        ls: list(&["A", "B", "C"]), msi: msi,
    }
}

/// S27 and S28.
async fn maps(c: &DynSpace) {
    let entries = obj! { mss: obj! { mapkey: "mapvalue" }, msi: obj! { mapkey: 16 } };
    assert!(c.map_add(KEY, entries).await.unwrap());
    let mapkey = || map(&[("mapkey", "mapvalue")]);
    let sixteen = || map(&[("mapkey", 16)]);
    assert_eq!(got(c, KEY).await, with_maps(mapkey(), sixteen()));

    assert!(c.map_add(KEY, obj! { mss: obj! { tmp: "delete me" } }).await.unwrap());
    let both = map(&[("tmp", "delete me"), ("mapkey", "mapvalue")]);
    assert_eq!(got(c, KEY).await, with_maps(both, sixteen()));
    assert!(c.map_remove(KEY, obj! { mss: obj! { tmp: "X" } }).await.unwrap());
    assert_eq!(got(c, KEY).await, with_maps(mapkey(), sixteen()));
}

/// S29 and S30.
async fn elements_of_maps(c: &DynSpace) {
    let by = |by: i64| obj! { msi: obj! { mapkey: by } };
    for (step, wanted) in [
        (c.map_atomic_add(KEY, by(16)), 32),
        (c.map_atomic_sub(KEY, by(-32)), 64),
        (c.map_atomic_mul(KEY, by(4)), 256),
        (c.map_atomic_div(KEY, by(64)), 4),
        (c.map_atomic_and(KEY, by(2)), 0),
        (c.map_atomic_or(KEY, by(5)), 5),
        (c.map_atomic_xor(KEY, by(7)), 2),
    ] {
        assert!(step.await.unwrap());
        let maps = with_maps(map(&[("mapkey", "mapvalue")]), map(&[("mapkey", wanted)]));
        assert_eq!(got(c, KEY).await, maps);
    }

    for (step, wanted) in [
        (c.map_string_prepend(KEY, obj! { mss: obj! { mapkey: "->" } }), "->mapvalue"),
        (c.map_string_append(KEY, obj! { mss: obj! { mapkey: "<-" } }), "->mapvalue<-"),
    ] {
        assert!(step.await.unwrap());
        let maps = with_maps(map(&[("mapkey", wanted)]), map(&[("mapkey", 2)]));
        assert_eq!(got(c, KEY).await, maps);
    }
}

/// S31.
async fn cleaning_up(node: &Node) {
    for (name, description) in [("friendlists", FRIENDS), ("userlocks", LOCKS)] {
        assert!(node.rm_space(name).await.unwrap());
        let again = node.add_space(description).await.unwrap();
        assert!(again.is_empty().await.unwrap());
        assert_eq!(again.get("jsmith1").await.unwrap(), None);
    }
}
