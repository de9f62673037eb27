//! Against decay: what the mesh costs beside its floor must not grow far beyond what it once was.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::{fs, io};

use crate::daffi;
use crate::table::Row;

/// How far an item may be from what was kept: as much as a busy machine makes of one that has not changed, and some.
const WORSE_MAX: f64 = 1.5;

/// Shares of the floor's CPU time, as they once were, by `item/over`.
#[derive(Debug)]
pub(crate) struct Guard(BTreeMap<String, f64>);

impl Guard {
    pub(crate) fn read(path: &Path) -> io::Result<Self> {
        let bytes =
            fs::read(path).map_err(|error| io::Error::other(format!("{}: {error}", path.display())))?;
        serde_json::from_slice(&bytes)
            .map(Self)
            .map_err(|error| io::Error::other(format!("{}: {error}", path.display())))
    }

    /// What is to be said of the items that are kept; an error if one costs too much, or was not measured.
    pub(crate) fn check(&self, rows: &[Row]) -> io::Result<String> {
        let mut text = String::new();
        let mut is_worse = false;
        for (name, kept) in &self.0 {
            let measured = rows.iter().find(|row| row.peer == daffi::NAME && row.name() == *name);
            let measured = measured.and_then(|row| row.cpu_ratio(rows));
            let ratio = measured.ok_or_else(|| io::Error::other(format!("{name} was not measured")))?;
            let least = kept / WORSE_MAX;
            let word = if ratio < least { "TOO LITTLE" } else { "good" };
            is_worse |= ratio < least;
            writeln!(
                text,
                "{name}: {ratio:.3} of the floor's CPU time, kept {kept:.3}, at least {least:.3}: {word}"
            )
            .expect("a string takes it all");
        }
        if is_worse { Err(io::Error::other(format!("the mesh has become slower\n{text}"))) } else { Ok(text) }
    }
}
