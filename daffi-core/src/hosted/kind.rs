//! Kinds of hosted objects: a type's methods in a table, and any type behind one trait.

use std::any::{Any, type_name};
use std::fmt;
use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::args::Args;
use super::others::is_others;
use super::turn::{SessionId, Time, Turn};
use crate::callback::catch;
use crate::error::BindError;
use crate::name::RESERVED_PREFIX;
use crate::wire::{self, BodyError};

/// What `#[callback(hosted = "…")]` makes of an `impl` block: the methods of a hosted type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no methods that a controller could run",
    label = "put `#[callback(hosted = \"…\")]` above its `impl` block"
)]
pub trait Methods: Sized + 'static {
    /// The kind of object, as in `daffi.KIND.METHOD`.
    const KIND: &'static str;

    /// Its methods.
    const METHODS: &'static [Method<Self>];
}

/// A type whose values the controller hosts: plain, synchronous, deterministic.
///
/// Time and identity come from the [`Turn`] alone. A method that returns an error or parks has changed nothing.
/// Clones of large objects should be cheap: a batch makes one of each object that it touches.
#[diagnostic::on_unimplemented(
    message = "a controller cannot host values of `{Self}`",
    label = "needs an `impl Hosted for {Self}`, which may be empty but for `bytes`",
    note = "and `#[derive(Clone, Default, serde::Serialize, serde::Deserialize)]`"
)]
pub trait Hosted: Methods + Clone + Default + Serialize + DeserializeOwned + Send + Sync {
    /// When something in it expires, if anything does.
    fn next_expiry(&self) -> Option<Time> {
        None
    }

    /// Drops what has expired by now.
    fn expire(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// The session of this turn has ended: takes back what was its own.
    fn release(&mut self, turn: &mut Turn<'_>) {
        let _ = turn;
    }

    /// The sessions to which something of it belongs.
    fn holders(&self) -> Vec<SessionId> {
        Vec::new()
    }

    /// Whether it is as good as absent, and need not be kept.
    fn is_vacant(&self) -> bool {
        false
    }

    /// About how many bytes it takes. Asked after each write, so it must not count.
    fn bytes(&self) -> usize;

    /// The fencing token of whoever holds it now, if it is something that can be held.
    fn fence(&self) -> Option<u64> {
        None
    }

    /// How urgent the first is of what can be had of it now, if that differs: a
    /// [select by urgency](crate::api::Operation::select_urgent) goes to the object where this is greatest. Asked
    /// before each of them, so it must not search.
    fn urgency(&self) -> Option<i64> {
        None
    }
}

/// A method of a hosted type.
#[derive(Debug, Clone, Copy)]
pub struct Method<T> {
    /// Its name.
    pub name: &'static str,
    /// Name and type of each parameter but the object's name.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The type of its result.
    pub result: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// In which line of its object calls of it wait their turn, if they may park: those of one line never overtake
    /// each other.
    pub line: Option<Line>,
    /// What runs it.
    pub run: Run<T>,
}

/// Where calls of a method wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Line {
    /// All in the line of this number.
    One(u8),
    /// Those that have the same value at this place among the arguments after the object's name in a line of their own:
    /// one waits behind another only if both are about the same.
    Each(u8),
}

/// What runs a method: it takes its arguments, and appends its encoded result.
pub enum Run<T> {
    /// It changes nothing.
    Read(fn(&T, &Turn<'_>, &mut Args<'_>, &mut Vec<u8>) -> Result<(), Stop>),
    /// It may change the object.
    Write(fn(&mut T, &mut Turn<'_>, &mut Args<'_>, &mut Vec<u8>) -> Result<(), Stop>),
    /// It may change the object, which takes no more room than before: it is let through when memory is short.
    Shrink(fn(&mut T, &mut Turn<'_>, &mut Args<'_>, &mut Vec<u8>) -> Result<(), Stop>),
    /// It changes nothing, and may publish: whoever listens now hears it, and nobody later.
    Publish(fn(&T, &mut Turn<'_>, &mut Args<'_>, &mut Vec<u8>) -> Result<(), Stop>),
}

impl<T> Clone for Run<T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Run<T> {}

impl<T> fmt::Debug for Run<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read(_) => "Read",
            Self::Write(_) => "Write",
            Self::Shrink(_) => "Shrink",
            Self::Publish(_) => "Publish",
        })
    }
}

