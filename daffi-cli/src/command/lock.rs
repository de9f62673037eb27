//! `daffi lock`: a command that runs while no other holds the lock.

use std::future::IntoFuture as _;
use std::time::Duration;

use daffi_core::datatypes::{Lock as Handle, LockGuard, LockHolder};
use daffi_core::error::{CallError, DataError, Stage};
use futures::stream;
use serde_json::json;

use super::about::About;
use super::held::{self, ms};
use super::stop::Stop;
use crate::args::Lock;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, cell};
use crate::report::{End, NO, Outcome, Problem};

/// Runs the command under the lock, or says who holds it.
///
/// # Errors
/// If the lock is not had in time or is lost, the command cannot be started, or the controller cannot be reached.
pub(crate) async fn run(app: &App, options: &Lock) -> Outcome {
    let about = About { app, kind: "lock", name: &options.name };
    if options.command.is_empty() {
        return show(&about, &Mesh::join(app).await?.node.lock(&*options.name)).await;
    }
    let mut stop = Stop::new()?;
    let guard = tokio::select! {
        guard = acquire(&about, options) => guard?,
        told = stop.told() => return Err(told.into()),
    };
    let fence = ("DAFFI_LOCK_TOKEN", guard.fencing_token());
    held::run(&about, "lock", &options.command, fence, &mut stop, (guard.lost(), || guard.release())).await
}

async fn acquire(about: &About<'_>, options: &Lock) -> Result<LockGuard, End> {
    let mut lock = Mesh::join(about.app).await?.node.lock(about.name);
    if let Some(lease) = options.lease {
        lock = lock.lease(lease);
    }
    let wait = options.wait.or(about.app.global.timeout);
    match held::within(lock.acquire(), wait).into_future().await {
        Err(DataError::Call(error @ CallError::TimedOut { stage: Stage::Waiting, .. })) => {
            let problem = Problem::new(error.code(), not_had(about.name, wait.unwrap_or_default()));
            let holders = lock.holders().await.unwrap_or_default();
            let held = |holder: &LockHolder| {
                format!("{} has held it for {}", holder.owner, duration::show(holder.held_for))
            };
            Err(holders.iter().take(HOLDERS_TOLD_MAX).map(held).fold(problem, Problem::note).into())
        }
        guard => Ok(guard?),
    }
}

/// Who holds a lock is told in a message, which nobody reads if it is long.
const HOLDERS_TOLD_MAX: usize = 3;

fn not_had(name: &str, wait: Duration) -> String {
    if wait.is_zero() {
        return format!("the lock `{name}` is held by another");
    }
    format!("the lock `{name}` was not had within {}", duration::show(wait))
}

async fn show(about: &About<'_>, lock: &Handle) -> Outcome {
    let holders = about.app.ask(lock.holders()).await?;
    let waiters = about.app.ask(lock.waiters()).await?;
    let row = |holder: &LockHolder| {
        let lease =
            holder.lease_left.map_or_else(String::new, |left| format!("{} left", duration::show(left)));
        Row {
            cells: vec![
                cell(&holder.owner.as_str().into()),
                holder.token.to_string(),
                duration::show(holder.held_for),
                lease,
                if holder.is_shared { "shared" } else { "alone" }.to_owned(),
                waiters.to_string(),
            ],
            object: about.object([
                ("owner", holder.owner.as_str().into()),
                ("token", holder.token.into()),
                ("held_ms", ms(holder.held_for).into()),
                ("lease_left_ms", json!(holder.lease_left.map(ms))),
                ("shared", holder.is_shared.into()),
                ("waiting", waiters.into()),
            ]),
        }
    };
    if holders.is_empty() {
        about.app.screen.say(&format!("nobody holds the lock `{}`", about.name));
    }
    let headers = ["HOLDER", "TOKEN", "HELD FOR", "LEASE", "MODE", "WAITING"];
    let rows = stream::iter(holders.iter().map(|holder| Ok::<_, End>(row(holder))));
    about.listing(&headers, rows).await?;
    Ok(if holders.is_empty() { NO } else { 0 })
}
