//! Spaces from the shell.

use serde_json::{Value as Json, json};

use crate::support::Mesh;

const FRIENDS: &str =
    "space friendlists key username attributes string first, string last, set(string) friends";
const ALL: &str = "space pages key k attributes string s, int i, float f, list(string) ls, map(string, int) votes, document more";

fn friends() -> Mesh {
    let mesh = Mesh::start();
    mesh.daffi_with(FRIENDS, &["space", "add"]).ok();
    for (key, first, last) in
        [("jsmith1", "John", "Smith"), ("jd", "John", "Doe"), ("bjones1", "Brian", "Jones")]
    {
        let (first, last) = (format!("first={first}"), format!("last={last}"));
        assert_eq!(mesh.daffi(&["space", "put", "friendlists", key, &first, &last]).ok(), "");
    }
    mesh
}

#[test]
fn the_objects_of_a_space_are_put_got_changed_and_removed() {
    let mesh = friends();
    let space = |words: &[&str]| mesh.daffi(&[&["space"], words].concat());
    let smith = json!({ "first": "John", "friends": [], "last": "Smith" });

    assert_eq!(serde_json::from_str::<Json>(&space(&["get", "friendlists", "jsmith1"]).ok()).unwrap(), smith);
    let found = space(&["get", "friendlists", "jsmith1", "first", "--json"]).json();
    assert_eq!(
        found,
        json!({ "v": 1, "space": "friendlists", "key": "jsmith1", "found": true, "value": { "first": "John" } })
    );
    let jon = ["put", "friendlists", "jsmith1", "first=Jon", "--when", "first=John", "--when", "last=Smith"];
    assert_eq!(space(&jon).exit, 0);
    let again = space(&jon);
    assert_eq!((again.exit, &*again.out), (1, ""));
    assert!(again.err.contains("first"), "{}", again.err);
    let json = space(&[&jon[..], &["--json"]].concat());
    assert_eq!((json.exit, json.json()["put"].clone()), (1, json!(false)));
    assert_eq!(space(&["put", "friendlists", "jd", "first=X", "--new"]).exit, 1);
    assert_eq!(space(&["put", "friendlists", "nobody", "first=X", "--when", "last=Y"]).exit, 1);

    assert_eq!(space(&["del", "friendlists", "jd", "--when", "first=Jane"]).exit, 1);
    assert_eq!(space(&["del", "friendlists", "jd"]).exit, 0);
    assert_eq!(space(&["del", "friendlists", "jd"]).exit, 1);
    let gone = space(&["get", "friendlists", "jd"]);
    assert_eq!((gone.exit, &*gone.err), (1, "nothing by the key \"jd\" in `friendlists`\n"));
    assert_eq!(space(&["count", "friendlists"]).ok(), "2\n");
    assert_eq!(space(&["rm", "friendlists", "--yes"]).exit, 0);
    assert_ne!(space(&["count", "friendlists"]).exit, 0);
}

#[test]
fn objects_are_searched_and_counted_by_what_is_in_them() {
    let mesh = friends();
    let space = |words: &[&str]| mesh.daffi(&[&["space"], words].concat());
    assert_eq!(space(&["update", "friendlists", "jd", "friends+=jj", "friends+=5"]).exit, 0);

    let johns = space(&["search", "friendlists", "first=John"]).jsons();
    assert_eq!(johns.iter().map(|john| john["key"].clone()).collect::<Vec<_>>(), ["jd", "jsmith1"]);
    assert_eq!(johns[0]["object"], json!({ "first": "John", "friends": ["5", "jj"], "last": "Doe" }));
    let one = space(&["search", "friendlists", "--limit", "1"]).jsons();
    assert_eq!((one.len(), one[0]["key"].clone()), (1, json!("bjones1")));
    let last = space(&["search", "friendlists", "--sort", "last", "--desc", "--limit", "2"]).jsons();
    assert_eq!(last.iter().map(|found| found["key"].clone()).collect::<Vec<_>>(), ["jsmith1", "bjones1"]);
    assert_eq!(space(&["search", "friendlists", "--limit", "0", "--sort", "last"]).jsons().len(), 0);
    assert_eq!(space(&["search", "friendlists", "--sort", "friends"]).exit, 2);
    let plan = space(&["search", "friendlists", "username=jd", "--explain", "--json"]).json();
    assert_eq!((plan["looked_at"].clone(), plan["objects"].clone()), (json!(1), json!(3)));
    for (predicates, wanted) in [
        (&["friends~jj"][..], "1\n"),
        (&["last~^S"], "1\n"),
        (&["first!=John"], "1\n"),
        (&["username>=jd", "username<jz"], "2\n"),
        (&["first=Nobody"], "0\n"),
        (&[], "3\n"),
    ] {
        assert_eq!(space(&[&["count", "friendlists"], predicates].concat()).ok(), wanted, "{predicates:?}");
    }
    let table = space(&["search", "friendlists", "first=Brian", "-o", "table"]).ok();
    assert!(table.starts_with("USERNAME   FIRST   LAST    FRIENDS\nbjones1    Brian   Jones"), "{table}");
}

