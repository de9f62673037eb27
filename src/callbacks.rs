//! Callbacks made at run time, for those that no attribute can declare: plugins, shell commands, other languages.
//!
//! ```
//! use std::sync::Arc;
//!
//! use daffi::callbacks::{Effect, Options, Run, value};
//! use daffi::{Callback, CallbackName, Signature};
//!
//! let signature = Signature {
//!     name: CallbackName::new("plugins.count")?,
//!     parameters: Vec::new(),
//!     result: "u32".into(),
//!     doc: "How many plugins there are.".into(),
//!     effect: Effect::Idempotent,
//!     variadic: false,
//! };
//! let run = Run::Async(Arc::new(|_context, _arguments| Box::pin(async { value(&3u32) })));
//! let callback = Callback::dynamic(signature, Options::default(), "the plugin host", run)?;
//!
//! assert_eq!(callback.signature().to_string(), "plugins.count() -> u32");
//! let connect = daffi::connect("").registry(vec![callback]);
//! # drop(connect);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub use daffi_core::callback::invoke::{failure, value};
pub use daffi_core::callback::{Fault, OnCancel, Options, Outcome, Run};
pub use daffi_core::wire::Effect;
