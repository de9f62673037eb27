//! Sets: as Howler's `Set` and `ExpiringSet`, and Pottery's `RedisSet`.

mod draw;
mod handle;
mod state;
#[cfg(test)]
mod tests;

pub use handle::Set;
pub use state::{SetChange, SetState};
