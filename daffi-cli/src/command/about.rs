//! What commands say of one hosted object: a value, a number, yes or no; and what else has its name, if it is not there.

use std::time::Duration;

use daffi_core::wire::ObjectEntry;
use futures::{Stream, StreamExt, TryStreamExt};
use rmpv::Value;
use serde_json::Value as Json;
use tokio::time::timeout;

use crate::mesh::App;
use crate::render::{Row, Shape, bare, cell, object};
use crate::report::{End, NO, Outcome};
use crate::values;

/// An object that a command is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Where it is said.
    pub(crate) app: &'a App,
    /// What the controller calls its kind.
    pub(crate) kind: &'a str,
    /// Its name.
    pub(crate) name: &'a str,
}

impl About<'_> {
    /// What people call its kind.
    pub(crate) fn called(&self) -> &str {
        called(self.kind)
    }

    /// For programs: which object it is, and these fields.
    pub(crate) fn object<const N: usize>(&self, fields: [(&str, Json); N]) -> Json {
        // To programs it is called as the command that they asked by.
        let kind = match self.kind {
            "unique_pq" => "pq",
            "next_id" => "id",
            kind => kind,
        };
        let mut object = object([(kind, self.name.into())]);
        for (field, value) in fields {
            object[field] = value;
        }
        object
    }

    /// Yes or no, in a word and as the exit code; `object` says the same to programs.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) async fn truth(&self, truth: bool, object: &Json) -> Outcome {
        let word = if truth { "yes" } else { "no" };
        self.app.screen.answer(word, word, object)?;
        if truth {
            return Ok(0);
        }
        self.tell_namesakes().await;
        Ok(NO)
    }

    /// Whether something was done, which says nothing else; `object` says it to programs.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) async fn done(&self, done: bool, otherwise: &str, object: &Json) -> Outcome {
        if self.app.screen.is_json() {
            self.app.screen.document(object)?;
        }
        if done { Ok(0) } else { self.nothing(otherwise).await }
    }

    /// That there is nothing, for people, and as the exit code.
    async fn nothing(&self, absent: &str) -> Outcome {
        self.app.screen.say(absent);
        self.tell_namesakes().await;
        Ok(NO)
    }

    /// A number.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) fn number(&self, number: impl Into<i128>, object: &Json) -> Outcome {
        let text = number.into().to_string();
        self.app.screen.answer(&text, &text, object)?;
        Ok(0)
    }

    /// How much there is of it. That there is nothing is no failure.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) async fn amount(&self, amount: impl Into<i128>, object: &Json) -> Outcome {
        let amount = amount.into();
        self.number(amount, object)?;
        if amount == 0 {
            self.tell_namesakes().await;
        }
        Ok(0)
    }

    /// A value as it is, by a key if it has one; without one exit code 1, and `absent` for people.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) async fn found(&self, key: Option<&Value>, value: Option<&Value>, absent: &str) -> Outcome {
        let screen = &self.app.screen;
        if screen.is_json() {
            let mut object = self.object([]);
            if let Some(key) = key {
                object["key"] = values::to_json(key);
            }
            object["found"] = value.is_some().into();
            if let Some(value) = value {
                object["value"] = values::to_json(value);
            }
            screen.document(&object)?;
        } else if let Some(value) = value {
            screen.value(value, "any")?;
        }
        match value {
            Some(_) => Ok(0),
            None if screen.is_json() => {
                self.tell_namesakes().await;
                Ok(NO)
            }
            None => self.nothing(absent).await,
        }
    }

    /// A row of values.
    pub(crate) fn row<const N: usize>(&self, fields: [(&str, &Value); N]) -> Row {
        let is_bare = self.app.screen.listing() == Shape::Raw;
        let shown = |value: &Value| if is_bare { bare(value) } else { cell(value) };
        Row {
            cells: fields.iter().map(|(_, value)| shown(value)).collect(),
            object: self.object(fields.map(|(field, value)| (field, values::to_json(value)))),
        }
    }

    /// A listing as it is read: at once where each line stands for itself, else when all is there.
    ///
    /// # Errors
    /// If something cannot be read, or nobody reads.
    pub(crate) async fn listing<E>(
        &self,
        headers: &[&str],
        rows: impl Stream<Item = Result<Row, E>>,
    ) -> Outcome
    where
        End: From<E>,
    {
        if self.print(headers, rows).await? == 0 {
            self.app.screen.rows(headers, Vec::new())?;
            self.tell_namesakes().await;
        }
        Ok(0)
    }

    /// A listing of what was taken out of it; exit code 1 if that is nothing, and `absent` for people.
    ///
    /// # Errors
    /// As [`listing`](Self::listing); what was taken before is printed.
    pub(crate) async fn taken<E>(&self, rows: impl Stream<Item = Result<Row, E>>, absent: &str) -> Outcome
    where
        End: From<E>,
    {
        let screen = &self.app.screen;
        if self.print(&["VALUE"], rows).await? > 0 {
            return Ok(0);
        }
        if screen.listing() != Shape::Table {
            screen.rows(&["VALUE"], Vec::new())?;
        }
        self.nothing(absent).await
    }

    /// Prints rows, unless there are none, and gives their number. Those that came before an error are printed too: they
    /// may be nowhere else any more.
    async fn print<E>(&self, headers: &[&str], rows: impl Stream<Item = Result<Row, E>>) -> Result<u64, End>
    where
        End: From<E>,
    {
        let screen = &self.app.screen;
        let is_by_line = matches!(screen.listing(), Shape::Jsonl | Shape::Raw);
        let mut rows = std::pin::pin!(rows);
        let (mut all, mut count, mut outcome) = (Vec::new(), 0, Ok(()));
        while let Some(row) = rows.next().await {
            match row {
                Ok(row) => all.push(row),
                Err(error) => {
                    outcome = Err(error.into());
                    break;
                }
            }
            count += 1;
            if is_by_line {
                screen.rows(headers, std::mem::take(&mut all))?;
            }
        }
        if !all.is_empty() {
            screen.rows(headers, all)?;
        }
        outcome.map(|()| count)
    }

    async fn tell_namesakes(&self) {
        if let Some(namesakes) = self.namesakes().await {
            self.app.screen.say(&format!("note: {namesakes}"));
        }
    }

    /// The objects of other kinds that have its name, if it is not there itself: one of them may have been meant.
    pub(crate) async fn namesakes(&self) -> Option<String> {
        if self.app.screen.is_quiet() {
            return None;
        }
        let entries = self.app.joined.get()?.objects("", self.name).try_collect();
        // It is a hint, and not worth more of anybody's time.
        let entries: Vec<ObjectEntry> = timeout(HINT_TIME, entries).await.ok()?.ok()?;
        // The name may have a `*`, and others be like it.
        let named = entries.iter().filter(|entry| entry.name == self.name);
        let kinds: Vec<&str> = named.map(|entry| entry.kind.as_str()).collect();
        if kinds.contains(&self.kind) {
            return None;
        }
        let kinds =
            kinds.into_iter().map(with_article).reduce(|before, kind| format!("{before} and {kind}"))?;
        Some(format!("there is {kinds} `{}`", self.name))
    }
}

/// How long a hint may take. It is there at once, unless the controller has gone in the meantime.
const HINT_TIME: Duration = Duration::from_secs(5);

/// What people call a kind of object.
fn called(kind: &str) -> &str {
    match kind {
        "counters" => "group of counters",
        "topic" => "topic of the global counter",
        "unique_pq" => "pq with --unique",
        "next_id" => "sequence of ids",
        other => other,
    }
}

fn with_article(kind: &str) -> String {
    let kind = called(kind);
    let article = if kind.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
    format!("{article} {kind}")
}
