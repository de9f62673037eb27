//! `daffi list`: lists that all nodes share.

use daffi_core::datatypes::{List as Handle, Slice, SortOrder};
use futures::{Stream, StreamExt as _, stream};
use rmpv::Value;
use serde_json::Value as Json;

use super::about::About;
use super::{objects, words};
use crate::args::List;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// Lists lists, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses, or something is no place.
pub(crate) async fn run(app: &App, action: Option<List>) -> Outcome {
    let about = |name| About { app, kind: "list", name };
    match action.unwrap_or(List::Ls { pattern: None }) {
        List::Ls { pattern } => objects::list(app, &["list"], pattern.as_deref()).await,
        List::Push { name, values } => push(&about(&name), &values).await,
        List::Pop { name, index } => {
            let value = app.ask(list(app, &name).await?.pop_at(index)).await?;
            about(&name).found(None, value.as_ref(), &nothing_at(index, &name)).await
        }
        List::Get { name, index: None } => {
            let values = list(app, &name).await?.iter();
            listing(&about(&name), values).await
        }
        List::Get { name, index: Some(index) } => get(&about(&name), &index).await,
        List::Set { name, index, value } => {
            let value = words::value(&value);
            app.ask(list(app, &name).await?.set(index, &value)).await?;
            let about = about(&name);
            let object = about.object([("index", index.into()), ("value", values::to_json(&value))]);
            about.done(true, "", &object).await
        }
        List::Insert { name, index, value } => {
            let value = words::value(&value);
            let len = app.ask(list(app, &name).await?.insert(index, &value)).await?;
            let about = about(&name);
            about.number(len, &about.object([("len", len.into())]))
        }
        List::Sort { name, descending } => {
            let order = if descending { SortOrder::Descending } else { SortOrder::Ascending };
            app.ask(list(app, &name).await?.sort(order)).await?;
            let about = about(&name);
            about.done(true, "", &about.object([("sorted", Json::Bool(true))])).await
        }
        List::Len { name } => {
            let len = app.ask(list(app, &name).await?.len()).await?;
            let about = about(&name);
            about.number(len, &about.object([("len", len.into())]))
        }
        List::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn list(app: &App, name: &str) -> Result<Handle<Value>, End> {
    Ok(Mesh::join(app).await?.node.list(name))
}

fn nothing_at(index: i64, name: &str) -> String {
    format!("nothing at the place {index} of `{name}`")
}

/// A row for each value.
///
/// # Errors
/// If something cannot be read, or nobody reads.
pub(super) async fn listing<E>(about: &About<'_>, values: impl Stream<Item = Result<Value, E>>) -> Outcome
where
    End: From<E>,
{
    let rows = values.map(|value| value.map(|value| about.row([("value", &value)])));
    about.listing(&["VALUE"], rows).await
}

async fn push(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let list = list(about.app, about.name).await?;
    let mut len = None;
    while let Some(batch) = batches.next().await {
        len = Some(about.app.ask(list.extend(batch?)).await?);
    }
    let len = match len {
        Some(len) => len,
        None => about.app.ask(list.len()).await?,
    };
    about.number(len, &about.object([("len", len.into())]))
}

async fn get(about: &About<'_>, index: &str) -> Outcome {
    let list = list(about.app, about.name).await?;
    if let Ok(index) = index.parse::<i64>() {
        let value = about.app.ask(list.get(index)).await?;
        return about.found(None, value.as_ref(), &nothing_at(index, about.name)).await;
    }
    let Ok(slice) = index.parse::<Slice>() else {
        let why = format!("`{index}` is no place");
        return Err(Problem::usage(why).help("write 3, -1, 1:4 or ::2").into());
    };
    let values = about.app.ask(list.slice(slice)).await?;
    listing(about, stream::iter(values.into_iter().map(Ok::<_, End>))).await
}
