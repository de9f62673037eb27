//! What commands say of one hosted object: a value, a number, yes or no.

use futures::{Stream, StreamExt};
use rmpv::Value;
use serde_json::Value as Json;

use crate::mesh::App;
use crate::render::{Row, Shape, bare, cell, object};
use crate::report::{End, NO, Outcome};
use crate::values;

/// An object that a command is about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct About<'a> {
    /// Where it is said.
    pub(crate) app: &'a App,
    /// What people call its kind.
    pub(crate) kind: &'static str,
    /// Its name.
    pub(crate) name: &'a str,
}

impl About<'_> {
    /// For programs: which object it is, and these fields.
    pub(crate) fn object<const N: usize>(&self, fields: [(&str, Json); N]) -> Json {
        let mut object = object([(self.kind, self.name.into())]);
        for (field, value) in fields {
            object[field] = value;
        }
        object
    }

    /// Yes or no, in a word and as the exit code; `object` says the same to programs.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) fn truth(&self, truth: bool, object: &Json) -> Outcome {
        let word = if truth { "yes" } else { "no" };
        self.app.screen.answer(word, word, object)?;
        Ok(if truth { 0 } else { NO })
    }

    /// Whether something was done, which says nothing else; `object` says it to programs.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) fn done(&self, done: bool, otherwise: &str, object: &Json) -> Outcome {
        if self.app.screen.is_json() {
            self.app.screen.document(object)?;
        }
        if done {
            return Ok(0);
        }
        self.app.screen.say(otherwise);
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

    /// A value as it is, by a key if it has one; without one exit code 1, and `absent` for people.
    ///
    /// # Errors
    /// If nobody reads.
    pub(crate) fn found(&self, key: Option<&Value>, value: Option<&Value>, absent: &str) -> Outcome {
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
            return Ok(if value.is_some() { 0 } else { NO });
        }
        match value {
            Some(value) => {
                screen.value(value, "any")?;
                Ok(0)
            }
            None => {
                screen.say(absent);
                Ok(NO)
            }
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
        let screen = &self.app.screen;
        let mut rows = std::pin::pin!(rows);
        let mut all = Vec::new();
        while let Some(row) = rows.next().await {
            all.push(row?);
            if matches!(screen.listing(), Shape::Jsonl | Shape::Raw) {
                screen.rows(headers, std::mem::take(&mut all))?;
            }
        }
        if !matches!(screen.listing(), Shape::Jsonl | Shape::Raw) {
            screen.rows(headers, all)?;
        }
        Ok(0)
    }
}
