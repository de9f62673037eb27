//! `daffi call --mode broadcast`: every node that offers the callback, one outcome each.

use std::time::Instant;

use daffi_core::error::{CallError, Code, Stage};
use daffi_core::name::NodeName;
use rmpv::Value;

use super::blame::blame;
use super::prepare::Prepared;
use crate::args;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, cell, object, since};
use crate::report::{End, Outcome, PARTIAL, Problem, exit_of};
use crate::values;

/// Asks all of them and prints what each comes to.
///
/// # Errors
/// If nobody offers it, or the broadcast as a whole fails; what single nodes do is in the exit code.
pub(crate) async fn run(app: &App, mesh: &Mesh, options: &args::Call, prepared: &Prepared) -> Outcome {
    let started = Instant::now();
    let call = mesh.call(options, &app.global, prepared.arguments.encode());
    let first = options.first.map(|first| usize::try_from(first).unwrap_or(usize::MAX));
    let mut replies = mesh.broadcast(call, first);
    let mut tally = Tally::default();
    let mut rows = Vec::new();
    while let Some((node, outcome)) = replies.next().await {
        if let Err(error) = &outcome
            && tally.is_empty()
            && node == CONTROLLER
            && !prepared.nodes.contains(&node)
        {
            // Not one node's outcome, but that of the broadcast as a whole.
            return Err(blame(app, mesh, options, error).await);
        }
        tally.count(&outcome);
        let row = row(&options.name, &node, &outcome, started);
        // As they come, where lines can stand alone; a table must know its widest cell.
        if app.screen.listing() == Shape::Jsonl {
            app.screen.line(&row.object.to_string())?;
        } else {
            rows.push(row);
        }
    }
    rows.sort_by(|a, b| a.cells.cmp(&b.cells));
    if app.screen.listing() != Shape::Jsonl {
        app.screen.rows(&["NODE", "RESULT", "MS"], rows)?;
    }
    finish(options, &tally)
}

fn row(callback: &str, node: &NodeName, outcome: &Result<Value, CallError>, started: Instant) -> Row {
    let ms = since(started);
    let (name, is_ok) = (node.as_str(), outcome.is_ok());
    let mut object = object([
        ("callback", callback.into()),
        ("node", name.into()),
        ("ok", is_ok.into()),
        ("ms", ms.clone()),
    ]);
    let cells = match outcome {
        Ok(value) => {
            object["result"] = values::to_json(value);
            [name.to_owned(), cell(value), ms.to_string()]
        }
        Err(error) => {
            let problem = Problem::of_call(error, callback);
            object["error"] = problem.json_error();
            [name.to_owned(), "-".to_owned(), short(error)]
        }
    };
    Row { cells: cells.to_vec(), object }
}

/// Whom the library names where the broadcast as a whole failed.
const CONTROLLER: &str = "controller";

/// Why a node has no value, in the words of a table: its name stands beside it.
fn short(error: &CallError) -> String {
    let text = match error {
        CallError::Remote { message, .. } => format!("failed: {message}"),
        CallError::Panicked { message, .. } => format!("panicked: {message}"),
        CallError::TimedOut { stage, after, .. } => {
            let where_it_was = match stage {
                Stage::Running => ", it was running",
                Stage::Queued => ", it was there, perhaps in a queue",
                _ => "",
            };
            format!("timeout after {}{where_it_was}", duration::show(*after))
        }
        CallError::NodeLost { ran, .. } => format!("lost; {ran}"),
        other => other.to_string(),
    };
    cell(&text.into())
}

/// How many answered, and how the others failed.
#[derive(Debug, Default)]
struct Tally {
    values: usize,
    failures: usize,
    /// The exit code of every failure so far, while they agree.
    exit: Option<u8>,
    disagree: bool,
}

impl Tally {
    fn is_empty(&self) -> bool {
        self.values + self.failures == 0
    }

    fn count(&mut self, outcome: &Result<Value, CallError>) {
        let Err(error) = outcome else {
            self.values += 1;
            return;
        };
        self.failures += 1;
        let exit = exit_of(error);
        self.disagree |= *self.exit.get_or_insert(exit) != exit;
    }

    fn exit(&self) -> u8 {
        match self.exit {
            None => 0,
            Some(exit @ 3..=5) if self.values == 0 && !self.disagree => exit,
            Some(_) => PARTIAL,
        }
    }
}

fn finish(options: &args::Call, tally: &Tally) -> Outcome {
    let wanted = options.at_least.or(options.first.and_then(|first| usize::try_from(first).ok()));
    match wanted {
        // Enough have answered: the others were not needed.
        Some(wanted) if tally.values >= wanted => Ok(0),
        Some(wanted) if options.at_least.is_some() => {
            let Tally { values, failures, .. } = tally;
            let message =
                format!("{values} of at least {wanted} nodes answered `{}` with a value", options.name);
            Err(End::from(
                Problem::new(Code::TooFew, message)
                    .note(format!("{failures} failed"))
                    .help("ask for fewer (--at-least), or see who offers it: daffi callbacks"),
            ))
        }
        Some(_) | None => Ok(tally.exit()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use daffi_core::error::Ran;

    use super::*;

    fn timed_out() -> Result<Value, CallError> {
        Err(CallError::TimedOut { stage: Stage::Running, node: None, after: Duration::from_secs(2) })
    }

    fn lost() -> Result<Value, CallError> {
        Err(CallError::NodeLost { node: NodeName::new("proc1").unwrap(), ran: Ran::Maybe })
    }

    fn exit(outcomes: &[Result<Value, CallError>]) -> u8 {
        let mut tally = Tally::default();
        outcomes.iter().for_each(|outcome| tally.count(outcome));
        tally.exit()
    }

    #[test]
    fn all_is_well_if_all_answered() {
        assert_eq!(exit(&[Ok(Value::from(1)), Ok(Value::Nil)]), 0);
    }

    #[test]
    fn some_failed_is_six_and_all_alike_is_their_own_code() {
        assert_eq!(exit(&[Ok(Value::Nil), timed_out()]), 6);
        assert_eq!(exit(&[timed_out(), timed_out()]), 5);
        assert_eq!(exit(&[timed_out(), lost()]), 6);
        assert_eq!(exit(&[lost(), lost()]), 6);
    }
}
