//! `daffi comms`: messages to whoever listens.

use std::time::SystemTime;

use daffi_core::api::Heard;
use futures::StreamExt as _;
use rmpv::Value;

use super::about::About;
use super::{event, words};
use crate::args::Comms;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Shape, bare, cell};
use crate::report::{NO, Outcome};
use crate::values;

/// Sends a message, or prints those that come.
///
/// # Errors
/// If the controller cannot be reached or refuses, or nobody reads.
pub(crate) async fn run(app: &App, action: Comms) -> Outcome {
    match action {
        Comms::Publish { name, message } => {
            let comms = Mesh::join(app).await?.node.comms::<Value>(&*name);
            app.ask(comms.publish(words::value(&message))).await?;
            let about = About { app, kind: "comms", name: &name };
            about.done(true, "", &about.object([("published", true.into())])).await
        }
        Comms::Listen { name, count } => listen(&About { app, kind: "comms", name: &name }, count).await,
    }
}

async fn listen(about: &About<'_>, count: Option<u64>) -> Outcome {
    let screen = &about.app.screen;
    let mut inbox = Mesh::join(about.app).await?.node.comms::<Value>(about.name).listen().await?;
    screen.say(&format!("listening to {}", about.name));
    let mut left = count.unwrap_or(u64::MAX);
    while left > 0 {
        let Some(heard) = inbox.next().await else { return Ok(NO) };
        let Heard::Item(message) = heard? else {
            event::missed(about.app)?;
            continue;
        };
        left -= 1;
        match screen.listing() {
            Shape::Table => {
                let at = duration::show_instant(message.at, SystemTime::now());
                screen.line(&format!("{at}   {}   {}", message.from, cell(&message.body)))?;
            }
            Shape::Raw => screen.line(&bare(&message.body))?,
            Shape::Json | Shape::Jsonl => {
                let object = about.object([
                    ("message", values::to_json(&message.body)),
                    ("from", message.from.as_str().into()),
                    ("at", event::at(message.at).into()),
                ]);
                screen.line(&object.to_string())?;
            }
        }
        screen.flush()?;
    }
    Ok(0)
}
