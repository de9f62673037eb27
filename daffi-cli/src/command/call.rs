//! `daffi call`: one callback, in one of the five modes.

use std::time::Instant;

use serde_json::json;

use super::blame::blame;
use super::prepare::{self, Prepared, timeout};
use super::stream::{self, Fed};
use super::{broadcast, jobs, period};
use crate::args::{self, Mode};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Shape, object, since};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// Makes the call and prints what it comes to.
///
/// # Errors
/// If the command line is wrong, the controller cannot be reached, or the call fails.
pub(crate) async fn run(app: &App, options: &args::Call) -> Outcome {
    check(app, options)?;
    let words = prepare::words(options).await?;
    let mesh = Mesh::join(app).await?;
    let prepared = prepare::prepare(app, &mesh, options, &words).await?;
    stream::check(options, &prepared)?;
    if options.dry_run {
        return dry_run(app, options, &prepared);
    }
    match options.mode {
        Mode::Fg if stream::item_type(&prepared.result).is_some() => {
            stream::run(app, &mesh, options, &prepared).await
        }
        Mode::Fg => foreground(app, &mesh, options, &prepared).await,
        Mode::Bg => background(app, &mesh, options, &prepared).await,
        Mode::NoReturn => no_return(app, &mesh, options, &prepared).await,
        Mode::Period => period::run(app, &mesh, options, &prepared).await,
        Mode::Broadcast => broadcast::run(app, &mesh, options, &prepared).await,
    }
}

/// Refuses options that the mode would ignore.
fn check(app: &App, options: &args::Call) -> Result<(), End> {
    let is_given = [
        ("--every", options.every.is_some(), Mode::Period),
        ("--at", !options.at.is_empty(), Mode::Period),
        ("--name", options.schedule.is_some(), Mode::Period),
        ("--at-least", options.at_least.is_some(), Mode::Broadcast),
        ("--first", options.first.is_some(), Mode::Broadcast),
        ("--retry", options.retry.is_some(), Mode::Fg),
        ("--wait", options.wait, Mode::Bg),
    ];
    let stray = is_given.iter().find(|(_, is_given, mode)| *is_given && *mode != options.mode);
    if let Some((option, _, mode)) = stray {
        let mode = word(*mode);
        let problem = Problem::usage(format!("`{option}` goes with `--mode {mode}`"));
        let has_mode = options.mode != Mode::Fg;
        let line = app.line.to_string();
        return Err(match has_mode {
            true => problem.help(format!("leave `{option}` away, or use `--mode {mode}`")),
            false => problem.help_command("say so:", format!("{line} --mode {mode}")),
        }
        .into());
    }
    if options.mode == Mode::Broadcast && (options.on.is_some() || options.key.is_some()) {
        return Err(
            Problem::usage("a broadcast goes to every node: it takes no `--on` and no `--key`").into()
        );
    }
    if options.mode == Mode::Period && options.every.is_none() && options.at.is_empty() {
        return Err(Problem::usage("`--mode period` needs to know when: `--every` or `--at`")
            .help_command("such as", format!("{} --every 5s", app.line))
            .into());
    }
    Ok(())
}

fn word(mode: Mode) -> &'static str {
    match mode {
        Mode::Fg => "fg",
        Mode::Bg => "bg",
        Mode::NoReturn => "no-return",
        Mode::Period => "period",
        Mode::Broadcast => "broadcast",
    }
}

fn dry_run(app: &App, options: &args::Call, prepared: &Prepared) -> Outcome {
    let nodes: Vec<&str> = prepared.nodes.iter().map(|node| node.as_str()).collect();
    let timeout = timeout(app, options);
    let object = object([
        ("callback", options.name.as_str().into()),
        ("signature", json!(prepared.signature)),
        ("mode", word(options.mode).into()),
        ("arguments", prepared.arguments.to_json()),
        ("on", json!(options.on)),
        ("nodes", json!(nodes)),
        ("timeout_ms", json!(timeout.map(|timeout| timeout.as_millis() as u64))),
        ("dry_run", true.into()),
    ]);
    if app.screen.single() != Shape::Table {
        app.screen.document(&object)?;
        return Ok(0);
    }
    let to = match (&options.on, nodes.as_slice()) {
        (Some(node), _) => node.clone(),
        (None, []) => "nobody: no node offers it".to_owned(),
        (None, [one]) => (*one).to_owned(),
        (None, many) if options.mode == Mode::Broadcast => format!("all of {}", many.join(", ")),
        (None, many) => format!("one of {}", many.join(", ")),
    };
    let what = prepared.signature.clone().unwrap_or_else(|| options.name.clone());
    let within =
        timeout.map_or_else(|| "no timeout".to_owned(), |time| format!("within {}", duration::show(time)));
    app.screen.line(&format!(
        "callback    {what}\narguments   {}\nto          {to}\nmode        {}, {within}",
        prepared.arguments.to_json(),
        word(options.mode),
    ))?;
    Ok(0)
}

async fn foreground(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    let started = Instant::now();
    let fed = Fed::default();
    let call = fed.feed(mesh.call(options, &app.global, prepared.arguments.encode()), prepared);
    let answer = mesh.foreground(call).await;
    fed.check()?;
    let (node, value) = match answer {
        Ok(answer) => answer,
        Err(error) => return Err(blame(app, mesh, options, &error).await),
    };
    if matches!(app.screen.single(), Shape::Table | Shape::Raw) {
        app.screen.value(&value, &prepared.result)?;
        return Ok(0);
    }
    app.screen.document(&object([
        ("callback", options.name.as_str().into()),
        ("node", node.as_str().into()),
        ("ms", since(started)),
        ("result", values::to_json(&value)),
    ]))?;
    Ok(0)
}

async fn background(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    let call = mesh.call(options, &app.global, prepared.arguments.encode());
    let id = match mesh.submit(call).await {
        Ok(id) => id,
        Err(error) => return Err(blame(app, mesh, options, &error).await),
    };
    if options.wait {
        app.screen.say(&format!("job {id}"));
        return jobs::show(app, mesh, id, timeout(app, options)).await;
    }
    let object = object([("callback", options.name.as_str().into()), ("job", id.to_string().into())]);
    app.screen.answer(&format!("job {id}"), &id.to_string(), &object)?;
    Ok(0)
}

async fn no_return(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    let call = mesh.call(options, &app.global, prepared.arguments.encode());
    if let Err(error) = mesh.no_return(call).await {
        return Err(blame(app, mesh, options, &error).await);
    }
    if app.screen.is_json() {
        let callback = options.name.as_str().into();
        app.screen.document(&object([("callback", callback), ("accepted", true.into())]))?;
    }
    Ok(0)
}
