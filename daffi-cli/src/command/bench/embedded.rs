//! A controller in this process.

use std::sync::OnceLock;
use std::time::Duration;

use daffi_core::controller::Controller;
use tempfile::TempDir;

use crate::args::Global;
use crate::mesh::App;
use crate::report::End;

/// The controller, and the surroundings of a command that it is for.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Its address is this controller's.
    pub(super) app: App,
    controller: Controller,
    /// Where its socket is, which nobody else can reach.
    _directory: TempDir,
}

impl Embedded {
    /// Listens at a socket in a directory of its own.
    ///
    /// # Errors
    /// If there can be no such directory, or the controller cannot listen.
    pub(super) async fn start(app: &App) -> Result<Self, End> {
        let directory = tempfile::Builder::new().prefix("daffi-bench-").tempdir()?;
        let url = format!("unix://{}", directory.path().join("controller.sock").display());
        let controller = Controller::bind(&url).dedicated_runtime().await?;
        let global = Global { url: Some(url), join_file: None, ..app.global.clone() };
        let app = App { global, screen: app.screen.clone(), line: app.line.clone(), joined: OnceLock::new() };
        Ok(Self { app, controller, _directory: directory })
    }

    /// Ends it; all nodes have left.
    pub(super) async fn stop(self) {
        self.controller.drain(Duration::ZERO).await;
    }
}
