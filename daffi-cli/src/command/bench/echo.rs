//! Nodes of this process that offer an echo, on a thread of their own: what they do takes no time of whoever measures.

use std::sync::Arc;
use std::thread;

use daffi_core::callback::{Callback, Context, Fault, Options, Registry, Run};
use daffi_core::error::Error;
use daffi_core::name::CallbackName;
use daffi_core::node::{Connect, Node};
use daffi_core::wire::{Effect, Parameter, Signature};
use futures::future;
use tokio::runtime;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::mesh::{self, App, Mesh, PATIENCE};
use crate::report::End;

/// The nodes; their thread ends when this is dropped.
#[derive(Debug)]
pub(super) struct Callees {
    nodes: Vec<Node>,
    _ends_thread: oneshot::Sender<()>,
}

impl Callees {
    /// Joins with so many nodes that offer `name`.
    ///
    /// # Errors
    /// If the mesh cannot be joined.
    ///
    /// # Cancel safety
    /// Cancel safe: those that have joined leave.
    pub(super) async fn join(app: &App, name: &str, count: usize) -> Result<Self, End> {
        let connect = |_| Mesh::offer_unseen(app, registry(name)?);
        let connects = (0..count).map(connect).collect::<Result<Vec<_>, End>>()?;
        let (tell, told) = oneshot::channel();
        let (ends_thread, ended) = oneshot::channel();
        let runtime = runtime::Builder::new_current_thread().enable_all().build()?;
        thread::Builder::new().name("daffi-echo".into()).spawn(move || {
            runtime.block_on(live(connects, tell, ended));
        })?;
        let nodes = told.await.expect("it tells before it ends");
        let nodes = nodes.map_err(|error| mesh::not_connected(app, error))?;
        Ok(Self { nodes, _ends_thread: ends_thread })
    }

    /// Has them leave.
    pub(super) async fn leave(self) {
        // Whoever does not answer in time will find out.
        timeout(PATIENCE, future::join_all(self.nodes.iter().map(Node::stop))).await.ok();
    }
}

/// Keeps the nodes until whoever wants them is gone.
async fn live(
    connects: Vec<Connect>,
    tell: oneshot::Sender<Result<Vec<Node>, Error>>,
    mut ended: oneshot::Receiver<()>,
) {
    let join = async {
        let mut nodes = Vec::new();
        for connect in connects {
            nodes.push(connect.await?);
        }
        Ok(nodes)
    };
    tokio::select! {
        // If nobody wants them any more, they go.
        nodes = join => if tell.send(nodes).is_err() { return },
        _ = &mut ended => return,
    }
    // It is an error, since nothing is ever sent.
    ended.await.ok();
}

fn registry(name: &str) -> Result<Registry, End> {
    let signature = Signature {
        name: CallbackName::offered(name).expect("our own name is one"),
        parameters: vec![Parameter { name: "body".into(), ty: "bytes".into() }],
        result: "bytes".into(),
        doc: "Gives back what it is sent".into(),
        effect: Effect::Idempotent,
        variadic: false,
    };
    let run = Run::Async(Arc::new(|_: Context, body: &[u8]| {
        let reply = echo(body);
        Box::pin(async move { reply })
    }));
    let options = Options { inline: true, ..Options::default() };
    let callback = Callback::dynamic(signature, options, "daffi bench", run).map_err(Error::from)?;
    let mut registry = Registry::new();
    registry.add(callback).map_err(Error::from)?;
    Ok(registry)
}

/// The one argument as it is.
fn echo(body: &[u8]) -> Result<Vec<u8>, Fault> {
    match body {
        [ONE_ARGUMENT, argument @ ..] => Ok(argument.to_vec()),
        _ => Err(Fault::BadArguments { expected: "bytes".into(), got: "something else".into() }),
    }
}

/// What the arguments of a call begin with in MessagePack, if there is one.
const ONE_ARGUMENT: u8 = 0x91;
