//! Every bound and default, each with its reason.

pub use daffi_core::config::*;
