//! Asking before something is lost.

use std::io::{self, IsTerminal, Write};

use super::stdin;
use crate::mesh::App;
use crate::render::printable;
use crate::report::{End, Problem};

/// Whether whoever is there is sure. Where nobody can be asked, the command line has to say so itself.
///
/// # Errors
/// With `warning`, if nobody can be asked.
pub(crate) async fn is_sure(app: &App, warning: &str, question: &str) -> Result<bool, End> {
    if !io::stdin().is_terminal() {
        let operand = app.line.operands().first().copied();
        return Err(Problem::usage(warning)
            .at(operand, "not without being sure")
            .help_command("if that is meant:", app.line.with_yes())
            .into());
    }
    // It may have names in it that are in a file.
    write!(io::stderr(), "{} [y/N] ", printable(question))?;
    Ok(matches!(stdin::line().await?.trim(), "y" | "Y" | "yes"))
}
