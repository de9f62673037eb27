//! What all hosted objects have in common.

use std::future::IntoFuture;
use std::time::Duration;

use daffi::hosted::{Hosted, Others, Turn};
use daffi::{DataError, Heard, Node, callback};
use daffi_core::testing::Mesh;
use futures::{StreamExt, TryStreamExt};
use serde::{Deserialize, Serialize};

/// Notes pinned to a board, and shouts across it.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Board {
    notes: Vec<String>,
}

#[callback(hosted = "board")]
impl Board {
    /// Pins a note, and says how many there are.
    pub fn pin(&mut self, turn: &mut Turn<'_>, note: String) -> Result<u64, DataError> {
        if note.is_empty() {
            return Err(DataError::invalid("an empty note"));
        }
        turn.tell(&note)?;
        self.notes.push(note);
        Ok(self.notes.len() as u64)
    }

    /// All notes.
    pub fn notes(&self) -> Vec<String> {
        self.notes.clone()
    }

    /// How many notes there are here and on others.
    pub fn all(&self, turn: &Turn<'_>, others: Others) -> Result<u64, DataError> {
        let others = turn.others::<Self>(&others)?;
        Ok(others.into_iter().chain([self]).map(|board| board.notes.len() as u64).sum())
    }

    /// Takes the notes of another board, and leaves them there.
    pub fn copy(&mut self, turn: &Turn<'_>, from: Others) -> Result<u64, DataError> {
        let from = turn.others::<Self>(&from)?;
        self.notes.extend(from.iter().flat_map(|board| board.notes.clone()));
        Ok(self.notes.len() as u64)
    }

    /// Is heard by whoever listens.
    pub fn shout(&self, turn: &mut Turn<'_>, topic: String, text: String) -> Result<(), DataError> {
        turn.publish(topic, daffi::hosted::Value::of(&text)?);
        Ok(())
    }

    /// Is a bug.
    pub fn burn(&mut self) {
        self.notes.clear();
        panic!("it burns");
    }
}

impl Hosted for Board {
    fn bytes(&self) -> usize {
        self.notes.iter().map(String::len).sum()
    }

    fn is_vacant(&self) -> bool {
        self.notes.is_empty()
    }
}

async fn mesh() -> (Mesh, Node, Node) {
    let mesh = Mesh::new().await.unwrap();
    let (one, other) = (mesh.node("one").await.unwrap(), mesh.node("other").await.unwrap());
    (mesh, one, other)
}

#[tokio::test(start_paused = true)]
async fn a_method_of_a_users_type_reads_other_objects_of_its_kind() {
    let (_mesh, one, other) = mesh().await;
    let (mine, theirs) = (one.object::<Board>("mine"), other.object::<Board>("theirs"));
    let names = |names: &[&str]| names.iter().copied().collect::<Others>();
    mine.pin("tea".into()).await.unwrap();
    theirs.pin("milk".into()).await.unwrap();

    assert_eq!(mine.all(names(&["theirs", "none"])).await.unwrap(), 2);
    assert_eq!(mine.copy(names(&["theirs", "mine"])).await.unwrap(), 3);
    assert_eq!(mine.notes().await.unwrap(), ["tea", "milk", "tea"]);
    assert_eq!(theirs.notes().await.unwrap(), ["milk"]);

    // What is broken is not read.
    theirs.burn().await.unwrap_err();
    for refused in [mine.all(names(&["theirs"])).await, mine.copy(names(&["theirs"])).await] {
        assert!(
            matches!(&refused, Err(DataError::Quarantined { object, .. }) if object == "theirs"),
            "{refused:?}"
        );
    }
    assert_eq!(mine.notes().await.unwrap().len(), 3);
}

#[tokio::test(start_paused = true)]
async fn a_batch_is_carried_out_as_one_or_not_at_all() {
    let (_mesh, node, _) = mesh().await;
    let (accounts, board) = (node.counters("accounts"), node.object::<Board>("log"));
    accounts.set("joe", i64::MIN + 5).await.unwrap();

    let mut batch = node.batch();
    batch.add(board.pin("10 to brian".into()));
    batch.add(accounts.dec("joe", 10));
    let error = batch.await.unwrap_err();

    assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
    assert!(board.notes().await.unwrap().is_empty());
    let mut batch = node.batch();
    let pinned = batch.add(board.pin("3 to brian".into()));
    let left = batch.add(accounts.dec("joe", 3));
    let mut done = batch.await.unwrap();
    assert_eq!(done.revision(&pinned), done.revision(&left));
    assert_eq!(done.take(pinned).unwrap(), 1);
    assert_eq!(done.take(left).unwrap(), i64::MIN + 2);
}

