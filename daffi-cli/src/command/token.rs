//! `daffi token`: who may join, and to do what.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use daffi_core::error::Code;
use daffi_core::identity::{IdentityError, JoinString, Role, Source, TokenState};
use daffi_core::name::NodeName;
use daffi_core::transport::Address;
use daffi_core::wire::{TokenEntry, TokenMade, TokenSpec};
use serde_json::json;

use crate::args::{NewToken, Token};
use crate::duration;
use crate::mesh::{App, Mesh};
use crate::render::{Row, object};
use crate::report::{End, NO, Outcome, Problem};

/// Lists tokens, makes, shows or ends one.
///
/// # Errors
/// If the controller cannot be reached or does not allow it, or a file cannot be used.
pub(crate) async fn run(app: &App, action: Option<Token>) -> Outcome {
    match action.unwrap_or(Token::Ls) {
        Token::Ls => {
            let tokens = Mesh::join(app).await?.tokens().await?;
            let headers = ["NAME", "TOKEN", "STATE", "EXPIRES", "MAY"];
            app.screen.rows(&headers, tokens.iter().map(row).collect())?;
            Ok(0)
        }
        Token::New(options) => new(app, options).await,
        Token::Inspect { file } => inspect(app, file),
        Token::Revoke { name } => revoke(app, &name).await,
    }
}

fn row(token: &TokenEntry) -> Row {
    let state = match token.state {
        TokenState::Live => "live",
        TokenState::Expired => "expired",
        TokenState::Revoked => "revoked",
        _ => "unknown",
    };
    let role = token.role.to_string();
    let expires = if token.state == TokenState::Revoked { "-".to_owned() } else { expires(token) };
    Row {
        cells: vec![token.name.clone(), token.id.clone(), state.to_owned(), expires, role],
        object: object([
            ("token", token.name.as_str().into()),
            ("id", token.id.as_str().into()),
            ("state", state.into()),
            ("created_ms", token.created_ms.into()),
            ("expires_ms", json!(token.expires_ms)),
            ("role", json!(token.role)),
        ]),
    }
}

fn expires(token: &TokenEntry) -> String {
    let Some(at) = token.expires_ms else { return "never".to_owned() };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    match Duration::from_millis(at).checked_sub(now) {
        // Nobody reads a month to the millisecond.
        Some(left) => format!("in {}", duration::show(Duration::from_secs(left.as_secs()))),
        None => "passed".to_owned(),
    }
}

async fn new(app: &App, options: NewToken) -> Outcome {
    let NewToken { name, call, serve, read, write, admin, expires, host, out } = options;
    let role = Role { call, serve, read, write, admin }.checked().map_err(Problem::usage)?;
    let expires_in_ms = expires.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    check_name(&name, out.is_some())?;
    if let Some(host) = &host {
        check_host(host)?;
    }
    let spec = TokenSpec { name, role, expires_in_ms, host };
    let path = out.unwrap_or_else(|| PathBuf::from(format!("{}.join", spec.name)));
    let mesh = Mesh::join(app).await?;
    if path == Path::new("-") {
        let made = mesh.new_token(&spec).await?;
        app.screen.line(&made.join)?;
        return Ok(0);
    }
    let made = to_file(&mesh, &spec, &path).await?;
    let shown = path.display().to_string();
    let text = format!("wrote {shown}: whoever has it may {}", deeds(&made.entry.role));
    let mut object = row(&made.entry).object;
    object["join_file"] = shown.as_str().into();
    app.screen.answer(&text, &shown, &object)?;
    Ok(0)
}

/// What cannot name a token, or a file if it shall, is refused before there is either.
fn check_name(name: &str, has_file: bool) -> Result<(), End> {
    NodeName::new(name).map_err(|why| Problem::usage(format!("`{name}` cannot name a token: {why}")))?;
    if !has_file && name.contains('/') {
        let problem = Problem::usage(format!("`{name}.join` would be a file elsewhere"));
        return Err(problem.help("say which file is meant with --out FILE").into());
    }
    Ok(())
}

