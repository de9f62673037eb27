//! `daffi bench`: one thing over and over, how often a second, and how long it takes.

mod drive;
mod echo;
mod embedded;
mod meter;
mod progress;
mod report;
mod work;

use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use daffi_core::error::Ran;
use daffi_core::node::Node;
use futures::future;
use rmpv::Value;
use tokio::time::timeout;

use self::drive::Drive;
use self::echo::Callees;
use self::embedded::Embedded;
use self::meter::Meter;
use self::progress::{Heading, Progress, grouped};
use self::work::{Asked, Failure, Work};
use super::stop::Stop;
use super::{blame, prepare, stream};
use crate::args::{self, Bench, Load, Mode, Target};
use crate::mesh::{App, Mesh, PATIENCE};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// Measures it, prints that, and leaves nothing behind.
///
/// # Errors
/// If the mesh cannot be joined, the first operation is refused, or it is interrupted.
pub(crate) async fn run(app: &App, bench: &Bench) -> Outcome {
    check(bench)?;
    let mut stop = Stop::new()?;
    if !bench.load().embedded {
        return measured(app, bench, &mut stop).await;
    }
    let embedded = tokio::select! {
        embedded = Embedded::start(app) => embedded?,
        told = stop.told() => return Err(told.into()),
    };
    let outcome = measured(&embedded.app, bench, &mut stop).await;
    embedded.stop().await;
    outcome
}

/// Refuses what would take more of this process than it has.
fn check(bench: &Bench) -> Result<(), End> {
    let Load { clients, outstanding, embedded, .. } = bench.load();
    let under_way = clients * outstanding;
    if under_way > UNDER_WAY_MAX {
        let what =
            format!("--clients times --outstanding is {under_way}, and may be at most {UNDER_WAY_MAX}");
        return Err(Problem::usage(what).into());
    }
    let (target, size, nodes) = match bench {
        Bench::Call { target, size, .. } => (Some(target), *size, 1),
        Bench::Broadcast { target, size, nodes, .. } => (Some(target), *size, nodes.unwrap_or(NODES)),
        Bench::Queue { size, .. } => (None, *size, 1),
        Bench::Lock { .. } | Bench::Counter { .. } => (None, Some(0), 1),
    };
    let bytes = under_way * nodes * size.unwrap_or(SIZE);
    if bytes > BYTES_MAX {
        let what = format!("{bytes} bytes would be under way at a time, and may be at most {BYTES_MAX}");
        return Err(Problem::usage(what).help("less of --size, --clients or --outstanding").into());
    }
    if *embedded && target.is_some_and(|target| target.name.is_some()) {
        return Err(Problem::usage(
            "nobody offers a callback at a controller of its own: `--embedded` takes no NAME",
        )
        .into());
    }
    Ok(())
}

/// Operations under way: each is a task, and a call that the controller remembers.
const UNDER_WAY_MAX: u64 = 65_536;
/// Bytes under way: each exists a few times in this process.
const BYTES_MAX: u64 = 1 << 30;
/// Bytes that are sent, if nothing was said: most calls are small.
const SIZE: u64 = 16;
/// Nodes that a broadcast is for, if nothing was said.
const NODES: u64 = 16;

/// Who takes part, and what is there because of that.
#[derive(Debug, Default)]
struct Crew {
    clients: Vec<Node>,
    callees: Option<Callees>,
    /// Kind and name.
    object: Option<(&'static str, Arc<str>)>,
}

async fn measured(app: &App, bench: &Bench, stop: &mut Stop) -> Outcome {
    let mut crew = Crew::default();
    let outcome = attempt(app, bench, stop, &mut crew).await;
    crew.dismiss(app).await;
    outcome
}

/// Measures it and prints that; whoever then is in the crew has to go.
async fn attempt(app: &App, bench: &Bench, stop: &mut Stop, crew: &mut Crew) -> Outcome {
    let (load, limit) = (bench.load(), app.global.timeout);
    let (work, heading) = tokio::select! {
        ready = crew.prepare(app, bench) => ready?,
        told = stop.told() => return Err(told.into()),
    };
    let (started, mut meter) = (Instant::now(), Meter::new());
    let first = tokio::select! {
        first = work.once(&crew.clients[0], limit) => first,
        told = stop.told() => return Err(told.into()),
    };
    match first {
        Ok(()) => meter.record(started.elapsed()),
        // It would never be done.
        Err(failure) if failure.ran() == Ran::No => return Err(refused(app, bench, crew, failure).await),
        Err(failure) => meter.miss(failure.problem(work.callback())),
    }
    let progress = Progress::new(app, &heading, load);
    let drive = Drive::new(work, load, limit, (started, meter));
    let measured = drive.run(&crew.clients, load.outstanding, &progress, stop).await?;
    progress.clear();
    report::print(app, &heading, load, &progress, &measured)?;
    match measured.told {
        Some(told) => Err(told.into()),
        None => Ok(measured.meter.exit()),
    }
}

/// The problem that the one command would have.
async fn refused(app: &App, bench: &Bench, crew: &Crew, failure: Failure) -> End {
    let call = match bench {
        Bench::Call { target, on, .. } => target.call(Mode::Fg, on.as_deref()),
        Bench::Broadcast { target, .. } => target.call(Mode::Broadcast, None),
        Bench::Queue { .. } | Bench::Lock { .. } | Bench::Counter { .. } => None,
    };
    match (failure, call) {
        (Failure::Call(error), Some(call)) => {
            let mesh = Mesh { node: crew.clients[0].clone() };
            blame::blame(app, &mesh, &call, &error).await
        }
        (failure, _) => failure.problem("an echo of its own").into(),
    }
}

impl Crew {
    /// Joins with all clients, and has there be what they need.
    async fn prepare(&mut self, app: &App, bench: &Bench) -> Result<(Work, Heading), End> {
        let mesh = Mesh::join(app).await?;
        self.clients.push(mesh.node.clone());
        // Of its name there is one node.
        let name = format!("daffi-bench-{}", mesh.node.name());
        let ready = match bench {
            Bench::Call { target, on, size, .. } => {
                let call = target.call(Mode::Fg, on.as_deref());
                let (asked, what) = self.asked(app, &mesh, call, (&name, 1, *size)).await?;
                let heading = heading("call", format!("call {what}"), "calls", target, *size, 1);
                (Work::Call(asked), heading)
            }
            Bench::Broadcast { target, nodes, size, .. } => {
                let (call, nodes) = (target.call(Mode::Broadcast, None), nodes.unwrap_or(NODES));
                let (asked, what) = self.asked(app, &mesh, call, (&name, nodes, *size)).await?;
                let to = asked.nodes.map_or_else(String::new, |nodes| format!(" to {nodes} nodes"));
                let what = format!("broadcast {what}{to}");
                (Work::Broadcast(asked), heading("broadcast", what, "broadcasts", target, *size, nodes))
            }
            Bench::Queue { .. } | Bench::Lock { .. } | Bench::Counter { .. } => {
                self.hosted(bench, name.into())
            }
        };
        for _ in 1..bench.load().clients {
            self.clients.push(Mesh::join(app).await?.node);
        }
        Ok(ready)
    }

