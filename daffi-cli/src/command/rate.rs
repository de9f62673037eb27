//! `daffi rate`: how often each key may do something.

use daffi_core::datatypes::{Decision, RateLimiter};

use super::about::About;
use super::held::ms;
use super::objects;
use crate::args::{Rate, RateLimit};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::report::{End, NO, Outcome};

/// Lists rate limits, or asks one.
///
/// # Errors
/// If the controller cannot be reached, or there is no such rate.
pub(crate) async fn run(app: &App, action: Option<Rate>) -> Outcome {
    let about = |name| About { app, kind: "rate", name };
    match action.unwrap_or(Rate::Ls { pattern: None }) {
        Rate::Ls { pattern } => objects::list(app, &["rate"], pattern.as_deref()).await,
        Rate::Check { limit, cost } => check(&about(&limit.name), &limit, cost).await,
        Rate::Show { limit } => {
            let about = about(&limit.name);
            let decision = app.ask(limiter(&about, &limit).await?.peek(&*limit.key)).await?;
            left(&about, &limit, &decision)
        }
        Rate::Reset { name, key } => {
            let (about, mesh) = (about(&name), Mesh::join(app).await?);
            let done = app.ask(mesh.node.rate_limiter(&*name).reset(&*key)).await?;
            let object = about.object([("key", key.as_str().into()), ("reset", done.into())]);
            about.done(done, &format!("{key} has done nothing that counts: `{name}`"), &object).await
        }
        Rate::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

async fn limiter(about: &About<'_>, limit: &RateLimit) -> Result<RateLimiter, End> {
    let limiter = Mesh::join(about.app).await?.node.rate_limiter(about.name).rate(limit.count, limit.per);
    Ok(match limit.burst {
        Some(burst) => limiter.burst(burst),
        None => limiter,
    })
}

/// How many are left.
fn left(about: &About<'_>, limit: &RateLimit, decision: &Decision) -> Outcome {
    let object = about.object([
        ("key", limit.key.as_str().into()),
        ("allowed", decision.allowed.into()),
        ("remaining", decision.remaining.into()),
        ("retry_after_ms", ms(decision.retry_after).into()),
        ("reset_after_ms", ms(decision.reset_after).into()),
    ]);
    about.number(decision.remaining, &object)
}

async fn check(about: &About<'_>, limit: &RateLimit, cost: u64) -> Outcome {
    let decision = about.app.ask(limiter(about, limit).await?.check(&*limit.key, cost)).await?;
    left(about, limit, &decision)?;
    if decision.allowed {
        return Ok(0);
    }
    let (key, name, when) = (&limit.key, about.name, duration::show(decision.retry_after));
    about.app.screen.say(&format!("{key} may do it again in {when}: `{name}`"));
    Ok(NO)
}
