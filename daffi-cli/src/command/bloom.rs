//! `daffi bloom`: which values there were.

use daffi_core::datatypes::{BloomFilter, BloomHash};
use daffi_core::error::Code;
use futures::StreamExt as _;
use serde_json::json;

use super::about::About;
use super::{objects, words};
use crate::args::Bloom;
use crate::line::quoted;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// Lists Bloom filters, or makes one, or looks at or changes it.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Bloom>) -> Outcome {
    let about = |name| About { app, kind: "bloom", name };
    match action.unwrap_or(Bloom::Ls { pattern: None }) {
        Bloom::Ls { pattern } => objects::list(app, &["bloom"], pattern.as_deref()).await,
        Bloom::New { name, expect, false_positives, wide } => {
            let opened = Mesh::join(app).await?.node.bloom(&*name);
            let opened = opened.expect(expect).false_positives(false_positives);
            let opened = if wide { opened.hash(BloomHash::Wide) } else { opened };
            let filter = app.ask(opened.open()).await?;
            made(&about(&name), &filter).await
        }
        Bloom::Add { name, values } => add(&about(&name), &values).await,
        Bloom::Has { name, value } => {
            let value = words::value(&value);
            let has = app.ask(filter(app, &name).await?.contains(&value)).await?;
            let about = about(&name);
            about.truth(has, &about.object([("value", values::to_json(&value)), ("has", has.into())])).await
        }
        Bloom::Count { name } => {
            let count = app.ask(filter(app, &name).await?.len()).await?;
            let about = about(&name);
            about.number(count, &about.object([("count", count.into())]))
        }
        Bloom::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

/// The filter of this name, which must be there.
async fn filter(app: &App, name: &str) -> Result<BloomFilter, End> {
    let opened = Mesh::join(app).await?.node.bloom(name).open();
    match app.ask(opened).await {
        Err(End::Problem(problem)) if problem.code == Some(Code::WrongValue) => {
            Err(Problem::new(Code::WrongValue, format!("there is no Bloom filter `{name}`"))
                .at(app.line.operands().first().copied(), "not there")
                .help_command(
                    "make it first, for as many values as will come:",
                    format!("daffi bloom new {} --expect 1000", quoted(name)),
                )
                .into())
        }
        opened => opened,
    }
}

async fn made(about: &About<'_>, filter: &BloomFilter) -> Outcome {
    let parameters = filter.parameters();
    let fields = [
        ("expect", parameters.num_elements().into()),
        ("false_positives", parameters.false_positives().into()),
        ("hash", json!(parameters.hash())),
        ("bits", parameters.bits().into()),
        ("hashes", parameters.hashes().into()),
    ];
    about.done(true, "", &about.object(fields)).await
}

async fn add(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let filter = filter(about.app, about.name).await?;
    let mut added = 0;
    while let Some(batch) = batches.next().await {
        added += about.app.ask(filter.extend(batch?)).await?;
    }
    about.number(added, &about.object([("added", added.into())]))
}
