//! `daffi callbacks`: what the mesh offers.

use std::fmt::Write as _;

use daffi_core::wire::{CallbackEntry, Signature};
use serde_json::{Value as Json, json};

use crate::args::{self, Language};
use crate::mesh::{App, Mesh};
use crate::render::{Row, object};
use crate::report::{NO, Outcome, Problem};

/// Lists callbacks, or prints declarations of them.
///
/// # Errors
/// If the controller cannot be reached, or nothing matches the pattern.
pub(crate) async fn run(app: &App, options: &args::Callbacks) -> Outcome {
    let mesh = Mesh::join(app).await?;
    let pattern = options.pattern.as_deref().unwrap_or_default();
    let offers = mesh.offers(pattern).await?;
    if offers.is_empty() && !pattern.is_empty() {
        let operand = app.line.operands().first().copied();
        return Err(Problem::plain(NO, format!("no callback matches `{pattern}`"))
            .at(operand, "`*` stands for anything, as in 'func*'")
            .help("see all there are: daffi callbacks")
            .into());
    }
    match options.stubs {
        Some(Language::Rust) => app.screen.bytes(rust_stubs(&offers).as_bytes())?,
        None => app.screen.rows(&["CALLBACK", "NODES", "DOC"], offers.iter().map(row).collect())?,
    }
    Ok(0)
}

fn row(offer: &CallbackEntry) -> Row {
    let Signature { name, parameters, result, doc, variadic, .. } = &offer.signature;
    let nodes: Vec<&str> = offer.nodes.iter().map(|node| node.as_str()).collect();
    let parameters: Vec<Json> = parameters.iter().map(|p| json!({ "name": p.name, "type": p.ty })).collect();
    Row {
        cells: vec![
            offer.signature.to_string(),
            some_of(&nodes),
            doc.lines().next().unwrap_or_default().to_owned(),
        ],
        object: object([
            ("callback", name.as_str().into()),
            ("signature", offer.signature.to_string().into()),
            ("parameters", parameters.into()),
            ("result", result.as_str().into()),
            ("variadic", (*variadic).into()),
            ("nodes", json!(nodes)),
            ("doc", doc.as_str().into()),
        ]),
    }
}

/// The names that fit a cell, and how many more there are.
fn some_of(nodes: &[&str]) -> String {
    let shown = nodes.iter().take(NODES_SHOWN).copied().collect::<Vec<_>>().join(", ");
    match nodes.len().checked_sub(NODES_SHOWN) {
        Some(more @ 1..) => format!("{shown} and {more} more"),
        _ => shown,
    }
}

/// Nodes named in a table; the JSON has them all.
const NODES_SHOWN: usize = 4;

/// `#[remote]` declarations: a module of a program that calls.
fn rust_stubs(offers: &[CallbackEntry]) -> String {
    let mut text = String::from(
        "// What the mesh offers, made by `daffi callbacks --stubs rust`.\n\
         // Types that are not the standard library's must be in scope.\n\
         use daffi::remote;\n",
    );
    let mut declared: Vec<&str> = Vec::new();
    for CallbackEntry { signature, .. } in offers {
        let name = signature.name.as_str();
        text.push('\n');
        if let Some(why) = undeclarable(signature, declared.contains(&name)) {
            writeln!(text, "// {why}: node.call::<R>({name:?}, args), for {signature}")
                .expect("a String takes all text");
            continue;
        }
        declared.push(name);
        for line in signature.doc.lines() {
            text.push_str(format!("/// {line}").trim_end());
            text.push('\n');
        }
        text.push_str(&declaration(signature));
    }
    text
}

fn undeclarable(signature: &Signature, is_declared: bool) -> Option<&'static str> {
    if signature.variadic {
        Some("takes whatever it is given")
    } else if is_declared {
        Some("another node offers it with another signature")
    } else {
        None
    }
}

fn declaration(signature: &Signature) -> String {
    let parameters: Vec<String> =
        signature.parameters.iter().map(|p| format!("{}: {}", identifier(&p.name), spelled(&p.ty))).collect();
    let result = match signature.result.as_str() {
        "()" => String::new(),
        result => format!(" -> {}", spelled(result)),
    };
    let name = signature.name.as_str();
    let function = identifier(name);
    let attribute =
        if function == name { "#[remote]".to_owned() } else { format!("#[remote(name = {name:?})]") };
    format!("{attribute}\npub fn {function}({}){result};\n", parameters.join(", "))
}

/// A type as Rust spells it; streams have shorter names in a signature.
fn spelled(ty: &str) -> String {
    if let Some(item) = ty.strip_prefix("Stream<").and_then(|rest| rest.strip_suffix('>')) {
        return format!("impl daffi::Stream<Item = {item}>");
    }
    if ty.starts_with("Incoming<") { format!("daffi::{ty}") } else { ty.to_owned() }
}

/// A name as Rust can spell it.
fn identifier(name: &str) -> String {
    let plain: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    if plain.starts_with(|c: char| c.is_numeric()) || KEYWORDS.contains(&plain.as_str()) {
        return format!("_{plain}");
    }
    plain
}

const KEYWORDS: &[&str] = &[
    "as", "async", "await", "box", "break", "const", "continue", "crate", "do", "dyn", "else", "enum",
    "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro", "match",
    "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static", "struct", "super",
    "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual", "where", "while",
    "yield", "abstract", "become", "_",
];

#[cfg(test)]
mod tests {
    use daffi_core::name::{CallbackName, NodeName};
    use daffi_core::wire::{Effect, Parameter};

    use super::*;

    fn offer(name: &str, parameters: &[(&str, &str)], variadic: bool) -> CallbackEntry {
        let parameter = |(name, ty): &(&str, &str)| Parameter { name: (*name).into(), ty: (*ty).into() };
        let signature = Signature {
            name: CallbackName::new(name).unwrap(),
            parameters: parameters.iter().map(parameter).collect(),
            result: "i64".into(),
            doc: "Does it.\n\nWell.".into(),
            effect: Effect::Once,
            variadic,
        };
        CallbackEntry { signature, nodes: vec![NodeName::new("proc1").unwrap()] }
    }

    #[test]
    fn a_declaration_reads_like_the_function() {
        let stubs = rust_stubs(&[offer("add", &[("a", "i64"), ("type", "u8")], false)]);

        let declaration =
            "\n/// Does it.\n///\n/// Well.\n#[remote]\npub fn add(a: i64, _type: u8) -> i64;\n";
        assert!(stubs.ends_with(declaration), "{stubs}");
    }

    #[test]
    fn a_name_that_rust_cannot_spell_is_given() {
        assert!(rust_stubs(&[offer("x.y", &[], false)]).contains("#[remote(name = \"x.y\")]\npub fn x_y()"));
        assert!(rust_stubs(&[offer("fn", &[], false)]).contains("#[remote(name = \"fn\")]\npub fn _fn()"));
    }

    #[test]
    fn what_cannot_be_declared_is_said_in_a_comment() {
        let twice = rust_stubs(&[offer("f", &[], false), offer("f", &[("a", "i64")], false)]);

        assert_eq!(twice.matches("pub fn f(").count(), 1);
        assert!(rust_stubs(&[offer("ls", &[], true)]).contains("// takes whatever"));
    }
}
