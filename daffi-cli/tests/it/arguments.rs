//! What words become, through the mesh and back.

use crate::support::Mesh;

/// A mesh with a callback that prints its two parameters in brackets.
fn mesh() -> Mesh {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "pair", &["printf", "[%s]", "{a}", "{b}"]);
    mesh
}

#[test]
fn words_are_positional_unless_they_name_a_parameter() {
    let mesh = mesh();

    assert_eq!(mesh.daffi(&["call", "pair", "007", "x=y"]).ok(), "[007][x=y]\n");
    assert_eq!(mesh.daffi(&["call", "pair", "b=1", "a=2"]).ok(), "[2][1]\n");
    assert_eq!(mesh.daffi(&["call", "pair", "1", "b:=\"q\""]).ok(), "[1][q]\n");
    assert_eq!(mesh.daffi(&["call", "pair", "-4", "--", "-x"]).ok(), "[-4][-x]\n");
}

#[test]
fn all_arguments_may_come_from_stdin() {
    let mesh = mesh();

    assert_eq!(mesh.daffi_with("[\"1\",\"2\"]", &["call", "pair", "-"]).ok(), "[1][2]\n");
    assert_eq!(mesh.daffi_with("{\"b\":\"1\",\"a\":\"2\"}", &["call", "pair", "-"]).ok(), "[2][1]\n");

    let wrong = mesh.daffi_with("not json", &["call", "pair", "-"]);
    assert_eq!(wrong.exit, 2);
    assert!(wrong.err.contains("^ stdin is not JSON: "), "{}", wrong.err);
}

#[test]
fn a_file_may_be_an_argument() {
    let mesh = mesh();
    let path = mesh.path("letter");
    std::fs::write(&path, "dear\n").unwrap();

    let ran = mesh.daffi(&["call", "pair", "1", &format!("b=@{}", path.display())]);

    assert_eq!(ran.ok(), "[1][dear\n]\n");
}

#[test]
fn the_controllers_own_callbacks_take_json() {
    let mesh = mesh();

    let nodes = mesh.daffi(&["call", "daffi.callbacks", "pair"]).json();

    assert_eq!(nodes[0]["nodes"][0], "proc1");
}

#[test]
fn the_environment_stands_in_for_options() {
    let mesh = mesh();

    let mut command = mesh.command(&["nodes"]);
    let table = crate::support::run(command.env("DAFFI_OUTPUT", "table")).ok();
    let mut command = mesh.command(&["call", "nothing"]);
    let timeout = crate::support::run(command.env("DAFFI_TIMEOUT", "soon"));

    assert!(table.starts_with("NODE "), "{table}");
    assert_eq!(timeout.exit, 2);
    assert!(
        timeout.err.contains("`soon` is not a duration such as 5, 1.5, 250ms, 2m or 1h30m"),
        "{}",
        timeout.err
    );
}
