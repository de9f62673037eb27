//! A command that runs for as long as something is held: a lock, a permit.

use std::future::Future;
use std::time::Duration;

use daffi_core::api::Operation;
use daffi_core::error::DataError;

use super::about::About;
use super::child::{self, Ended, Errand};
use super::stop::Stop;
use crate::report::{End, Outcome, Problem};

/// What is asked for is waited for so long, and else for ever.
pub(super) fn within<T: 'static>(asked: Operation<T>, wait: Option<Duration>) -> Operation<T> {
    match wait {
        Some(wait) => asked.timeout(wait),
        None => asked,
    }
}

/// Runs a command until it ends, and gives back what was held for it; or until that is `lost`. It finds the number of the
/// grant in its environment.
///
/// # Errors
/// If what is held, which people call `what`, is lost, or the command cannot be started.
pub(super) async fn run(
    about: &About<'_>,
    what: &str,
    words: &[String],
    (variable, token): (&'static str, u64),
    stop: &mut Stop,
    (gone, release): (impl Future<Output = DataError>, impl FnOnce() -> Operation<()>),
) -> Outcome {
    let errand = Errand { words, environment: vec![(variable, token.to_string())], input: None };
    match child::run(errand, stop, gone).await? {
        // What it makes of being told to stop is the command's own affair.
        Ended::Itself(code) | Ended::Told(_, code) => {
            give_back(about, what, release(), code).await?;
            Ok(code)
        }
        Ended::Revoked(why) => {
            Err(lost(what, &why).note("the command was ended, with all that it had started").into())
        }
    }
}

/// Gives it back. A command that ended well is no success if another may have had it meanwhile.
async fn give_back(about: &About<'_>, what: &str, release: Operation<()>, code: u8) -> Result<(), End> {
    match release.await {
        Err(error @ DataError::NotHeld { .. }) if code == 0 => Err(lost(what, &error)
            .note(format!("the command had ended by then, perhaps while another had the {what}"))
            .into()),
        Err(error) => {
            // It goes back with our session; the command's own exit code says more.
            about.app.screen.say(&format!("giving back the {what} `{}`: {error}", about.name));
            Ok(())
        }
        Ok(()) => Ok(()),
    }
}

fn lost(what: &str, why: &DataError) -> Problem {
    Problem::new(why.code(), format!("the {what} was lost: {why}"))
}

/// Milliseconds, as programs are told them.
pub(super) fn ms(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
