//! Callbacks made at run time, for those that no attribute can declare: plugins, shell commands, other languages.

pub use daffi_core::callback::{Fault, Options, Outcome, Run};
pub use daffi_core::wire::Effect;
