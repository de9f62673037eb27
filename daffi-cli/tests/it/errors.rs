//! The messages: what happened, where, and what to type next.

use crate::fifo::{Fifo, gated};
use crate::support::{Mesh, daffi, run};

#[test]
fn a_misspelt_callback_is_answered_with_the_right_one() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "func3", &["echo"]);
    mesh.serve("proc2", "func1", &["echo"]);
    mesh.serve("proc3", "load", &["echo"]);

    let ran = mesh.daffi(&["call", "func33", "4", "6"]);

    assert_eq!(
        ran.err,
        "error[D0404]: nobody offers a callback `func33`\n\
        \x20 --> daffi call func33 4 6\n\
        \x20                ^^^^^^ not among the 3 callbacks of 3 nodes\n\
         help: a callback with a similar name exists: `func3`\n\
        \x20     daffi call func3 4 6\n"
    );
}

#[test]
fn in_an_empty_mesh_a_missing_callback_is_no_riddle() {
    let ran = Mesh::start().daffi(&["call", "func3"]);

    assert!(ran.err.contains("^^^^^ no node offers any callback yet\n"), "{}", ran.err);
    assert!(ran.err.contains("help: see who is there: daffi nodes\n"), "{}", ran.err);
}

#[test]
fn an_argument_that_does_not_fit_is_underlined_with_the_signature() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "copy", &["cp", "{from}", "{to}"]);

    let surplus = mesh.daffi(&["call", "copy", "a", "b", "c"]);
    let missing = mesh.daffi(&["call", "copy", "a"]);
    let wrong = mesh.daffi(&["call", "copy", "a", "to:=6"]);

    assert_eq!(
        surplus.err,
        "error[D0422]: `copy` cannot take these arguments\n\
        \x20 --> daffi call copy a b c\n\
        \x20                         ^ one too many: it takes 2 arguments\n\
        \x20 = copy(from: String, to: String) -> String   on proc1\n"
    );
    assert!(missing.err.contains("^^^^ got 1 argument; `to` is missing\n"), "{}", missing.err);
    assert_eq!(
        wrong.err,
        "error[D0422]: `copy` cannot take these arguments\n\
        \x20 --> daffi call copy a to:=6\n\
        \x20                       ^^^^^ expected String, got 6\n\
        \x20 = note: copy(from: String, to: String) -> String   on proc1\n\
        \x20                            ----------\n"
    );
}

#[test]
fn a_timeout_says_where_it_was_and_how_to_wait_longer() {
    let mut mesh = Mesh::start();
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));

    let ran = mesh.daffi(&["call", "slow", "--timeout", "500ms"]);

    assert_eq!(
        ran.err,
        "error[D0408]: no reply from `slow` within 500 ms\n\
        \x20 = it had been running on proc1 for 500 ms; it has been told to stop\n\
         help: wait longer (--timeout 2s) or do not wait (--mode bg)\n"
    );
}

#[test]
fn an_unreachable_controller_is_named_with_its_address_and_the_way_to_start_one() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/none.sock", directory.path().display());

    let ran = run(daffi().args(["nodes", "--url", &url, "-t", "100ms"]));

    assert_eq!(
        ran.err,
        format!(
            "error[D0503]: cannot reach the controller at {url}\n\
            \x20 = {}/none.sock: no such socket\n\
            \x20 = tried for 100 ms\n\
            \x20 = the address comes from --url\n\
             help: start one here: daffi controller --listen {url}\n",
            directory.path().display()
        )
    );
}

#[test]
fn who_gave_no_address_is_told_of_the_default_one() {
    let directory = tempfile::tempdir().unwrap();

    let ran = run(daffi().args(["nodes", "-t", "100ms"]).env("XDG_RUNTIME_DIR", directory.path()));

    assert!(ran.err.contains("  = the address is the default, a socket of your own\n"), "{}", ran.err);
    assert!(ran.err.ends_with("help: start one here: daffi controller\n"), "{}", ran.err);
}

