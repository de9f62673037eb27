//! `daffi pq`: queues that go by priority.

use std::time::Duration;

use daffi_core::api::Operation;
use daffi_core::datatypes::{PqEntry, PriorityQueue, UniquePriorityQueue};
use daffi_core::error::{CallError, DataError, Stage};
use rmpv::Value;
use serde_json::{Value as Json, json};

use super::about::About;
use super::queue::{Source, empty, within};
use super::{objects, words};
use crate::args::{Pq, PqName, Taking};
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome, Problem};

/// One of the two kinds of priority queues.
enum Handle {
    Plain(PriorityQueue<Value>),
    Unique(UniquePriorityQueue<Value>),
}

/// The same method of both kinds.
macro_rules! either {
    ($handle:expr, $queue:ident => $operation:expr) => {
        match $handle {
            Handle::Plain($queue) => $operation,
            Handle::Unique($queue) => $operation,
        }
    };
}

/// Lists priority queues, or puts something in, takes it out, or looks at it.
///
/// # Errors
/// If the controller cannot be reached or refuses, or nothing came in time.
pub(crate) async fn run(app: &App, action: Option<Pq>) -> Outcome {
    match action.unwrap_or(Pq::Ls { pattern: None }) {
        Pq::Ls { pattern } => objects::list(app, &["pq", "unique_pq"], pattern.as_deref()).await,
        Pq::Push { pq, priority, value } => push(app, &pq, priority, &words::value(&value)).await,
        Pq::Pop { pq, others, pop, .. } if !others.is_empty() => {
            let names: Vec<&str> = std::iter::once(&pq.name).chain(&others).map(String::as_str).collect();
            select(app, &names, pq.unique, pop.wait).await
        }
        Pq::Pop { pq, pop: how, lowest, .. } => {
            let handle = open(app, &pq).await?;
            pop(&about(app, &pq), &handle, how, lowest).await
        }
        Pq::Rank { pq, key } => {
            let rank = match open(app, &pq).await? {
                Handle::Plain(queue) => app.ask(queue.rank(&entry(app, &key)?)).await?,
                Handle::Unique(queue) => app.ask(queue.rank(words::value(&key))).await?,
            };
            let about = about(app, &pq);
            let object = about.object([("key", key.as_str().into()), ("rank", json!(rank))]);
            match rank {
                Some(rank) => about.number(rank, &object),
                None => about.done(false, &absent(&key, &about), &object).await,
            }
        }
        Pq::Count { pq, low, high } => {
            let handle = open(app, &pq).await?;
            let count = app.ask(either!(&handle, queue => queue.count(low..=high))).await?;
            let about = about(app, &pq);
            about.amount(count, &about.object([("count", count.into())])).await
        }
        Pq::Remove { pq, key } => {
            let removed = match open(app, &pq).await? {
                Handle::Plain(queue) => app.ask(queue.remove(&entry(app, &key)?)).await?,
                Handle::Unique(queue) => app.ask(queue.remove(words::value(&key))).await?,
            };
            let about = about(app, &pq);
            let object = about.object([("key", key.as_str().into()), ("removed", removed.into())]);
            about.done(removed, &absent(&key, &about), &object).await
        }
        Pq::Len { pq } => {
            let handle = open(app, &pq).await?;
            let counts = app.ask(either!(&handle, queue => queue.counts())).await?;
            let about = about(app, &pq);
            let object = about.object([
                ("len", counts.ready.into()),
                ("delayed", counts.delayed.into()),
                ("leased", counts.leased.into()),
                ("dead", counts.dead.into()),
            ]);
            about.amount(counts.ready, &object).await
        }
        Pq::Rm { pq, yes } => objects::destroy(about(app, &pq), yes).await,
    }
}

fn about<'a>(app: &'a App, pq: &'a PqName) -> About<'a> {
    About { app, kind: if pq.unique { "unique_pq" } else { "pq" }, name: &pq.name }
}

async fn open(app: &App, pq: &PqName) -> Result<Handle, End> {
    let queue = Mesh::join(app).await?.node.priority_queue(&*pq.name);
    Ok(if pq.unique { Handle::Unique(queue.unique()) } else { Handle::Plain(queue) })
}

