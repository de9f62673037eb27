//! `daffi queue`: first in, first out.

use std::time::Duration;

use daffi_core::api::Operation;
use daffi_core::datatypes::Queue as Handle;
use daffi_core::error::{CallError, DataError, Stage};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rmpv::Value;

use super::about::About;
use super::{follow, objects, words};
use crate::args::{Queue, Taking};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome, Problem};

/// Lists queues, or puts something in, takes it out, or looks at it.
///
/// # Errors
/// If the controller cannot be reached or refuses, nothing came in time, or a command cannot be started.
pub(crate) async fn run(app: &App, action: Option<Queue>) -> Outcome {
    let about = |name| About { app, kind: "queue", name };
    match action.unwrap_or(Queue::Ls { pattern: None }) {
        Queue::Ls { pattern } => objects::list(app, &["queue"], pattern.as_deref()).await,
        Queue::Push { name, values } => push(&about(&name), &values).await,
        Queue::Pop { name, pop } => {
            let queue = queue(app, &name).await?;
            let from =
                Source { one: || queue.pop(), wait: || queue.pop_wait(), many: |num| queue.pop_batch(num) };
            from.pop(&about(&name), pop).await
        }
        Queue::Peek { name } => {
            let value = app.ask(queue(app, &name).await?.peek()).await?;
            about(&name).found(None, value.as_ref(), &empty(&about(&name))).await
        }
        Queue::Unpop { name, value } => {
            app.ask(queue(app, &name).await?.unpop([words::value(&value)])).await?;
            let about = about(&name);
            about.done(true, "", &about.object([("pushed", 1.into())])).await
        }
        Queue::Len { name } => {
            let counts = app.ask(queue(app, &name).await?.counts()).await?;
            let about = about(&name);
            let object = about.object([
                ("len", counts.ready.into()),
                ("delayed", counts.delayed.into()),
                ("leased", counts.leased.into()),
                ("dead", counts.dead.into()),
            ]);
            about.amount(counts.ready, &object).await
        }
        Queue::Follow { name, count, command } => {
            let queue = queue(app, &name).await?;
            if command.is_empty() {
                follow::print(&about(&name), &queue, count).await
            } else {
                follow::run(&about(&name), &queue, count, &command).await
            }
        }
        Queue::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn queue(app: &App, name: &str) -> Result<Handle<Value>, End> {
    Ok(Mesh::join(app).await?.node.queue(name))
}

async fn push(about: &About<'_>, values: &[String]) -> Outcome {
    let mut batches = words::batches(values)?;
    let queue = queue(about.app, about.name).await?;
    let mut pushed = 0;
    while let Some(batch) = batches.next().await {
        let batch = batch?;
        pushed += batch.len();
        about.app.ask(queue.extend(batch)).await?;
    }
    about.done(true, "", &about.object([("pushed", pushed.into())])).await
}

/// What people are told of a queue that has nothing.
pub(super) fn empty(about: &About<'_>) -> String {
    format!("nothing is in the {} `{}`", about.called(), about.name)
}

/// The ways to take something out of a queue.
pub(super) struct Source<One, Wait, Many> {
    /// The first, if there is one.
    pub(super) one: One,
    /// The first, once there is one.
    pub(super) wait: Wait,
    /// As many as there are.
    pub(super) many: Many,
}

impl<One, Wait, Many> Source<One, Wait, Many>
where
    One: Fn() -> Operation<Option<Value>>,
    Wait: Fn() -> Operation<Value>,
    Many: Fn(u64) -> Operation<Vec<Value>>,
{
    /// Takes out what is wanted, and prints it.
    ///
    /// # Errors
    /// If nothing came in time, or the controller cannot be reached.
    pub(super) async fn pop(&self, about: &About<'_>, pop: Taking) -> Outcome {
        let app = about.app;
        let Some(count) = pop.count else {
            let value = match pop.wait {
                Some(time) => Some(within(about, (self.wait)(), time).await?),
                None => app.ask((self.one)()).await?,
            };
            return about.found(None, value.as_ref(), &empty(about)).await;
        };
        // One step takes no more than fits an answer.
        let steps = stream::try_unfold(count, |left| async move {
            let mut values = if left > 0 { app.ask((self.many)(left)).await? } else { Vec::new() };
            if values.is_empty()
                && left == count
                && let Some(time) = pop.wait
            {
                values.push(within(about, (self.wait)(), time).await?);
            }
            if values.is_empty() {
                return Ok::<_, End>(None);
            }
            let left = left.saturating_sub(values.len() as u64);
            Ok(Some((stream::iter(values.into_iter().map(Ok::<_, End>)), left)))
        });
        about.taken(steps.try_flatten().map_ok(|value| about.row([("value", &value)])), &empty(about)).await
    }
}

/// Waits for a value no longer than that.
///
/// # Errors
/// If none came, or the controller cannot be reached.
pub(super) async fn within<T: 'static>(
    about: &About<'_>,
    operation: Operation<T>,
    time: Duration,
) -> Result<T, End> {
    match operation.timeout(time).await {
        Err(DataError::Call(error @ CallError::TimedOut { stage: Stage::Waiting, .. })) => {
            let (kind, name) = (about.called(), about.name);
            let message = match time {
                Duration::ZERO => empty(about),
                time => format!("nothing came into the {kind} `{name}` within {}", duration::show(time)),
            };
            let problem = Problem::new(error.code(), message);
            Err(about.namesakes().await.into_iter().fold(problem, Problem::note).into())
        }
        value => Ok(value?),
    }
}
