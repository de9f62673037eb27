//! `daffi explain`: what a code means and what to do.

use daffi_core::error::{CODES, Code, Explanation};

use crate::mesh::App;
use crate::render::{Row, Shape, object};
use crate::report::{NO, Outcome, Problem};

/// Explains one code, or lists them all.
///
/// # Errors
/// If there is no such code, or nobody reads.
pub(crate) fn run(app: &App, code: Option<&str>) -> Outcome {
    let Some(text) = code else {
        let row = |explanation: &Explanation| Row {
            cells: vec![
                explanation.code.to_string(),
                explanation.exit.to_string(),
                explanation.summary.trim_end_matches('.').to_owned(),
            ],
            object: json(explanation),
        };
        app.screen.rows(&["CODE", "EXIT", "MEANING"], CODES.iter().map(row).collect())?;
        return Ok(0);
    };
    let number = text.trim_start_matches(['D', 'd']).parse();
    let Some(code) = number.ok().and_then(Code::from_number) else {
        let operand = app.line.operands().first().copied();
        return Err(Problem::plain(NO, format!("there is no code `{text}`"))
            .at(operand, "codes look like D0404")
            .help("see them all: daffi explain")
            .into());
    };
    let explanation = code.explanation();
    if app.screen.single() == Shape::Table || app.screen.single() == Shape::Raw {
        let Explanation { code, exit, summary, cause, remedy } = explanation;
        app.screen
            .line(&format!("{code}: {summary}\n\n{cause}\n\nWhat to do: {remedy}\nExit code: {exit}"))?;
    } else {
        app.screen.document(&json(explanation))?;
    }
    Ok(0)
}

fn json(explanation: &Explanation) -> serde_json::Value {
    object([
        ("code", explanation.code.to_string().into()),
        ("exit", explanation.exit.into()),
        ("summary", explanation.summary.into()),
        ("cause", explanation.cause.into()),
        ("remedy", explanation.remedy.into()),
    ])
}
