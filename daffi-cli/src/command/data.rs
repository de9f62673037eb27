//! `daffi data`: all that the controller keeps.

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use daffi_core::wire::{ExportedObject, ObjectEntry};
use futures::TryStreamExt as _;
use serde_json::json;

use super::about::About;
use super::{objects, stdin, sure};
use crate::archive;
use crate::args::{Data, Lifetime};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::object;
use crate::report::{End, NO, Outcome, PARTIAL, Problem};

/// Lists, writes or reads what the controller keeps, or says when something expires.
///
/// # Errors
/// If the controller cannot be reached, or a file cannot be read or written.
pub(crate) async fn run(app: &App, action: Option<Data>) -> Outcome {
    match action.unwrap_or(Data::Ls { pattern: None }) {
        Data::Ls { pattern } => list(app, pattern.as_deref()).await,
        Data::Export { file, only } => export(app, file.as_deref(), only.as_deref()).await,
        Data::Import { file, yes } => import(app, &file, yes).await,
        Data::Ttl { name, ttl } => lifetime(app, &name, ttl).await,
    }
}

/// A pattern of kinds and names as one of each.
fn parts(pattern: Option<&str>) -> (&str, &str) {
    let pattern = pattern.unwrap_or_default();
    pattern.split_once('/').unwrap_or((pattern, ""))
}

async fn list(app: &App, pattern: Option<&str>) -> Outcome {
    let (kind, name) = parts(pattern);
    let mesh = Mesh::join(app).await?;
    let entries: Vec<ObjectEntry> = mesh.node.objects(kind, name).try_collect().await?;
    let rows = entries.iter().map(|entry| objects::row(app, entry, format!("{}/{}", entry.kind, entry.name)));
    app.screen.rows(&["OBJECT", "BYTES", "REVISION", "EXPIRES", "WAITING", "STATE"], rows.collect())?;
    Ok(0)
}

async fn export(app: &App, file: Option<&Path>, only: Option<&str>) -> Outcome {
    let file = file.filter(|file| *file != Path::new("-"));
    let mut draft = file.map(Draft::create).transpose()?;
    let (kind, name) = parts(only);
    let mesh = Mesh::join(app).await?;
    let mut entries = std::pin::pin!(mesh.node.objects(kind, name));
    let (mut count, mut failures) = (0_u64, Vec::new());
    while let Some(ObjectEntry { kind, name, .. }) = entries.try_next().await? {
        let exported = match mesh.node.export(&kind, &name).await {
            Ok(Some(exported)) => exported,
            // It went while the others were read.
            Ok(None) => continue,
            Err(error) if error.ran() == daffi_core::error::Ran::Maybe => return Err(error.into()),
            Err(error) => {
                failures.push(format!("{kind}/{name}: {error}"));
                continue;
            }
        };
        count += 1;
        match &mut draft {
            Some(draft) => draft.line(&archive::line(&exported))?,
            None => app.screen.line(&archive::line(&exported))?,
        }
    }
    if let Some(draft) = draft {
        let shown = draft.finish()?;
        app.screen.say(&format!("wrote {count} object{} to {shown}", plural(count)));
    }
    if failures.is_empty() {
        return Ok(0);
    }
    let number = failures.len() as u64;
    let problem = Problem::plain(PARTIAL, format!("{number} object{} could not be exported", plural(number)));
    Err(failures.into_iter().fold(problem, Problem::note).into())
}

fn plural(count: u64) -> &'static str {
    if count == 1 { "" } else { "s" }
}

/// A file that takes its place when it is finished: what is there before stays until then, or if we are interrupted.
#[derive(Debug)]
struct Draft<'a> {
    path: &'a Path,
    draft: PathBuf,
    file: io::BufWriter<File>,
}

impl<'a> Draft<'a> {
    fn create(path: &'a Path) -> Result<Self, End> {
        let mut draft = path.as_os_str().to_owned();
        draft.push(format!(".{}.part", std::process::id()));
        let draft = PathBuf::from(draft);
        let file = File::create_new(&draft).map_err(|error| unusable("write", path, &error))?;
        Ok(Self { path, draft, file: io::BufWriter::new(file) })
    }

    fn line(&mut self, line: &str) -> Result<(), End> {
        writeln!(self.file, "{line}").map_err(|error| unusable("write", self.path, &error))
    }

    fn finish(mut self) -> Result<String, End> {
        let written = self.file.flush().and_then(|()| self.file.get_ref().sync_all());
        let moved = written.and_then(|()| fs::rename(&self.draft, self.path));
        moved.map_err(|error| unusable("write", self.path, &error))?;
        Ok(self.path.display().to_string())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        // A finished one is elsewhere.
        fs::remove_file(&self.draft).ok();
    }
}

