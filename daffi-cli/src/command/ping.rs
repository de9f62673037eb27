//! `daffi ping`: the way to a node and back, or to the controller alone.

use std::time::{Duration, Instant};

use daffi_core::error::CallError;
use serde_json::json;

use super::blame;
use crate::args;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Shape, object};
use crate::report::{End, Outcome, Problem};

/// Measures it so many times and prints each.
///
/// # Errors
/// If there is no such node, or nothing came back at all.
pub(crate) async fn run(app: &App, options: &args::Ping) -> Outcome {
    let mesh = Mesh::join(app).await?;
    let to = options.node.as_deref().unwrap_or("the controller");
    let timeout = app.global.timeout.unwrap_or(PING_TIMEOUT);
    let mut times = Vec::new();
    let mut lost = None;
    for sequence in 1..=options.count {
        if sequence > 1 {
            tokio::time::sleep(options.interval).await;
        }
        let started = Instant::now();
        match mesh.ping(options.node.as_deref(), timeout).await {
            Ok(()) => {
                times.push(started.elapsed());
                print(app, to, sequence, Ok(started.elapsed()))?;
            }
            Err(CallError::NoSuchNode { node, similar }) => {
                let problem = Problem::of_call(&CallError::NoSuchNode { node, similar }, "daffi.ping");
                let operand = app.line.operands().first().copied();
                return Err(blame::missing_node(app, &mesh, problem, to, operand, &[]).await.into());
            }
            Err(error) => {
                print(app, to, sequence, Err(&error))?;
                lost = Some(error);
            }
        }
    }
    summarize(app, to, options.count, &times);
    match lost {
        Some(error) if times.is_empty() => Err(End::from(Problem::of_call(&error, "daffi.ping"))),
        _ => Ok(0),
    }
}

/// A node answers pings before anything else, so an answer that takes longer is as good as none.
const PING_TIMEOUT: Duration = Duration::from_secs(5);

fn print(app: &App, to: &str, sequence: u32, outcome: Result<Duration, &CallError>) -> Result<(), End> {
    if matches!(app.screen.listing(), Shape::Table | Shape::Raw) {
        let took = outcome.map_or_else(ToString::to_string, duration::show);
        return app.screen.line(&format!("{sequence}: {to}   {took}"));
    }
    let ms = outcome.ok().map(|took| (took.as_secs_f64() * 1e6).round() / 1e3);
    let error = outcome.err().map(|error| Problem::of_call(error, "daffi.ping").json_error());
    app.screen.line(
        &object([
            ("node", to.into()),
            ("sequence", sequence.into()),
            ("ok", outcome.is_ok().into()),
            ("ms", json!(ms)),
            ("error", json!(error)),
        ])
        .to_string(),
    )
}

fn summarize(app: &App, to: &str, count: u32, times: &[Duration]) {
    let (Some(least), Some(most)) = (times.iter().min(), times.iter().max()) else { return };
    let mean = times.iter().sum::<Duration>() / u32::try_from(times.len()).unwrap_or(u32::MAX);
    let [least, mean, most] = [*least, mean, *most].map(duration::show);
    let answered = times.len();
    app.screen
        .say(&format!("{answered} of {count} answered by {to}   least {least}   mean {mean}   most {most}"));
}
