//! `daffi counter`: named integers in groups.

use daffi_core::datatypes::Counters;
use futures::stream;
use rmpv::Value;

use super::about::About;
use super::{objects, sure};
use crate::args::Counter;
use crate::mesh::{App, Mesh};
use crate::report::{End, NO, Outcome};

/// Lists groups of counters, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Counter>) -> Outcome {
    let about = |name| About { app, kind: "counters", name };
    match action.unwrap_or(Counter::Ls { pattern: None }) {
        Counter::Ls { pattern } => objects::list(app, &["counters", "topic"], pattern.as_deref()).await,
        Counter::Get { name, key: None } => sizes(&about(&name)).await,
        Counter::Get { name, key: Some(key) } => {
            let value = app.ask(group(app, &name).await?.get(&*key)).await?;
            let about = about(&name);
            about.amount(value, &about.object([("counter", key.into()), ("value", value.into())])).await
        }
        Counter::Inc { name, key, by } => {
            let value = app.ask(group(app, &name).await?.inc(&*key, by)).await?;
            value_of(&about(&name), &key, value)
        }
        Counter::Dec { name, key, by } => {
            let value = app.ask(group(app, &name).await?.dec(&*key, by)).await?;
            value_of(&about(&name), &key, value)
        }
        Counter::Set { name, key, value } => {
            app.ask(group(app, &name).await?.set(&*key, value)).await?;
            value_of(&about(&name), &key, value)
        }
        Counter::Count { topic, peek, reset } => count(app, &topic, peek, reset).await,
        Counter::Reset { name, key: Some(key), .. } => {
            app.ask(group(app, &name).await?.set(&*key, 0)).await?;
            value_of(&about(&name), &key, 0)
        }
        Counter::Reset { name, key: None, yes } => reset(&about(&name), yes).await,
        Counter::Rm { name, key: Some(key), .. } => {
            let removed = app.ask(group(app, &name).await?.remove(&*key)).await?.is_some();
            let about = about(&name);
            let object = about.object([("counter", key.as_str().into()), ("removed", removed.into())]);
            about.done(removed, &format!("there is no counter `{key}` in `{name}`"), &object).await
        }
        Counter::Rm { name, key: None, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn group(app: &App, name: &str) -> Result<Counters, End> {
    Ok(Mesh::join(app).await?.node.counters(name))
}

fn value_of(about: &About<'_>, key: &str, value: i64) -> Outcome {
    about.number(value, &about.object([("counter", key.into()), ("value", value.into())]))
}

async fn sizes(about: &About<'_>) -> Outcome {
    let sizes = about.app.ask(group(about.app, about.name).await?.sizes()).await?;
    let row = |(key, value): (String, i64)| {
        about.row([("counter", &Value::from(key)), ("value", &Value::from(value))])
    };
    let rows = stream::iter(sizes.into_iter().map(|size| Ok::<_, End>(row(size))));
    about.listing(&["COUNTER", "VALUE"], rows).await
}

async fn reset(about: &About<'_>, yes: bool) -> Outcome {
    let About { app, name, .. } = about;
    let warning = format!("resetting `{name}` sets all its counters to 0");
    let question = format!("Set all counters of `{name}` to 0?");
    if !yes && !sure::is_sure(app, &warning, &question).await? {
        return Ok(NO);
    }
    let count = app.ask(group(app, name).await?.reset()).await?;
    about.number(count, &about.object([("reset", count.into())]))
}

async fn count(app: &App, topic: &str, peek: bool, reset: bool) -> Outcome {
    let about = About { app, kind: "topic", name: topic };
    let topic = Mesh::join(app).await?.node.counter(topic);
    let number = match (peek, reset) {
        (_, true) => app.ask(topic.reset()).await?.last,
        (true, false) => app.ask(topic.peek()).await?,
        (false, false) => app.ask(topic.count()).await?,
    };
    about.number(number, &about.object([("count", number.into())]))
}
