//! Deques: as Pottery's `RedisDeque`.

mod handle;
mod state;
#[cfg(test)]
mod tests;

pub use handle::Deque;
pub use state::DequeState;
