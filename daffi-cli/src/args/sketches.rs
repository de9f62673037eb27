//! `daffi hll`, `daffi bloom`.

use clap::Subcommand;

use super::data::names;

pub(super) const HLL_HELP: &str = "\
Counts different values without keeping them: exactly up to 1,536, and from then
on in 12 KiB with a standard error of 0.81 %. A value is JSON if it parses, else
text: 5 is a number, tea and \"5\" are texts. Where values may be left out they
are lines of stdin, each read in the same way.

  cut -d' ' -f1 access.log | daffi hll add visitors-monday
  daffi hll count visitors-monday
  daffi hll count visitors-monday visitors-tuesday      # on either day
  daffi hll merge visitors-week visitors-monday visitors-tuesday
";

pub(super) const BLOOM_HELP: &str = "\
Remembers values without keeping them. What was added is always found; what was
not seems to be there now and then, at the rate that the filter was made for. A
value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts.
Where values may be left out they are lines of stdin, each read in the same way.

  daffi bloom new seen --expect 1000000 --false-positives 0.01
  daffi bloom add seen rajiv
  daffi bloom has seen rajiv && echo 'seen, most likely'

Its parameters are kept with it, and who asks for others is refused. Its bits
are those of Pottery's filters, unless it is too large for them.
";

/// `daffi hll`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Hll {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Count values, and print about how many different ones there have been
    Add {
        /// The HyperLogLog
        #[arg(add = names("hll"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// About how many different values there have been, in one or in several together
    #[command(visible_alias = "len")]
    Count {
        /// The HyperLogLogs
        #[arg(add = names("hll"), required = true)]
        names: Vec<String>,
    },
    /// Count what others have counted, and print about how many different values that makes
    Merge {
        /// The HyperLogLog
        #[arg(add = names("hll"))]
        into: String,
        /// The others, which stay as they are
        #[arg(add = names("hll"), required = true)]
        from: Vec<String>,
    },
    /// Remove it
    #[command(visible_alias = "del")]
    Rm {
        /// The HyperLogLog
        #[arg(add = names("hll"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi bloom`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Bloom {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Make a filter; if it is there already, see that it was made for the same
    New {
        /// The filter
        name: String,
        /// For how many values
        #[arg(long, value_name = "N")]
        expect: u64,
        /// Which share of what was not added may seem to have been, once there are as many
        #[arg(long, value_name = "SHARE", default_value_t = daffi_core::config::BLOOM_FALSE_POSITIVES)]
        false_positives: f64,
        /// With bits of a wide hash, instead of Pottery's
        #[arg(long)]
        wide: bool,
    },
    /// Add values, and print how many had not seemed to be there
    Add {
        /// The filter
        #[arg(add = names("bloom"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// Whether a value seems to be there; if not, it was never added
    Has {
        /// The filter
        #[arg(add = names("bloom"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// About how many different values are there
    #[command(visible_alias = "len")]
    Count {
        /// The filter
        #[arg(add = names("bloom"))]
        name: String,
    },
    /// Remove it, with its parameters
    #[command(visible_alias = "del")]
    Rm {
        /// The filter
        #[arg(add = names("bloom"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
