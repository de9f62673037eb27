//! Calls with streams: the items of the result as they come, and lines of stdin as those of an argument.

use std::sync::{Arc, OnceLock};

use daffi_core::api::Call;
use rmpv::Value;

use super::blame::blame;
use super::prepare::Prepared;
use super::{stdin, stop};
use crate::args::{self, Mode};
use crate::mesh::{App, Mesh};
use crate::render::{Shape, object};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// The type of the items, if the result is a stream.
pub(crate) fn item_type(result: &str) -> Option<&str> {
    result.strip_prefix("Stream<")?.strip_suffix('>')
}

/// Refuses streams in modes that have none.
///
/// # Errors
/// If the call has a stream and another mode than `fg`.
pub(crate) fn check(options: &args::Call, prepared: &Prepared) -> Result<(), End> {
    let has_stream = prepared.arguments.feed.is_some() || item_type(&prepared.result).is_some();
    if has_stream && options.mode != Mode::Fg {
        let what = format!("`{}` has a stream, which goes with `--mode fg` only", options.name);
        return Err(Problem::usage(what).into());
    }
    if has_stream && options.retry.is_some() {
        let what =
            format!("`{}` has a stream, which cannot be sent twice: it takes no `--retry`", options.name);
        return Err(Problem::usage(what).into());
    }
    Ok(())
}

/// What stdin has that is wrong.
#[derive(Debug, Default)]
pub(crate) struct Fed {
    wrong: Arc<OnceLock<String>>,
}

impl Fed {
    /// Gives the call the lines of stdin, if one of its arguments says so.
    pub(crate) fn feed(&self, call: Call<Value>, prepared: &Prepared) -> Call<Value> {
        match &prepared.arguments.feed {
            Some(ty) => call.try_feed(stdin::items(ty, Arc::clone(&self.wrong))),
            None => call,
        }
    }

    /// What a call comes to whose stream may have been wrong: that is then what is told.
    ///
    /// # Errors
    /// The line that is wrong.
    pub(crate) fn check(&self) -> Result<(), End> {
        match self.wrong.get() {
            Some(wrong) => Err(Problem::usage(wrong.clone()).into()),
            None => Ok(()),
        }
    }
}

/// Makes the call and prints each item on a line of its own, as it comes.
///
/// # Errors
/// If the call fails, after the items before that.
pub(crate) async fn run(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    stop::end_even_if_blocked()?;
    let fed = Fed::default();
    let call = fed.feed(mesh.untimed_call(options, prepared.arguments.encode()), prepared);
    let mut items = call.stream();
    if let Some(timeout) = app.global.timeout {
        items = items.item_timeout(timeout);
    }
    while let Some(item) = items.next().await {
        match item {
            Ok(item) => print(app, options, &item)?,
            Err(error) => {
                fed.check()?;
                return Err(blame(app, mesh, options, &error).await);
            }
        }
    }
    fed.check()?;
    Ok(0)
}

fn print(app: &App, options: &args::Call, item: &Value) -> Result<(), End> {
    let json = values::to_json(item);
    match (app.screen.single(), item) {
        (Shape::Table, _) => app.screen.line(&json.to_string()),
        (Shape::Raw, Value::String(text)) => app.screen.line(text.as_str().unwrap_or_default()),
        (Shape::Raw, Value::Binary(bytes)) => app.screen.bytes(bytes),
        (Shape::Raw, _) => app.screen.line(&json.to_string()),
        (Shape::Json | Shape::Jsonl, _) => {
            let object = object([("callback", options.name.as_str().into()), ("item", json)]);
            app.screen.line(&object.to_string())
        }
    }
}
