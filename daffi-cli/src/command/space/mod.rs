//! `daffi space`: objects with a schema that all nodes share.

mod words;

use std::path::Path;

use daffi_core::api::Operation;
use daffi_core::datatypes::space::{
    Advisory, Alteration, DynSpace, Fields, Returning, SearchPlan, Value as SpaceValue, Write,
};
use daffi_core::error::{Code, DataError, SpaceError};
use futures::{StreamExt, TryStreamExt};
use rmpv::Value;
use serde_json::Value as Json;

use super::about::About;
use super::{objects, stdin};
use crate::args::{Space, SpaceAlteration, SpaceWanted};
use crate::mesh::{App, Mesh};
use crate::render::{Row, Shape, bare, cell};
use crate::report::{End, Outcome, Problem};
use crate::values;

/// Lists spaces, or looks at or changes one.
///
/// # Errors
/// If the controller cannot be reached or refuses, or something does not fit the description.
pub(crate) async fn run(app: &App, action: Option<Space>) -> Outcome {
    let about = |name| About { app, kind: "space", name };
    match action.unwrap_or(Space::Ls { pattern: None }) {
        Space::Ls { pattern } => objects::list(app, &["space"], pattern.as_deref()).await,
        Space::Add { file, if_missing } => add(app, file.as_deref(), if_missing).await,
        Space::Show { name } => show(&about(&name)).await,
        Space::Alter { name, change } => {
            let space = space(app, &name).await?;
            app.ask(space.alter(alteration(change)?)).await?;
            show(&about(&name)).await
        }
        Space::Get { name, key, attributes } => get(&about(&name), &key, &attributes).await,
        Space::Put { name, key, attributes, when, new } => {
            let space = space(app, &name).await?;
            let fields = words::fields(space.schema(), &attributes)?;
            let mut write = Write::put(fields);
            if new {
                write = write.if_absent();
            } else if !when.is_empty() {
                write =
                    Write { changes: write.changes, ..Write::new() }.when(words::all(space.schema(), &when)?);
            }
            put(&about(&name), &space, &key, write).await
        }
        Space::Update { name, key, ops, when, create } => {
            let space = space(app, &name).await?;
            let mut write = words::changes(space.schema(), &ops)?.when(words::all(space.schema(), &when)?);
            if create {
                write = write.or_create();
            }
            update(&about(&name), &space, &key, write).await
        }
        Space::Search { name, predicates, wanted } => search(&about(&name), &predicates, &wanted).await,
        Space::Count { name, predicates } => {
            let space = space(app, &name).await?;
            let count = space.count(words::all(space.schema(), &predicates)?).await?;
            let about = about(&name);
            about.number(count, &about.object([("count", count.into())]))
        }
        Space::Del { name, key, when } => del(&about(&name), &key, &when).await,
        Space::Rm { name, yes } => objects::destroy(about(&name), yes).await,
    }
}

/// The space of this name, which must be there.
async fn space(app: &App, name: &str) -> Result<DynSpace, End> {
    let opened = Mesh::join(app).await?.node.dyn_space(name);
    match app.ask(opened).await {
        Err(End::Problem(problem)) if problem.code == Some(Code::NoSuchObject) => {
            let namesakes = About { app, kind: "space", name }.namesakes().await;
            let absent = Problem::new(Code::NoSuchObject, format!("there is no space `{name}`"))
                .at(app.line.operands().first().copied(), "not there")
                .help("see what there is with `daffi space ls`; make one with `daffi space add`");
            Err(namesakes.into_iter().fold(absent, Problem::note).into())
        }
        opened => opened,
    }
}

async fn add(app: &App, file: Option<&Path>, if_missing: bool) -> Outcome {
    let description = match file {
        Some(file) => {
            let read = std::fs::read_to_string(file);
            read.map_err(|error| Problem::usage(format!("{}: {error}", file.display())))?
        }
        None => stdin::all().await?,
    };
    let node = Mesh::join(app).await?.node;
    let added = if if_missing { node.ensure_space(&description) } else { node.add_space(&description) };
    let space = app.ask(added).await?;
    for advisory in space.schema().advisories() {
        let asked = match advisory {
            Advisory::Tolerate(failures) => format!("tolerate {failures} failures"),
            Advisory::Partitions(partitions) => format!("create {partitions} partitions"),
            Advisory::Subspace(attributes) => format!("subspace {}", attributes.join(", ")),
            other => format!("{other:?}"),
        };
        app.screen.say(&format!("note: `{asked}` is kept, but one controller has all objects, once"));
    }
    let about = About { app, kind: "space", name: space.schema().name() };
    about.done(true, "", &about.object([("description", space.schema().to_string().into())])).await
}

fn alteration(change: SpaceAlteration) -> Result<Alteration, End> {
    Ok(match change {
        SpaceAlteration::Add { attribute } => words::attribute(&attribute)?,
        SpaceAlteration::Drop { attribute } => Alteration::Drop(attribute),
        SpaceAlteration::Rename { from, to } => Alteration::Rename { from, to },
        SpaceAlteration::Index { path } => Alteration::AddIndex(path),
        SpaceAlteration::Unindex { path } => Alteration::DropIndex(path),
    })
}

async fn show(about: &About<'_>) -> Outcome {
    let entry = app_space(about).await?.describe();
    let entry = about.app.ask(entry).await?;
    let description = entry.schema.to_string();
    let object = about.object([
        ("description", description.clone().into()),
        ("schema_version", entry.schema_version.into()),
        ("objects", entry.objects.into()),
        ("bytes", entry.bytes.into()),
        ("unmade_indices", entry.unmade_indices.clone().into()),
    ]);
    for index in entry.unmade_indices {
        about.app.screen.say(&format!("note: the index of `{index}` does not have all objects yet"));
    }
    about.app.screen.answer(&description, &description, &object)?;
    Ok(0)
}

