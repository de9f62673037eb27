//! Children that are this program again in another role, as the controller; they end when they are dropped.

use std::error::Error;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::{env, fs};

use daffi::{Controller, Secret};

pub(crate) type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

/// Plays a role, and does nothing else.
pub(crate) fn alone(role: impl Future<Output = Outcome<()>>) -> Outcome<()> {
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(role)
}

pub(crate) async fn controller(url: &str) -> Outcome<()> {
    let _controller = Controller::bind(url).secret(secret()?).dedicated_runtime().await?;
    ready()?;
    std::future::pending().await
}

/// Tells the parent that this child does its work.
pub(crate) fn ready() -> Outcome<()> {
    say("ready")
}

pub(crate) fn say(line: &str) -> Outcome<()> {
    let mut stdout = io::stdout().lock();
    writeln!(stdout, "{line}")?;
    Ok(stdout.flush()?)
}

/// A child that ends when it is dropped.
pub(crate) struct Role(pub(crate) Child);

impl Role {
    /// One that plays a role, once it does.
    pub(crate) fn start(name: &str, url: &str) -> Outcome<Self> {
        let mut command = Command::new(env::current_exe()?);
        let child = command.args(["--role", name, url]).stdout(Stdio::piped()).spawn()?;
        let mut role = Self(child);
        let mut line = String::new();
        BufReader::new(role.0.stdout.take().expect("it is piped")).read_line(&mut line)?;
        if line != "ready\n" {
            return Err(format!("the {name} has failed").into());
        }
        Ok(role)
    }

    /// A line of the kernel's account of the process, in KiB.
    pub(crate) fn memory(&self, line: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.0.id()))?;
        let found = status.lines().find_map(|text| text.strip_prefix(line)?.strip_prefix(':'));
        let figure = found.and_then(|text| text.split_whitespace().next()).ok_or("no such line")?;
        Ok(figure.parse()?)
    }
}

impl Drop for Role {
    fn drop(&mut self) {
        // Both fail only if the child has ended by itself, which is as good.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Lets the processes of one run trust each other.
pub(crate) fn secret() -> Outcome<Secret> {
    Ok(Secret::new("no more than a benchmark")?)
}
