//! `daffi list`, `daffi deque`, `daffi multiset`.

use clap::Subcommand;

use super::data::names;

pub(super) const LIST_HELP: &str = "\
A value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts
(in a shell: '\"5\"'). Values that are left out are lines of stdin.

A place counts from 0, or, below 0, from the end: -1 is the last. Several places
are START:STOP or START:STOP:STEP, as in Python; what begins with a minus then
stands behind `--`:

  daffi list push lyrics everything in its right place
  daffi list get lyrics 1:4
  daffi list get lyrics -- -2:

In a pipe a single value is printed as it is, and a listing as one JSON object
a line. Exit code 1 says no: nothing there, nothing done.
";

pub(super) const DEQUE_HELP: &str = "\
A value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts
(in a shell: '\"5\"'). Values that are left out are lines of stdin. A place
counts from 0, or, below 0, from the end.

A deque with a bound keeps the latest values. The bound is settled by the first
push that names one, and holds for all:

  daffi deque push latest 1 2 3 4 --maxlen 3
  daffi deque get latest                # 2, 3, 4

In a pipe a single value is printed as it is, and a listing as one JSON object
a line. Exit code 1 says no: nothing there, nothing done.
";

pub(super) const MULTISET_HELP: &str = "\
A value is JSON if it parses, else text: 5 is a number, tea and \"5\" are texts
(in a shell: '\"5\"'). Values that are left out are lines of stdin. What is not
there counts 0 times; counts have 64 bits, and may go below 0.

  daffi multiset add words tea milk tea
  daffi multiset top words 1            # tea, 2
  tr -s ' ' '\\n' < book | daffi multiset add words

In a pipe a single value is printed as it is, and a listing as one JSON object
a line. Exit code 1 says no: nothing there, nothing done.
";

/// `daffi list`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum List {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Put values at the end, and print how many there are then
    #[command(visible_alias = "append")]
    Push {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// Remove the value at a place, and print it
    Pop {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The place
        #[arg(default_value_t = -1, allow_negative_numbers = true)]
        index: i64,
    },
    /// Print the value at a place; list those at several, or all
    #[command(visible_alias = "show")]
    Get {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The place, or several: 1:4, ::2
        #[arg(allow_negative_numbers = true)]
        index: Option<String>,
    },
    /// Replace the value at a place
    Set {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The place
        #[arg(allow_negative_numbers = true)]
        index: i64,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Put a value before a place, and print how many there are then
    Insert {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The place
        #[arg(allow_negative_numbers = true)]
        index: i64,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// Sort the values
    Sort {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// The largest first
        #[arg(long)]
        descending: bool,
    },
    /// How many values there are
    Len {
        /// The list
        #[arg(add = names("list"))]
        name: String,
    },
    /// Remove the list with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// The list
        #[arg(add = names("list"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi deque`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Deque {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Put values at the end one after the other, and print how many there are then
    Push {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
        /// At the front instead: the last of them is the first then
        #[arg(long)]
        front: bool,
        /// How many values there may be: what is too many is gone from the other end
        #[arg(long, value_name = "N")]
        maxlen: Option<u64>,
    },
    /// Remove the last value, and print it
    Pop {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
        /// The first instead
        #[arg(long)]
        front: bool,
    },
    /// Print the value at a place; list all if none is given
    #[command(visible_alias = "show")]
    Get {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
        /// The place
        #[arg(allow_negative_numbers = true)]
        index: Option<i64>,
    },
    /// Move values from the end to the front
    Rotate {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
        /// How many; below 0, from the front to the end
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// How many values there are
    Len {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
    },
    /// Remove the deque with all that is in it, and its bound
    #[command(visible_alias = "del")]
    Rm {
        /// The deque
        #[arg(add = names("deque"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}

/// `daffi multiset`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Multiset {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Count each of the values once more, in one step
    Add {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
        /// The values; lines of stdin if left out
        #[arg(allow_negative_numbers = true)]
        values: Vec<String>,
    },
    /// Add to how often a value counts, and print the sum
    #[command(visible_alias = "inc")]
    Incr {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
        /// How much
        #[arg(default_value_t = 1, allow_negative_numbers = true)]
        by: i64,
    },
    /// How often a value counts
    Get {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: String,
    },
    /// List what counts most
    Top {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
        /// How many values
        #[arg(default_value_t = 10)]
        count: u64,
    },
    /// List all values and how often they count
    #[command(visible_alias = "show")]
    Items {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
    },
    /// How often all values count together
    Total {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
    },
    /// How many different values there are
    Len {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
    },
    /// Remove a value and print how often it counted, or the multiset with all that is in it
    #[command(visible_alias = "del")]
    Rm {
        /// The multiset
        #[arg(add = names("multiset"))]
        name: String,
        /// The value
        #[arg(allow_negative_numbers = true)]
        value: Option<String>,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
