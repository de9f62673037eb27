//! Files, modes and users; what UNIX sockets have in common with the other transports is tested with them.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketType};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tempfile::TempDir;

use super::super::tests::read;
use super::super::{Address, DialError, DialOptions, ListenOptions, Listener, UnixAddress, dial, listen};
use crate::error::BindError;

fn place() -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("controller.sock");
    (directory, path)
}

async fn listen_at(address: &UnixAddress) -> Result<Arc<dyn Listener>, BindError> {
    listen(&Address::Unix(address.clone()), &ListenOptions::default()).await
}

async fn refused(address: &UnixAddress) -> String {
    let error = listen_at(address).await.unwrap_err();
    assert!(matches!(error, BindError::Unsafe { .. }), "{error}");
    error.to_string()
}

/// What a listener leaves that died. It never listened: children that other tests fork would share that,
/// and seem to live.
fn leave_stale(path: &Path) {
    let socket = rustix::net::socket(AddressFamily::UNIX, SocketType::STREAM, None).unwrap();
    rustix::net::bind(&socket, &SocketAddrUnix::new(path).unwrap()).unwrap();
}

fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap().mode() & 0o777
}

#[tokio::test]
async fn the_directory_and_the_socket_are_for_their_user_alone() {
    let (_directory, path) = place();
    let address = UnixAddress::new(path.with_file_name("daffi").join("controller.sock"));

    let _listener = listen_at(&address).await.unwrap();

    assert_eq!(mode(address.path.parent().unwrap()), 0o700);
    assert_eq!(mode(&address.path), 0o600);
    assert_eq!(mode(&address.path.with_file_name("controller.sock.lock")), 0o600);
}

#[tokio::test]
async fn a_shared_socket_and_its_new_directory_are_open_to_the_group() {
    let (_directory, path) = place();
    let path = path.with_file_name("daffi").join("controller.sock");
    let gid = rustix::process::getegid().as_raw();
    let address = UnixAddress { group: Some(gid.to_string()), ..UnixAddress::new(path) };

    let _listener = listen_at(&address).await.unwrap();

    assert_eq!(mode(address.path.parent().unwrap()), 0o750);
    assert_eq!(mode(&address.path), 0o660);
    assert_eq!(fs::metadata(&address.path).unwrap().gid(), gid);
}

#[tokio::test]
async fn an_unknown_group_is_refused_and_leaves_no_socket() {
    let (_directory, path) = place();
    let address = UnixAddress { group: Some("no such group".into()), ..UnixAddress::new(&path) };

    let error = listen_at(&address).await.unwrap_err();

    assert!(error.to_string().contains("no group `no such group`"), "{error}");
    assert!(!path.exists());
}

#[tokio::test]
async fn only_the_last_directory_is_made() {
    let (_directory, path) = place();

    let error = listen_at(&UnixAddress::new(path.join("missing/x.sock"))).await.unwrap_err();

    assert!(matches!(&error, BindError::Io { reason, .. } if reason.contains("no such file")), "{error}");
}

#[tokio::test]
async fn a_directory_that_others_can_write_is_refused() {
    let (directory, path) = place();
    let address = UnixAddress::new(&path);
    let shared = UnixAddress { mode: Some(0o660), ..address.clone() };
    let set = |mode| fs::set_permissions(&directory, fs::Permissions::from_mode(mode)).unwrap();

    set(0o1777);
    assert!(refused(&address).await.contains("everybody may write there"));
    assert!(refused(&shared).await.contains("everybody may write there"));

    set(0o770);
    assert!(refused(&address).await.contains("its group may write there"));
    listen_at(&shared).await.unwrap();
}

#[tokio::test]
async fn a_link_in_place_of_the_directory_is_refused() {
    let (_directory, path) = place();
    let link = path.with_file_name("link");
    symlink("/", &link).unwrap();

    let reason = refused(&UnixAddress::new(link.join("controller.sock"))).await;

    assert!(reason.contains("links are not followed"), "{reason}");
}

#[tokio::test]
async fn the_socket_of_a_dead_listener_is_replaced() {
    let (_directory, path) = place();
    leave_stale(&path);
    let address = UnixAddress::new(&path);

    let _listener = listen_at(&address).await.unwrap();

    dial(&Address::Unix(address), &DialOptions::default()).await.unwrap();
}

