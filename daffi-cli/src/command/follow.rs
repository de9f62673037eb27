//! `daffi queue follow`: a command for each message.

use std::future::IntoFuture as _;
use std::time::Duration;

use daffi_core::datatypes::{Lease, Queue};
use daffi_core::error::DataError;
use rmpv::Value;

use super::about::About;
use super::child::{self, Ended, Errand};
use super::stop::Stop;
use crate::line::quoted;
use crate::render::{Shape, input};
use crate::report::{NO, Outcome};

/// Prints messages as they come. Each is done with once it is printed.
///
/// # Errors
/// If the controller cannot be reached, or nobody reads; the message then goes back.
pub(super) async fn print(about: &About<'_>, queue: &Queue<Value>, count: Option<u64>) -> Outcome {
    let screen = &about.app.screen;
    for _ in 0..count.unwrap_or(u64::MAX) {
        let (value, lease) = queue.lease(LEASE).await?.into_parts();
        match screen.listing() {
            Shape::Table | Shape::Raw => screen.value(&value, "any")?,
            Shape::Json | Shape::Jsonl => screen.line(&about.row([("value", &value)]).object.to_string())?,
        }
        screen.flush()?;
        settle(about, lease.ack().await)?;
    }
    Ok(0)
}

/// Runs the command for each message, and says that it is done with if the command says so.
///
/// # Errors
/// If the controller cannot be reached, the command cannot be started, or we are told to stop.
pub(super) async fn run(
    about: &About<'_>,
    queue: &Queue<Value>,
    count: Option<u64>,
    command: &[String],
) -> Outcome {
    let mut stop = Stop::new()?;
    let mut has_failed = false;
    for _ in 0..count.unwrap_or(u64::MAX) {
        let leased = tokio::select! {
            leased = queue.lease(LEASE).into_future() => leased?,
            told = stop.told() => return Err(told.into()),
        };
        let deliveries = leased.deliveries();
        let (value, lease) = leased.into_parts();
        let errand = Errand {
            words: command,
            environment: vec![("DAFFI_DELIVERIES", deliveries.to_string())],
            input: Some(input(&value)),
        };
        let ended = child::run(errand, &mut stop, lost(&lease)).await?;
        has_failed |= !matches!(ended, Ended::Itself(0));
        match ended {
            Ended::Itself(0) => settle(about, lease.ack().await)?,
            Ended::Itself(code) => {
                let program = quoted(&command[0]);
                about
                    .app
                    .screen
                    .say(&format!("{program} ended with exit code {code}: the message goes back"));
                settle(about, lease.nack(delay(deliveries)).await)?;
            }
            Ended::Told(told, code) => {
                let given = if code == 0 { lease.ack().await } else { lease.nack(Duration::ZERO).await };
                settle(about, given)?;
                return Err(told.into());
            }
            Ended::Revoked(why) => about.app.screen.say(&format!("the message was lost: {why}")),
        }
    }
    Ok(if has_failed { NO } else { 0 })
}

/// How long a message is ours if nothing is heard of us, though our session goes on. When that ends, the message goes
/// back at once.
const LEASE: Duration = Duration::from_secs(60);
/// After the first failure; others may have what it takes.
const DELAY_MIN: Duration = Duration::from_millis(100);
/// A message that always fails costs a run each minute.
const DELAY_MAX: Duration = Duration::from_secs(60);

/// How long a message that failed so often rests.
fn delay(deliveries: u32) -> Duration {
    let doubled = 2_u32.saturating_pow(deliveries.saturating_sub(1));
    DELAY_MIN.saturating_mul(doubled).min(DELAY_MAX)
}

/// Keeps the message for as long as this is polled, and ends when it is lost.
async fn lost(lease: &Lease) -> DataError {
    loop {
        tokio::time::sleep(LEASE / 3).await;
        // That the way is broken says nothing of the message: it is asked again, or the session ends.
        if let Err(error @ DataError::NotHeld { .. }) = lease.extend(LEASE).await {
            return error;
        }
    }
}

/// That somebody else has the message by now is nothing that ends us.
fn settle(about: &About<'_>, given: Result<(), DataError>) -> Result<(), DataError> {
    match given {
        Err(error @ DataError::NotHeld { .. }) => {
            about.app.screen.say(&format!("the message may be handed out twice: {error}"));
            Ok(())
        }
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_rests_twice_as_long_each_time_up_to_a_minute() {
        let rests = |deliveries| delay(deliveries).as_millis();

        assert_eq!([1, 2, 3, 10, 11, 1_000].map(rests), [100, 200, 400, 51_200, 60_000, 60_000]);
    }
}
