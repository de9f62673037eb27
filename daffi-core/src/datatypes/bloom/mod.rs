//! Which elements there were, with a few too many: as Pottery's `BloomFilter`.

mod bits;
mod handle;
mod json;
mod murmur;
mod parameters;
mod state;
#[cfg(test)]
mod tests;

pub use handle::{BloomFilter, OpenBloom};
pub use parameters::{BloomHash, BloomParameters};
pub use state::{BloomChange, BloomState};
