//! Everything that runs in a daffi mesh.
//!
//! Use the `daffi` crate: it shows of this one what is meant for users.
//!
#![doc = include_str!("../ARCHITECTURE.md")]

pub mod api;
pub mod callback;
pub mod config;
pub mod controller;
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
