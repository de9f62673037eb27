//! `daffi quota`: how many things each user does at a time.

use std::future::{IntoFuture as _, pending};
use std::time::Duration;

use daffi_core::datatypes::{Permit, Quota as Handle};
use daffi_core::error::DataError;
use futures::{TryStreamExt as _, stream};
use rmpv::Value;

use super::about::About;
use super::child::{self, Ended, Errand};
use super::objects;
use super::stop::Stop;
use crate::args::Quota;
use crate::mesh::{App, Mesh};
use crate::report::{End, NO, Outcome};

/// Lists quotas, shows one, or begins or ends something under one.
///
/// # Errors
/// If the controller cannot be reached, or the command cannot be started.
pub(crate) async fn run(app: &App, action: Option<Quota>) -> Outcome {
    let about = |name| About { app, kind: "quota", name };
    match action.unwrap_or(Quota::Ls { pattern: None }) {
        Quota::Ls { pattern } => objects::list(app, &["quota"], pattern.as_deref()).await,
        Quota::Show { name } => show(&about(&name)).await,
        Quota::Begin { name, uid, max, lease: None } => begin(&about(&name), &uid, max).await,
        Quota::Begin { name, uid, max, lease: Some(lease) } => {
            begin_leased(&about(&name), &uid, max, lease).await
        }
        Quota::End { name, uid, token } => end(&about(&name), &uid, token).await,
        Quota::Run { name, uid, max, command } => under(&about(&name), &uid, max, &command).await,
    }
}

/// A slot that is held here is asked after each third of this time, and so is known to be ended soon.
const LEASE: Duration = Duration::from_secs(15);

async fn quota(app: &App, name: &str) -> Result<Handle, End> {
    Ok(Mesh::join(app).await?.node.quota(name))
}

async fn show(about: &About<'_>) -> Outcome {
    let quota = quota(about.app, about.name).await?;
    let pages = stream::try_unfold(None, |after: Option<String>| async {
        let page = quota.users(after).into_future().await?;
        let last = page.last().map(|(user, _)| user.clone());
        Ok::<_, DataError>(
            last.map(|last| (stream::iter(page.into_iter().map(Ok::<_, DataError>)), Some(last))),
        )
    });
    let rows = pages
        .try_flatten()
        .map_ok(|(user, count)| about.row([("uid", &Value::from(user)), ("count", &Value::from(count))]));
    about.listing(&["UID", "COUNT"], rows).await
}

/// A slot, if there is one; else it is said why there is none.
async fn slot(about: &About<'_>, uid: &str, max: u64, stop: &mut Stop) -> Result<Option<Permit>, End> {
    let asked = async {
        let quota = quota(about.app, about.name).await?.lease(LEASE);
        about.app.ask(quota.begin(uid, max)).await
    };
    let permit = tokio::select! {
        permit = asked => permit?,
        told = stop.told() => return Err(told.into()),
    };
    if permit.is_none() {
        refused(about, uid, max).await?;
    }
    Ok(permit)
}

async fn refused(about: &About<'_>, uid: &str, max: u64) -> Outcome {
    let object = about.object([("uid", uid.into()), ("begun", false.into())]);
    about.done(false, &format!("{uid} does {max} at a time already: `{}`", about.name), &object).await
}

fn begun(about: &About<'_>, uid: &str, token: u64) -> Outcome {
    let object = about.object([("uid", uid.into()), ("begun", true.into()), ("token", token.into())]);
    about.number(token, &object)
}

async fn begin_leased(about: &About<'_>, uid: &str, max: u64, lease: Duration) -> Outcome {
    let quota = quota(about.app, about.name).await?.lease(lease);
    match about.app.ask(quota.begin_leased(uid, max)).await? {
        Some(token) => begun(about, uid, token),
        None => refused(about, uid, max).await,
    }
}

async fn begin(about: &About<'_>, uid: &str, max: u64) -> Outcome {
    let mut stop = Stop::new()?;
    let Some(permit) = slot(about, uid, max, &mut stop).await? else { return Ok(NO) };
    begun(about, uid, permit.fencing_token())?;
    about.app.screen.flush()?;
    tokio::select! {
        why = permit.lost() => about.app.screen.say(&format!("ended: {why}")),
        _ = stop.told() => permit.end().await?,
    }
    Ok(0)
}

async fn end(about: &About<'_>, uid: &str, token: Option<u64>) -> Outcome {
    let quota = quota(about.app, about.name).await?;
    let ended = match token {
        Some(token) => u64::from(about.app.ask(quota.end(uid, token)).await?),
        None => about.app.ask(quota.reset(uid)).await?,
    };
    about.number(ended, &about.object([("uid", uid.into()), ("ended", ended.into())]))?;
    Ok(if ended == 0 { NO } else { 0 })
}

async fn under(about: &About<'_>, uid: &str, max: u64, command: &[String]) -> Outcome {
    let mut stop = Stop::new()?;
    let Some(permit) = slot(about, uid, max, &mut stop).await? else { return Ok(NO) };
    let errand = Errand { words: command, environment: Vec::new(), input: None };
    // That the slot is counted no longer harms nobody as much as ending what was begun well.
    let code = match child::run(errand, &mut stop, pending::<()>()).await? {
        Ended::Itself(code) | Ended::Told(_, code) => code,
        Ended::Revoked(()) => unreachable!("nobody does"),
    };
    if let Err(error) = permit.end().await {
        about.app.screen.say(&format!("the command ran longer than it was counted: {error}"));
    }
    Ok(code)
}
