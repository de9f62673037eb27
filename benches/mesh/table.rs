//! Medians over the rounds, side by side.

use std::fmt::Write as _;

use crate::item::{Item, Over};
use crate::meter::{CpuTimes, Measurement};
use crate::task::Peer;
use crate::{daffi, redis};

/// All measurements of one item by one peer.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) item: Item,
    pub(crate) over: Over,
    pub(crate) peer: &'static str,
    pub(crate) rounds: Vec<Measurement>,
}

/// A line for each peer of each item; the first, the floor, is what the others are compared with.
pub(crate) fn render(rows: &[Row]) -> String {
    let mut text = format!(
        "{:<5} {:<5} {:<7} {:>11} {:>6} {:>6} {:>6} {:>6} {:>6}   {:<32} {:>9} {:>9}\n",
        "item",
        "over",
        "peer",
        "op/s",
        "ratio",
        "CPU",
        "goal",
        "half",
        "redis",
        "CPU µs/op: caller + hub + callee",
        "p50 µs",
        "p99 µs"
    );
    for row in rows {
        write_row(&mut text, row, rows);
    }
    text.push_str(
        "ratio: op/s over the floor's. CPU: the floor's CPU time per operation over that of the row. \
         redis: op/s over those of Redis.\n",
    );
    text
}

fn write_row(text: &mut String, row: &Row, rows: &[Row]) {
    let reference = row.reference(rows);
    let rate = row.median(|round| round.rate);
    let (p50, p99) = (row.median(|round| round.p50_us), row.median(|round| round.p99_us));
    let of_reference = if row.peer == reference.peer {
        format!("{:34}", "")
    } else {
        let ratio = rate / reference.median(|round| round.rate);
        let cpu_ratio = row.cpu_ratio_to(reference);
        let goals = if row.peer == daffi::NAME {
            let goal = row.item.goal(row.over);
            format!("{goal:>6.2} {:>6.2}", goal / 2.0)
        } else {
            String::new()
        };
        let of_redis =
            row.redis(rows).map(|theirs| format!("{:.2}", rate / theirs.median(|round| round.rate)));
        format!("{ratio:>6.2} {cpu_ratio:>6.2} {goals:13} {:>6}", of_redis.unwrap_or_default())
    };
    let cpu = row.cpu();
    let cpu = format!("{:.3} = {:.3} + {:.3} + {:.3}", cpu.total(), cpu.caller, cpu.hub, cpu.callee);
    writeln!(
        text,
        "{:<5} {:<5} {:<7} {rate:>11.0} {of_reference}   {cpu:<32} {p50:>9.1} {p99:>9.1}",
        row.item.name(),
        row.over.name(),
        row.peer
    )
    .expect("a string takes it all");
}

impl Row {
    pub(crate) fn new(item: Item, peer: &Peer) -> Self {
        Self { item, over: peer.over, peer: peer.name, rounds: Vec::new() }
    }

    /// What is measured: `W2/unix`.
    pub(crate) fn name(&self) -> String {
        format!("{}/{}", self.item.name(), self.over.name())
    }

    /// The floor's CPU time of an operation over this one's; `None` for the floor itself.
    pub(crate) fn cpu_ratio(&self, rows: &[Self]) -> Option<f64> {
        let reference = self.reference(rows);
        (reference.peer != self.peer).then(|| self.cpu_ratio_to(reference))
    }

    fn cpu_ratio_to(&self, reference: &Self) -> f64 {
        reference.cpu().total() / self.cpu().total()
    }

    /// The first row of its item and transport, among which it is.
    pub(crate) fn reference<'a>(&'a self, rows: &'a [Self]) -> &'a Self {
        rows.iter().find(|other| (other.item, other.over) == (self.item, self.over)).unwrap_or(self)
    }

    /// The same work by Redis, if this is the mesh's.
    pub(crate) fn redis<'a>(&self, rows: &'a [Self]) -> Option<&'a Self> {
        let same =
            |other: &&Self| other.peer == redis::NAME && (other.item, other.over) == (self.item, self.over);
        if self.peer == daffi::NAME { rows.iter().find(same) } else { None }
    }

    pub(crate) fn cpu(&self) -> CpuTimes {
        CpuTimes {
            caller: self.median(|round| round.cpu_us.caller),
            hub: self.median(|round| round.cpu_us.hub),
            callee: self.median(|round| round.cpu_us.callee),
        }
    }

    pub(crate) fn median(&self, figure: impl Fn(&Measurement) -> f64) -> f64 {
        let mut figures: Vec<f64> = self.rounds.iter().map(figure).collect();
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        if figures.len() % 2 == 1 { figures[middle] } else { (figures[middle - 1] + figures[middle]) / 2.0 }
    }
}