fn unusable(what: &str, path: &Path, error: &io::Error) -> End {
    Problem::plain(NO, format!("cannot {what} {}: {error}", path.display())).into()
}

async fn import(app: &App, file: &Path, yes: bool) -> Outcome {
    // All of it first: of a file that is cut off nothing shall be imported.
    let objects = read(app, file)?;
    let mesh = Mesh::join(app).await?;
    if !yes && !is_harmless(app, &mesh, &objects).await? {
        return Ok(NO);
    }
    let (mut imported, mut replaced) = (0_u64, 0_u64);
    for exported in &objects {
        match app.ask(mesh.node.import(exported)).await {
            Ok(was_there) => replaced += u64::from(was_there),
            Err(End::Problem(problem)) => {
                let which = format!("it is {}/{} that failed", exported.kind, exported.name);
                let before = format!("{imported} object{} before it are imported", plural(imported));
                return Err(problem.note(which).note(before).into());
            }
            Err(end) => return Err(end),
        }
        imported += 1;
    }
    let said = format!("imported {imported} object{}, of which {replaced} replaced others", plural(imported));
    let object = object([("imported", imported.into()), ("replaced", replaced.into())]);
    app.screen.answer(&said, &imported.to_string(), &object)?;
    Ok(0)
}

fn read(app: &App, file: &Path) -> Result<Vec<ExportedObject>, End> {
    if file == Path::new("-") {
        return parse(app, io::stdin().lock(), "stdin");
    }
    let opened = File::open(file).map_err(|error| unusable("read", file, &error))?;
    parse(app, BufReader::new(opened), &file.display().to_string())
}

fn parse(app: &App, mut input: impl BufRead, from: &str) -> Result<Vec<ExportedObject>, End> {
    let mut objects = Vec::new();
    let mut bytes = Vec::new();
    for at in 1_u64.. {
        let object = match stdin::next_line(&mut input, &mut bytes, archive::LINE_BYTES_MAX) {
            Ok(None) => break,
            Ok(Some(line)) if line.trim().is_empty() => continue,
            Ok(Some(line)) => archive::parse(line),
            Err(why) => Err(why),
        };
        objects.push(object.map_err(|why| {
            Problem::usage(format!("line {at} of {from} is no exported object"))
                .at(app.line.operands().first().copied(), why)
                .note("nothing was imported")
        })?);
    }
    Ok(objects)
}

/// Whether nothing would be replaced, or whoever is there is sure.
async fn is_harmless(app: &App, mesh: &Mesh, objects: &[ExportedObject]) -> Result<bool, End> {
    let entries: Vec<ObjectEntry> = mesh.node.objects("", "").try_collect().await?;
    let there: HashSet<(&str, &str)> =
        entries.iter().map(|entry| (entry.kind.as_str(), entry.name.as_str())).collect();
    let replaced: Vec<String> = objects
        .iter()
        .filter(|object| there.contains(&(object.kind.as_str(), object.name.as_str())))
        .map(|object| format!("{}/{}", object.kind, object.name))
        .collect();
    let Some(first) = replaced.first() else { return Ok(true) };
    let which = match replaced.len() {
        1 => first.clone(),
        count => format!("{first} and {} more", count - 1),
    };
    let warning = format!("importing replaces {which}");
    sure::is_sure(app, &warning, &format!("Replace {which}?")).await
}

async fn lifetime(app: &App, name: &str, ttl: Option<Lifetime>) -> Outcome {
    let Some((kind, own)) = name.split_once('/') else {
        return Err(Problem::usage(format!("`{name}` is not an object's kind and name"))
            .at(app.line.operands().first().copied(), "such as hash/users")
            .help("see them: daffi data ls")
            .into());
    };
    let about = About { app, kind, name: own };
    let absent = format!("there is no object `{name}`");
    let said = |found: bool| object([("object", name.into()), ("found", found.into())]);
    let hosted = Mesh::join(app).await?.node.object_of(kind, own);
    if let Some(ttl) = ttl {
        let time = match ttl {
            Lifetime::Unlimited => None,
            Lifetime::Time(time) => Some(time),
        };
        let done = app.ask(hosted.expire_after(time)).await?;
        return about.done(done, &absent, &said(done)).await;
    }
    let Some(entry) = app.ask(hosted.entry()).await? else {
        return about.done(false, &absent, &said(false)).await;
    };
    let left = entry.expires_in_ms.map(Duration::from_millis);
    let text = left.map_or_else(|| "never".to_owned(), duration::show);
    let bare = left.map_or_else(|| "never".to_owned(), duration::as_option);
    let mut object = said(true);
    object["expires_in_ms"] = json!(entry.expires_in_ms);
    app.screen.answer(&text, &bare, &object)?;
    Ok(0)
}
