//! Completion that asks the live mesh for names.

use std::ffi::OsStr;
use std::future::{Future, IntoFuture, ready};
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use daffi_core::callback::Registry;
use daffi_core::node::{Connect, Node, connect};
use daffi_core::wire::{CallbackEntry, NodeEntry, ObjectEntry};
use futures::StreamExt as _;
use tokio::time::timeout;

/// How long a shell may be kept waiting for names. Without an answer it gets none.
const PATIENCE: Duration = Duration::from_millis(200);

/// The callbacks whose names begin so.
pub(crate) fn callbacks(current: &OsStr) -> Vec<CompletionCandidate> {
    let pattern = format!("{}*", current.to_string_lossy());
    let offers =
        ask(async |node: Node| node.call::<Vec<CallbackEntry>>("daffi.callbacks", (pattern,)).await.ok());
    let candidate = |offer: CallbackEntry| {
        let doc = offer.signature.doc.lines().next().map(|line| line.to_owned().into());
        CompletionCandidate::new(offer.signature.name.as_str()).help(doc)
    };
    offers.into_iter().flatten().map(candidate).collect()
}

/// The nodes whose names begin so.
pub(crate) fn nodes(current: &OsStr) -> Vec<CompletionCandidate> {
    let nodes = ask(async |node: Node| node.call::<Vec<NodeEntry>>("daffi.nodes", ()).await.ok());
    let begins = |node: &NodeEntry| node.name.as_str().starts_with(&*current.to_string_lossy());
    let nodes = nodes.into_iter().flatten().filter(begins);
    nodes.map(|node| CompletionCandidate::new(node.name.as_str())).collect()
}

/// The objects of this kind, a glob, whose names begin so.
pub(crate) fn objects(kind: &'static str, current: &OsStr) -> Vec<CompletionCandidate> {
    let begin = current.to_string_lossy().into_owned();
    let names = ask(async |node: Node| {
        let begins = |entry: &ObjectEntry| ready(entry.name.starts_with(&begin));
        let entries = node.objects(kind, "").filter_map(|entry| ready(entry.ok())).filter(begins);
        Some(entries.map(|entry| entry.name).take(NAMES_MAX).collect::<Vec<_>>().await)
    });
    names.into_iter().flatten().map(CompletionCandidate::new).collect()
}

/// More than anybody chooses from.
const NAMES_MAX: usize = 1_000;

fn ask<R, F: Future<Output = Option<R>>>(question: impl FnOnce(Node) -> F) -> Option<R> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async {
        let joined = here().hidden().timeout(PATIENCE).registry(Registry::new()).into_future();
        let asked = async {
            let node = joined.await.ok()?;
            Some((question(node.clone()).await, node))
        };
        let (answer, node) = timeout(PATIENCE, asked).await.ok()??;
        timeout(PATIENCE, node.stop()).await.ok();
        answer
    });
    runtime.shutdown_background();
    answer
}

/// The way to the mesh as the line that is being completed says it, else as the environment does.
fn here() -> Connect {
    let url = option("--url", Some("-u")).or_else(|| std::env::var("DAFFI_URL").ok());
    let data_dir = option("--data-dir", None).or_else(|| std::env::var("DAFFI_DATA_DIR").ok());
    let mut node = connect(&url.unwrap_or_default());
    if let Some(path) = option("--join-file", None) {
        node = node.join_file(path);
    }
    if let Some(path) = data_dir {
        node = node.data_dir(path);
    }
    node
}

/// What the line gives an option.
fn option(long: &str, short: Option<&str>) -> Option<String> {
    let words: Vec<String> = std::env::args().collect();
    let joined = words.iter().find_map(|word| word.strip_prefix(long)?.strip_prefix('='));
    let is_option = |word: &str| word == long || Some(word) == short;
    let apart = || words.windows(2).find(|pair| is_option(&pair[0])).map(|pair| pair[1].as_str());
    joined.or_else(apart).map(str::to_owned)
}
