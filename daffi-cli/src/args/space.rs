//! `daffi space`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

use super::data::names;

pub(super) const SPACE_HELP: &str = "\
A space has objects with a key and attributes, which its description names:

  daffi space add <<'.'
  space friendlists key username
  attributes string first, string last, set(string) friends
  .

Values are read by the type of the attribute: a string as it stands, all else as
JSON, and a timestamp as microseconds since 1970. Parts of a document are named by
paths, as extra.names[0].

  daffi space put friendlists jsmith1 first=John last=Smith
  daffi space put friendlists jsmith1 first=Jon --when first=John --when last=Smith
  daffi space search friendlists last=Smith 'first!=Jon' --sort first

Predicates: = != < <= > >=; ~ for a pattern in a string, an element of a list or
set, a key of a map. All of them must hold.

Changes: ATTRIBUTE=VALUE sets; += -= *= /= %= &= |= ^= reckon; += also puts text
after a string, an element into a list or a set, entries into a map; -= removes
them. Any other method of HyperDex is METHOD:ATTRIBUTE=ARGUMENT:

  daffi space update friendlists jsmith1 friends+=jd list_lpush:log=seen
  daffi space update pages home 'map_atomic_add:votes={\"ann\":1}'

A description is altered while objects are there:

  daffi space alter friendlists add int views
  daffi space alter friendlists index last

Exit code 1 says no: nothing there, a condition that does not hold.
";

const ADD_HELP: &str = "\
A description in full; all after the key may be left out, and what has no type
is a string:

  space friendlists
  key username
  attributes string first, int views, float score, timestamp(day) joined,
    list(string) log, set(string) friends, map(string, int) votes, document extra
  index first
  index extra.city
";

/// What comes of a search.
#[derive(Debug, Clone, Args)]
pub(crate) struct SpaceWanted {
    /// At most so many
    #[arg(long, value_name = "N")]
    pub(crate) limit: Option<u64>,
    /// The least of this first, an attribute or the key
    #[arg(long, value_name = "ATTRIBUTE")]
    pub(crate) sort: Option<String>,
    /// The greatest first
    #[arg(long, requires = "sort")]
    pub(crate) desc: bool,
    /// Say which indices it would go by, and look for nothing
    #[arg(long, conflicts_with_all = ["limit", "sort"])]
    pub(crate) explain: bool,
}

/// What is altered in a description.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum SpaceAlteration {
    /// One attribute more, as a description has it: int views
    Add {
        /// TYPE NAME; a string without a type
        #[arg(required = true)]
        attribute: Vec<String>,
    },
    /// One attribute less, with what objects have in it
    Drop {
        /// The attribute
        attribute: String,
    },
    /// Another name of an attribute, or of the key
    Rename {
        /// The name
        from: String,
        /// The new one
        to: String,
    },
    /// One index more; searches go by it once it has all objects
    Index {
        /// An attribute, or a path into a document
        path: String,
    },
    /// One index less
    Unindex {
        /// An attribute, or a path into a document
        path: String,
    },
}

/// `daffi space`.
#[derive(Debug, Clone, Subcommand)]
pub(crate) enum Space {
    /// List them
    Ls {
        /// Only names like this; `*` stands for anything
        pattern: Option<String>,
    },
    /// Add a space by its description
    #[command(visible_alias = "create", after_help = ADD_HELP)]
    Add {
        /// The file that has the description; stdin if left out
        file: Option<PathBuf>,
        /// It may be there already, if it is described in the same way
        #[arg(long)]
        if_missing: bool,
    },
    /// The description of a space
    Show {
        /// The space
        #[arg(add = names("space"))]
        name: String,
    },
    /// Alter the description, under the objects that there are
    Alter {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// What is altered
        #[command(subcommand)]
        change: SpaceAlteration,
    },
    /// The object by a key
    Get {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// Only these attributes
        attributes: Vec<String>,
    },
    /// Set attributes of an object, and create it if it is missing
    Put {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// ATTRIBUTE=VALUE
        attributes: Vec<String>,
        /// Only if the object is there and this holds
        #[arg(long, value_name = "PREDICATE")]
        when: Vec<String>,
        /// Only if there is no such object
        #[arg(long, conflicts_with = "when")]
        new: bool,
    },
    /// Change attributes of an object in one step, and print it
    Update {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// ATTRIBUTE=VALUE, +=, -= and the like, METHOD:ATTRIBUTE=VALUE; in this order
        #[arg(required = true)]
        ops: Vec<String>,
        /// Only if this holds
        #[arg(long, value_name = "PREDICATE")]
        when: Vec<String>,
        /// Create the object if it is missing, whatever is asked of it
        #[arg(long)]
        create: bool,
    },
    /// The objects that predicates hold for; all without any
    Search {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// ATTRIBUTE=VALUE; also != < <= > >=, and ~ for a pattern or what is contained
        predicates: Vec<String>,
        #[command(flatten)]
        wanted: SpaceWanted,
    },
    /// How many objects there are that predicates hold for
    #[command(visible_alias = "len")]
    Count {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// ATTRIBUTE=VALUE; also != < <= > >=, and ~ for a pattern or what is contained
        predicates: Vec<String>,
    },
    /// Remove an object
    Del {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// The key
        #[arg(allow_negative_numbers = true)]
        key: String,
        /// Only if this holds
        #[arg(long, value_name = "PREDICATE")]
        when: Vec<String>,
    },
    /// Remove a space with all that is in it
    Rm {
        /// The space
        #[arg(add = names("space"))]
        name: String,
        /// Do not ask
        #[arg(short, long)]
        yes: bool,
    },
}
