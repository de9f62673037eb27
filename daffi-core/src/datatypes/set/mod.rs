//! Sets: as Howler's `Set` and `ExpiringSet`, and Pottery's `RedisSet`.

mod algebra;
mod draw;
mod handle;
mod operand;
mod saved;
mod state;
#[cfg(test)]
mod tests;

pub use algebra::{Combination, Relation};
pub use handle::Set;
pub use operand::Operand;
pub use state::{SetChange, SetState};
