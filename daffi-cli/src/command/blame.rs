//! Why a call failed, with what the mesh knows about it and what to type next.

use std::collections::BTreeSet;
use std::time::Duration;

use daffi_core::error::{CallError, Ran, Stage};
use daffi_core::name::{NodeName, similar};

use crate::args::{self, Mode};
use crate::duration;
use crate::line::quoted;
use crate::mesh::{App, Mesh};
use crate::report::{End, Problem};

/// The problem behind a failed call.
pub(crate) async fn blame(app: &App, mesh: &Mesh, options: &args::Call, error: &CallError) -> End {
    let problem = Problem::of_call(error, &options.name);
    match error {
        CallError::NoSuchCallback { name, similar } if *name == options.name => {
            missing_callback(app, mesh, problem, name, similar).await
        }
        CallError::NoSuchNode { node, similar } => {
            let word = app.line.value_of("--on", node);
            let problem = missing_node(app, mesh, problem, node, word, similar).await;
            problem.help(format!("see who offers it: daffi callbacks {}", quoted(&options.name)))
        }
        CallError::TimedOut { stage, node, after } => timed_out(problem, *stage, node.as_ref(), *after),
        CallError::TooLarge { ran: Ran::No, .. } if options.mode != Mode::Fg || options.eta.is_some() => {
            problem.help("or wait for it: `--mode fg`, without `--eta`, takes much more")
        }
        CallError::BadArguments { expected, got } => {
            problem.note(format!("expected {expected}")).note(format!("got {got}"))
        }
        _ => problem,
    }
    .into()
}

async fn missing_callback(app: &App, mesh: &Mesh, problem: Problem, name: &str, near: &[String]) -> Problem {
    let offers = mesh.offers("").await.unwrap_or_default();
    let names: BTreeSet<&str> = offers.iter().map(|offer| offer.signature.name.as_str()).collect();
    let nodes: BTreeSet<&NodeName> = offers.iter().flat_map(|offer| &offer.nodes).collect();
    let word = app.line.operands().first().copied();
    let among = match names.len() {
        0 => "no node offers any callback yet".to_owned(),
        1 => format!("the only callback is `{}`", names.first().copied().unwrap_or_default()),
        count => format!("not among the {count} callbacks of {}", counted(nodes.len(), "node")),
    };
    let problem = problem.at(word, among);
    let near = near.first().cloned().or_else(|| similar(name, names.iter().copied()).into_iter().next());
    match (near, word) {
        (Some(near), Some(word)) => problem.help_command(
            format!("a callback with a similar name exists: `{near}`"),
            app.line.with(word, &near),
        ),
        _ if names.is_empty() => problem.help("see who is there: daffi nodes"),
        _ => problem.help("see what there is: daffi callbacks"),
    }
}

/// Points at the name of a node that is not there, with the nearest that is.
pub(crate) async fn missing_node(
    app: &App,
    mesh: &Mesh,
    problem: Problem,
    node: &str,
    word: Option<usize>,
    near: &[String],
) -> Problem {
    let nodes = mesh.nodes().await.unwrap_or_default();
    if nodes.iter().any(|entry| entry.name == *node) {
        return problem.at(word, "it is connected, but does not offer it");
    }
    let problem = problem.at(word, format!("not among the {}", counted(nodes.len(), "node")));
    let names = nodes.iter().map(|entry| entry.name.as_str());
    let near = near.first().cloned().or_else(|| similar(node, names).into_iter().next());
    match (near, word) {
        (Some(near), Some(word)) => problem.help_command(
            format!("a node with a similar name is there: `{near}`"),
            app.line.replaced(word, node, &near),
        ),
        _ => problem.help("see who is there: daffi nodes"),
    }
}

fn timed_out(problem: Problem, stage: Stage, node: Option<&NodeName>, after: Duration) -> Problem {
    let longer = duration::as_option(Duration::from_secs((after.as_secs_f64() * 2.5).ceil() as u64));
    let longer = format!("wait longer (--timeout {longer})");
    match (stage, node) {
        (Stage::Running, Some(node)) => problem
            .note(format!(
                "it had been running on {node} for {}; it has been told to stop",
                duration::show(after)
            ))
            .help(format!("{longer} or do not wait (--mode bg)")),
        (Stage::Queued, Some(node)) => problem
            .note(format!("it had been on {node} for {}; it has been told to stop", duration::show(after)))
            .note(format!("{node} had more calls than it runs at a time; it may have waited there"))
            .help(format!("{longer}, or add nodes that offer it")),
        (Stage::Waiting, _) => problem.note("it had not been sent to a node, and has not run").help(longer),
        (Stage::Connecting, _) => {
            problem.note("there was no connection to the controller, and it has not run").help(longer)
        }
        (Stage::Controller, _) => problem.note("the controller does not answer; it may have run"),
        _ => problem.help(format!("{longer} or do not wait (--mode bg)")),
    }
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
