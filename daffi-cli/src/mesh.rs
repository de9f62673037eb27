//! The way to the mesh: the one module that names what the library offers.

use std::future::IntoFuture;
use std::io::{self, IsTerminal};
use std::sync::OnceLock;
use std::time::Duration;

use bytes::Bytes;
use daffi_core::api::{Call, Operation, ReplyStream};
use daffi_core::callback::{Arguments, Registry, Wire};
use daffi_core::config;
use daffi_core::error::{CallError, Error, Ran};
use daffi_core::identity::CertificateFiles;
use daffi_core::name::NodeName;
use daffi_core::node::{Connect, Node, connect};
use daffi_core::wire::{
    CallbackEntry, JobEntry, JobId, NodeDetail, NodeEntry, ScheduleEntry, ScheduleSpec, TokenEntry,
    TokenMade, TokenSpec,
};
use rmpv::Value;

use crate::args::{self, Global};
use crate::line::CommandLine;
use crate::render::Screen;
use crate::report::{End, Problem};

/// What every command is given.
#[derive(Debug)]
pub(crate) struct App {
    /// The options that every command has.
    pub(crate) global: Global,
    /// Where output goes.
    pub(crate) screen: Screen,
    /// What was typed.
    pub(crate) line: CommandLine,
    /// The node that this process is, once it has joined.
    pub(crate) joined: OnceLock<Node>,
}

impl App {
    /// Says goodbye to the controller, if there is one: it would else keep the session for a while, and whatever was
    /// being called would go on until then.
    pub(crate) async fn leave(&self) {
        if let Some(node) = self.joined.get() {
            // Whoever does not answer in time will find out.
            tokio::time::timeout(PATIENCE, node.stop()).await.ok();
        }
    }

    /// Has a hosted object do something, within the time that was asked for.
    ///
    /// # Errors
    /// What came of it otherwise.
    pub(crate) async fn ask<T: 'static>(&self, operation: Operation<T>) -> Result<T, End> {
        let operation = match self.global.timeout {
            Some(timeout) => operation.timeout(timeout),
            None => operation,
        };
        Ok(operation.await?)
    }

    /// The controller's address, empty for the default.
    pub(crate) fn url(&self) -> &str {
        self.global.url.as_deref().unwrap_or_default()
    }

    /// Who said what the address is; `None` if nobody did, and it is the default.
    fn origin(&self) -> Option<&'static str> {
        let variable = std::env::var("DAFFI_URL").ok();
        match &self.global.url {
            None if self.has_join() => Some("the join string"),
            None => None,
            url if *url == variable => Some("DAFFI_URL"),
            Some(_) => Some("--url"),
        }
    }

    /// Whether a token says where to connect.
    fn has_join(&self) -> bool {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        self.global.join_file.is_some() || is_set("DAFFI_JOIN_FILE") || is_set("DAFFI_JOIN")
    }

    /// The way to the mesh, with what this process has to show.
    fn connect(&self) -> Result<Connect, End> {
        let mut node = connect(self.url());
        if let Some(path) = &self.global.data_dir {
            node = node.data_dir(path);
        }
        if let Some(path) = &self.global.join_file {
            node = node.join_file(path);
        }
        if let Some(files) = self.certificates()? {
            node = node.certificates(files);
        }
        Ok(node)
    }

    /// The certificates that the options name.
    ///
    /// # Errors
    /// If they name some but not all.
    pub(crate) fn certificates(&self) -> Result<Option<CertificateFiles>, End> {
        let Global { tls_cert, tls_key, tls_ca, .. } = &self.global;
        match (tls_cert, tls_key, tls_ca) {
            (Some(certificate), Some(key), Some(authorities)) => Ok(Some(CertificateFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                authorities: authorities.clone(),
            })),
            (None, None, None) => Ok(None),
            _ => Err(Problem::usage("--tls-cert, --tls-key and --tls-ca go together").into()),
        }
    }

    /// How long to try to connect.
    fn connect_timeout(&self) -> Duration {
        self.global.timeout.map_or(config::CONNECT_TIMEOUT, |timeout| timeout.min(config::CONNECT_TIMEOUT))
    }
}

/// This process as a node of the mesh.
#[derive(Debug)]
pub(crate) struct Mesh {
    /// The node.
    pub(crate) node: Node,
}