/// Why a method has no result. The object is as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stop {
    /// It cannot go on yet, and is to be tried again when the object has changed.
    Parked,
    /// Its arguments do not fit.
    BadArguments {
        /// What it takes.
        expected: String,
        /// What is wrong with what came.
        got: String,
    },
    /// It refuses, with an error of its own.
    Refused(Refusal),
}

/// An error of a method's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// Its type.
    pub kind: String,
    /// Its text.
    pub message: String,
    /// The error itself, encoded.
    pub value: Vec<u8>,
}

impl Stop {
    /// A refusal with this error.
    pub fn refused<E: std::error::Error + Serialize>(error: &E) -> Self {
        let kind = type_name::<E>().rsplit("::").next().unwrap_or_default().to_owned();
        // Whoever cannot be told the value is told the text.
        let value = wire::encode(error).unwrap_or_default();
        Self::Refused(Refusal { kind, message: error.to_string(), value })
    }
}

/// Appends what a method returned.
///
/// # Panics
/// If it cannot be encoded: the method may have changed its object, so it is too late for an error.
///
/// # Errors
/// None: it is the end of what runs a method.
pub fn put_value<T: Serialize + ?Sized>(out: &mut Vec<u8>, value: &T) -> Result<(), Stop> {
    if let Err(error) = wire::encode_into(out, value) {
        panic!("the result of a method cannot be encoded: {error}");
    }
    Ok(())
}

impl From<BodyError> for Stop {
    fn from(error: BodyError) -> Self {
        Self::BadArguments { expected: "values that can be encoded".into(), got: error.0 }
    }
}

/// What may be done by a method of any kind.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// It changes nothing.
    Read,
    /// It may change the object.
    Write,
    /// It may change the object, which grows no larger.
    Shrink,
    /// It changes nothing, and may publish.
    Publish,
}

impl Access {
    /// Whether it may change the object.
    pub fn is_write(self) -> bool {
        matches!(self, Self::Write | Self::Shrink)
    }
}

/// A kind of object, for those who do not know its type.
pub struct ObjectKind {
    /// Its name.
    pub name: &'static str,
    /// The type, with its path.
    pub of: &'static str,
    /// Its methods, by number.
    pub methods: Vec<MethodEntry>,
    blank: Box<dyn Object>,
    load: Load,
}

/// Makes an object of what was saved of it.
type Load = fn(&[u8]) -> Result<Box<dyn Object>, BodyError>;

/// What is known of a method without its type.
#[derive(Debug, Clone, Copy)]
pub struct MethodEntry {
    /// Its name.
    pub name: &'static str,
    /// Name and type of each parameter but the object's name.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The type of its result.
    pub result: &'static str,
    /// Its documentation.
    pub doc: &'static str,
    /// In which line of its object calls of it wait, if they may park.
    pub line: Option<Line>,
    /// Whether it may change the object.
    pub access: Access,
    /// Which of its parameters, if any does, names [`Others`](super::Others).
    pub others: Option<usize>,
}

impl ObjectKind {
    /// The kind that `T` is.
    pub fn of<T: Hosted>() -> Self {
        let entry = |method: &Method<T>| MethodEntry {
            name: method.name,
            parameters: method.parameters,
            result: method.result,
            doc: method.doc,
            line: method.line,
            others: method.parameters.iter().position(|(_, ty)| is_others(ty)),
            access: match method.run {
                Run::Read(_) => Access::Read,
                Run::Write(_) => Access::Write,
                Run::Shrink(_) => Access::Shrink,
                Run::Publish(_) => Access::Publish,
            },
        };
        Self {
            name: T::KIND,
            of: type_name::<T>(),
            methods: T::METHODS.iter().map(entry).collect(),
            blank: Box::new(Housed(T::default())),
            load: |bytes| Ok(Box::new(Housed(unpanicked(|| wire::decode::<T>(bytes))?))),
        }
    }

    /// A new object, as it is before anything was done to it.
    pub(super) fn blank(&self) -> &dyn Object {
        &*self.blank
    }

    /// The object that was saved as `bytes`.
    pub(super) fn load(&self, bytes: &[u8]) -> Result<Box<dyn Object>, BodyError> {
        (self.load)(bytes)
    }
}

impl fmt::Debug for ObjectKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ObjectKind")
            .field("name", &self.name)
            .field("methods", &self.methods)
            .finish_non_exhaustive()
    }
}

