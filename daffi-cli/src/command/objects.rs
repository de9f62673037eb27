//! Hosted objects of whatever kind: listed, and removed.

use std::time::Duration;

use daffi_core::wire::ObjectEntry;
use futures::TryStreamExt as _;
use serde_json::json;

use super::about::About;
use super::sure;
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, cell, object};
use crate::report::{NO, Outcome};

/// Lists the objects of these kinds, each of which is a glob, with names like `pattern`.
///
/// # Errors
/// If the controller cannot be reached.
pub(crate) async fn list(app: &App, kinds: &[&str], pattern: Option<&str>) -> Outcome {
    let mesh = Mesh::join(app).await?;
    let mut rows = Vec::new();
    for kind in kinds {
        let mut entries = std::pin::pin!(mesh.node.objects(*kind, pattern.unwrap_or_default()));
        while let Some(entry) = entries.try_next().await? {
            let is_told = kinds.len() > 1 && app.screen.listing() == Shape::Table;
            let kind = if is_told { format!("{}/", entry.kind) } else { String::new() };
            rows.push(row(app, &entry, format!("{kind}{}", entry.name)));
        }
    }
    app.screen.rows(&["NAME", "BYTES", "REVISION", "EXPIRES", "WAITING", "STATE"], rows)?;
    Ok(0)
}

/// An object in a list, called `name` there.
pub(crate) fn row(app: &App, entry: &ObjectEntry, name: String) -> Row {
    let shown = if app.screen.listing() == Shape::Raw { name } else { cell(&name.into()) };
    let expires =
        entry.expires_in_ms.map(|left| format!("in {}", duration::show(Duration::from_millis(left))));
    let state = if entry.quarantined.is_some() { "quarantined" } else { "" };
    Row {
        cells: vec![
            shown,
            entry.bytes.to_string(),
            entry.revision.to_string(),
            expires.unwrap_or_default(),
            entry.waiting.to_string(),
            state.to_owned(),
        ],
        object: object([
            ("kind", entry.kind.as_str().into()),
            ("name", entry.name.as_str().into()),
            ("bytes", entry.bytes.into()),
            ("revision", entry.revision.into()),
            ("expires_in_ms", json!(entry.expires_in_ms)),
            ("waiting", entry.waiting.into()),
            ("quarantined", json!(entry.quarantined)),
        ]),
    }
}

/// Removes an object with all that is in it, once that is confirmed.
///
/// # Errors
/// If nobody can be asked and the command line does not say so, or the controller cannot be reached.
pub(crate) async fn destroy(about: About<'_>, yes: bool) -> Outcome {
    let (About { app, kind, name }, what) = (about, about.called());
    let warning = format!("removing the {what} `{name}` removes all that is in it");
    let question = format!("Remove the {what} `{name}`, and all that is in it?");
    if !yes && !sure::is_sure(app, &warning, &question).await? {
        return Ok(NO);
    }
    let mesh = Mesh::join(app).await?;
    let removed = app.ask(mesh.node.object_of(kind, name).destroy()).await?;
    let object = about.object([("removed", removed.into())]);
    about.done(removed, &format!("there is no {what} `{name}`"), &object).await
}
