//! What is known before a call is made: who offers the callback, and what its arguments are.

use std::time::Duration;

use daffi_core::config;
use daffi_core::error::Code;
use daffi_core::name::NodeName;
use daffi_core::wire::CallbackEntry;

use super::stdin;
use crate::args::{self, Mode};
use crate::mesh::{App, Mesh};
use crate::report::{End, Problem};
use crate::values::{self, Arguments, Misfit, Words};

/// A call that fits what is offered.
#[derive(Debug)]
pub(crate) struct Prepared {
    /// Its arguments.
    pub(crate) arguments: Arguments,
    /// What it takes and returns, if that is known.
    pub(crate) signature: Option<String>,
    /// The type of its result, empty if not known.
    pub(crate) result: String,
    /// Who offers it.
    pub(crate) nodes: Vec<NodeName>,
}

/// The time that the call has.
pub(crate) fn timeout(app: &App, options: &args::Call) -> Option<Duration> {
    if options.no_timeout {
        return None;
    }
    let default = if options.mode == Mode::Bg { config::JOB_TIMEOUT } else { config::CALL_TIMEOUT };
    Some(app.global.timeout.unwrap_or(default))
}

/// The arguments as words, with what stdin has if they ask for it.
///
/// # Errors
/// If stdin cannot be read.
pub(crate) async fn words(options: &args::Call) -> Result<Words, End> {
    let mut words = Words { words: options.args.clone(), stdin: None };
    if options.args == ["-"] {
        words.stdin = Some(stdin::all().await?);
    }
    Ok(words)
}

/// Finds a signature that the words fit. Nodes of several versions may offer several.
///
/// # Errors
/// If the words fit none of them.
pub(crate) async fn prepare(
    app: &App,
    mesh: &Mesh,
    options: &args::Call,
    words: &Words,
) -> Result<Prepared, End> {
    let mut offers = mesh.offers(&options.name).await?;
    // The name went as a pattern.
    offers.retain(|offer| offer.signature.name == *options.name);
    if let Some(node) = &options.on
        && offers.iter().any(|offer| is_of(offer, node))
    {
        offers.retain(|offer| is_of(offer, node));
    }
    let nodes: Vec<NodeName> = offers.iter().flat_map(|offer| offer.nodes.clone()).collect();
    let mut misfit = None;
    for offer in &offers {
        match values::read(words, Some(&offer.signature)) {
            Ok(arguments) => {
                let signature = Some(offer.signature.to_string());
                return Ok(Prepared { arguments, signature, result: offer.signature.result.clone(), nodes });
            }
            Err(error) => misfit = misfit.or(Some((error, offer))),
        }
    }
    if let Some((misfit, offer)) = misfit {
        return Err(refuse(app, &options.name, &misfit, Some(offer)));
    }
    // Nobody offers it, or it is the controller's own: whoever it goes to has the last word.
    match values::read(words, None) {
        Ok(arguments) => Ok(Prepared { arguments, signature: None, result: String::new(), nodes }),
        Err(misfit) => Err(refuse(app, &options.name, &misfit, None)),
    }
}

fn is_of(offer: &CallbackEntry, node: &str) -> bool {
    offer.nodes.iter().any(|name| *name == *node)
}

fn refuse(app: &App, name: &str, misfit: &Misfit, offer: Option<&CallbackEntry>) -> End {
    let operands = app.line.operands();
    let word = operands.get(misfit.word.map_or(0, |word| word + 1)).copied();
    let problem = Problem::new(Code::BadArguments, format!("`{name}` cannot take these arguments"))
        .at(word, misfit.message.clone());
    let Some(CallbackEntry { signature, nodes }) = offer else { return problem.into() };
    let parameter = misfit.parameter.and_then(|at| signature.parameters.get(at));
    let part = parameter.map(|parameter| format!("{}: {}", parameter.name, parameter.ty));
    let on: Vec<&str> = nodes.iter().map(NodeName::as_str).collect();
    problem.note_underlined(format!("{signature}   on {}", on.join(", ")), part.as_deref()).into()
}
