//! `daffi hash`: maps that all nodes share.

use daffi_core::datatypes::Hash as Handle;
use futures::StreamExt as _;
use rmpv::Value;

use super::about::About;
use super::{objects, words};
use crate::args::Hash;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome};
use crate::values;

/// Lists hashes, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses, or something is no value.
pub(crate) async fn run(app: &App, action: Option<Hash>) -> Outcome {
    let about = |name| About { app, kind: "hash", name };
    match action.unwrap_or(Hash::Ls { pattern: None }) {
        Hash::Ls { pattern } => objects::list(app, &["hash"], pattern.as_deref()).await,
        Hash::Get { name, key } => {
            let key = words::value(&key);
            let value = app.ask(hash(app, &name).await?.get(&key)).await?;
            about(&name).found(Some(&key), value.as_ref(), &nothing_by(&key, &name)).await
        }
        Hash::Pop { name, key } => {
            let key = words::value(&key);
            let value = app.ask(hash(app, &name).await?.pop(&key)).await?;
            about(&name).found(Some(&key), value.as_ref(), &nothing_by(&key, &name)).await
        }
        Hash::Set { name, pairs } => set(&about(&name), &pairs).await,
        Hash::Add { name, key, value } => {
            let (key, value) = (words::value(&key), words::value(&value));
            let added = app.ask(hash(app, &name).await?.add(&key, &value)).await?;
            let otherwise = format!("there is a value by the key {} in `{name}` already", shown(&key));
            let about = about(&name);
            let object = about.object([("key", values::to_json(&key)), ("added", added.into())]);
            about.done(added, &otherwise, &object).await
        }
        Hash::Incr { name, key, by } => {
            let key = words::value(&key);
            let sum = app.ask(hash(app, &name).await?.increment(&key, by)).await?;
            let about = about(&name);
            about.number(sum, &about.object([("key", values::to_json(&key)), ("value", sum.into())]))
        }
        Hash::Has { name, key } => {
            let key = words::value(&key);
            let has = app.ask(hash(app, &name).await?.exists(&key)).await?;
            let about = about(&name);
            about.truth(has, &about.object([("key", values::to_json(&key)), ("has", has.into())])).await
        }
        Hash::Keys { name } => keys(&about(&name)).await,
        Hash::Items { name } => items(&about(&name)).await,
        Hash::Len { name } => {
            let len = app.ask(hash(app, &name).await?.len()).await?;
            let about = about(&name);
            about.amount(len, &about.object([("len", len.into())])).await
        }
        Hash::Rm { name, key: Some(key), .. } => {
            let key = words::value(&key);
            let removed = app.ask(hash(app, &name).await?.remove(&key)).await?;
            let about = about(&name);
            let object = about.object([("key", values::to_json(&key)), ("removed", removed.into())]);
            about.done(removed, &nothing_by(&key, &name), &object).await
        }
        Hash::Rm { name, key: None, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn hash(app: &App, name: &str) -> Result<Handle<Value, Value>, End> {
    Ok(Mesh::join(app).await?.node.hash(name))
}

fn nothing_by(key: &Value, name: &str) -> String {
    format!("nothing by the key {} in `{name}`", shown(key))
}

/// A key in a message: a text in quotes, so that it is told from a number.
fn shown(key: &Value) -> String {
    values::to_json(key).to_string()
}

async fn set(about: &About<'_>, pairs: &[String]) -> Outcome {
    let mut batches = words::pair_batches(pairs)?;
    let hash = hash(about.app, about.name).await?;
    let mut added = 0;
    while let Some(batch) = batches.next().await {
        added += about.app.ask(hash.multi_set(batch?)).await?;
    }
    about.number(added, &about.object([("added", added.into())]))
}

async fn keys(about: &About<'_>) -> Outcome {
    let items = hash(about.app, about.name).await?.iter();
    let rows = items.map(|item| item.map(|(key, _)| about.row([("key", &key)])));
    about.listing(&["KEY"], rows).await
}

async fn items(about: &About<'_>) -> Outcome {
    let items = hash(about.app, about.name).await?.iter();
    let rows = items.map(|item| item.map(|(key, value)| about.row([("key", &key), ("value", &value)])));
    about.listing(&["KEY", "VALUE"], rows).await
}
