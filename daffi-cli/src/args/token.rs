//! `daffi token`.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use daffi_core::identity::Pattern;

use crate::duration;

pub(super) const HELP: &str = "\
A token lets one program, or one group of them, join over quic://, to do what
its patterns allow: names in which `*` stands for any text. What its holder
needs is written to a file that nobody else may read; give that file to the
program, and its path as --join-file or DAFFI_JOIN_FILE. Whoever has the file
has the token, so it is neither printed nor logged, and never an argument.

  daffi token new web --call 'shop.*' --expires 30d
  daffi --join-file web.join call shop.buy apple
";

/// `daffi token`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Token {
    /// List them
    Ls,
    /// Make one, and write what its holder needs to a file
    New(NewToken),
    /// What a file says: which token, which mesh, which address
    Inspect {
        /// The file [default: --join-file, else what the environment gives]
        file: Option<PathBuf>,
    },
    /// End one: its sessions end at once
    #[command(visible_alias = "rm")]
    Revoke {
        /// Its name or number
        name: String,
    },
}

/// `daffi token new`.
#[derive(Debug, Clone, Args)]
pub(crate) struct NewToken {
    /// Its name
    pub(crate) name: String,
    /// Callbacks that it may call; may be repeated
    #[arg(long, value_name = "PATTERN")]
    pub(crate) call: Vec<Pattern>,
    /// Callbacks that it may offer
    #[arg(long, value_name = "PATTERN")]
    pub(crate) serve: Vec<Pattern>,
    /// Hosted objects that it may read
    #[arg(long, value_name = "PATTERN")]
    pub(crate) read: Vec<Pattern>,
    /// Hosted objects that it may change
    #[arg(long, value_name = "PATTERN")]
    pub(crate) write: Vec<Pattern>,
    /// What of an operator's it may do, as `daffi.node.kick`; everything if no pattern is given
    #[arg(long, value_name = "PATTERN", num_args = 0..=1, require_equals = true, default_missing_value = "*")]
    pub(crate) admin: Vec<Pattern>,
    /// When it ends by itself: 12h, 30d
    #[arg(long, value_name = "TIME", value_parser = duration::parse_positive)]
    pub(crate) expires: Option<Duration>,
    /// Where its holder finds the controller [default: as the controller knows]
    #[arg(long, value_name = "HOST:PORT")]
    pub(crate) host: Option<String>,
    /// The file; `-` for stdout [default: ./NAME.join]
    #[arg(long, value_name = "FILE")]
    pub(crate) out: Option<PathBuf>,
}
