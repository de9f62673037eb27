//! Multisets: as Pottery's `RedisCounter`.

mod counts;
mod handle;
mod operand;
mod state;
#[cfg(test)]
mod tests;

pub use counts::Tally;
pub use handle::Multiset;
pub use operand::Tallies;
pub use state::{MultisetChange, MultisetState};
