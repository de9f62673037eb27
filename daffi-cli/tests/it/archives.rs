//! All that the controller keeps: exported, imported, expiring.

use std::fs;

use crate::support::Mesh;

/// A mesh with something of each kind in it.
fn filled() -> Mesh {
    let mesh = Mesh::start();
    mesh.daffi(&["counter", "set", "visits", "home", "-5"]).ok();
    mesh.daffi(&["hash", "set", "a/b", "ann=1", "1=1.0", "1.0=0.1", r#"[1,{"x":null}]={"$y":"é"}"#]).ok();
    mesh.daffi(&["set", "add", "tags", "tea", "18446744073709551615", "-0.0"]).ok();
    mesh.daffi(&["data", "ttl", "set/tags", "1h"]).ok();
    mesh
}

#[test]
fn what_is_exported_is_imported_elsewhere_as_it_was() {
    let (from, to) = (filled(), Mesh::start());
    let file = from.path("backup.jsonl");
    let path = file.to_str().unwrap();

    let written = from.daffi(&["data", "export", path]);
    assert_eq!((written.exit, &*written.out), (0, ""));
    assert_eq!(written.err, format!("wrote 3 objects to {path}\n"));
    assert_eq!(to.daffi(&["data", "import", path]).ok(), "imported 3 objects, of which 0 replaced others\n");

    for words in [["hash", "items", "a/b"], ["set", "members", "tags"], ["counter", "get", "visits"]] {
        let before = from.daffi(&words).ok();
        assert_eq!(to.daffi(&words).ok(), before);
        assert!(!before.is_empty());
    }
    assert!(to.daffi(&["data", "ttl", "set/tags"]).ok().starts_with("59 min"));
    // The states are the same to the last bit; what is left of a time to live is not.
    let states = |mesh: &Mesh| {
        let lines = mesh.daffi(&["data", "export"]).jsons();
        lines
            .into_iter()
            .map(|line| (line["name"].to_string(), line["state"].to_string()))
            .collect::<Vec<_>>()
    };
    assert_eq!(states(&to), states(&from));
}

#[test]
fn an_export_is_readable_and_can_be_a_part() {
    let mesh = filled();

    let lines = mesh.daffi(&["data", "export", "-", "--only", "counters/*"]).jsons();

    assert_eq!(lines.len(), 1);
    assert_eq!(
        (&lines[0]["v"], &lines[0]["kind"], &lines[0]["name"]),
        (&1.into(), &"counters".into(), &"visits".into())
    );
    assert_eq!(lines[0]["state"]["counters"]["home"], -5);
    let hash = mesh.daffi(&["data", "export", "--only", "hash"]).ok();
    assert!(hash.contains(r#"{"$value":"ann"}"#), "{hash}");
}

#[test]
fn what_is_too_large_to_be_exported_is_named() {
    let mesh = filled();
    let text = "x".repeat(3 << 20);
    let pairs: String = (0..2).map(|key| format!("{{\"key\":{key},\"value\":\"{text}\"}}\n")).collect();
    mesh.daffi_with(&pairs, &["hash", "set", "large"]).ok();

    let exported = mesh.daffi(&["data", "export"]);

    assert_eq!((exported.exit, exported.jsons().len()), (6, 3));
    assert!(
        exported.err.starts_with("error: 1 object could not be exported\n  = hash/large: "),
        "{}",
        exported.err
    );
    assert!(
        exported.err.contains("bytes are more than the 4194304 that a reply may have"),
        "{}",
        exported.err
    );
}

#[test]
fn what_is_there_is_replaced_only_by_those_who_are_sure() {
    let mesh = filled();
    let export = mesh.daffi(&["data", "export"]).ok();
    mesh.daffi(&["counter", "inc", "visits", "home"]).ok();
    mesh.daffi(&["set", "rm", "tags", "--yes"]).ok();

    let refused = mesh.daffi_with(&export, &["data", "import", "-"]);
    assert_eq!(refused.exit, 2);
    assert!(
        refused.err.starts_with("error: importing replaces counters/visits and 1 more\n"),
        "{}",
        refused.err
    );
    assert_eq!(mesh.daffi(&["counter", "get", "visits", "home"]).ok(), "-4\n");
    assert_eq!(mesh.daffi(&["set", "len", "tags"]).ok(), "0\n");

    let imported = mesh.daffi_with(&export, &["data", "import", "-", "--yes", "--json"]).json();
    assert_eq!((&imported["imported"], &imported["replaced"]), (&3.into(), &2.into()));
    assert_eq!(mesh.daffi(&["counter", "get", "visits", "home"]).ok(), "-5\n");
    assert_eq!(mesh.daffi(&["set", "len", "tags"]).ok(), "3\n");
}

#[test]
fn of_a_file_that_is_damaged_nothing_is_imported() {
    let (from, to) = (filled(), Mesh::start());
    let export = from.daffi(&["data", "export"]).ok();
    let cut = &export[..export.len() - 20];

    let refused = to.daffi_with(cut, &["data", "import", "-"]);

    assert_eq!(refused.exit, 2);
    assert!(refused.err.starts_with("error: line 3 of stdin is no exported object\n"), "{}", refused.err);
    assert!(refused.err.contains("nothing was imported"), "{}", refused.err);
    assert_eq!(to.daffi(&["data"]).ok(), "");
    let strange = r#"{"v":1,"kind":"hash","name":"h","state":{"sizes":7}}"#;
    let refused = to.daffi_with(strange, &["data", "import", "-"]);
    assert_ne!(refused.exit, 0);
    assert!(refused.err.contains("it is hash/h that failed"), "{}", refused.err);
    assert!(refused.err.contains("0 objects before it are imported"), "{}", refused.err);
    let foreign = r#"{"v":1,"kind":"auction","name":"h","state":null}"#;
    let refused = to.daffi_with(foreign, &["data", "import", "-"]);
    assert_eq!(refused.exit, 2);
    assert!(refused.err.contains("`auction`, which is no kind of object that it keeps\n"), "{}", refused.err);
}

#[test]
fn a_file_that_cannot_be_written_or_read_is_named() {
    let mesh = filled();
    let absent = mesh.path("absent/backup.jsonl");

    for words in [["data", "export", absent.to_str().unwrap()], ["data", "import", absent.to_str().unwrap()]]
    {
        let refused = mesh.daffi(&words);
        assert_eq!(refused.exit, 1);
        assert!(refused.err.contains(absent.to_str().unwrap()), "{}", refused.err);
    }
    let here = mesh.path("backup.jsonl");
    mesh.daffi(&["data", "export", here.to_str().unwrap()]).ok();
    let parts = fs::read_dir(mesh.path("")).unwrap().filter_map(Result::ok).map(|entry| entry.file_name());
    assert!(parts.map(|name| name.into_string().unwrap()).all(|name| !name.ends_with(".part")));
}

#[test]
fn an_object_has_a_time_to_live_or_none() {
    let mesh = filled();
    let ttl = |words: &[&str]| mesh.daffi(&[&["data", "ttl"], words].concat());

    assert_eq!(ttl(&["hash/a/b"]).ok(), "never\n");
    assert_eq!(ttl(&["hash/a/b", "30d"]).ok(), "");
    assert!(ttl(&["hash/a/b"]).ok().starts_with("29 d"));
    let left = ttl(&["hash/a/b", "--json"]).json();
    assert!(left["expires_in_ms"].as_u64().unwrap() > 0, "{left}");
    assert_eq!(ttl(&["hash/a/b", "never", "--json"]).json()["found"], true);
    assert_eq!(ttl(&["hash/a/b"]).ok(), "never\n");

    let absent = ttl(&["hash/absent"]);
    assert_eq!((absent.exit, &*absent.err), (1, "there is no object `hash/absent`\n"));
    assert_eq!(ttl(&["hash/absent", "5"]).exit, 1);
    assert_eq!(ttl(&["users"]).exit, 2);
    let unknown = ttl(&["hsah/a/b"]);
    let why = "the controller refuses: `hsah`, which is no kind of object that it keeps";
    assert_eq!((unknown.exit, unknown.err), (2, format!("error[D0422]: {why}\n")));
    assert_eq!(ttl(&["hash/a/b", "0"]).exit, 2);
}