async fn app_space(about: &About<'_>) -> Result<DynSpace, End> {
    space(about.app, about.name).await
}

async fn get(about: &About<'_>, key: &str, attributes: &[String]) -> Outcome {
    let space = app_space(about).await?;
    let key = words::key(space.schema(), key);
    let found = if attributes.is_empty() {
        space.get(key.clone())
    } else {
        space.get_partial(key.clone(), attributes)
    };
    let found = about.app.ask(found).await?;
    shown(about, &key, found.map(|found| found.fields)).await
}

/// An object, or that there is none.
async fn shown(about: &About<'_>, key: &SpaceValue, fields: Option<Fields>) -> Outcome {
    let fields = fields.map(|fields| values::from_json(json(&fields.into())));
    let key = values::from_json(json(key));
    about.found(Some(&key), fields.as_ref(), &nothing_by(about, &key)).await
}

fn nothing_by(about: &About<'_>, key: &Value) -> String {
    format!("nothing by the key {} in `{}`", values::to_json(key), about.name)
}

/// As JSON has it; bytes that are no text as a list of numbers.
fn json(value: &SpaceValue) -> Json {
    serde_json::to_value(value).unwrap_or(Json::Null)
}

/// What came of a write, unless the object stood against it, which is a no and no failure.
async fn written<T: 'static>(app: &App, operation: Operation<T>) -> Result<Result<T, String>, End> {
    let operation = match app.global.timeout {
        Some(timeout) => operation.timeout(timeout),
        None => operation,
    };
    match operation.await {
        Ok(done) => Ok(Ok(done)),
        Err(DataError::Space(error)) if error.is_unmet() || matches!(error, SpaceError::NotFound { .. }) => {
            Ok(Err(error.to_string()))
        }
        Err(error) => Err(error.into()),
    }
}

async fn put(about: &About<'_>, space: &DynSpace, key: &str, write: Write) -> Outcome {
    let key = words::key(space.schema(), key);
    let put = written(about.app, space.write(key.clone(), write)).await?;
    let is_done = put.is_ok();
    let is_new = put.as_ref().is_ok_and(|written| written.is_new);
    let object = about.object([("key", json(&key)), ("put", is_done.into()), ("new", is_new.into())]);
    about.done(is_done, &put.err().unwrap_or_default(), &object).await
}

async fn update(about: &About<'_>, space: &DynSpace, key: &str, write: Write) -> Outcome {
    let key = words::key(space.schema(), key);
    match written(about.app, space.write(key.clone(), write.returning(Returning::after()))).await? {
        Ok(written) => shown(about, &key, written.after).await,
        Err(why) => {
            let object =
                about.object([("key", json(&key)), ("found", false.into()), ("why", why.clone().into())]);
            about.done(false, &why, &object).await
        }
    }
}

async fn del(about: &About<'_>, key: &str, when: &[String]) -> Outcome {
    let space = app_space(about).await?;
    let predicate = words::all(space.schema(), when)?;
    let key = words::key(space.schema(), key);
    let removed = about.app.ask(space.cond_del(key.clone(), predicate)).await?;
    let otherwise = if when.is_empty() {
        nothing_by(about, &values::from_json(json(&key)))
    } else {
        format!("nothing by the key {} in `{}` that is so", json(&key), about.name)
    };
    about.done(removed, &otherwise, &about.object([("key", json(&key)), ("removed", removed.into())])).await
}

async fn search(about: &About<'_>, predicates: &[String], wanted: &SpaceWanted) -> Outcome {
    let space = app_space(about).await?;
    let predicate = words::all(space.schema(), predicates)?;
    let limit = wanted.limit.unwrap_or(u64::MAX);
    if wanted.explain {
        return explain(about, &about.app.ask(space.search_describe(predicate)).await?);
    }
    let results = match &wanted.sort {
        Some(by) if limit > 0 => space.sorted_search(predicate, by, limit, wanted.desc),
        _ => space.search(predicate),
    };
    let results = about.app.ask(results).await?.take(usize::try_from(limit).unwrap_or(usize::MAX));
    let schema = space.schema().clone();
    let names: Vec<String> =
        schema.attributes().iter().map(|attribute| attribute.name().to_owned()).collect();
    let headers: Vec<String> = [schema.key().name()]
        .into_iter()
        .chain(names.iter().map(String::as_str))
        .map(str::to_uppercase)
        .collect();
    let headers: Vec<&str> = headers.iter().map(String::as_str).collect();
    let is_bare = about.app.screen.listing() == Shape::Raw;
    let rows = results.map_err(End::from).map_ok(move |found| {
        let values = [&found.key].into_iter().chain(names.iter().map(|name| &found.fields[name.as_str()]));
        let shown = |value: &SpaceValue| {
            let value = values::from_json(json(value));
            if is_bare { bare(&value) } else { cell(&value) }
        };
        Row {
            cells: values.map(shown).collect(),
            object: about.object([("key", json(&found.key)), ("object", json(&found.fields.clone().into()))]),
        }
    });
    about.listing(&headers, rows).await
}

/// What a search would do.
fn explain(about: &About<'_>, plan: &SearchPlan) -> Outcome {
    let object = about.object([
        ("plan", plan.words.clone().into()),
        ("looked_at", plan.looked_at.into()),
        ("objects", plan.objects.into()),
        ("exact", plan.is_exact.into()),
    ]);
    about.app.screen.answer(&plan.words, &plan.words, &object)?;
    Ok(0)
}
