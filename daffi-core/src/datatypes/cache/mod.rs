//! Caches: values that are computed once for all nodes.

mod flight;
mod function;
mod handle;
mod near;
mod nuances;
mod state;
#[cfg(test)]
mod tests;

pub use self::function::{Cacheable, CachedFunction, KeyParts, Keyed};
pub use self::handle::Cache;
pub use self::near::NearCache;
pub use self::state::{Begun, CacheChange, CacheInfo, CacheState};