/// An object of whatever kind.
pub(super) trait Object: Send + Sync {
    /// Runs a method that does not change it.
    fn look(
        &self,
        method: u16,
        turn: &mut Turn<'_>,
        args: &mut Args<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop>;
    fn write(
        &mut self,
        method: u16,
        turn: &mut Turn<'_>,
        args: &mut Args<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop>;
    fn expire(&mut self, turn: &mut Turn<'_>);
    fn release(&mut self, turn: &mut Turn<'_>);
    fn holders(&self) -> Vec<SessionId>;
    fn facts(&self) -> Facts;
    fn urgency(&self) -> Option<i64>;
    fn copy(&self) -> Box<dyn Object>;
    fn save(&self) -> Result<Vec<u8>, BodyError>;
    fn any(&self) -> &dyn Any;
}

/// What an object says of itself. It is asked once after each change, where it may panic; who wants to know looks here.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts {
    pub(super) is_vacant: bool,
    pub(super) bytes: usize,
    pub(super) next_expiry: Option<Time>,
    pub(super) fence: Option<u64>,
}

/// A hosted value as an object.
struct Housed<T>(T);

impl<T: Hosted> Object for Housed<T> {
    fn look(
        &self,
        method: u16,
        turn: &mut Turn<'_>,
        args: &mut Args<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        match T::METHODS[usize::from(method)].run {
            Run::Read(run) => run(&self.0, turn, args, out),
            Run::Publish(run) => run(&self.0, turn, args, out),
            Run::Write(_) | Run::Shrink(_) => unreachable!("whoever calls has looked at the method's access"),
        }
    }

    fn write(
        &mut self,
        method: u16,
        turn: &mut Turn<'_>,
        args: &mut Args<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Stop> {
        match T::METHODS[usize::from(method)].run {
            Run::Read(_) | Run::Publish(_) => self.look(method, turn, args, out),
            Run::Write(run) | Run::Shrink(run) => run(&mut self.0, turn, args, out),
        }
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.0.expire(turn);
    }

    fn release(&mut self, turn: &mut Turn<'_>) {
        self.0.release(turn);
    }

    fn holders(&self) -> Vec<SessionId> {
        self.0.holders()
    }

    fn facts(&self) -> Facts {
        Facts {
            is_vacant: self.0.is_vacant(),
            bytes: self.0.bytes(),
            next_expiry: self.0.next_expiry(),
            fence: self.0.fence(),
        }
    }

    fn urgency(&self) -> Option<i64> {
        self.0.urgency()
    }

    fn copy(&self) -> Box<dyn Object> {
        Box::new(Self(self.0.clone()))
    }

    fn save(&self) -> Result<Vec<u8>, BodyError> {
        unpanicked(|| wire::encode(&self.0))
    }

    fn any(&self) -> &dyn Any {
        &self.0
    }
}

/// Encodes or decodes by code of the type's own; a panic there is an error.
fn unpanicked<R>(code: impl FnOnce() -> Result<R, BodyError>) -> Result<R, BodyError> {
    catch(code).unwrap_or_else(|panicked| Err(BodyError(panicked.message)))
}

/// A kind of object that this program can host, found wherever it is linked in.
#[derive(Debug)]
pub struct Inventory {
    /// Makes the kind.
    pub kind: fn() -> ObjectKind,
}

inventory::collect!(Inventory);

/// The kinds of objects that this program can host, by name.
///
/// # Errors
/// [`BindError::Kind`] if two have one name.
pub fn kinds() -> Result<Arc<[ObjectKind]>, BindError> {
    let mut kinds: Vec<ObjectKind> =
        inventory::iter::<Inventory>.into_iter().map(|inventory| (inventory.kind)()).collect();
    kinds.sort_by_key(|kind| kind.name);
    let is_reserved =
        |kind: &&ObjectKind| RESERVED_KINDS.contains(&kind.name) || kind.name.starts_with(RESERVED_PREFIX);
    if let Some(kind) = kinds.iter().find(is_reserved) {
        return Err(BindError::Kind { name: kind.name.to_owned(), of: [kind.of, "the controller itself"] });
    }
    match kinds.windows(2).find(|pair| pair[0].name == pair[1].name) {
        Some(pair) => Err(BindError::Kind { name: pair[0].name.to_owned(), of: [pair[0].of, pair[1].of] }),
        None => Ok(kinds.into()),
    }
}

/// Kinds that would have names of the controller's own callbacks.
const RESERVED_KINDS: &[&str] = &["job", "node", "object", "schedule", "token"];