#[tokio::test(start_paused = true)]
async fn a_write_may_depend_on_nothing_having_changed() {
    let (_mesh, node, other) = mesh().await;
    let board = node.object::<Board>("log");

    assert_eq!(board.pin("first".into()).if_revision(&board, 0).await.unwrap(), 1);
    let read = board.notes().versioned().await.unwrap();
    other.object::<Board>("log").pin("second".into()).await.unwrap();
    let error = board.pin("third".into()).if_revision(&board, read.revision).await.unwrap_err();

    assert!(matches!(error, DataError::Conflict { expected, .. } if expected == read.revision), "{error}");
    let now = board.entry().await.unwrap().unwrap().revision;
    assert_eq!(board.pin("third".into()).if_revision(&board, now).await.unwrap(), 3);
}

#[tokio::test(start_paused = true)]
async fn changes_are_heard_in_order_from_a_revision_on() {
    let (_mesh, node, other) = mesh().await;
    let board = node.object::<Board>("log");
    let first = board.pin("first".into()).versioned().await.unwrap().revision;
    let mut changes = other.object::<Board>("log").watch::<String>(Some(first)).await.unwrap();
    board.pin("second".into()).await.unwrap();
    board.pin("third".into()).await.unwrap();

    for (text, after) in [("second", first), ("third", first + 1)] {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("no item") };
        assert_eq!((item.value.as_str(), item.revision), (text, after + 1));
        assert_eq!(item.from.as_ref().map(ToString::to_string).as_deref(), Some("one"));
    }
    let mut late = other.object::<Board>("log").changes::<String>(Some(0)).await.unwrap();
    assert_eq!(late.next().await.unwrap().unwrap(), Heard::Missed);
}

