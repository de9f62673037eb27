//! `daffi deque`: deques that all nodes share.

use daffi_core::datatypes::Deque as Handle;
use futures::StreamExt as _;
use rmpv::Value;

use super::about::About;
use super::{list, objects, words};
use crate::args::Deque;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome};

/// Lists deques, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Deque>) -> Outcome {
    let about = |name| About { app, kind: "deque", name };
    match action.unwrap_or(Deque::Ls { pattern: None }) {
        Deque::Ls { pattern } => objects::list(app, &["deque"], pattern.as_deref()).await,
        Deque::Push { name, values, front, maxlen } => {
            let deque = deque(app, &name).await?;
            let deque = match maxlen {
                Some(maxlen) => deque.bounded(maxlen),
                None => deque,
            };
            push(&about(&name), &deque, &values, front).await
        }
        Deque::Pop { name, front } => {
            let deque = deque(app, &name).await?;
            let value = app.ask(if front { deque.pop_front() } else { deque.pop_back() }).await?;
            about(&name).found(None, value.as_ref(), &format!("nothing is in the deque `{name}`")).await
        }
        Deque::Get { name, index: None } => {
            let values = deque(app, &name).await?.iter();
            list::listing(&about(&name), values).await
        }
        Deque::Get { name, index: Some(index) } => {
            let value = app.ask(deque(app, &name).await?.get(index)).await?;
            let absent = format!("nothing at the place {index} of `{name}`");
            about(&name).found(None, value.as_ref(), &absent).await
        }
        Deque::Rotate { name, by } => {
            app.ask(deque(app, &name).await?.rotate(by)).await?;
            let about = about(&name);
            about.done(true, "", &about.object([("rotated", by.into())])).await
        }
        Deque::Len { name } => {
            let len = app.ask(deque(app, &name).await?.len()).await?;
            let about = about(&name);
            about.number(len, &about.object([("len", len.into())]))
        }
        Deque::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn deque(app: &App, name: &str) -> Result<Handle<Value>, End> {
    Ok(Mesh::join(app).await?.node.deque(name))
}

async fn push(about: &About<'_>, deque: &Handle<Value>, values: &[String], front: bool) -> Outcome {
    let mut batches = words::batches(values)?;
    let mut len = None;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        let pushed = if front { deque.extend_left(batch) } else { deque.extend(batch) };
        len = Some(about.app.ask(pushed).await?);
    }
    let len = match len {
        Some(len) => len,
        // Its bound is settled, or compared, all the same.
        None => about.app.ask(deque.extend(Vec::<Value>::new())).await?,
    };
    about.number(len, &about.object([("len", len.into())]))
}
