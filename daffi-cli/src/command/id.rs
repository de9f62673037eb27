//! `daffi id`: numbers that are given once and grow.

use super::about::About;
use super::objects;
use crate::args::Id;
use crate::mesh::{App, Mesh};
use crate::report::Outcome;

/// Lists sequences, or takes numbers of one.
///
/// # Errors
/// If the controller cannot be reached, or no such numbers are left.
pub(crate) async fn run(app: &App, action: Option<Id>) -> Outcome {
    let about = |name| About { app, kind: "next_id", name };
    match action.unwrap_or(Id::Ls { pattern: None }) {
        Id::Ls { pattern } => objects::list(app, &["next_id"], pattern.as_deref()).await,
        Id::Next { name, count } => next(&about(&name), count).await,
        Id::Show { name } => {
            let about = about(&name);
            let last = app.ask(Mesh::join(app).await?.node.next_id(&*name).last()).await?;
            about.number(last, &about.object([("last", last.into())]))
        }
        Id::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn next(about: &About<'_>, count: u64) -> Outcome {
    let app = about.app;
    let numbers = app.ask(Mesh::join(app).await?.node.next_id(about.name).reserve(count)).await?;
    let object = about.object([("first", (*numbers.start()).into()), ("last", (*numbers.end()).into())]);
    if app.screen.is_json() {
        app.screen.document(&object)?;
        return Ok(0);
    }
    for number in numbers {
        app.screen.line(&number.to_string())?;
    }
    Ok(0)
}
