//! `daffi hll`: how many different values there were.

use daffi_core::datatypes::HyperLogLog;
use futures::StreamExt as _;

use super::about::About;
use super::{objects, words};
use crate::args::Hll;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome};

/// Lists HyperLogLogs, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Hll>) -> Outcome {
    let about = |name| About { app, kind: "hll", name };
    match action.unwrap_or(Hll::Ls { pattern: None }) {
        Hll::Ls { pattern } => objects::list(app, &["hll"], pattern.as_deref()).await,
        Hll::Add { name, values } => add(&about(&name), &values).await,
        Hll::Count { names } => {
            let all = hlls(app, &names).await?;
            let (first, others) = all.split_first().expect("clap asks for one at least");
            let count = app.ask(first.union_len(others)).await?;
            let about = about(first.name());
            let mut object = about.object([("count", count.into())]);
            if !others.is_empty() {
                object["with"] = names[1..].into();
            }
            about.number(count, &object)
        }
        Hll::Merge { into, from } => {
            let (hll, from) = (hll(app, &into).await?, hlls(app, &from).await?);
            let is_changed = app.ask(hll.merge(&from)).await?;
            counted(&about(&into), &hll, is_changed).await
        }
        Hll::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn hll(app: &App, name: &str) -> Result<HyperLogLog, End> {
    Ok(Mesh::join(app).await?.node.hyperloglog(name))
}

async fn hlls(app: &App, names: &[String]) -> Result<Vec<HyperLogLog>, End> {
    let node = &Mesh::join(app).await?.node;
    Ok(names.iter().map(|name| node.hyperloglog(&**name)).collect())
}

async fn add(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let hll = hll(about.app, about.name).await?;
    let mut is_changed = false;
    while let Some(batch) = batches.next().await {
        is_changed |= about.app.ask(hll.extend(batch?)).await?;
    }
    counted(about, &hll, is_changed).await
}

async fn counted(about: &About<'_>, hll: &HyperLogLog, is_changed: bool) -> Outcome {
    let count = about.app.ask(hll.len()).await?;
    about.number(count, &about.object([("changed", is_changed.into()), ("count", count.into())]))
}
