//! Completion that asks the live mesh for names.

use std::ffi::OsStr;
use std::future::Future;
use std::time::Duration;

use clap_complete::engine::CompletionCandidate;
use daffi_core::callback::Registry;
use daffi_core::node::{Node, connect};
use daffi_core::wire::{CallbackEntry, NodeEntry};

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

fn ask<R, F: Future<Output = Option<R>>>(question: impl FnOnce(Node) -> F) -> Option<R> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().ok()?;
    let answer = runtime.block_on(async {
        let asked = async {
            let node = connect(&url()).hidden().timeout(PATIENCE).registry(Registry::new()).await;
            question(node.ok()?).await
        };
        tokio::time::timeout(PATIENCE, asked).await.ok().flatten()
    });
    runtime.shutdown_background();
    answer
}

/// The address on the line that is being completed, else that of the environment.
fn url() -> String {
    let words: Vec<String> = std::env::args().collect();
    let joined = words.iter().find_map(|word| word.strip_prefix("--url=").map(str::to_owned));
    let apart = || words.windows(2).find(|pair| matches!(pair[0].as_str(), "-u" | "--url"));
    joined
        .or_else(|| apart().map(|pair| pair[1].clone()))
        .or_else(|| std::env::var("DAFFI_URL").ok())
        .unwrap_or_default()
}