#[tokio::test(start_paused = true)]
async fn who_watches_is_told_that_an_object_has_gone_or_come_as_a_whole() {
    let (_mesh, node, other) = mesh().await;
    let board = node.object::<Board>("log");
    board.pin("first".into()).await.unwrap();
    let exported = node.export("board", "log").await.unwrap().unwrap();
    let mut changes = other.object::<Board>("log").watch::<String>(None).await.unwrap();

    board.destroy().await.unwrap();
    assert_eq!(changes.next().await.unwrap().unwrap(), Heard::Missed);
    node.import(&exported).await.unwrap();
    assert_eq!(changes.next().await.unwrap().unwrap(), Heard::Missed);
    board.expire_after(Some(Duration::from_secs(5))).await.unwrap();
    tokio::time::advance(Duration::from_secs(5)).await;
    assert_eq!(changes.next().await.unwrap().unwrap(), Heard::Missed);

    board.pin("second".into()).await.unwrap();
    assert_eq!(changes.next().await.unwrap().unwrap().item().unwrap().value, "second");
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_was_away_misses_nothing() {
    let (mesh, node, other) = mesh().await;
    let mut changes = other.object::<Board>("log").watch::<String>(None).await.unwrap();
    mesh.cut("other");
    for note in ["a", "b", "c"] {
        node.object::<Board>("log").pin(note.into()).await.unwrap();
    }
    mesh.advance(Duration::from_secs(30)).await;
    mesh.heal("other");

    let mut heard = Vec::new();
    while heard.len() < 3 {
        let Some(Ok(Heard::Item(item))) = changes.next().await else { panic!("no item") };
        heard.push(item.value);
    }
    assert_eq!(heard, ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn an_object_whose_method_panicked_can_be_exported_and_destroyed_and_no_more() {
    let (_mesh, node, _) = mesh().await;
    let board = node.object::<Board>("log");
    board.pin("first".into()).await.unwrap();

    let error = board.burn().await.unwrap_err();
    assert!(matches!(&error, DataError::Quarantined { why, .. } if why.contains("it burns")), "{error}");
    assert!(matches!(board.notes().await, Err(DataError::Quarantined { .. })));
    assert!(board.entry().await.unwrap().unwrap().quarantined.is_some());
    let saved = node.export("board", "log").await.unwrap().unwrap();

    assert!(board.destroy().await.unwrap());
    assert!(board.notes().await.unwrap().is_empty());
    // What the panic left of it is out of quarantine once somebody has said that it may be.
    node.import(&saved).await.unwrap();
    board.pin("second".into()).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn objects_are_listed_carried_elsewhere_and_expire() {
    let (_mesh, node, _) = mesh().await;
    node.object::<Board>("b").pin("note".into()).await.unwrap();
    node.counters("a").inc("x", 1).await.unwrap();

    let all: Vec<_> = node.objects("", "").try_collect().await.unwrap();
    let names: Vec<_> = all.iter().map(|entry| format!("{}/{}", entry.kind, entry.name)).collect();
    assert_eq!(names, ["board/b", "counters/a"]);
    node.hash::<u8, u8>("b").set(1, 1).await.unwrap();
    let named: Vec<_> = node.objects("", "b").map_ok(|entry| entry.kind).try_collect().await.unwrap();
    assert_eq!(named, ["board", "hash"]);
    let named: Vec<_> = node.objects("h*", "b").map_ok(|entry| entry.kind).try_collect().await.unwrap();
    assert_eq!(named, ["hash"]);
    assert_eq!(node.objects("", "c").count().await, 0);

    let mut exported = node.export("board", "b").await.unwrap().unwrap();
    exported.name = "c".into();
    assert!(!node.import(&exported).await.unwrap());
    assert_eq!(node.object::<Board>("c").notes().await.unwrap(), ["note"]);

    assert!(node.object_of("board", "c").expire_after(Some(Duration::from_secs(5))).await.unwrap());
    tokio::time::advance(Duration::from_secs(6)).await;
    assert!(node.object_of("board", "c").entry().await.unwrap().is_none());
    assert_eq!(node.export("board", "c").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn an_operation_whose_answer_was_lost_is_carried_out_once() {
    for cut in 0..40 {
        let (mesh, node, other) = mesh().await;
        let inc = tokio::spawn(async move { node.counters("a").inc("x", 1).await });
        mesh.delay("one", Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(cut)).await;
        mesh.cut("one");
        mesh.advance(Duration::from_secs(20)).await;
        mesh.heal("one");

        assert_eq!(inc.await.unwrap().unwrap(), 1);
        assert_eq!(other.counters("a").get("x").await.unwrap(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn methods_are_callbacks_in_the_modes_that_make_sense() {
    let (_mesh, node, _) = mesh().await;
    let board = node.object::<Board>("log");

    assert_eq!(node.call::<u64>("daffi.board.pin", ("log", "a")).await.unwrap(), 1);
    assert_eq!(node.call::<u64>("daffi.board.pin", ("log", "b")).bg().await.unwrap(), 2);
    node.tell("daffi.board.pin", ("log", "c")).no_return().await.unwrap();
    let kept = node.call::<u64>("daffi.board.pin", ("log", "d")).submit().await.unwrap();
    assert_eq!(node.job::<u64>(kept).await.unwrap(), 4);
    assert_eq!(board.notes().await.unwrap(), ["a", "b", "c", "d"]);

    let pin = || node.call::<u64>("daffi.board.pin", ("log", "e"));
    for refused in [
        pin().every(Duration::from_secs(1)).await.err().map(|error| error.code()),
        pin().eta(Duration::from_secs(1)).await.err().map(|error| error.code()),
        pin().broadcast().await.err().map(|error| error.code()),
        node.tell("daffi.stats", ()).no_return().await.err().map(|error| error.code()),
    ] {
        assert_eq!(refused, Some(daffi::Code::BadArguments));
    }
    assert_eq!(board.notes().await.unwrap().len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_result_that_no_reply_carries_is_an_error_and_the_node_lives_on() {
    let (_mesh, node, _) = mesh().await;
    let board = node.object::<Board>("log");
    for _ in 0..5 {
        board.pin("x".repeat(1 << 20)).await.unwrap();
    }

    let error = board.notes().await.unwrap_err();

    let DataError::Call(daffi::CallError::TooLarge { .. }) = error else { panic!("{error}") };
    assert_eq!(board.pin("small".into()).await.unwrap(), 6);
}

/// Takes as many bytes as it was told.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
struct Boast {
    bytes: u64,
}

#[callback(hosted = "boast")]
impl Boast {
    /// Takes so many from now on.
    pub fn claim(&mut self, bytes: u64) {
        self.bytes = bytes;
    }

    /// How many it takes.
    pub fn claimed(&self) -> u64 {
        self.bytes
    }
}

impl Hosted for Boast {
    fn bytes(&self) -> usize {
        self.bytes as usize
    }
}

#[tokio::test(start_paused = true)]
async fn an_imported_state_that_cannot_be_is_refused_and_harms_nothing() {
    let (_mesh, node, _) = mesh().await;
    let boast = node.object::<Boast>("orders");
    boast.claim(7).await.unwrap();
    let mut object = node.export("boast", "orders").await.unwrap().unwrap();

    for bytes in [u64::MAX, 1 << 40] {
        let state = daffi::hosted::Value::of(&Boast { bytes }).unwrap();
        object.state = state.bytes().to_vec().into();
        let error = node.import(&object).await.unwrap_err();
        assert!(matches!(error, DataError::WrongValue { .. }), "{error}");
    }

    assert_eq!(boast.claimed().await.unwrap(), 7);
    assert!(node.stats().await.unwrap()["objects_bytes"] < 10_000);
}

/// Has `take` take an item that was `put`, over a link that breaks at some moment; another node waits for the next one
/// before the answer is asked for again. Each of them gets one of two items, and each item is had once.
async fn one_item_each<F>(put: impl AsyncFn(&Node, u64), take: impl Fn(Node) -> F)
where
    F: Future<Output = Result<u64, DataError>> + Send + 'static,
{
    for cut in 0..40 {
        let (mesh, node, other) = mesh().await;
        put(&other, 1).await;
        let taken = tokio::spawn(take(node));
        mesh.delay("one", Duration::from_millis(10));
        tokio::time::sleep(Duration::from_millis(cut)).await;
        mesh.cut("one");
        mesh.advance(Duration::from_secs(20)).await;
        let waiting = tokio::spawn(take(other.clone()));
        mesh.settled().await;
        mesh.heal("one");
        mesh.advance(Duration::from_secs(20)).await;

        put(&other, 2).await;

        let mut both = [taken.await.unwrap().unwrap(), waiting.await.unwrap().unwrap()];
        both.sort_unstable();
        assert_eq!(both, [1, 2], "cut after {cut} ms");
        assert!(tokio::time::timeout(Duration::from_secs(1), take(other)).await.is_err(), "there is a third");
    }
}

async fn push(node: &Node, item: u64) {
    node.queue::<u64>("work").push(item).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_and_is_asked_for_again_needs_no_place_in_the_line() {
    one_item_each(push, |node| node.queue::<u64>("work").pop_wait().into_future()).await;
}

#[tokio::test(start_paused = true)]
async fn a_select_whose_answer_was_lost_takes_one_item() {
    one_item_each(push, |node| async move {
        let queues = ["empty", "work"].map(|name| node.queue::<u64>(name));
        let (name, item) = daffi::Queue::select(&queues.each_ref()).await?;
        assert_eq!(name, "work");
        Ok(item)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_select_by_priority_whose_answer_was_lost_takes_one_item() {
    // Asked for again, it may find another queue the most urgent.
    let put = async |node: &Node, item: u64| {
        let queue = node.priority_queue::<u64>(["left", "right"][item as usize % 2]);
        queue.push(item as i64, item).await.unwrap();
    };
    one_item_each(put, |node| async move {
        let queues = ["left", "right"].map(|name| node.priority_queue::<u64>(name));
        Ok(daffi::PriorityQueue::select_priority(&queues.each_ref()).await?.1)
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn what_only_reads_changes_no_revision_and_is_not_remembered() {
    let mesh = Mesh::new().await.unwrap();
    let node = mesh.node("one").await.unwrap();
    let hash = node.hash::<String, u64>("read");
    let written = hash.set("key", 1).versioned().await.unwrap();

    // More than the controller remembers of a node's requests.
    for _ in 0..=daffi::config::ONCE_REMEMBERED_MAX {
        let read = hash.get("key").versioned().await.unwrap();
        assert_eq!((read.value, read.revision), (Some(1), written.revision));
    }

    let if_unchanged = hash.set("key", 2).if_revision(hash.object(), written.revision);
    assert!(!if_unchanged.await.unwrap(), "it was there");
}
