//! `daffi semaphore`: commands of which no more than so many run at a time.

use std::future::IntoFuture as _;

use daffi_core::datatypes::{PermitHolder, Semaphore as Handle, SemaphorePermit};
use daffi_core::error::{CallError, DataError, Stage};
use futures::stream;
use serde_json::json;

use super::about::About;
use super::held::{self, ms};
use super::objects;
use super::stop::Stop;
use crate::args::{Semaphore, SemaphoreRun};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, cell};
use crate::report::{End, Outcome, Problem};

/// Lists semaphores, shows or resizes one, or runs a command under one.
///
/// # Errors
/// If no permit is had in time or it is lost, the command cannot be started, or the controller cannot be reached.
pub(crate) async fn run(app: &App, action: Option<Semaphore>) -> Outcome {
    let about = |name| About { app, kind: "semaphore", name };
    match action.unwrap_or(Semaphore::Ls { pattern: None }) {
        Semaphore::Ls { pattern } => objects::list(app, &["semaphore"], pattern.as_deref()).await,
        Semaphore::Show { name } => show(&about(&name)).await,
        Semaphore::Run(options) => under(&about(&options.name), &options).await,
        Semaphore::Resize { name, permits } => resize(&about(&name), permits).await,
        Semaphore::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn semaphore(about: &About<'_>, permits: u64) -> Result<Handle, End> {
    Ok(Mesh::join(about.app).await?.node.semaphore(about.name, permits))
}

async fn show(about: &About<'_>) -> Outcome {
    // Whoever only looks says nothing of how many there are.
    let semaphore = semaphore(about, 1).await?;
    let holders = about.app.ask(semaphore.holders()).await?;
    let waiters = about.app.ask(semaphore.waiters()).await?;
    let row = |holder: &PermitHolder| {
        let lease =
            holder.lease_left.map_or_else(String::new, |left| format!("{} left", duration::show(left)));
        Row {
            cells: vec![
                cell(&holder.owner.as_str().into()),
                holder.token.to_string(),
                holder.permits.to_string(),
                duration::show(holder.held_for),
                lease,
                waiters.to_string(),
            ],
            object: about.object([
                ("owner", holder.owner.as_str().into()),
                ("token", holder.token.into()),
                ("permits", holder.permits.into()),
                ("held_ms", ms(holder.held_for).into()),
                ("lease_left_ms", json!(holder.lease_left.map(ms))),
                ("waiting", waiters.into()),
            ]),
        }
    };
    let headers = ["HOLDER", "TOKEN", "PERMITS", "HELD FOR", "LEASE", "WAITING"];
    about.listing(&headers, stream::iter(holders.iter().map(|holder| Ok::<_, End>(row(holder))))).await
}

async fn resize(about: &About<'_>, permits: u64) -> Outcome {
    let semaphore = semaphore(about, permits).await?;
    about.app.ask(semaphore.resize(permits)).await?;
    about.done(true, "", &about.object([("permits", permits.into())])).await
}

async fn under(about: &About<'_>, options: &SemaphoreRun) -> Outcome {
    let mut stop = Stop::new()?;
    let permit = tokio::select! {
        permit = acquire(about, options) => permit?,
        told = stop.told() => return Err(told.into()),
    };
    let token = ("DAFFI_SEMAPHORE_TOKEN", permit.fencing_token());
    let held = (permit.lost(), || permit.release());
    held::run(about, "permit", &options.command, token, &mut stop, held).await
}

async fn acquire(about: &About<'_>, options: &SemaphoreRun) -> Result<SemaphorePermit, End> {
    let mut semaphore = semaphore(about, options.permits).await?;
    if let Some(lease) = options.lease {
        semaphore = semaphore.lease(lease);
    }
    let wait = options.wait.or(about.app.global.timeout);
    match held::within(semaphore.acquire_many(options.take), wait).into_future().await {
        Err(DataError::Call(error @ CallError::TimedOut { stage: Stage::Waiting, .. })) => {
            let what = match wait {
                Some(wait) if !wait.is_zero() => {
                    format!("no permits of `{}` were had within {}", about.name, duration::show(wait))
                }
                _ => format!("the permits of `{}` are taken", about.name),
            };
            Err(Problem::new(error.code(), what).into())
        }
        permit => Ok(permit?),
    }
}
