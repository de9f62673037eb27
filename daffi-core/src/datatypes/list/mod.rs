//! Lists: as Pottery's `RedisList`.

mod handle;
mod state;
#[cfg(test)]
mod tests;

pub use handle::List;
pub use state::ListState;