#[test]
fn an_update_is_one_step_and_prints_the_object() {
    let mesh = Mesh::start();
    mesh.daffi_with(ALL, &["space", "create"]).ok();
    let space = |words: &[&str]| mesh.daffi(&[&["space"], words].concat());
    let update = |ops: &[&str]| space(&[&["update", "pages", "home"], ops].concat());

    assert_eq!(update(&["i+=1"]).exit, 1, "nothing is there");
    let ops = ["i+=7", "i*=-6", "f+=0.5", "s=5", "s+=x", "ls+=a", "list_lpush:ls=7", "votes={\"ann\":1}"];
    let more =
        ["map_atomic_add:votes={\"ann\":1,\"bob\":-2}", "more.boss.age=41", "more.boss.age+=1", "--create"];
    let made: Json = serde_json::from_str(&update(&[&ops[..], &more].concat()).ok()).unwrap();
    let wanted = json!({
        "s": "5x", "i": -42, "f": 0.5, "ls": ["7", "a"], "votes": { "ann": 2, "bob": -2 },
        "more": { "boss": { "age": 42 } },
    });
    assert_eq!(made, wanted);

    let divided = update(&["s=changed", "i/=0"]);
    assert_eq!((divided.exit, &*divided.out), (2, ""));
    assert!(divided.err.contains("`i`"), "{}", divided.err);
    assert_eq!(update(&["i+=1", "--when", "i>0"]).exit, 1);
    let now: Json = serde_json::from_str(&space(&["get", "pages", "home"]).ok()).unwrap();
    assert_eq!(now, wanted, "what fails changes nothing");
}

#[test]
fn descriptions_are_shown_and_what_is_wrong_about_them_is_said() {
    let mesh = friends();
    let space = |words: &[&str]| mesh.daffi(&[&["space"], words].concat());

    assert_eq!(mesh.daffi_with(FRIENDS, &["space", "add"]).exit, 1);
    assert_eq!(mesh.daffi_with(FRIENDS, &["space", "add", "--if-missing"]).exit, 0);
    let wrong = mesh.daffi_with("space a\nkey", &["space", "add"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.err.contains("line 2"), "{}", wrong.err);
    let kept = mesh.daffi_with("space b key k tolerate 2 failures", &["space", "add"]);
    assert_eq!(kept.exit, 0);
    assert!(kept.err.contains("tolerate 2 failures"), "{}", kept.err);

    let shown = space(&["show", "friendlists", "--json"]).json();
    assert_eq!((shown["objects"].clone(), shown["schema_version"].clone()), (json!(3), json!(1)));
    assert!(space(&["show", "friendlists"]).ok().starts_with("space friendlists"));
    let names = space(&["ls"]).jsons();
    assert_eq!(names.iter().map(|space| space["name"].clone()).collect::<Vec<_>>(), ["b", "friendlists"]);
    for (words, code) in [
        (&["put", "friendlists", "a", "nick=x"][..], 2),
        (&["put", "friendlists", "a", "friends=5"], 2),
        (&["put", "friendlists", "a", "first"], 2),
        (&["update", "friendlists", "a", "first*=2"], 2),
    ] {
        assert_eq!(space(words).exit, code, "{words:?}");
    }
    let misspelt = mesh.daffi_with("space a key k attributes strin a", &["space", "add"]);
    assert!(
        misspelt.err.contains("`strin` is no type") && misspelt.err.contains("--help"),
        "{}",
        misspelt.err
    );
    mesh.daffi(&["list", "push", "nowhere", "a"]).ok();
    let nowhere = space(&["get", "nowhere", "a"]);
    assert_eq!(nowhere.exit, 4);
    for said in ["there is no space `nowhere`", "there is a list `nowhere`", "daffi space ls"] {
        assert!(nowhere.err.contains(said), "{}", nowhere.err);
    }
    let unknown = space(&["get", "friendlists", "jd", "nick"]);
    assert!(unknown.err.contains("daffi space show"), "{}", unknown.err);
}

#[test]
fn a_description_is_altered_under_its_objects() {
    let mesh = friends();
    let alter = |words: &[&str]| mesh.daffi(&[&["space", "alter", "friendlists"], words].concat());

    for words in [
        &["add", "map(string,", "int)", "votes"][..],
        &["drop", "friends"],
        &["rename", "last", "family"],
        &["index", "family"],
    ] {
        assert_eq!(alter(words).exit, 0, "{words:?}");
    }
    let altered =
        "space friendlists key username attributes first, family, map(string, int) votes index family\n";
    assert_eq!(alter(&["add", "nick"]).ok(), altered.replace(" index", ", nick index"));
    assert_eq!(alter(&["drop", "nick"]).ok(), altered);
    let smith: Json =
        serde_json::from_str(&mesh.daffi(&["space", "get", "friendlists", "jsmith1"]).ok()).unwrap();
    assert_eq!(smith, json!({ "first": "John", "family": "Smith", "votes": {} }));
    let plan = mesh.daffi(&["space", "search", "friendlists", "family=Doe", "--explain"]).ok();
    assert!(plan.contains("the index of `family`"), "{plan}");
    for words in
        [&["add", "int", "first"][..], &["add", "integer", "n"], &["drop", "nobody"], &["index", "x"]]
    {
        assert_eq!(alter(words).exit, 2, "{words:?}");
    }
    let unindexed = alter(&["unindex", "first"]);
    assert_eq!(unindexed.exit, 2);
    assert!(unindexed.err.contains("there is no index of `first`"), "{}", unindexed.err);
}
