//! A controller in a process of its own.

use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use rustix::process::Signal;

use crate::fifo::{Fifo, gated};
use crate::support::{HANGS_AFTER, Mesh, Process, daffi, run};

#[test]
fn told_to_stop_it_lets_running_calls_finish_and_says_goodbye() {
    let mut mesh = Mesh::start();
    let (started, mut gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let call = mesh.begin(&["call", "slow"]);
    assert_eq!(started.line(), "started");

    let mut controller = mesh.take_controller();
    controller.signal(Signal::TERM);
    assert_eq!(controller.complaint(), "stopping: running calls have 10 s to finish");
    gate.open();

    assert_eq!(call.finish().ok(), "done\n");
    assert_eq!(controller.finish().exit, 0);
    let node = mesh.take_served(0).finish();
    assert_eq!((node.exit, node.err.as_str()), (0, "the controller has ended the session\n"));
}

#[test]
fn it_does_not_wait_for_ever_for_calls_that_do_not_end() {
    let mut mesh = Mesh::start_with(&["--drain", "50ms"]);
    let (started, gate) = (Fifo::new(&mesh, "started"), Fifo::new(&mesh, "gate"));
    mesh.serve("proc1", "slow", &gated(&started, &gate));
    let call = mesh.begin(&["call", "slow"]);
    assert_eq!(started.line(), "started");

    let controller = mesh.take_controller();
    controller.signal(Signal::INT);

    assert_eq!(controller.finish().exit, 0);
    let ran = call.finish();
    assert_eq!(ran.exit, 75, "{}", ran.err);
}

#[test]
fn its_first_lines_are_an_object_where_json_is_wanted() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/c.sock", directory.path().display());

    let mut controller = Process::start(daffi().args(["controller", "-l", &url, "--json"]));

    let ready: serde_json::Value = serde_json::from_str(&controller.line()).unwrap();
    assert_eq!((&ready["v"], &ready["listening"][0]), (&1.into(), &url.as_str().into()));
}

#[test]
fn after_a_crash_nodes_come_back_to_the_next_one_by_themselves() {
    let mut mesh = Mesh::start();
    mesh.serve("proc1", "hello", &["echo", "hello"]);
    let first = mesh.take_controller();
    first.signal(Signal::KILL);
    first.finish();

    let mut second = Process::start(daffi().args(["controller", "--listen", &mesh.url]));
    second.line();

    mesh.daffi(&["call", "daffi.wait_callback", "hello"]).ok();
    assert_eq!(mesh.daffi(&["call", "hello"]).ok(), "hello\n");
}

#[test]
fn it_may_listen_at_several_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let url = |name| format!("unix://{}/{name}.sock", directory.path().display());
    let (one, two) = (url("one"), url("two"));

    let mut controller = Process::start(daffi().args(["controller", "-l", &one, "-l", &two]));

    controller.line();
    assert_eq!(controller.line(), format!("listening   {one}, {two}"));
    for url in [&one, &two] {
        assert_eq!(run(daffi().args(["nodes", "--url", url])).ok(), "");
    }
}

#[test]
fn it_leaves_no_socket_behind() {
    let mut mesh = Mesh::start();
    let socket = mesh.path("controller.sock");
    assert!(socket.exists());

    let controller = mesh.take_controller();
    controller.signal(Signal::TERM);
    controller.finish();

    assert!(!socket.exists());
}

#[test]
fn a_call_waits_for_a_controller_that_is_starting() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/c.sock", directory.path().display());
    let call = Process::start(daffi().args(["nodes", "-u", &url]));

    let _controller = Process::start(daffi().args(["controller", "--listen", &url]));

    assert_eq!(call.finish().ok(), "");
}

#[test]
fn clients_of_globalcounter_count_where_it_says() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/c.sock", directory.path().display());
    let local = ["--globalcounter", "udp://127.0.0.1:0", "--globalcounter", "tcp://127.0.0.1:0"];
    let mut controller = Process::start(daffi().args(["controller", "-l", &url]).args(local));
    let lines: Vec<String> = (0..5).map(|_| controller.line()).collect();
    let counters = lines[4].strip_prefix("counter     udp://").unwrap();
    let (udp, tcp) = counters.split_once(", tcp://").unwrap();

    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    socket.set_read_timeout(Some(HANGS_AFTER)).unwrap();
    socket.send_to(b"\x00orders", udp).unwrap();
    let mut reply = [0; 8];
    let bytes = socket.recv(&mut reply).unwrap();
    let mut stream = TcpStream::connect(tcp).unwrap();
    stream.write_all(b"\x00orders").unwrap();
    let mut other = Vec::new();
    stream.read_to_end(&mut other).unwrap();

    assert_eq!((&reply[..bytes], &*other), (&[128, 1][..], &[128, 2][..]));
}

#[test]
fn a_counter_that_cannot_listen_says_why_and_nothing_of_nodes() {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("unix://{}/c.sock", directory.path().display());

    let ran = run(daffi().args(["controller", "-l", &url, "--globalcounter", "quic://127.0.0.1:0"]));

    assert_eq!(ran.exit, 78, "{}", ran.err);
    assert!(ran.err.contains("expected `udp://host:port` or `tcp://host:port`"), "{}", ran.err);
    assert!(!ran.err.contains("unix:///"), "{}", ran.err);
}