impl Mesh {
    /// Joins to call and look around; others do not see this node.
    ///
    /// # Errors
    /// A problem that says what was tried and what to do.
    pub(crate) async fn join(app: &App) -> Result<Self, End> {
        let node = app.connect()?.hidden().timeout(app.connect_timeout()).registry(Registry::new());
        connected(app, node).await
    }

    /// Joins to offer `registry` under a name, a random one if not given.
    ///
    /// # Errors
    /// As [`join`](Self::join).
    pub(crate) async fn offer(app: &App, name: Option<&str>, registry: Registry) -> Result<Self, End> {
        let mut node = app.connect()?.timeout(app.connect_timeout()).registry(registry);
        if let Some(name) = name {
            node = node.name(name);
        }
        connected(app, node).await
    }

    /// As [`offer`](Self::offer), out of the list of nodes, and to be awaited where its node shall live.
    ///
    /// # Errors
    /// If the options contradict each other.
    pub(crate) fn offer_unseen(app: &App, registry: Registry) -> Result<Connect, End> {
        Ok(app.connect()?.hidden().timeout(app.connect_timeout()).registry(registry))
    }

    /// Asks the controller.
    async fn ask<R: Wire>(&self, callback: &str, arguments: impl Arguments) -> Result<R, CallError> {
        self.node.call::<R>(callback, arguments).await.map_err(call_error)
    }