#[tokio::test]
async fn a_live_socket_is_left_alone_even_without_our_lock() {
    let (_directory, path) = place();
    let _other = UnixListener::bind(&path).unwrap();

    let error = listen_at(&UnixAddress::new(&path)).await.unwrap_err();

    assert!(matches!(error, BindError::InUse { .. }), "{error}");
    UnixStream::connect(&path).unwrap();
}

#[tokio::test]
async fn what_is_not_a_socket_is_refused_and_left_alone() {
    let (_directory, path) = place();
    let address = UnixAddress::new(&path);

    fs::write(&path, "precious").unwrap();
    assert!(refused(&address).await.contains("not a socket"));
    assert_eq!(fs::read_to_string(&path).unwrap(), "precious");

    fs::remove_file(&path).unwrap();
    symlink("elsewhere", &path).unwrap();
    assert!(refused(&address).await.contains("not a socket"));
    assert!(path.is_symlink());
}

#[tokio::test]
async fn a_link_in_place_of_the_lock_is_refused() {
    let (_directory, path) = place();
    symlink("elsewhere", path.with_file_name("controller.sock.lock")).unwrap();

    let reason = refused(&UnixAddress::new(&path)).await;

    assert!(reason.contains("symbolic link"), "{reason}");
    assert!(!path.with_file_name("elsewhere").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_listeners_at_once_exactly_one_wins() {
    let (_directory, path) = place();
    for _ in 0..50 {
        leave_stale(&path);
        let barrier = Arc::new(tokio::sync::Barrier::new(2));
        let [one, two] = [(); 2].map(|()| {
            let (barrier, address) = (Arc::clone(&barrier), UnixAddress::new(&path));
            tokio::spawn(async move {
                barrier.wait().await;
                listen_at(&address).await
            })
        });
        let (one, two) = (one.await.unwrap(), two.await.unwrap());

        let (winner, loser) = if one.is_ok() { (one, two) } else { (two, one) };
        assert!(matches!(loser, Err(BindError::InUse { .. })), "{loser:?}");
        dial(&Address::Unix(UnixAddress::new(&path)), &DialOptions::default()).await.unwrap();
        drop(winner);
        assert!(!path.exists());
    }
}

#[tokio::test]
async fn a_live_listener_keeps_its_address_even_when_its_socket_is_gone() {
    let (_directory, path) = place();
    let _listener = listen_at(&UnixAddress::new(&path)).await.unwrap();
    fs::remove_file(&path).unwrap();

    let error = listen_at(&UnixAddress::new(&path)).await.unwrap_err();

    assert!(matches!(error, BindError::InUse { .. }), "{error}");
}

#[tokio::test]
async fn a_listener_removes_only_its_own_socket() {
    let (_directory, path) = place();
    let listener = listen_at(&UnixAddress::new(&path)).await.unwrap();
    fs::remove_file(&path).unwrap();
    let _other = UnixListener::bind(&path).unwrap();

    drop(listener);

    assert!(path.exists());
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_refused_on_both_sides() {
    let address = UnixAddress::new(format!("/tmp/{}", "x".repeat(200)));

    let listening = listen_at(&address).await.unwrap_err();
    let dialling = dial(&Address::Unix(address), &DialOptions::default()).await.unwrap_err();

    assert!(listening.to_string().contains("at most 107"), "{listening}");
    assert!(
        matches!(&dialling, DialError::BadAddress(reason) if reason.contains("at most 107")),
        "{dialling}"
    );
}

#[tokio::test]
async fn who_cannot_be_reached_is_named_with_the_reason() {
    let (_directory, path) = place();
    let address = Address::Unix(UnixAddress::new(&path));
    let shown = path.display();

    let missing = dial(&address, &DialOptions::default()).await.unwrap_err();
    assert_eq!(missing, DialError::Unreachable(format!("{shown}: no such socket")));

    leave_stale(&path);
    let stale = dial(&address, &DialOptions::default()).await.unwrap_err();
    assert_eq!(stale, DialError::Unreachable(format!("{shown}: connection refused")));

    fs::remove_file(&path).unwrap();
    fs::write(&path, "").unwrap();
    let file = dial(&address, &DialOptions::default()).await.unwrap_err();
    assert_eq!(file, DialError::Unreachable(format!("{shown}: not a socket")));
}

#[tokio::test]
async fn the_socket_of_a_stranger_is_neither_used_nor_replaced() {
    let Some(stage) = Stage::new() else { return };
    leave_stale(&stage.socket());
    chown(stage.socket(), Some(STRANGER), None).unwrap();

    let reason = refused(&UnixAddress::new(stage.socket())).await;

    assert!(reason.contains("belongs to user 65534"), "{reason}");
    assert!(stage.socket().exists());
}

#[tokio::test]
async fn a_stranger_is_refused_even_if_the_mode_let_him_in() {
    let Some(stage) = Stage::new() else { return };
    let address = Address::Unix(UnixAddress::new(stage.socket()));
    let listener = listen(&address, &ListenOptions::default()).await.unwrap();
    fs::set_permissions(stage.socket(), fs::Permissions::from_mode(0o666)).unwrap();

    let mut accepting = listener.accept();
    let caller = stage.play("stranger_calls");
    let caller = tokio::task::spawn_blocking(move || finish(caller));
    tokio::select! {
        biased;
        taken = &mut accepting => panic!("took {taken:?}"),
        caller = caller => caller.unwrap(),
    }

    let _own = dial(&address, &DialOptions::default()).await.unwrap();
    assert_eq!(accepting.await.unwrap().peer().uid, Some(0));
}

#[tokio::test]
async fn a_shared_socket_takes_whom_its_mode_lets_in() {
    let Some(stage) = Stage::new() else { return };
    let group = Some(STRANGER.to_string());
    let listener = listen_at(&UnixAddress { group, ..UnixAddress::new(stage.socket()) }).await.unwrap();

    let caller = stage.play("stranger_calls");
    let pid = caller.id();
    let accepted = listener.accept().await.unwrap();
    accepted.close();

    assert_eq!((accepted.peer().uid, accepted.peer().pid), (Some(STRANGER), Some(pid)));
    finish(caller);
}

#[tokio::test]
async fn the_controller_of_a_stranger_is_trusted_only_by_name() {
    let Some(stage) = Stage::new() else { return };
    chown(stage.directory.path(), Some(STRANGER), None).unwrap();
    let mut controller = stage.play("stranger_listens");
    wait_for_line(&mut controller, "listening");
    let plain = UnixAddress::new(stage.socket());
    let named = UnixAddress { owner: Some(STRANGER), ..plain.clone() };

    let by_file = dial(&Address::Unix(plain.clone()), &DialOptions::default()).await.unwrap_err();
    assert!(
        matches!(&by_file, DialError::Untrusted(reason) if reason.contains("belongs to user 65534")),
        "{by_file}"
    );
    assert!(by_file.to_string().contains("?owner=65534"), "{by_file}");
    assert_eq!(
        dial(&Address::Unix(named), &DialOptions::default()).await.unwrap().peer().uid,
        Some(STRANGER)
    );

    chown(stage.socket(), Some(0), None).unwrap();
    let by_process = dial(&Address::Unix(plain), &DialOptions::default()).await.unwrap_err();
    assert!(
        matches!(&by_process, DialError::Untrusted(reason) if reason.contains("served by user 65534")),
        "{by_process}"
    );
    finish(controller);
}

#[test]
fn accepting_survives_a_lack_of_descriptors() {
    let directory = tempfile::tempdir().unwrap();
    let socket = directory.path().join("controller.sock");
    let exe = std::env::current_exe().unwrap();
    finish(role(Command::new(exe), "descriptors_run_out", &socket).spawn().unwrap());
}

/// Where another user can run this test's binary and reach a socket.
struct Stage {
    directory: TempDir,
    exe: PathBuf,
}

impl Stage {
    /// `None`, with the reason printed, where no process of another user can be started.
    fn new() -> Option<Self> {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can start a process of another user");
            return None;
        }
        let directory = tempfile::tempdir().unwrap();
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        // The binary may be where the other user cannot go. Another process copies it: children that other
        // tests fork would share our descriptor for writing, and what is open for writing cannot be run.
        let exe = directory.path().join("exe");
        let copied = Command::new("cp").arg(std::env::current_exe().unwrap()).arg(&exe).status().unwrap();
        assert!(copied.success());
        Some(Self { directory, exe })
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("s.sock")
    }

    /// Starts a role below as another user.
    fn play(&self, name: &str) -> Child {
        use std::os::unix::process::CommandExt;
        let mut command = role(Command::new(&self.exe), name, &self.socket());
        command.uid(STRANGER).gid(STRANGER).current_dir("/").spawn().unwrap()
    }
}

/// The user `nobody` of most systems; any other than root does.
const STRANGER: u32 = 65_534;
const SOCKET_VARIABLE: &str = "DAFFI_TEST_SOCKET";
const DONE: &str = "the role is done";

fn role(mut command: Command, name: &str, socket: &Path) -> Command {
    command.args(["--ignored", "--nocapture", "--exact"]).arg(format!("transport::unix::tests::{name}"));
    command.env(SOCKET_VARIABLE, socket).stdin(Stdio::piped()).stdout(Stdio::piped());
    command
}

/// Lets a role end and checks that it did what it should.
fn finish(mut child: Child) {
    drop(child.stdin.take());
    let mut output = String::new();
    child.stdout.take().unwrap().read_to_string(&mut output).unwrap();
    assert!(child.wait().unwrap().success() && output.contains(DONE), "{output}");
}

fn wait_for_line(child: &mut Child, end: &str) {
    let mut lines = BufReader::with_capacity(1, child.stdout.take().unwrap());
    let mut line = String::new();
    while !line.trim_end().ends_with(end) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "the role ended early");
    }
    child.stdout = Some(lines.into_inner());
}

