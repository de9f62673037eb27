//! What is listed, as tables, JSON and bare.

use crate::support::{Mesh, run};

fn mesh() -> Mesh {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "copy", &["cp", "{from}", "{to}"]);
    mesh.serve("proc2", "list", &["ls"]);
    mesh
}

#[test]
fn callbacks_are_listed_with_their_signatures() {
    let mesh = mesh();

    let table = mesh.daffi(&["callbacks", "-o", "table"]).ok();
    let lines = mesh.daffi(&["callbacks"]).jsons();

    assert_eq!(
        table,
        "CALLBACK                                   NODES   DOC\n\
         copy(from: String, to: String) -> String   proc1\n\
         list(…) -> String                          proc2\n"
    );
    assert_eq!((&lines[0]["callback"], &lines[0]["nodes"][0]), (&"copy".into(), &"proc1".into()));
    assert_eq!(lines[0]["parameters"][1], serde_json::json!({ "name": "to", "type": "String" }));
    assert_eq!(lines[1]["variadic"], true);
}

#[test]
fn a_pattern_narrows_the_list() {
    let mesh = mesh();

    assert_eq!(mesh.daffi(&["callbacks", "co*"]).jsons().len(), 1);
    assert_eq!(mesh.daffi(&["callbacks", "list"]).jsons().len(), 1);
}

#[test]
fn one_document_is_one_list() {
    let mesh = mesh();

    let json = mesh.daffi(&["callbacks", "-o", "json"]).json();

    assert_eq!(json.as_array().unwrap().len(), 2);
}

#[test]
fn stubs_declare_what_the_mesh_offers() {
    let stubs = mesh().daffi(&["callbacks", "--stubs", "rust"]).ok();

    assert!(stubs.contains("#[remote]\npub fn copy(from: String, to: String) -> String;\n"), "{stubs}");
    assert!(stubs.contains("// takes whatever it is given: node.call::<R>(\"list\", args)"), "{stubs}");
}

#[test]
fn nodes_are_listed_and_callers_are_not() {
    let mesh = mesh();

    let nodes = mesh.daffi(&["nodes"]).jsons();
    let shown = mesh.daffi(&["nodes", "show", "proc1"]).ok();

    assert_eq!(nodes.iter().map(|node| &node["node"]).collect::<Vec<_>>(), ["proc1", "proc2"]);
    assert_eq!(nodes[0]["callbacks"], 1);
    assert!(shown.contains("\n  copy(from: String, to: String) -> String\n"), "{shown}");
}

#[test]
fn a_kicked_node_ends() {
    let mut mesh = mesh();
    let process = mesh.take_served(0);

    assert_eq!(mesh.daffi(&["nodes", "kick", "proc1", "--yes"]).ok(), "disconnected proc1\n");

    let ran = process.finish();
    assert_eq!((ran.exit, ran.err.as_str()), (0, "the controller has ended the session\n"));
}

#[test]
fn a_node_and_the_controller_answer_pings() {
    let mesh = mesh();

    let node = mesh.daffi(&["ping", "proc1", "--count", "2", "--interval", "1ms"]);
    let controller = mesh.daffi(&["ping", "-c", "1", "-o", "table"]);

    assert_eq!(node.jsons().iter().filter(|pong| pong["ok"] == true).count(), 2, "{node:?}");
    assert!(node.err.starts_with("2 of 2 answered by proc1 "), "{}", node.err);
    assert!(controller.out.starts_with("1: the controller   "), "{}", controller.out);
}

#[test]
fn the_shell_completes_live_names() {
    let mesh = mesh();
    let complete = |words: &[&str]| {
        let mut arguments = vec!["--", "daffi"];
        arguments.extend(words);
        let mut command = mesh.command(&arguments);
        let index = words.len().to_string();
        run(command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", index)).ok()
    };

    assert_eq!(complete(&["call", "co"]).trim(), "copy");
    assert_eq!(
        complete(&["nodes", "show", "proc"]).split_whitespace().collect::<Vec<_>>(),
        ["proc1", "proc2"]
    );
    assert_eq!(complete(&["call", "copy", "--on", "proc2"]).trim(), "proc2");
    mesh.daffi(&["queue", "push", "mails", "one"]).ok();
    mesh.daffi(&["set", "add", "mailboxes", "one"]).ok();
    assert_eq!(complete(&["queue", "pop", "mai"]).trim(), "mails");
    mesh.daffi(&["pq", "push", "tasks", "1", "sweep"]).ok();
    mesh.daffi(&["pq", "push", "targets", "1", "a", "--unique"]).ok();
    assert_eq!(complete(&["pq", "pop", "ta"]).split_whitespace().collect::<Vec<_>>(), ["tasks", "targets"]);
}

#[test]
fn completion_without_a_controller_is_empty_and_not_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/none.sock", directory.path().display());
    let mut command = crate::support::daffi();
    command.args(["--", "daffi", "call", "co"]).env("DAFFI_URL", url);

    let ran = run(command.env("COMPLETE", "bash").env("_CLAP_COMPLETE_INDEX", "2"));

    assert_eq!((ran.exit, ran.out.trim()), (0, ""), "{}", ran.err);
}