    /// Who offers `pattern`, and how; everything if it is empty.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn offers(&self, pattern: &str) -> Result<Vec<CallbackEntry>, CallError> {
        self.ask("daffi.callbacks", (pattern,)).await
    }

    /// Who is there.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn nodes(&self) -> Result<Vec<NodeEntry>, CallError> {
        self.ask("daffi.nodes", ()).await
    }

    /// One node and what it offers.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn show_node(&self, name: &str) -> Result<Option<NodeDetail>, CallError> {
        self.ask("daffi.node", (name,)).await
    }

    /// Ends a node's session; whether there was one.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn kick(&self, name: &str) -> Result<bool, CallError> {
        self.ask("daffi.node.kick", (name,)).await
    }

    /// Goes to a node and back, or to the controller alone.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be tried again.
    pub(crate) async fn ping(&self, node: Option<&str>, timeout: Duration) -> Result<(), CallError> {
        let call = self.node.call::<Value>("daffi.ping", ()).timeout(timeout);
        match node {
            Some(node) => call.on(node).await.map(drop),
            None => call.await.map(drop),
        }
        .map_err(call_error)
    }

    /// The background calls.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn jobs(&self) -> Result<Vec<JobEntry>, CallError> {
        self.ask("daffi.jobs", ()).await
    }

    /// The result of a job, once it is there; `timeout` is how long to wait, for ever if not given.
    ///
    /// # Errors
    /// The job's own [`CallError`], or that of the question.
    pub(crate) async fn result(&self, id: JobId, timeout: Option<Duration>) -> Result<Value, CallError> {
        let question = self.node.call::<Value>("daffi.job.result", (id,));
        match timeout {
            Some(timeout) => question.timeout(timeout).await,
            None => question.no_timeout().await,
        }
        .map_err(call_error)
    }

    /// Cancels a job; `false` if it was finished already.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn cancel_job(&self, id: JobId) -> Result<bool, CallError> {
        self.ask("daffi.job.cancel", (id,)).await
    }

    /// The schedules.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn schedules(&self) -> Result<Vec<ScheduleEntry>, CallError> {
        self.ask("daffi.schedule.list", ()).await
    }

    /// Makes a schedule.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn schedule(&self, spec: &ScheduleSpec) -> Result<ScheduleEntry, CallError> {
        self.ask("daffi.schedule.create", (spec,)).await
    }

    /// Ends a schedule: as it was, `None` if there is none.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn cancel_schedule(&self, id: u64) -> Result<Option<ScheduleEntry>, CallError> {
        self.ask("daffi.schedule.cancel", (id,)).await
    }

    /// Pauses a schedule; whether there is one.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn pause_schedule(&self, id: u64) -> Result<bool, CallError> {
        self.ask("daffi.schedule.pause", (id,)).await
    }

    /// Goes on with a schedule; whether there is one.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn resume_schedule(&self, id: u64) -> Result<bool, CallError> {
        self.ask("daffi.schedule.resume", (id,)).await
    }

    /// Makes a token.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn new_token(&self, spec: &TokenSpec) -> Result<TokenMade, CallError> {
        self.ask("daffi.token.new", (spec,)).await
    }

    /// All tokens, without what their holders have.
    ///
    /// # Errors
    /// Any [`CallError`]; it may be asked again.
    pub(crate) async fn tokens(&self) -> Result<Vec<TokenEntry>, CallError> {
        self.ask("daffi.token.ls", ()).await
    }

    /// Ends a token.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn revoke_token(&self, name: &str) -> Result<TokenEntry, CallError> {
        self.ask("daffi.token.revoke", (name,)).await
    }

    /// Calls and waits for the result; it says which node it is from.
    ///
    /// # Errors
    /// Any [`CallError`].
    pub(crate) async fn foreground(&self, call: Call<Value>) -> Result<(NodeName, Value), CallError> {
        call.with_node().await.map_err(call_error)
    }

    /// Calls and has the controller keep the result.
    ///
    /// # Errors
    /// Any [`CallError`], if it was not taken.
    pub(crate) async fn submit(&self, call: Call<Value>) -> Result<JobId, CallError> {
        call.submit().await.map_err(call_error)
    }

    /// Calls and wants no result.
    ///
    /// # Errors
    /// Any [`CallError`], if it was not taken.
    pub(crate) async fn no_return(&self, call: Call<Value>) -> Result<(), CallError> {
        call.no_return().await.map_err(call_error)
    }

    /// Calls every node, or until `first` of them have answered with a value.
    pub(crate) fn broadcast(&self, call: Call<Value>, first: Option<usize>) -> ReplyStream<Value> {
        let broadcast = call.broadcast();
        match first {
            Some(first) => broadcast.first(first).stream(),
            None => broadcast.stream(),
        }
    }

    /// A call with the options of the command line, not yet made.
    pub(crate) fn call(&self, options: &args::Call, global: &Global, body: Vec<u8>) -> Call<Value> {
        let mut call = self.untimed_call(options, body);
        if let Some(timeout) = global.timeout {
            call = call.timeout(timeout);
        }
        if options.no_timeout {
            call = call.no_timeout();
        }
        call
    }

    /// As [`call`](Self::call), with the time that such calls have.
    pub(crate) fn untimed_call(&self, options: &args::Call, body: Vec<u8>) -> Call<Value> {
        let mut call = self.node.call::<Value>(&options.name, Bytes::from(body));
        if let Some(node) = &options.on {
            call = call.on(node);
        }
        if let Some(key) = &options.key {
            call = call.key(key);
        }
        if let Some(eta) = options.eta {
            call = call.eta(eta);
        }
        if let Some(times) = options.retry {
            call = call.retry(times);
        }
        call
    }
}

/// A call fails with nothing but an error of calls; the library's widest type does not know that.
pub(crate) fn call_error(error: Error) -> CallError {
    match error {
        Error::Call(error) => error,
        other => CallError::Protocol { message: other.to_string(), ran: Ran::Maybe },
    }
}

async fn connected(app: &App, node: Connect) -> Result<Mesh, End> {
    let mut node = std::pin::pin!(node.into_future());
    let soon = tokio::time::timeout(PATIENCE, &mut node).await;
    let node = match soon {
        Ok(node) => node,
        Err(_) => {
            // Somebody who watches should know what it is that takes so long.
            if io::stderr().is_terminal() {
                app.screen.say("waiting for a controller to answer …");
            }
            node.await
        }
    };
    match node {
        Ok(node) => {
            // A command joins once; one that does so again leaves with the first.
            app.joined.set(node.clone()).ok();
            Ok(Mesh { node })
        }
        Err(error) => Err(not_connected(app, error)),
    }
}

/// Why the mesh could not be joined.
pub(crate) fn not_connected(app: &App, error: Error) -> End {
    match error {
        Error::Connect(error) => Problem::of_connect(&error, app.origin()).into(),
        other => other.into(),
    }
}

/// How long people wait without wondering.
pub(crate) const PATIENCE: Duration = Duration::from_secs(1);
