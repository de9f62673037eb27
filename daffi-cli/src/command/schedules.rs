//! `daffi schedules`: calls that are repeated.

use std::time::{Duration, SystemTime};

use daffi_core::wire::{ScheduleEntry, When};
use serde_json::{Value as Json, json};

use crate::args::Schedules;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, object};
use crate::report::{End, NO, Outcome, Problem};

/// Lists schedules, or shows, ends, pauses, resumes one.
///
/// # Errors
/// If the controller cannot be reached, or there is no such schedule.
pub(crate) async fn run(app: &App, action: Option<Schedules>) -> Outcome {
    let mesh = Mesh::join(app).await?;
    match action.unwrap_or(Schedules::Ls) {
        Schedules::Ls => {
            let headers = ["ID", "NAME", "CALLBACK", "WHEN", "NEXT", "RUNS", "FAILED", "SKIPPED", "CREATOR"];
            let rows = mesh.schedules().await?.iter().map(row).collect();
            app.screen.rows(&headers, rows)?;
        }
        Schedules::Show { id } => show(app, &find(app, &mesh, &id).await?)?,
        Schedules::Cancel { id } => cancel(app, &mesh, &id).await?,
        Schedules::Pause { id } => {
            let found = find(app, &mesh, &id).await?.id;
            acknowledge(app, &id, mesh.pause_schedule(found).await?, found, "paused")?;
        }
        Schedules::Resume { id } => {
            let found = find(app, &mesh, &id).await?.id;
            acknowledge(app, &id, mesh.resume_schedule(found).await?, found, "resumed")?;
        }
    }
    Ok(0)
}

/// By number or by name. A name that looks like another's number loses.
async fn find(app: &App, mesh: &Mesh, text: &str) -> Result<ScheduleEntry, End> {
    let number: Option<u64> = text.parse().ok();
    let schedules = mesh.schedules().await?;
    let by_number = schedules.iter().find(|schedule| Some(schedule.id) == number);
    let by_name = || schedules.iter().find(|schedule| schedule.name.as_deref() == Some(text));
    by_number.or_else(by_name).cloned().ok_or_else(|| unknown(app, text))
}

fn unknown(app: &App, text: &str) -> End {
    Problem::plain(NO, format!("there is no schedule `{text}`"))
        .at(app.line.operands().last().copied(), "unknown, or it has ended")
        .help("see them: daffi schedules")
        .into()
}

async fn cancel(app: &App, mesh: &Mesh, text: &str) -> Result<(), End> {
    let found = find(app, mesh, text).await?.id;
    let Some(schedule) = mesh.cancel_schedule(found).await? else { return Err(unknown(app, text)) };
    let plural = if schedule.runs == 1 { "" } else { "s" };
    let object = object([
        ("schedule", schedule.id.into()),
        ("cancelled", true.into()),
        ("runs", schedule.runs.into()),
    ]);
    let said = format!("cancelled after {} run{plural}", schedule.runs);
    app.screen.answer(&said, &schedule.runs.to_string(), &object)
}

fn acknowledge(app: &App, text: &str, done: bool, id: u64, what: &str) -> Result<(), End> {
    if !done {
        return Err(unknown(app, text));
    }
    app.screen.answer(what, what, &object([("schedule", id.into()), (what, true.into())]))
}

/// When it runs, in words: `every 5 s`.
pub(crate) fn in_words(when: &When, remaining: Option<u64>) -> String {
    let times = |count: u64| format!("{count} time{}", if count == 1 { "" } else { "s" });
    match when {
        When::Every { period_ms, times: limit, .. } => {
            let every = format!("every {}", duration::show(Duration::from_millis(*period_ms)));
            limit.map_or(every.clone(), |limit| format!("{every}, {}", times(limit)))
        }
        When::At { unix_ms } => {
            let count = unix_ms.len() as u64;
            let left = remaining.filter(|left| *left < count);
            left.map_or(format!("at {}", times(count)), |left| format!("at {}, {left} to come", times(count)))
        }
    }
}

/// The next run, for people.
pub(crate) fn next(schedule: &ScheduleEntry) -> Option<String> {
    let at = SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(schedule.next_unix_ms?))?;
    Some(duration::show_instant(at, SystemTime::now()))
}

fn row(schedule: &ScheduleEntry) -> Row {
    let next = if schedule.paused { Some("paused".to_owned()) } else { next(schedule) };
    Row {
        cells: vec![
            schedule.id.to_string(),
            schedule.name.clone().unwrap_or_default(),
            schedule.callback.clone(),
            in_words(&schedule.when, schedule.remaining),
            next.unwrap_or_default(),
            schedule.runs.to_string(),
            schedule.failures.to_string(),
            schedule.skipped.to_string(),
            schedule.creator.to_string(),
        ],
        object: to_json(schedule),
    }
}

fn to_json(schedule: &ScheduleEntry) -> Json {
    let when = match &schedule.when {
        When::Every { period_ms, times, .. } => json!({ "every_ms": period_ms, "times": times }),
        When::At { unix_ms } => json!({ "at_unix_ms": unix_ms }),
    };
    object([
        ("schedule", schedule.id.into()),
        ("name", json!(schedule.name)),
        ("callback", schedule.callback.as_str().into()),
        ("creator", schedule.creator.as_str().into()),
        ("when", when),
        ("on", json!(schedule.on)),
        ("key", json!(schedule.key)),
        ("timeout_ms", schedule.timeout_ms.into()),
        ("paused", schedule.paused.into()),
        ("running", schedule.running.into()),
        ("runs", schedule.runs.into()),
        ("failures", schedule.failures.into()),
        ("skipped", schedule.skipped.into()),
        ("missed", schedule.missed_ticks.into()),
        ("last_error", json!(schedule.last_error)),
        ("next_unix_ms", json!(schedule.next_unix_ms)),
        ("remaining", json!(schedule.remaining)),
    ])
}

fn show(app: &App, schedule: &ScheduleEntry) -> Result<(), End> {
    if app.screen.single() != Shape::Table {
        return app.screen.document(&to_json(schedule));
    }
    let object = to_json(schedule);
    let fields = object.as_object().into_iter().flatten();
    for (label, value) in fields.filter(|(label, value)| *label != "v" && !value.is_null()) {
        let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
        app.screen.line(&format!("{label:<13} {value}"))?;
    }
    Ok(())
}

/// Prints that a schedule was made.
///
/// # Errors
/// If nobody reads.
pub(crate) fn announce(app: &App, schedule: &ScheduleEntry) -> Result<(), End> {
    let mut said =
        format!("schedule {}: {}() {}", schedule.id, schedule.callback, in_words(&schedule.when, None));
    if let Some(next) = next(schedule) {
        said = format!("{said}, first at {next}");
    }
    app.screen.answer(&said, &schedule.id.to_string(), &to_json(schedule))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_schedule_is_told_in_words() {
        let every = |times| When::Every { period_ms: 5_000, times, first_in_ms: None };

        assert_eq!(in_words(&every(None), None), "every 5 s");
        assert_eq!(in_words(&every(Some(3)), Some(3)), "every 5 s, 3 times");
        assert_eq!(in_words(&When::At { unix_ms: vec![1, 2] }, Some(1)), "at 2 times, 1 to come");
    }
}
