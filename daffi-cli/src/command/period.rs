//! `daffi call --mode period`: a schedule, which lives in the controller.

use std::time::{Duration, SystemTime};

use daffi_core::wire::{Missed, Overlap, ScheduleSpec, When};

use super::blame::blame;
use super::prepare::{Prepared, timeout};
use super::schedules;
use crate::args;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::report::{End, Outcome, Problem};

/// Makes the schedule and prints its number.
///
/// # Errors
/// If the times are wrong, or the controller does not take it.
pub(crate) async fn run(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    let timeout = timeout(app, options).unwrap_or(daffi_core::config::TIMEOUT_MAX);
    let spec = ScheduleSpec {
        callback: options.name.clone(),
        body: prepared.arguments.encode(),
        when: when(app, options)?,
        name: options.schedule.clone(),
        on: options.on.clone(),
        key: options.key.clone(),
        timeout_ms: milliseconds(timeout),
        overlap: Overlap::default(),
        missed: Missed::default(),
    };
    match mesh.schedule(&spec).await {
        Ok(schedule) => schedules::announce(app, &schedule)?,
        Err(error) => return Err(blame(app, mesh, options, &error).await),
    }
    Ok(0)
}

fn when(app: &App, options: &args::Call) -> Result<When, End> {
    if let Some(every) = options.every {
        return Ok(When::Every {
            period_ms: milliseconds(every),
            times: options.times,
            first_in_ms: options.eta.map(milliseconds),
        });
    }
    if options.eta.is_some() {
        return Err(Problem::usage("`--at` says when already: it takes no `--eta`").into());
    }
    let now = SystemTime::now();
    let instant = |text: &String| {
        let since = duration::parse_instant(text, now)?.duration_since(SystemTime::UNIX_EPOCH);
        since.map(milliseconds).map_err(|_| "it is before 1970".to_owned())
    };
    let mut unix_ms = Vec::new();
    for text in &options.at {
        unix_ms.push(
            instant(text).map_err(|why| {
                Problem::usage("`--at` needs a time").at(app.line.value_of("--at", text), why)
            })?,
        );
    }
    Ok(When::At { unix_ms })
}

fn milliseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}
