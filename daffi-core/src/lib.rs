//! Everything that runs in a daffi mesh.
//!
//! Use the `daffi` crate: it shows of this one what is meant for users.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

// The macros name what they use by the path that users know.
extern crate self as daffi;

pub mod api;
pub mod callback;
pub mod config;
pub mod controller;
pub mod datatypes;
pub mod error;
pub mod hosted;
pub mod identity;
pub mod name;
pub mod node;
pub mod session;
#[cfg(feature = "testing")]
pub mod testing;
pub mod transport;
pub mod wire;

/// What the code leans on that the macros generate for hosted types. No part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use inventory;

    /// As `hosted`, with what users hold of it.
    pub mod hosted {
        pub use crate::api::{Kept, Object, Operation};
        pub use crate::hosted::{Inventory, Line, Method, Methods, ObjectKind, Run, Stop, put_value};
    }
}
