//! `daffi controller`: a controller in a process of its own.

use std::io::Write;

use daffi_core::controller::{Bind, Controller};
use daffi_core::error::{BindError, Error};
use serde_json::json;

use super::stop::Stop;
use crate::args;
use crate::duration;
use crate::line::quoted;
use crate::log;
use crate::mesh::App;
use crate::render::object;
use crate::report::{ADDRESSES, End, Outcome, Problem};

/// Listens until it is told to stop, then lets running calls finish.
///
/// # Errors
/// If it cannot listen.
pub(crate) async fn run(app: &App, options: &args::Controller) -> Outcome {
    log::start(app, options.log_format);
    let mut stop = Stop::new()?;
    let (first, others) = match options.listen.split_first() {
        Some((first, others)) => (first.as_str(), others),
        None => (app.url(), &[][..]),
    };
    let bind = others.iter().fold(Controller::bind(first), |bind, url| bind.also(url));
    let bind = options.globalcounter.iter().fold(bind, |bind, url| bind.globalcounter(url));
    let bind = with_access(app, options, bind)?.dedicated_runtime();
    let controller = bind.await.map_err(|error| match error {
        Error::Bind(error) => not_bound(&error, first, &options.globalcounter),
        other => other.into(),
    })?;
    announce(app, &controller);
    stop.wait().await;
    app.screen.say(&format!("stopping: running calls have {} to finish", duration::show(options.drain)));
    tokio::select! {
        () = controller.drain(options.drain) => Ok(0),
        () = stop.wait() => Err(End::Interrupted),
    }
}

/// Says whom to let in.
fn with_access(app: &App, options: &args::Controller, mut bind: Bind) -> Result<Bind, End> {
    if let Some(path) = &app.global.data_dir {
        bind = bind.data_dir(path);
    }
    if let Some(files) = app.certificates()? {
        bind = bind.certificates(files);
    }
    if options.insecure {
        bind = bind.insecure();
    }
    if options.open_local {
        bind = bind.open_local();
    }
    Ok(bind)
}

/// The lines that say it is ready. That nobody reads them is no reason not to serve.
fn announce(app: &App, controller: &Controller) {
    let (urls, access) = (controller.urls(), controller.access());
    let join_file = controller.first_join_file().map(|path| path.display().to_string());
    let version = env!("CARGO_PKG_VERSION");
    let text = if app.screen.is_json() {
        object([
            ("version", version.into()),
            ("listening", json!(urls)),
            ("globalcounter", json!(controller.globalcounters())),
            ("data", "memory".into()),
            ("access", access.into()),
            ("join_file", json!(join_file)),
            ("pid", std::process::id().into()),
        ])
        .to_string()
    } else {
        let urls = urls.join(", ");
        let counters = match controller.globalcounters() {
            [] => String::new(),
            counters => format!("\ncounter     {}", counters.join(", ")),
        };
        let join = join_file.map_or_else(String::new, |path| {
            format!("\njoin file   {path}: whoever has it may do everything")
        });
        format!(
            "daffi {version}\nlistening   {urls}\ndata        in memory only\naccess      {access}{counters}{join}"
        )
    };
    let mut out = std::io::stdout();
    writeln!(out, "{text}").and_then(|()| out.flush()).ok();
}

fn not_bound(error: &BindError, first: &str, globalcounters: &[String]) -> End {
    let code = error.code();
    let problem = Problem::new(code, error.to_string());
    match error {
        // No node connects there, and the reason says what to do.
        BindError::InUse { address } | BindError::BadAddress { address, .. }
            if globalcounters.contains(address) =>
        {
            problem
        }
        BindError::InUse { address } => problem
            .help(format!("use it: daffi --url {} nodes", quoted(address)))
            .help("or listen elsewhere: daffi controller --listen unix:///path/to/socket"),
        BindError::BadAddress { .. } => problem.help(ADDRESSES),
        // Else it is a key or a token file, and what is wrong with it says what to do.
        BindError::Unsafe { .. } if !first.starts_with("quic://") => {
            problem.help("listen in a directory of your own, or leave --listen away: its default is one")
        }
        // Their reasons say what to do, or nobody but the operating system knows.
        _ => problem,
    }
    .into()
}
