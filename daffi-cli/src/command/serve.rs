//! `daffi serve`: a shell command as a callback.

use std::io::Write;
use std::sync::Arc;

use daffi_core::callback::{Callback, Context, Fault, Options, Outcome as Served, Registry, Run, check};
use daffi_core::error::{Code, Error};
use daffi_core::name::CallbackName;
use daffi_core::wire::{Effect, Parameter, Signature};

use super::shell::{self, Template};
use super::stop::Stop;
use crate::args;
use crate::log;
use crate::mesh::{App, Mesh};
use crate::render::object;
use crate::report::{End, Outcome, Problem};

/// Offers the command until it is told to stop or the controller says goodbye.
///
/// # Errors
/// If the command line is wrong, or the mesh cannot be joined.
pub(crate) async fn run(app: &App, options: args::Serve) -> Outcome {
    let template = Template::parse(&options.command).map_err(|why| unsafe_script(app, &options, why))?;
    let signature = signature(app, &options, &template)?;
    let mut registry = Registry::new();
    registry.add(callback(&signature, template)?).map_err(Error::from)?;
    log::start(app, args::LogFormat::Text);
    let mut stop = Stop::new()?;
    let mesh = tokio::select! {
        mesh = Mesh::offer(app, options.node.as_deref(), registry) => mesh?,
        () = stop.wait() => return Ok(0),
    };
    announce(app, &signature, mesh.node.name().as_str());
    tokio::select! {
        ended = mesh.node.join() => {
            ended?;
            app.screen.say("the controller has ended the session");
            Ok(0)
        }
        () = stop.wait() => {
            tokio::select! {
                ended = mesh.node.stop() => ended?,
                () = stop.wait() => return Err(End::Interrupted),
            }
            Ok(0)
        }
    }
}

fn unsafe_script(app: &App, options: &args::Serve, why: String) -> End {
    let script = options.command.iter().position(|word| word.contains('{')).unwrap_or_default();
    let word = app.line.operands().get(script + 1).copied();
    Problem::usage(why)
        .at(word, "the caller's text would be part of the script")
        .help_command(
            "pass it as an argument of the script:",
            "daffi serve greet -- sh -c 'echo \"hello $1\"' sh '{whom}'".into(),
        )
        .into()
}

fn signature(app: &App, options: &args::Serve, template: &Template) -> Result<Signature, End> {
    let name = CallbackName::offered(&options.name).map_err(|error| {
        Problem::new(Code::Configuration, format!("`{}` cannot name a callback", options.name))
            .at(app.line.operands().first().copied(), error.to_string())
    })?;
    let parameter = |name: &String| Parameter { name: name.clone(), ty: "String".into() };
    Ok(Signature {
        name,
        parameters: template.parameters.iter().map(parameter).collect(),
        result: "String".into(),
        doc: options.doc.clone(),
        effect: Effect::Once,
        variadic: template.parameters.is_empty(),
    })
}

fn callback(signature: &Signature, template: Template) -> Result<Callback, End> {
    let template = Arc::new(template);
    let expected = Arc::new(signature.clone());
    let run = Run::Async(Arc::new(move |context: Context, body: &[u8]| {
        let (template, expected, body) = (template.clone(), expected.clone(), body.to_vec());
        Box::pin(async move { serve(&template, &expected, &context, &body).await })
    }));
    let options = Options { sees_context: true, ..Options::default() };
    Ok(Callback::dynamic(signature.clone(), options, "daffi serve", run).map_err(Error::from)?)
}

async fn serve(template: &Template, signature: &Signature, context: &Context, body: &[u8]) -> Served {
    let bad = |(expected, got)| Fault::BadArguments { expected, got };
    if !signature.variadic {
        check(signature, body).map_err(bad)?;
    }
    let arguments = template.arguments(body).map_err(|got| bad((signature.to_string(), got)))?;
    shell::run(template, arguments, context).await
}

/// The line that says it is ready. That nobody reads it is no reason not to serve.
fn announce(app: &App, signature: &Signature, node: &str) {
    let text = if app.screen.is_json() {
        object([
            ("serving", signature.name.as_str().into()),
            ("signature", signature.to_string().into()),
            ("node", node.into()),
            ("pid", std::process::id().into()),
        ])
        .to_string()
    } else {
        format!("serving {signature} as {node}")
    };
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).ok();
}
