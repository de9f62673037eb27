//! Spaces: objects with a schema, each of which is read and written in one step, and found by what is in it. HyperDex's.
//!
//! From the ground up, each file with one job:
//!
//! | file | is |
//! | --- | --- |
//! | `types` | the types of attributes, and what they are before they are written |
//! | `value/` | what attributes hold, its one order, how it is fitted to a type, how it travels |
//! | `fields` | values by the names of attributes; `obj!` |
//! | `path` | `attribute.name[2]` |
//! | `schema/` | the description of a space: its language, its builder, what is altered in it |
//! | `pattern` | patterns of strings |
//! | `predicate` | what is asked of objects |
//! | `write` | the one write, of which every method is a point |
//! | `spans` | parts of the order of values |
//! | `plan` | which index a search goes by: one pure function |
//! | `record` | an object as it is kept |
//! | `checked/` | writes and predicates that fit a schema, and trying them |
//! | `apply/` | what a write makes of an object: one pure function |
//! | `verb` | every method of the original, in one table |
//! | `state/` | a space as the controller keeps it: its objects, searches, groups, alterations |
//! | `ordered` | lines of operations, one for each key |
//! | `handle` | a space by its name, with the methods of the original |
//! | `groups` | its groups of any size, part by part |
//! | `results` | its searches: what they find as a stream |
//! | `watch` | the changes of a space, of one object, or of those that match |
//! | `typed/` | the same for types of Rust: `#[derive(Space)]` |

mod apply;
mod checked;
mod fields;
mod groups;
mod handle;
mod ordered;
mod path;
mod pattern;
mod plan;
mod predicate;
mod record;
mod results;
mod schema;
mod spans;
mod state;
mod typed;
mod types;
mod value;
mod verb;
mod watch;
mod write;

pub use apply::{Applied, apply};
pub use fields::Fields;
pub use groups::GroupWriting;
pub use handle::DynSpace;
pub use pattern::Pattern;
pub use predicate::{Check, Condition, Predicate};
pub use record::Record;
pub use results::{Count, Results, SearchCursor};
pub use schema::{Advisory, Attribute, Schema, SchemaBuilder};
pub use state::{
    Alteration, Found, GroupWritten, Order, Place, Query, QueryPage, SearchPlan, SpaceChange, SpaceEntry,
    SpaceState, Through, Wanted,
};
pub use typed::{
    Attr, Attributed, By, Element, Entry, Float, Integer, KeyAttr, Measured, Member, Number, Ordered, Scalar,
    Space, Step, Steps, Textual, TypedResults, TypedSpace, TypedWrite, Updated, Where, field,
};
pub use types::{Primitive, Type, Unit};
pub use value::{List, Map, Set, Sorted, Text, Value, Weight};
pub use verb::{Form, METHODS, MethodEntry, Verb};
pub use write::{Action, Change, Missing, Present, Returning, Write, Written};
