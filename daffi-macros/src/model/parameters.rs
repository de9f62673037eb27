//! What a callback takes and returns, and every rule about it.

use syn::{FnArg, Pat, PatType, Receiver, ReceiverKind, ReturnType, Signature, Type, TypeReference};

use super::{Output, Parameter, Role, Sent};
use crate::problems::Problems;
use crate::types::{self, Obstacles};

/// The parameters of a function, or of a method after its receiver.
pub(super) fn parameters(signature: &Signature, role: Role, problems: &mut Problems) -> Vec<Parameter> {
    let mut parameters = Vec::new();
    let mut sent = 0;
    for input in &signature.inputs {
        let parameter = match input {
            FnArg::Receiver(receiver) => {
                check_receiver(receiver, role, problems);
                continue;
            }
            FnArg::Typed(typed) => parameter(typed, problems),
        };
        match &parameter {
            Some(Parameter::Context) if has_context(&parameters) => {
                problems.add(input, "a callback takes one `Context`, and this is the second");
            }
            Some(Parameter::Fed(_)) if has_stream(&parameters) => {
                problems.add(input, "a callback takes one stream, and this is the second");
            }
            Some(Parameter::Sent(_)) => sent += 1,
            Some(Parameter::Context | Parameter::Fed(_)) | None => {}
        }
        if sent == PARAMETERS_MAX + 1 && matches!(parameter, Some(Parameter::Sent(_))) {
            problems.add(
                input,
                format_args!(
                    "a callback takes at most {PARAMETERS_MAX} arguments\n\
                     help: put some of them into a struct"
                ),
            );
        }
        parameters.extend(parameter);
    }
    parameters
}

fn check_receiver(receiver: &Receiver, role: Role, problems: &mut Problems) {
    let problem = match (&receiver.kind, role) {
        (_, Role::Function) => {
            "a method cannot be a callback by itself: a call needs to know of which instance\n\
             help: put `#[callback]` above the `impl` block, which makes callbacks of all its `pub` methods"
        }
        (ReceiverKind::Reference(_, _, Some(_)), _) => {
            "calls of one instance run side by side, so a method that others call cannot have it `&mut`\n\
             help: take `&self`, and keep what changes in a `Mutex`, a `RwLock` or an atomic"
        }
        (ReceiverKind::Reference(_, Some(_), None), _) => {
            "an instance lives as long as its registration and its calls\nhelp: take `&self` without a lifetime"
        }
        (ReceiverKind::Reference(_, None, None), _) => return,
        _ => {
            "a method that others call takes `&self`: the next call needs the instance too\nhelp: write `&self`"
        }
    };
    problems.add(receiver, problem);
}

fn has_context(parameters: &[Parameter]) -> bool {
    parameters.iter().any(|parameter| matches!(parameter, Parameter::Context))
}

fn has_stream(parameters: &[Parameter]) -> bool {
    parameters.iter().any(|parameter| matches!(parameter, Parameter::Fed(_)))
}

fn parameter(typed: &PatType, problems: &mut Problems) -> Option<Parameter> {
    if let Some(condition) = typed
        .attrs
        .iter()
        .find(|attribute| attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr"))
    {
        problems.add(condition, "a callback has the same parameters under every configuration");
    }
    if let Type::Reference(reference) = types::bare(&typed.ty)
        && types::last_name(&reference.elem).as_deref() == Some("Context")
    {
        check_context(reference, problems);
        return Some(Parameter::Context);
    }
    check_travels(&typed.ty, Direction::Argument, problems);
    match &*typed.pat {
        Pat::Ident(name) if name.by_ref.is_none() && name.subpat.is_none() => {
            let ident = name.ident.clone();
            Some(match types::incoming_item(&typed.ty) {
                Some(ty) => Parameter::Fed(Box::new(Sent { ident, ty })),
                None => Parameter::Sent(Box::new(Sent { ident, ty: (*typed.ty).clone() })),
            })
        }
        pattern => {
            problems.add(
                pattern,
                "a callback's parameters have names, which callers may use\n\
                 help: name it here, and take it apart in the body",
            );
            None
        }
    }
}

fn check_context(reference: &TypeReference, problems: &mut Problems) {
    if reference.mutability.is_some() {
        problems
            .add(reference, "a callback shares its context\nhelp: use `&Context` instead of `&mut Context`");
    }
    if let Some(lifetime) = &reference.lifetime {
        problems
            .add(lifetime, "a context lives as long as its call\nhelp: use `&Context` without a lifetime");
    }
}

/// Which way a value travels.
#[derive(Clone, Copy)]
pub(super) enum Direction {
    Argument,
    Result,
}

pub(super) fn check_travels(ty: &Type, direction: Direction, problems: &mut Problems) {
    let obstacles = Obstacles::find(ty);
    let rule = match direction {
        Direction::Argument => "callback arguments arrive over the wire, so they must be owned",
        Direction::Result => "callback results leave over the wire, so they must be owned",
    };
    for lifetime in &obstacles.lifetimes {
        problems.add(lifetime, format_args!("{rule}\nhelp: write `'static` instead of `'_`"));
    }
    for reference in &obstacles.references {
        let help = match types::owned(reference) {
            Some(owned) => {
                let borrowed = types::text(&Type::Reference(reference.clone()));
                format!("use `{owned}` instead of `{borrowed}`")
            }
            None => "use a type of its own instead of a borrowed trait object".to_owned(),
        };
        problems.add(reference, format_args!("{rule}\nhelp: {help}"));
    }
    for unnamed in &obstacles.unnamed {
        let text = match direction {
            Direction::Argument => {
                "the type of a callback's argument must be named: callers have to know what to send"
            }
            Direction::Result => {
                "the type of a callback's result must be named: callers have to know what comes back"
            }
        };
        problems.add(unnamed, format_args!("{text}\nhelp: use a type instead of `impl`"));
    }
}

/// What a function returns.
pub(super) fn output(output: &ReturnType, problems: &mut Problems) -> Output {
    let ReturnType::Type(_, ty) = output else { return Output::Nothing };
    if matches!(types::bare(ty), Type::Never(_)) {
        problems.add(ty, "a callback that never returns has no result to send\nhelp: remove `-> !`");
    }
    if let Some(item) = types::stream_item(ty) {
        // Of an item's error only its text travels, as of a result's.
        let success = types::success(&item).unwrap_or_else(|| item.clone());
        check_travels(&success, Direction::Result, problems);
        return Output::Stream(item);
    }
    if types::last_name(ty).as_deref() != Some("Result") {
        check_travels(ty, Direction::Result, problems);
        return Output::Value((**ty).clone());
    }
    // Of the error only its text travels, so it may borrow what it likes.
    if let Some(success) = types::arguments(ty).first() {
        check_travels(success, Direction::Result, problems);
    }
    Output::Result((**ty).clone())
}

/// Arguments of one call at most: the library implements its traits for tuples up to here.
const PARAMETERS_MAX: usize = 12;
