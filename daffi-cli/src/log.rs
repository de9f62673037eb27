//! The log on stderr: what `DAFFI_LOG` says, else what `-v` and `-q` ask for.

use tracing_subscriber::EnvFilter;

use crate::args::LogFormat;
use crate::mesh::App;

/// Logs of a process that stays: warnings, unless more or less was asked for.
pub(crate) fn start(app: &App, format: LogFormat) {
    let level = match (app.global.quiet, app.global.verbose) {
        (true, _) => "error",
        (false, 0) => "warn",
        (false, 1) => "info",
        (false, 2) => "debug",
        (false, _) => "trace",
    };
    let filter = EnvFilter::try_from_env(VARIABLE).unwrap_or_else(|_| EnvFilter::new(level));
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    match format {
        LogFormat::Text => log.with_ansi(app.screen.color).init(),
        LogFormat::Json => log.json().init(),
    }
}

/// Logs of a command that ends by itself: what goes wrong it says anyway, so nothing unless it was asked for.
pub(crate) fn start_if_wanted(app: &App) {
    if app.global.verbose > 0 || std::env::var_os(VARIABLE).is_some() {
        start(app, LogFormat::Text);
    }
}

const VARIABLE: &str = "DAFFI_LOG";
