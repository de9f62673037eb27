//! `daffi multiset`: how often values count, for all nodes.

use daffi_core::datatypes::Multiset as Handle;
use futures::{Stream, StreamExt as _, stream};
use rmpv::Value;

use super::about::About;
use super::{objects, words};
use crate::args::Multiset;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome};
use crate::values;

/// Lists multisets, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Multiset>) -> Outcome {
    let about = |name| About { app, kind: "multiset", name };
    match action.unwrap_or(Multiset::Ls { pattern: None }) {
        Multiset::Ls { pattern } => objects::list(app, &["multiset"], pattern.as_deref()).await,
        Multiset::Add { name, values } => add(&about(&name), &values).await,
        Multiset::Incr { name, value, by } => {
            let value = words::value(&value);
            let count = app.ask(multiset(app, &name).await?.increment(&value, by)).await?;
            counted(&about(&name), &value, count)
        }
        Multiset::Get { name, value } => {
            let value = words::value(&value);
            let count = app.ask(multiset(app, &name).await?.get(&value)).await?;
            counted(&about(&name), &value, count)
        }
        Multiset::Top { name, count } => {
            let most = app.ask(multiset(app, &name).await?.most_common(count)).await?;
            listing(&about(&name), stream::iter(most.into_iter().map(Ok::<_, End>))).await
        }
        Multiset::Items { name } => {
            let items = multiset(app, &name).await?.iter();
            listing(&about(&name), items).await
        }
        Multiset::Total { name } => {
            let total = app.ask(multiset(app, &name).await?.total()).await?;
            let about = about(&name);
            about.number(total, &about.object([("total", total.into())]))
        }
        Multiset::Len { name } => {
            let len = app.ask(multiset(app, &name).await?.len()).await?;
            let about = about(&name);
            about.number(len, &about.object([("len", len.into())]))
        }
        Multiset::Rm { name, value: Some(value), .. } => {
            let value = words::value(&value);
            let count = app.ask(multiset(app, &name).await?.remove(&value)).await?;
            let about = about(&name);
            match count {
                Some(count) => counted(&about, &value, count),
                None => {
                    let absent = format!("{} is not in the multiset `{name}`", values::to_json(&value));
                    let object =
                        about.object([("value", values::to_json(&value)), ("removed", false.into())]);
                    about.done(false, &absent, &object).await
                }
            }
        }
        Multiset::Rm { name, value: None, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn multiset(app: &App, name: &str) -> Result<Handle<Value>, End> {
    Ok(Mesh::join(app).await?.node.multiset(name))
}

fn counted(about: &About<'_>, value: &Value, count: i64) -> Outcome {
    about.number(count, &about.object([("value", values::to_json(value)), ("count", count.into())]))
}

async fn add(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let multiset = multiset(about.app, about.name).await?;
    let mut added = 0_u64;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        added += batch.len() as u64;
        about.app.ask(multiset.update(batch)).await?;
    }
    about.number(added, &about.object([("added", added.into())]))
}

/// A row for each value.
async fn listing<E>(about: &About<'_>, counts: impl Stream<Item = Result<(Value, i64), E>>) -> Outcome
where
    End: From<E>,
{
    let rows = counts.map(|entry| {
        entry.map(|(value, count)| about.row([("value", &value), ("count", &Value::from(count))]))
    });
    about.listing(&["VALUE", "COUNT"], rows).await
}
