//! Hashes: as Howler's `Hash` and `ExpiringHash`, and Pottery's `RedisDict`.

mod handle;
mod map;
mod state;
#[cfg(test)]
mod tests;

pub use handle::{Dict, Hash};
pub use state::{HashChange, HashState};
