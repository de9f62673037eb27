//! `daffi nodes`: who is connected.

use std::time::Duration;

use daffi_core::error::Code;
use daffi_core::wire::NodeEntry;
use serde_json::{Value as Json, json};

use super::{blame, sure};
use crate::args::Nodes;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, object};
use crate::report::{End, NO, Outcome, Problem};

/// Lists nodes, shows one, or ends one.
///
/// # Errors
/// If the controller cannot be reached, or there is no such node.
pub(crate) async fn run(app: &App, action: Option<Nodes>) -> Outcome {
    match action.unwrap_or(Nodes::Ls) {
        Nodes::Ls => list(app, &Mesh::join(app).await?).await,
        Nodes::Show { name } => show(app, &Mesh::join(app).await?, &name).await,
        Nodes::Kick { name, yes } => {
            let warning = format!("disconnecting {name} ends what it is doing");
            let question = format!("Disconnect {name}, and end what it is doing?");
            if !yes && !sure::is_sure(app, &warning, &question).await? {
                return Ok(NO);
            }
            kick(app, &Mesh::join(app).await?, &name).await
        }
    }
}

async fn list(app: &App, mesh: &Mesh) -> Outcome {
    let nodes = mesh.nodes().await?;
    let headers = ["NODE", "CALLBACKS", "OUTSTANDING", "RTT", "CONNECTED", "PID", "ADDRESS"];
    app.screen.rows(&headers, nodes.iter().map(row).collect())?;
    Ok(0)
}

fn row(node: &NodeEntry) -> Row {
    let rtt = node.rtt_us.map_or_else(String::new, |rtt| duration::show(Duration::from_micros(rtt)));
    Row {
        cells: vec![
            node.name.to_string(),
            node.callbacks.to_string(),
            node.outstanding.to_string(),
            if node.suspect { format!("{rtt} (suspect)") } else { rtt },
            duration::show(Duration::from_millis(node.connected_ms)),
            node.pid.map_or_else(String::new, |pid| pid.to_string()),
            node.address.clone(),
        ],
        object: to_json(node),
    }
}

fn to_json(node: &NodeEntry) -> Json {
    object([
        ("node", node.name.as_str().into()),
        ("callbacks", node.callbacks.into()),
        ("outstanding", node.outstanding.into()),
        ("rtt_us", json!(node.rtt_us)),
        ("suspect", node.suspect.into()),
        ("connected_ms", node.connected_ms.into()),
        ("pid", json!(node.pid)),
        ("address", node.address.as_str().into()),
        ("software", node.software.as_str().into()),
        ("session", node.session.into()),
    ])
}

async fn show(app: &App, mesh: &Mesh, name: &str) -> Outcome {
    let Some(detail) = mesh.show_node(name).await? else {
        return Err(unknown(app, mesh, name).await);
    };
    let signatures: Vec<String> = detail.callbacks.iter().map(ToString::to_string).collect();
    if app.screen.single() != Shape::Table {
        let mut object = to_json(&detail.node);
        object["callbacks"] = signatures.into();
        app.screen.document(&object)?;
        return Ok(0);
    }
    let Row { cells, .. } = row(&detail.node);
    let labels = ["node", "callbacks", "outstanding", "rtt", "connected", "pid", "address"];
    for (label, cell) in labels.iter().zip(&cells) {
        app.screen.line(format!("{label:<12} {cell}").trim_end())?;
    }
    app.screen.line(&format!("{:<12} {}", "software", detail.node.software))?;
    signatures.iter().try_for_each(|signature| app.screen.line(&format!("  {signature}")))?;
    Ok(0)
}

async fn kick(app: &App, mesh: &Mesh, name: &str) -> Outcome {
    if !mesh.kick(name).await? {
        return Err(unknown(app, mesh, name).await);
    }
    let object = object([("node", name.into()), ("kicked", true.into())]);
    app.screen.answer(&format!("disconnected {name}"), name, &object)?;
    Ok(0)
}

async fn unknown(app: &App, mesh: &Mesh, name: &str) -> End {
    let operand = app.line.operands().last().copied();
    let problem = Problem::new(Code::NoSuchNode, format!("no node `{name}` is connected"));
    blame::missing_node(app, mesh, problem, name, operand, &[]).await.into()
}
