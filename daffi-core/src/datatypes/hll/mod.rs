//! How many different elements there were: as Pottery's `HyperLogLog`.

mod handle;
mod sketch;
mod state;
#[cfg(test)]
mod tests;

pub use handle::HyperLogLog;
pub use sketch::HllSketch;
pub use state::{HllChange, HllState};
