//! Spaces.

use std::collections::BTreeSet;

use daffi::datatypes::space::{
    Action, Alteration, Check, DynSpace, Fields, Found, Predicate, Returning, SpaceChange, Text, Type, Value,
    Write,
};
use daffi::{DataError, Heard, Node, SpaceError, obj};
use daffi_core::testing::Mesh;
use futures::future::join_all;
use futures::{StreamExt, TryStreamExt};

const FRIENDS: &str = "
    space friendlists
    key username
    attributes
       string first,
       string last,
       set(string) friends
";

const ALL: &str = "space alldatatypes key k attributes string s, int i, float f, list(string) ls, set(string) ss, map(string, string) mss, map(string, int) msi";

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

fn set(elements: &[&str]) -> Value {
    elements.iter().copied().collect::<BTreeSet<_>>().into()
}

async fn fields(space: &DynSpace, key: &str) -> Fields {
    space.get(key).await.unwrap().unwrap().fields
}

#[tokio::test(start_paused = true)]
async fn spaces_are_added_once_and_found_by_their_names() {
    let (mesh, node) = mesh().await;
    let other = mesh.node("other").await.unwrap();

    assert_eq!(refused(other.dyn_space("friendlists").await), SpaceError::NoSpace);
    let mine = node.add_space(FRIENDS).await.unwrap();
    assert_eq!(refused(other.add_space(FRIENDS).await), SpaceError::SpaceExists);
    let theirs = other.ensure_space(FRIENDS).await.unwrap();
    assert!(matches!(
        refused(other.ensure_space("space friendlists key username").await),
        SpaceError::SpaceDiffers { .. }
    ));
    assert!(matches!(
        refused(other.add_space("space\n  friends").await),
        SpaceError::Syntax { line: 2, column: 10, .. }
    ));
    mine.put("a", obj! { first: "A" }).await.unwrap();
    assert_eq!(theirs.get("a").await.unwrap().unwrap()["first"], "A".into());
    assert_eq!(other.dyn_space("friendlists").await.unwrap().schema(), mine.schema());
    assert_eq!((theirs.describe().await.unwrap().objects, theirs.clear().await.unwrap()), (1, 1));
    assert!(node.rm_space("friendlists").await.unwrap());
    assert!(!node.rm_space("friendlists").await.unwrap());
    assert_eq!(refused(mine.get("a").await), SpaceError::NoSpace);
    assert_eq!(node.add_space(FRIENDS).await.unwrap().len().await.unwrap(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_does_not_fit_the_schema_is_refused_before_it_is_sent() {
    let (mesh, node) = mesh().await;
    let all = node.add_space(ALL).await.unwrap();
    drop(mesh);

    // Nobody is there to be asked any more.
    assert_eq!(
        refused(all.put("a", obj! { x: 1 }).await),
        SpaceError::UnknownAttribute { attribute: "x".into() }
    );
    assert_eq!(
        refused(all.put("a", obj! { k: "b" }).await),
        SpaceError::KeyIsNotWritten { attribute: "k".into() }
    );
    assert!(
        matches!(refused(all.atomic_add("a", obj! { s: 1 }).await), SpaceError::WrongType { attribute, .. } if attribute == "s")
    );
    assert!(matches!(refused(all.string_append("a", obj! { s: 1 }).await), SpaceError::WrongType { .. }));
    assert!(matches!(refused(all.get(1).await), SpaceError::WrongType { attribute, .. } if attribute == "k"));
    assert!(matches!(refused(all.get_partial("a", ["y"]).await), SpaceError::UnknownAttribute { .. }));
    assert!(matches!(refused(all.group_del(obj! { i: "x" }).await), SpaceError::WrongType { .. }));
    assert!(matches!(refused(all.cond_del("a", obj! { y: 1 }).await), SpaceError::UnknownAttribute { .. }));
    assert!(matches!(refused(all.map_atomic_add("a", obj! { msi: 3 }).await), SpaceError::WrongType { .. }));
    let always = Predicate::always;
    assert!(
        matches!(refused(all.search_partial(always(), ["y"]).await), SpaceError::UnknownAttribute { attribute } if attribute == "y")
    );
    for (by, what) in [("y", "unknown"), ("ls", "a list(string)")] {
        let sorted = refused(all.sorted_search(always(), by, 3, false).await);
        match (what, sorted) {
            ("unknown", SpaceError::UnknownAttribute { attribute }) => assert_eq!(attribute, by),
            (what, SpaceError::WrongType { attribute, found, .. }) => {
                assert_eq!((&*attribute, &*found), (by, what));
            }
            (_, other) => panic!("{other}"),
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_against_a_write_is_said_and_nothing_is_changed() {
    let (_mesh, node) = mesh().await;
    let all = node.add_space(ALL).await.unwrap();
    let missing = SpaceError::NotFound { key: "\"a\"".into() };
    assert_eq!(refused(all.atomic_add("a", obj! { i: 1 }).await), missing);
    assert_eq!(refused(all.cond_put("a", obj! { i: 0 }, obj! { i: 1 }).await), missing);
    assert!(all.cond_put_or_create("a", obj! { i: 9 }, obj! { i: i64::MAX, s: "x" }).await.unwrap());
    let before = fields(&all, "a").await;

    assert!(
        matches!(refused(all.atomic_add("a", obj! { f: 1.5, i: 1 }).await), SpaceError::Overflow { attribute, .. } if attribute == "i")
    );
    assert!(
        matches!(refused(all.atomic_div("a", obj! { i: 0 }).await), SpaceError::DivisionByZero { attribute } if attribute == "i")
    );
    assert!(!all.cond_atomic_add("a", obj! { s: "y" }, obj! { f: 1 }).await.unwrap());
    assert!(!all.cond_del("a", obj! { s: "y" }).await.unwrap());
    let failed = all.write("a", Write::new().when(obj! { s: "y" })).await;
    assert_eq!(
        refused(failed),
        SpaceError::ConditionFailed { which: 0, condition: "s = \"y\"".into(), actual: "\"x\"".into() }
    );
    assert_eq!(fields(&all, "a").await, before);
    assert!(all.cond_del("a", obj! { s: "x" }).await.unwrap());
    assert!(!all.delete("a").await.unwrap());
}

#[tokio::test(start_paused = true)]
async fn a_write_returns_what_it_was_asked_for() {
    let (_mesh, node) = mesh().await;
    let all = node.add_space(ALL).await.unwrap();
    all.put("a", obj! { i: 5, ls: ["x", "y"] }).await.unwrap();

    assert_eq!(all.fetch_add("a", "i", 2).await.unwrap(), 5.into());
    assert_eq!(all.add_and_fetch("a", "i", 2).await.unwrap(), 9.into());
    let pages = node.add_space("space pages key k attributes document d").await.unwrap();
    pages.put("a", obj! { d: obj! { seen: [1, 5] } }).await.unwrap();
    assert_eq!(pages.fetch_add("a", "d.seen[-1]", 2).await.unwrap(), 5.into());
    assert_eq!(pages.add_and_fetch("a", "d.seen[1]", 2).await.unwrap(), 9.into());
    assert_eq!(pages.fetch_add("a", "d.new.n", 2).await.unwrap(), Value::Null);
    assert_eq!(pages.fetch_add("a", "d.new.n", 2).await.unwrap(), 2.into());
    assert_eq!(all.list_lpop("a", "ls").await.unwrap(), Some("x".into()));
    assert_eq!(all.list_rpop("a", "ls").await.unwrap(), Some("y".into()));
    assert_eq!(all.list_rpop("a", "ls").await.unwrap(), None);
    assert!(all.list_trim("a", obj! { ls: [0, 9] }).await.unwrap());
    let write = Write::new()
        .change("i", Action::Add(1.into()))
        .change("ss", Action::Union(["b", "a"].into()))
        .returning(Returning { before: true, ..Returning::after() }.only(["i", "ss"]));
    let written = all.write("a", write).await.unwrap();
    assert_eq!(written.before, Some(obj! { i: 9, ss: set(&[]) }));
    assert_eq!(written.after, Some(obj! { i: 10, ss: set(&["a", "b"]) }));
    assert_eq!((written.version, written.is_new), (8, false));
}

#[tokio::test(start_paused = true)]
async fn raises_and_deductions_of_many_tasks_lose_nothing() {
    let (mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary, float bonus").await.unwrap();
    staff.put("ann", obj! { salary: 50_000 }).await.unwrap();
    let mut nodes = vec![node];
    for at in 0..3 {
        nodes.push(mesh.node(&format!("n{at}")).await.unwrap());
    }

    let tasks = (0..16_i64).map(|task| {
        let node = nodes[task as usize % nodes.len()].clone();
        tokio::spawn(async move {
            let staff = node.dyn_space("staff").await.unwrap();
            for step in 0..40 {
                let by = obj! { salary: task * 7 + step, bonus: 0.5 };
                let done =
                    if step % 2 == 0 { staff.atomic_add("ann", by) } else { staff.atomic_sub("ann", by) };
                assert!(done.await.unwrap());
            }
        })
    });
    join_all(tasks).await.into_iter().for_each(|done| done.unwrap());

    // Of each pair the second step takes away one more than the first has added.
    assert_eq!(fields(&staff, "ann").await, obj! { salary: 50_000 - 16 * 20, bonus: 0.0 });
    assert_eq!(staff.get("ann").await.unwrap().unwrap().version, 1 + 16 * 40);
}

#[tokio::test(start_paused = true)]
async fn groups_are_written_wholly_when_the_call_returns() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key int id attributes int salary, string team").await.unwrap();
    for id in 0..10 {
        staff.put(id, obj! { salary: id * 10, team: if id < 4 { "a" } else { "b" } }).await.unwrap();
    }

    assert_eq!(staff.group_atomic_add(obj! { team: "b" }, obj! { salary: 1 }).await.unwrap(), 6);
    assert_eq!(staff.get(4).await.unwrap().unwrap()["salary"], 41.into());
    let rich = Predicate::is("salary", Check::Greater(80.into())) & Predicate::equals("team", "b");
    assert_eq!(staff.group_put(rich.clone(), obj! { salary: i64::MAX }).await.unwrap(), 2);
    assert!(matches!(
        refused(staff.group_atomic_add(obj! { team: "b" }, obj! { salary: 1 }).await),
        SpaceError::Overflow { .. }
    ));
    assert_eq!(staff.get(4).await.unwrap().unwrap()["salary"], 41.into(), "all of them or none");
    let more = Write::new().change("salary", Action::Add(1.into()));
    let each = staff.group_write_in_parts(obj! { team: "b" }, more).await.unwrap();
    assert_eq!((each.matched, each.written, each.failures.len(), each.next), (6, 4, 2, None));
    assert_eq!(staff.group_del(!rich).await.unwrap(), 8);
    assert_eq!(staff.len().await.unwrap(), 2);
}

#[tokio::test(start_paused = true)]
async fn objects_are_found_page_by_page_by_what_is_in_them() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key int id attributes int salary, document more").await.unwrap();
    for id in (0..20).rev() {
        staff.put(id, obj! { salary: id % 3, more: obj! { boss: obj! { id: id / 5 } } }).await.unwrap();
    }
    let predicate = Predicate::equals("salary", 1) & !Predicate::is("more.boss.id", Check::Less(1.into()));
    let found: Vec<Found> =
        staff.search_partial(predicate.clone(), ["salary"]).await.unwrap().try_collect().await.unwrap();

    assert!(found.iter().all(|found| found.fields == obj! { salary: 1 }));
    let ids: Vec<Value> = found.into_iter().map(|found| found.key).collect();
    assert_eq!(ids, [7, 10, 13, 16, 19].map(Value::from));
    assert_eq!(staff.count(predicate).await.unwrap(), 5);
}

#[tokio::test(start_paused = true)]
async fn a_schema_is_altered_under_its_objects() {
    let (_mesh, node) = mesh().await;
    let staff = node.add_space("space staff key name attributes int salary, string team").await.unwrap();
    staff.put("ann", obj! { salary: 3, team: "a" }).await.unwrap();

    let altered = staff
        .alter(Alteration::Add { name: "tags".into(), of: "set(string)".parse::<Type>().unwrap() })
        .await
        .unwrap();
    let altered = altered.alter(Alteration::Drop("team".into())).await.unwrap();
    let altered =
        altered.alter(Alteration::Rename { from: "salary".into(), to: "pay".into() }).await.unwrap();

    assert!(altered.set_add("ann", obj! { tags: "x" }).await.unwrap());
    assert_eq!(fields(&altered, "ann").await, obj! { pay: 3, tags: set(&["x"]) });
    assert_eq!(altered.describe().await.unwrap().schema_version, 4);
    // Who still goes by the old schema is told by the controller.
    assert!(matches!(
        refused(staff.put("ann", obj! { team: "b" }).await),
        SpaceError::UnknownAttribute { .. }
    ));
    assert_eq!(staff.refreshed().await.unwrap().schema(), altered.schema());
    let add = Alteration::Add { name: "late".into(), of: Type::Int };
    let late = staff.alter(add).await.unwrap();
    assert_eq!(
        late.schema(),
        altered.refreshed().await.unwrap().schema(),
        "and not what the old one would be"
    );
}

#[tokio::test(start_paused = true)]
async fn several_spaces_are_written_in_one_step_or_not_at_all() {
    let (_mesh, node) = mesh().await;
    let one = node.add_space("space one key k attributes int n").await.unwrap();
    let other = node.add_space("space other key k attributes int n").await.unwrap();
    one.put("joe", obj! { n: 15 }).await.unwrap();
    other.put("brian", obj! { n: 0 }).await.unwrap();
    let enough = || Predicate::is("n", Check::GreaterEqual(10.into()));
    let take = || Write::new().change("n", Action::Sub(10.into())).when(enough());

    for is_enough in [true, false] {
        let mut batch = node.batch();
        batch.add(other.atomic_add("brian", obj! { n: 10 }));
        batch.add(one.write("joe", take()));
        match batch.await {
            Ok(_) => assert!(is_enough),
            Err(error) => {
                assert!(matches!(error, DataError::Space(SpaceError::ConditionFailed { .. })) && !is_enough)
            }
        }
    }

    assert_eq!((fields(&one, "joe").await, fields(&other, "brian").await), (obj! { n: 5 }, obj! { n: 10 }));
}

#[tokio::test(start_paused = true)]
async fn watchers_hear_of_every_object() {
    let (_mesh, node) = mesh().await;
    let space = node.add_space("space s key k attributes int n").await.unwrap();
    let mut changes = space.object().watch::<SpaceChange>(None).await.unwrap();

    space.put("a", obj! { n: 1 }).await.unwrap();
    space.atomic_add("a", obj! { n: 1 }).await.unwrap();
    space.delete("a").await.unwrap();

    let mut versions = Vec::new();
    for _ in 0..3 {
        let Heard::Item(heard) = changes.next().await.unwrap().unwrap() else { panic!("nothing is missed") };
        versions.push(match heard.value {
            SpaceChange::Written { version, before, after, .. } => (version, before, Some(after)),
            SpaceChange::Erased { version, before, .. } => (version, Some(before), None),
            other => panic!("{other:?}"),
        });
    }
    let (one, two) = (obj! { n: 1 }, obj! { n: 2 });
    assert_eq!(
        versions,
        [(1, None, Some(one.clone())), (2, Some(one), Some(two.clone())), (3, Some(two), None)]
    );
}

#[tokio::test(start_paused = true)]
async fn strings_are_bytes_and_floats_are_what_they_are() {
    let (_mesh, node) = mesh().await;
    let space = node
        .add_space("space s key float k attributes string s, float f, set(float) fs, timestamp(day) t")
        .await
        .unwrap();
    let bytes = Value::String(Text::from(vec![0xff, 0, 0xfe]));

    space
        .put(-0.0, obj! { s: bytes.clone(), f: f64::NAN, fs: [0.0, -0.0, 1.0], t: 1_700_000_000_000_000_i64 })
        .await
        .unwrap();

    let found = space.get(0.0).await.unwrap().unwrap();
    assert_eq!((&found["s"], &found["f"]), (&bytes, &f64::NAN.into()));
    assert_eq!(found["fs"], Value::Set([Value::Float(0.0), Value::Float(1.0)].into_iter().collect()));
    assert!(
        matches!(refused(space.put(f64::NAN, obj! {}).await), SpaceError::NotANumber { attribute } if attribute == "k")
    );
    assert!(space.cond_put(0, obj! { f: f64::NAN }, obj! { f: f64::INFINITY }).await.unwrap());
    assert!(matches!(refused(space.atomic_add(0, obj! { t: 1 }).await), SpaceError::WrongType { .. }));
}