/// Tells the test that started this role.
fn say(text: &str) {
    let mut output = std::io::stdout();
    writeln!(output, "{text}").unwrap();
    output.flush().unwrap();
}

/// The socket of this role; `None` for somebody who runs all ignored tests.
fn role_socket() -> Option<PathBuf> {
    std::env::var_os(SOCKET_VARIABLE).map(PathBuf::from)
}

#[test]
#[ignore = "a role that other tests start"]
fn stranger_calls() {
    let Some(socket) = role_socket() else { return };
    let mut stream = UnixStream::connect(socket).unwrap();
    assert_eq!(stream.read(&mut [0; 1]).unwrap(), 0);
    say(DONE);
}

#[test]
#[ignore = "a role that other tests start"]
fn stranger_listens() {
    let Some(socket) = role_socket() else { return };
    let _listener = UnixListener::bind(socket).unwrap();
    say("listening");
    // Until the other test has seen enough.
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    say(DONE);
}

#[tokio::test(start_paused = true)]
#[ignore = "a role that other tests start"]
async fn descriptors_run_out() {
    let Some(socket) = role_socket() else { return };
    let address = Address::Unix(UnixAddress::new(socket));
    let listener = listen(&address, &ListenOptions::default()).await.unwrap();
    let limit = Rlimit { current: Some(64), ..getrlimit(Resource::Nofile) };
    setrlimit(Resource::Nofile, limit).unwrap();
    let mut dialled = Vec::new();
    let exhausted = loop {
        match dial(&address, &DialOptions::default()).await {
            Ok(connection) => dialled.push(connection),
            Err(error) => break error,
        }
    };
    assert!(exhausted.to_string().contains("too many open files"), "{exhausted}");

    let mut accepting = listener.accept();
    assert!(futures::poll!(&mut accepting).is_pending());
    // The reactor tells in the meantime that somebody waits.
    tokio::time::sleep(Duration::from_millis(1)).await;
    assert!(futures::poll!(&mut accepting).is_pending(), "there is no descriptor for it");
    dialled.truncate(dialled.len() - 3);

    let accepted = accepting.await.unwrap();
    dialled[0].try_write(b"alive").unwrap();
    assert_eq!(read(&*accepted, 64).await.unwrap(), "alive");
    say(DONE);
}
