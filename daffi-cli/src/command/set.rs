//! `daffi set`: sets that all nodes share.

use daffi_core::datatypes::{Combination, LimitedAdd, Set as Handle};
use futures::{StreamExt as _, stream};
use rmpv::Value;

use super::about::About;
use super::{objects, words};
use crate::args::{Set, Several};
use crate::mesh::{App, Mesh};
use crate::report::{End, NO, Outcome};
use crate::values;

/// Lists sets, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Set>) -> Outcome {
    let about = |name| About { app, kind: "set", name };
    match action.unwrap_or(Set::Ls { pattern: None }) {
        Set::Ls { pattern } => objects::list(app, &["set"], pattern.as_deref()).await,
        Set::Add { name, values, limit: None } => add(&about(&name), &values).await,
        Set::Add { name, values, limit: Some(limit) } => limited_add(&about(&name), &values, limit).await,
        Set::Rm { name, values, yes } if values.is_empty() => objects::destroy(about(&name), yes).await,
        Set::Rm { name, values, .. } => {
            let members: Vec<Value> = values.iter().map(|word| words::value(word)).collect();
            let removed = app.ask(set(app, &name).await?.remove_many(&members)).await?;
            let about = about(&name);
            about.amount(removed, &about.object([("removed", removed.into())])).await?;
            Ok(if removed == 0 { NO } else { 0 })
        }
        Set::Has { name, value } => {
            let value = words::value(&value);
            let has = app.ask(set(app, &name).await?.contains(&value)).await?;
            let about = about(&name);
            about.truth(has, &about.object([("value", values::to_json(&value)), ("has", has.into())])).await
        }
        Set::Pop { name, all: true } => {
            let members = app.ask(set(app, &name).await?.pop_all()).await?;
            let about = about(&name);
            let rows = members.iter().map(|member| Ok::<_, End>(about.row([("value", member)])));
            about.taken(stream::iter(rows), &empty(&name)).await
        }
        Set::Pop { name, all: false } => {
            let member = app.ask(set(app, &name).await?.pop()).await?;
            about(&name).found(None, member.as_ref(), &empty(&name)).await
        }
        Set::Random { name } => {
            let member = app.ask(set(app, &name).await?.random()).await?;
            about(&name).found(None, member.as_ref(), &empty(&name)).await
        }
        Set::Union(sets) => combine(app, Combination::Union, &sets).await,
        Set::Inter(sets) => combine(app, Combination::Intersection, &sets).await,
        Set::Diff(sets) => combine(app, Combination::Difference, &sets).await,
        Set::Symdiff(sets) => combine(app, Combination::SymmetricDifference, &sets).await,
        Set::Members { name } => {
            let members = set(app, &name).await?.iter();
            let about = about(&name);
            let rows = members.map(|member| member.map(|member| about.row([("value", &member)])));
            about.listing(&["VALUE"], rows).await
        }
        Set::Len { name } => {
            let len = app.ask(set(app, &name).await?.len()).await?;
            let about = about(&name);
            about.amount(len, &about.object([("len", len.into())])).await
        }
    }
}

async fn set(app: &App, name: &str) -> Result<Handle<Value>, End> {
    Ok(Mesh::join(app).await?.node.set(name))
}

fn empty(name: &str) -> String {
    format!("nothing is in the set `{name}`")
}

/// Prints what sets come to, or makes another of it.
async fn combine(app: &App, how: Combination, Several { name, others, into }: &Several) -> Outcome {
    let first = set(app, name).await?;
    let node = first.object().node();
    let others: Vec<Handle<Value>> = others.iter().map(|other| node.set(other.as_str())).collect();
    let Some(into) = into else {
        let members = app.ask(first.combine(how, &others)).await?;
        let about = About { app, kind: "set", name };
        let rows = members.iter().map(|member| Ok::<_, End>(about.row([("value", member)])));
        return about.listing(&["VALUE"], stream::iter(rows)).await;
    };
    let len = app.ask(first.combine_into(&node.set(into.as_str()), how, &others)).await?;
    let about = About { app, kind: "set", name: into };
    about.number(len, &about.object([("len", len.into())]))
}

async fn add(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let set = set(about.app, about.name).await?;
    let mut added = 0;
    while let Some(batch) = batches.next().await {
        added += about.app.ask(set.extend(batch?)).await?;
    }
    about.number(added, &about.object([("added", added.into())]))
}

/// One after the other, so that each is told whether there was room for it.
async fn limited_add(about: &About<'_>, values: &[String], limit: u64) -> Outcome {
    let mut batches = words::batches(values)?;
    let set = set(about.app, about.name).await?;
    let (mut added, mut refused) = (0_u64, 0_u64);
    while let Some(batch) = batches.next().await {
        for value in batch? {
            match about.app.ask(set.limited_add(&value, limit)).await? {
                LimitedAdd::Added => added += 1,
                LimitedAdd::Exists => {}
                LimitedAdd::Full => refused += 1,
            }
        }
    }
    about.number(added, &about.object([("added", added.into()), ("refused", refused.into())]))?;
    if refused > 0 {
        about.app.screen.say(&format!("no room for {refused}: the set `{}` has {limit} members", about.name));
    }
    Ok(if refused == 0 { 0 } else { NO })
}
