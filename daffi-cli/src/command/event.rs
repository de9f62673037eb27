//! `daffi event`: what happens, sent to all who watch for it.

use std::convert::Infallible;
use std::future::pending;
use std::time::SystemTime;

use daffi_core::api::Heard;
use daffi_core::datatypes::{Event as Happened, EventStream};
use futures::StreamExt as _;
use rmpv::Value;

use super::about::About;
use super::child::{self, Ended, Errand};
use super::stop::Stop;
use super::words;
use crate::args::Event;
use crate::duration;
use crate::line::quoted;
use crate::mesh::{App, Mesh};
use crate::render::{Shape, bare, cell, input, object, printable};
use crate::report::{End, NO, Outcome};
use crate::values;

/// Sends an event, or prints those that come, or runs a command for each.
///
/// # Errors
/// If the controller cannot be reached or refuses, nobody reads, or a command cannot be started.
pub(crate) async fn run(app: &App, action: Event) -> Outcome {
    match action {
        Event::Send { name, data } => {
            let data = data.map_or(Value::Nil, |data| words::value(&data));
            let events = Mesh::join(app).await?.node.events("");
            app.ask(events.send(&name, &data)).await?;
            let about = About { app, kind: "event", name: &name };
            about.done(true, "", &about.object([("sent", true.into())])).await
        }
        Event::Watch { pattern, count, command } => {
            let events = Mesh::join(app).await?.node.events("").watch(&pattern).await?;
            app.screen.say(&format!("watching {pattern}"));
            if command.is_empty() {
                print(app, events, count).await
            } else {
                obey(app, events, count, &command).await
            }
        }
    }
}

async fn print(app: &App, mut events: EventStream<Value>, count: Option<u64>) -> Outcome {
    let screen = &app.screen;
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(heard) = events.next().await else { return Ok(NO) };
        let Heard::Item(event) = heard? else {
            missed(app)?;
            continue;
        };
        left -= 1;
        match screen.listing() {
            Shape::Table => {
                let at = duration::show_instant(event.at, SystemTime::now());
                let name = printable(&event.name);
                screen.line(&format!("{at}   {}   {name}   {}", event.from, cell(&event.data)))?;
            }
            Shape::Raw => screen.line(&bare(&event.data))?,
            Shape::Json | Shape::Jsonl => {
                let object = object([
                    ("event", event.name.as_str().into()),
                    ("data", values::to_json(&event.data)),
                    ("from", event.from.as_str().into()),
                    ("at", at(event.at).into()),
                ]);
                screen.line(&object.to_string())?;
            }
        }
        screen.flush()?;
    }
    Ok(0)
}

/// Runs the command for each event, one after the other.
async fn obey(app: &App, mut events: EventStream<Value>, count: Option<u64>, command: &[String]) -> Outcome {
    let mut stop = Stop::new()?;
    let mut left = count.unwrap_or(u64::MAX);
    let mut has_failed = false;
    while left > 0 {
        let heard = tokio::select! {
            heard = events.next() => heard,
            told = stop.told() => return Err(told.into()),
        };
        let Some(heard) = heard else { return Ok(NO) };
        let Heard::Item(event) = heard? else {
            app.screen.say(MISSED);
            continue;
        };
        left -= 1;
        let code = match child::run(errand(&event, command), &mut stop, pending::<Infallible>()).await? {
            Ended::Itself(code) => code,
            Ended::Told(told, _) => return Err(told.into()),
        };
        if code != 0 {
            let program = quoted(&command[0]);
            app.screen.say(&format!("{program} ended with exit code {code} for the event {}", event.name));
            has_failed = true;
        }
    }
    Ok(if has_failed { NO } else { 0 })
}

fn errand<'a>(event: &Happened<Value>, command: &'a [String]) -> Errand<'a> {
    let environment =
        vec![("DAFFI_EVENT", event.name.clone()), ("DAFFI_FROM", event.from.as_str().to_owned())];
    Errand { words: command, environment, input: Some(input(&event.data)) }
}

const MISSED: &str = "some were missed: too many came at once, or the connection was broken for too long";

/// Says that there is a gap.
///
/// # Errors
/// If nobody reads.
pub(super) fn missed(app: &App) -> Result<(), End> {
    app.screen.say(MISSED);
    match app.screen.listing() {
        Shape::Json | Shape::Jsonl => app.screen.line(&object([("missed", true.into())]).to_string()),
        Shape::Table | Shape::Raw => Ok(()),
    }
}

/// An instant for programs.
pub(super) fn at(instant: SystemTime) -> String {
    humantime::format_rfc3339_millis(instant).to_string()
}