/// A token whose holder does not find the controller would be of no use.
fn check_host(host: &str) -> Result<(), End> {
    let refuse = |why: String| Problem::usage(format!("`{host}` is not where a controller is found: {why}"));
    match format!("quic://{host}").parse() {
        Ok(Address::Quic(address)) if address.port == 0 => Err(refuse("its port is not 0".into()).into()),
        Ok(_) => Ok(()),
        Err(why) => Err(refuse(why).into()),
    }
}

/// As in "whoever has it may …".
fn deeds(role: &Role) -> String {
    if *role == Role::everything() { "do everything".to_owned() } else { role.to_string() }
}

/// The file first: a token that nobody holds would be of no use.
async fn to_file(mesh: &Mesh, spec: &TokenSpec, path: &Path) -> Result<TokenMade, End> {
    let draft = Draft::create(path).map_err(|error| not_written(path, &error))?;
    let made = mesh.new_token(spec).await?;
    if let Err(error) = draft.finish(&made.join) {
        // If that fails too, it is a token without a holder: harmless, and in the list.
        mesh.revoke_token(&made.entry.id).await.ok();
        return Err(not_written(path, &error));
    }
    Ok(made)
}

/// A new file that nobody else may read, and that goes again unless it is finished: also if we are interrupted.
#[derive(Debug)]
struct Draft<'a> {
    path: &'a Path,
    file: File,
    is_finished: bool,
}

impl<'a> Draft<'a> {
    fn create(path: &'a Path) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        Ok(Self { path, file, is_finished: false })
    }

    fn finish(mut self, line: &str) -> io::Result<()> {
        writeln!(self.file, "{line}").and_then(|()| self.file.sync_all())?;
        self.is_finished = true;
        Ok(())
    }
}

impl Drop for Draft<'_> {
    fn drop(&mut self) {
        if !self.is_finished {
            // Whoever removed it before us did the same.
            fs::remove_file(self.path).ok();
        }
    }
}

fn not_written(path: &Path, error: &io::Error) -> End {
    let problem = Problem::plain(NO, format!("cannot write {}: {error}", path.display()));
    problem.help("choose another file with --out FILE").into()
}

fn inspect(app: &App, file: Option<PathBuf>) -> Outcome {
    let source = match file.or_else(|| app.global.join_file.clone()) {
        Some(file) => Some(Source::JoinFile(file)),
        None => Source::of_environment().map_err(|error| bad(&error))?,
    };
    let Some(Source::Join(join)) = source.map(Source::resolved).transpose().map_err(|error| bad(&error))?
    else {
        return Err(Problem::usage(
            "no join string: neither a file, --join-file, DAFFI_JOIN_FILE nor DAFFI_JOIN",
        )
        .help("say which: daffi token inspect web.join")
        .into());
    };
    show(app, &join)
}

/// Everything but the secret.
fn show(app: &App, join: &JoinString) -> Outcome {
    let (id, mesh, url) = (join.id(), join.mesh().fingerprint(), join.url());
    let text = format!("token       {id}\nmesh        {mesh}\naddress     {url}");
    let object = object([("token", id.into()), ("mesh", mesh.into()), ("address", url.into())]);
    app.screen.answer(&text, id, &object)?;
    Ok(0)
}

async fn revoke(app: &App, name: &str) -> Outcome {
    let token = match Mesh::join(app).await?.revoke_token(name).await {
        Ok(token) => token,
        Err(error) if error.code() == Code::NoSuchCallback => {
            return Err(Problem::plain(NO, format!("there is no live token `{name}`"))
                .at(app.line.operands().last().copied(), "unknown, expired or revoked already")
                .help("see them: daffi token ls")
                .into());
        }
        Err(error) => return Err(error.into()),
    };
    app.screen.answer(&format!("revoked {} ({})", token.name, token.id), &token.id, &row(&token).object)?;
    Ok(0)
}

fn bad(error: &IdentityError) -> End {
    Problem::new(Code::Configuration, error.to_string()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_left_behind_whole_or_not_at_all() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("web.join");

        drop(Draft::create(&path).unwrap());
        assert!(!path.exists());
        Draft::create(&path).unwrap().finish("text").unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "text\n");
        assert!(Draft::create(&path).is_err(), "what is there is not ours");
        assert!(path.exists());
    }
}
