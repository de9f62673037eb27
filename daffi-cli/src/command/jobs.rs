//! `daffi jobs`: background calls and their results.

use std::time::Duration;

use daffi_core::config;
use daffi_core::error::{CallError, Code};
use daffi_core::wire::{JobEntry, JobId, JobState};
use serde_json::json;

use crate::args::Jobs;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, object};
use crate::report::{End, NO, Outcome, Problem};
use crate::values;

/// Lists jobs, fetches a result, or cancels one.
///
/// # Errors
/// If the controller cannot be reached, there is no such job, or it failed.
pub(crate) async fn run(app: &App, action: Option<Jobs>) -> Outcome {
    match action.unwrap_or(Jobs::Ls) {
        Jobs::Ls => {
            let jobs = Mesh::join(app).await?.jobs().await?;
            let headers = ["JOB", "CALLBACK", "STATE", "NODE", "CALLER", "AGE", "BYTES"];
            app.screen.rows(&headers, jobs.iter().map(row).collect())?;
            Ok(0)
        }
        Jobs::Result { id } => {
            let id = parse(app, &id)?;
            let timeout = app.global.timeout.unwrap_or(config::CALL_TIMEOUT);
            show(app, &Mesh::join(app).await?, id, Some(timeout)).await
        }
        Jobs::Cancel { id } => {
            let id = parse(app, &id)?;
            cancel(app, &Mesh::join(app).await?, id).await
        }
    }
}

fn parse(app: &App, text: &str) -> Result<JobId, End> {
    text.parse().map_err(|_| {
        Problem::usage(format!("`{text}` is not the number of a job"))
            .at(app.line.operands().last().copied(), "a number such as 7f3a")
            .help("see them: daffi jobs")
            .into()
    })
}

fn row(job: &JobEntry) -> Row {
    let state = match job.state {
        JobState::Waiting => "waiting",
        JobState::Running => "running",
        JobState::Done => "done",
        JobState::Failed => "failed",
        _ => "unknown",
    };
    let node = job.node.as_ref().map(ToString::to_string);
    Row {
        cells: vec![
            job.id.to_string(),
            job.callback.clone(),
            state.to_owned(),
            node.clone().unwrap_or_default(),
            job.caller.to_string(),
            duration::show(Duration::from_millis(job.age_ms)),
            job.bytes.to_string(),
        ],
        object: object([
            ("job", job.id.to_string().into()),
            ("callback", job.callback.as_str().into()),
            ("state", state.into()),
            ("node", json!(node)),
            ("caller", job.caller.as_str().into()),
            ("age_ms", job.age_ms.into()),
            ("bytes", job.bytes.into()),
        ]),
    }
}

/// Waits for a job's result and prints it.
///
/// # Errors
/// If there is no such job, it failed, or it is not finished in time.
pub(crate) async fn show(app: &App, mesh: &Mesh, id: JobId, timeout: Option<Duration>) -> Outcome {
    let value = match mesh.result(id, timeout).await {
        Ok(value) => value,
        Err(CallError::NoSuchCallback { name, .. }) if is_job(&name) => return Err(unknown(app, id)),
        Err(error) => return Err(failed(&error, id)),
    };
    if matches!(app.screen.single(), Shape::Table | Shape::Raw) {
        app.screen.value(&value, "()")?;
    } else {
        let object = object([("job", id.to_string().into()), ("result", values::to_json(&value))]);
        app.screen.document(&object)?;
    }
    Ok(0)
}

async fn cancel(app: &App, mesh: &Mesh, id: JobId) -> Outcome {
    let cancelled = match mesh.cancel_job(id).await {
        Ok(cancelled) => cancelled,
        Err(CallError::NoSuchCallback { name, .. }) if is_job(&name) => return Err(unknown(app, id)),
        Err(error) => return Err(error.into()),
    };
    let text = if cancelled { "cancelled" } else { "it had finished already" };
    let object = object([("job", id.to_string().into()), ("cancelled", cancelled.into())]);
    app.screen.answer(text, text, &object)?;
    Ok(if cancelled { 0 } else { NO })
}

/// The controller says of an unknown job what it says of an unknown callback.
fn is_job(name: &str) -> bool {
    name.starts_with("job ")
}

fn unknown(app: &App, id: JobId) -> End {
    Problem::plain(NO, format!("there is no job `{id}`"))
        .at(app.line.operands().last().copied(), "unknown, or finished more than an hour ago")
        .help("see them: daffi jobs")
        .into()
}

fn failed(error: &CallError, id: JobId) -> End {
    let problem = Problem::of_call(error, &format!("job {id}"));
    if error.code() == Code::TimedOut {
        return problem.help(format!("wait longer: daffi jobs result {id} --timeout 5m")).into();
    }
    problem.into()
}