#[test]
fn a_second_node_of_one_name_is_refused_and_told_of_the_first() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo"]);

    let ran = mesh.daffi(&["serve", "other", "--node", "proc1", "--", "echo"]);

    assert_eq!(ran.exit, 78);
    assert!(ran.err.starts_with("error[D0409]: a node named `proc1` is connected already ("), "{}", ran.err);
    assert!(ran.err.contains("help: choose another name, or stop the other node"), "{}", ran.err);
}

#[test]
fn a_misspelt_node_is_answered_with_the_right_one() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo"]);

    let ran = mesh.daffi(&["call", "hello", "--on=porc1"]);

    assert!(ran.err.starts_with("error[D0405]: no node `porc1` offers `hello`\n"), "{}", ran.err);
    assert!(ran.err.contains("      daffi call hello --on=proc1\n"), "{}", ran.err);
}

#[test]
fn a_second_controller_is_told_of_the_first() {
    let mesh = Mesh::start();

    let ran = run(daffi().args(["controller", "--listen", &mesh.url]));

    assert_eq!(ran.exit, 78, "{}", ran.err);
    assert!(ran.err.starts_with("error[D0548]: a controller is listening on "), "{}", ran.err);
    assert!(ran.err.contains("help: use it: daffi --url "), "{}", ran.err);
}

#[test]
fn as_json_an_error_is_an_object_on_stdout_with_its_stable_code() {
    let mesh = Mesh::start();

    let missing = mesh.daffi(&["call", "func3", "--json"]);
    let usage = mesh.daffi(&["call", "func3", "--json", "--nonsense"]);

    let error = &missing.json()["error"];
    assert_eq!(missing.json()["v"], 1);
    assert_eq!(missing.json()["ok"], false);
    assert_eq!((&error["code"], &error["exit"], &error["ran"]), (&"D0404".into(), &4.into(), &"no".into()));
    assert_eq!(error["message"], "nobody offers a callback `func3`");
    assert_eq!((&usage.json()["error"]["code"], usage.exit), (&"usage".into(), 2));
}

#[test]
fn an_error_of_the_command_line_is_json_where_json_is_wanted() {
    for words in [&["-o", "json", "cal"][..], &["cal", "--output=jsonl"], &["-ojson", "cal"]] {
        let ran = run(daffi().args(words));

        assert_eq!((ran.exit, &ran.json()["error"]["code"]), (2, &"usage".into()), "{words:?}");
    }
    let missing = run(daffi().args(["pq", "count", "p", "--json"])).json();
    let what = "the following required arguments were not provided: <LOW> <HIGH>";
    assert_eq!(missing["error"]["message"], what);
}

#[test]
fn what_a_stranger_says_cannot_command_the_terminal() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "evil", &["sh", "-c", "printf '\\033[2Jgone' >&2; exit 1"]);

    let ran = mesh.daffi(&["call", "evil"]);

    assert!(ran.err.contains("\\u{1b}[2Jgone"), "{}", ran.err);
    assert!(!ran.err.contains('\x1b'), "{}", ran.err);

    // Nor can what only informs.
    let said = mesh.daffi(&["queue", "pop", "evil\x1b[2J"]).err;
    assert_eq!(said, "nothing is in the queue `evil\\u{1b}[2J`\n");
    let hostile = r#"{"v":1,"kind":"\u001b[2J","name":"h","state":null}"#;
    let refused = mesh.daffi_with(hostile, &["data", "import", "-"]).err;
    assert!(refused.contains("`\\u{1b}[2J`") && !refused.contains('\x1b'), "{refused:?}");
}

#[test]
fn colours_are_for_terminals_unless_they_are_asked_for() {
    let mesh = Mesh::start();

    assert!(!mesh.daffi(&["call", "f"]).err.contains('\x1b'));
    assert!(mesh.daffi(&["call", "f", "--color", "always"]).err.starts_with("\x1b[1;31merror[D0404]"));
}

#[test]
fn a_code_is_explained() {
    let explained = run(daffi().args(["explain", "D0408"])).ok();

    assert!(explained.starts_with("D0408: no reply in time."), "{explained}");
    assert!(explained.contains("Exit code: 5"), "{explained}");
}