    /// The user's call, or that of an echo of so many nodes and bytes.
    async fn asked(
        &mut self,
        app: &App,
        mesh: &Mesh,
        call: Option<args::Call>,
        echo: (&str, u64, Option<u64>),
    ) -> Result<(Asked, String), End> {
        if let Some(call) = call {
            let words = prepare::words(&call).await?;
            let prepared = prepare::prepare(app, mesh, &call, &words).await?;
            if prepared.arguments.feed.is_some() || stream::item_type(&prepared.result).is_some() {
                let what = format!("`{}` has a stream, and only plain calls can be measured", call.name);
                return Err(Problem::usage(what).into());
            }
            let body = Bytes::from(prepared.arguments.encode());
            let what = call.name.clone();
            return Ok((Asked { name: call.name, on: call.on, body, echoed: None, nodes: None }, what));
        }
        let (name, nodes, size) = (echo.0, echo.1 as usize, echo.2.unwrap_or(SIZE));
        self.callees = Some(Callees::join(app, name, nodes).await?);
        let value = payload(size);
        let body = Bytes::from(values::encode(&Value::Array(vec![value.clone()])));
        let asked = Asked { name: name.to_owned(), on: None, body, echoed: Some(value), nodes: Some(nodes) };
        Ok((asked, format!("echo({} B)", grouped(size))))
    }

    fn hosted(&mut self, bench: &Bench, name: Arc<str>) -> (Work, Heading) {
        let heading =
            |bench, what: String, unit, size| Heading { bench, what, unit, callback: None, size, nodes: 0 };
        let shared = Arc::clone(&name);
        let (kind, work, heading) = match bench {
            Bench::Queue { size, .. } => {
                let size = size.unwrap_or(SIZE);
                let heading = heading(
                    "queue",
                    format!("queue push({} B) and pop", grouped(size)),
                    "rounds",
                    Some(size),
                );
                ("queue", Work::Queue { name, value: payload(size) }, heading)
            }
            Bench::Lock { .. } => {
                let heading = heading("lock", "lock and give back".into(), "rounds", None);
                ("lock", Work::Lock { name }, heading)
            }
            _ => (
                "counters",
                Work::Counter { name },
                heading("counter", "counter inc".into(), "increments", None),
            ),
        };
        self.object = Some((kind, shared));
        (work, heading)
    }

    /// Removes what was made, and leaves.
    async fn dismiss(self, app: &App) {
        let Some((first, others)) = self.clients.split_first() else { return };
        // Those who could make it again go before.
        timeout(PATIENCE, future::join_all(others.iter().map(Node::stop))).await.ok();
        if let Some((kind, name)) = &self.object {
            let removed = first.object_of(*kind, Arc::clone(name)).destroy().timeout(PATIENCE).await;
            if let Err(error) = removed {
                app.screen.say(&format!("the {kind} `{name}` may be left: {error}"));
            }
        }
        if let Some(callees) = self.callees {
            callees.leave().await;
        }
        timeout(PATIENCE, first.stop()).await.ok();
    }
}

fn payload(size: u64) -> Value {
    Value::Binary(vec![PAYLOAD; size as usize])
}

/// What bodies are full of: something, since nothing could be skipped.
const PAYLOAD: u8 = b'd';

fn heading(
    bench: &'static str,
    what: String,
    unit: &'static str,
    target: &Target,
    size: Option<u64>,
    nodes: u64,
) -> Heading {
    let callback = target.name.clone();
    let (size, nodes) = match callback {
        Some(_) => (None, 0),
        None => (Some(size.unwrap_or(SIZE)), nodes),
    };
    Heading { bench, what, unit, callback, size, nodes }
}