async fn push(app: &App, pq: &PqName, priority: i64, value: &Value) -> Outcome {
    let about = about(app, pq);
    match open(app, pq).await? {
        Handle::Plain(queue) => {
            let key = key_of(&app.ask(queue.push(priority, value)).await?);
            let object = about.object([("priority", priority.into()), ("key", key.as_str().into())]);
            app.screen.answer(&key, &key, &object)?;
            Ok(0)
        }
        Handle::Unique(queue) => {
            let is_new = app.ask(queue.push(priority, value)).await?;
            about.done(true, "", &about.object([("priority", priority.into()), ("new", is_new.into())])).await
        }
    }
}

async fn pop(about: &About<'_>, handle: &Handle, how: Taking, lowest: bool) -> Outcome {
    let one = || -> Operation<Option<Value>> {
        if lowest {
            either!(handle, queue => queue.pop_last())
        } else {
            either!(handle, queue => queue.pop())
        }
    };
    let wait = || -> Operation<Value> {
        if lowest {
            either!(handle, queue => queue.pop_last_wait())
        } else {
            either!(handle, queue => queue.pop_wait())
        }
    };
    let many = |num| -> Operation<Vec<Value>> {
        if lowest {
            either!(handle, queue => queue.unpush(num))
        } else {
            either!(handle, queue => queue.pop_many(num))
        }
    };
    Source { one, wait, many }.pop(about, how).await
}

/// Takes that of the highest priority from any of several.
async fn select(app: &App, names: &[&str], is_unique: bool, wait: Option<Duration>) -> Outcome {
    let node = Mesh::join(app).await?.node;
    let queues: Vec<_> = names.iter().map(|name| node.priority_queue::<Value>(*name)).collect();
    let operation = if is_unique {
        let queues: Vec<_> = queues.iter().map(PriorityQueue::unique).collect();
        UniquePriorityQueue::select_priority(&queues.iter().collect::<Vec<_>>())
    } else {
        PriorityQueue::select_priority(&queues.iter().collect::<Vec<_>>())
    };
    let all = names.join(", ");
    let about = About { app, kind: if is_unique { "unique_pq" } else { "pq" }, name: &all };
    let (name, value) = match wait {
        Some(time) => within(&about, operation, time).await?,
        None => match operation.timeout(Duration::ZERO).await {
            Err(DataError::Call(CallError::TimedOut { stage: Stage::Waiting, .. })) => {
                return about.found(None, None, &empty(&about)).await;
            }
            taken => taken?,
        },
    };
    About { name: &name, ..about }.found(None, Some(&value), "").await
}

fn absent(key: &str, about: &About<'_>) -> String {
    format!("`{key}` cannot be had from the {} `{}`", about.called(), about.name)
}

/// An entry as one word: `12-0@5`, or `12-0@5!` if it goes before the others of its priority.
fn key_of(entry: &PqEntry) -> String {
    let fields = json!(entry);
    let part = |name: &str| fields["stamp"][name].to_string();
    let vip = if entry.is_vip() { "!" } else { "" };
    format!("{}-{}@{}{vip}", part("command"), part("index"), entry.priority())
}

/// The entry that a word is the key of.
fn entry(app: &App, key: &str) -> Result<PqEntry, End> {
    let parsed = || {
        let (stamp, priority) = key.split_once('@')?;
        let (command, index) = stamp.split_once('-')?;
        let (priority, is_vip) = match priority.strip_suffix('!') {
            Some(priority) => (priority, true),
            None => (priority, false),
        };
        let number = |text: &str| text.parse::<u64>().ok().map(Json::from);
        let stamp = json!({ "command": number(command)?, "index": number(index)? });
        let priority: i64 = priority.parse().ok()?;
        serde_json::from_value(json!({ "priority": priority, "is_vip": is_vip, "stamp": stamp })).ok()
    };
    parsed().ok_or_else(|| {
        Problem::usage(format!("`{key}` is not a key of a priority queue"))
            .at(app.line.operands().last().copied(), "such as 12-0@5")
            .help("`daffi pq push` prints the key; with --unique it is the value")
            .into()
    })
}
