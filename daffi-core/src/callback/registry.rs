//! What a node offers.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;

use super::arguments::Parameters;
use super::context::Context;
use super::invoke::Outcome;
use super::stream::Flow;
use crate::config;
use crate::error::RegisterError;
use crate::name::CallbackName;
use crate::wire::{Effect, Parameter, Signature};

type RunAsync = dyn Fn(Context, &[u8]) -> BoxFuture<'static, Outcome> + Send + Sync;
/// What runs a callback with streams.
pub type RunFlowing = dyn Fn(Context, &[u8], Flow) -> BoxFuture<'static, Outcome> + Send + Sync;
/// What runs a plain function.
pub type RunBlocking = dyn Fn(&Context, &[u8]) -> Outcome + Send + Sync;

/// How a callback is run.
#[derive(Clone)]
pub enum Run {
    /// On the runtime.
    Async(Arc<RunAsync>),
    /// On a thread of its own, since it may block.
    Blocking(Arc<RunBlocking>),
    /// On the runtime, with streams: it takes one, returns one, or both.
    Flowing(Arc<RunFlowing>),
}

/// How a callback wants to be treated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Options {
    /// Polled where its call was read, and not spawned: for short ones.
    pub inline: bool,
    /// It takes a [`Context`], and so has a moment to tidy up when it is cancelled. One that does not
    /// say so gets a blank context: making a real one takes as long as a short call.
    pub sees_context: bool,
    /// The longest that one call of it may run, whatever its caller allows. It is then cancelled, and its caller told
    /// that it timed out while it ran. A plain function cannot be stopped: it keeps its thread until it returns.
    pub timeout: Option<Duration>,
    /// How many of its calls run at a time on one node; more wait in the node's queue, where they hold up no call of
    /// another callback. A call that awaits calls of its own still counts. Such a callback is never polled in place.
    pub concurrency: Option<NonZeroU32>,
    /// Running it twice does no more than running it once, which callers learn: they may then repeat calls of it, and
    /// have two nodes run one.
    pub idempotent: bool,
    /// What becomes of a run whose caller no longer wants it.
    pub on_cancel: OnCancel,
    /// An `async` function that may block its thread: it runs on one of the blocking pool, and is never polled in place.
    pub blocking: bool,
}

/// What becomes of a run whose caller no longer wants it: it cancelled, was lost, or its time is up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnCancel {
    /// It ends at an await point, after a moment to tidy up if it looks at its [`Context`].
    #[default]
    Abort,
    /// It goes on to its end, and its result is dropped. Its [`Context`] is cancelled all the same; calls that it
    /// makes from then on have the time that it has itself.
    Finish,
}

impl Options {
    /// What must wait for its turn, or may block, is not polled where its call was read.
    fn settled(self) -> Self {
        Self { inline: self.inline && self.concurrency.is_none() && !self.blocking, ..self }
    }
}

/// What the macro knows of an annotated function.
#[derive(Debug, Clone, Copy)]
pub struct Declaration {
    /// The callback's name.
    pub name: &'static str,
    /// Name and type of each parameter that is sent.
    pub parameters: &'static [(&'static str, &'static str)],
    /// The type of the result; of its success if it is a `Result`.
    pub result: &'static str,
    /// The documentation.
    pub doc: &'static str,
    /// How it wants to be treated.
    pub options: Options,
    /// File and line.
    pub place: (&'static str, u32),
}

/// What needs no instance to be called: the type of an annotated function's name implements this, and a type with
/// associated functions in an annotated `impl`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a callback of this program",
    label = "neither a function under `#[callback]`, nor a type with associated functions under it",
    note = "`#[remote]` declares what another process offers",
    note = "the methods of a type need an instance: `node.register(value)` offers them"
)]
pub trait Declared {
    /// The callbacks, to be put into a [`Registry`].
    fn callbacks() -> Vec<Callback>;
}

/// An annotated function, or the associated ones of an annotated `impl`, as `inventory` collects them.
#[derive(Debug, Clone, Copy)]
pub struct Inventory {
    /// Makes the callbacks.
    pub callbacks: fn() -> Vec<Callback>,
}

inventory::collect!(Inventory);

/// One function that others may call.
#[derive(Clone)]
pub struct Callback {
    signature: Arc<Signature>,
    options: Options,
    place: String,
    /// The type that it is a method of.
    instance_of: Option<&'static str>,
    run: Run,
}

impl Callback {
    /// A callback that `run` serves, with whatever signature it is said to have; its effect is
    /// [`Idempotent`](Effect::Idempotent) if either the signature or the options say so.
    ///
    /// # Errors
    /// [`RegisterError::BadName`] if the name is one of the controller's own.
    pub fn dynamic(
        mut signature: Signature,
        options: Options,
        place: &str,
        run: Run,
    ) -> Result<Self, RegisterError> {
        check_name(signature.name.as_str())?;
        if options.idempotent {
            signature.effect = Effect::Idempotent;
        }
        // What it looks at is not known, so it is shown its context and has its moment.
        let options = Options { sees_context: true, ..options.settled() };
        Ok(Self { signature: Arc::new(signature), options, place: place.to_owned(), instance_of: None, run })
    }

    /// An `async` function.
    ///
    /// # Panics
    /// If the declaration's name cannot be a callback's; the macro refuses such names.
    pub fn asynchronous<A, F, Fut>(declaration: Declaration, function: F) -> Self
    where
        A: Parameters,
        F: Fn(Context, A) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let signature = declaration.signature();
        let taker = signature.clone();
        let run = Run::Async(Arc::new(move |context, body: &[u8]| match A::take(&taker, body) {
            Ok(arguments) => Box::pin(function(context, arguments)),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }));
        Self::declared(declaration, signature, run)
    }

    /// A plain function.
    ///
    /// # Panics
    /// If the declaration's name cannot be a callback's; the macro refuses such names.
    pub fn blocking<A, F>(declaration: Declaration, function: F) -> Self
    where
        A: Parameters,
        F: Fn(&Context, A) -> Outcome + Send + Sync + 'static,
    {
        let signature = declaration.signature();
        let taker = signature.clone();
        let run = Run::Blocking(Arc::new(move |context, body| function(context, A::take(&taker, body)?)));
        Self::declared(declaration, signature, run)
    }

    /// A function that takes a stream, returns one, or both.
    ///
    /// # Panics
    /// If the declaration's name cannot be a callback's; the macro refuses such names.
    pub fn flowing<A, F, Fut>(declaration: Declaration, function: F) -> Self
    where
        A: Parameters,
        F: Fn(Context, A, Flow) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Outcome> + Send + 'static,
    {
        let signature = declaration.signature();
        let taker = signature.clone();
        let run = Run::Flowing(Arc::new(move |context, body: &[u8], flow| match A::take(&taker, body) {
            Ok(arguments) => Box::pin(function(context, arguments, flow)),
            Err(fault) => Box::pin(std::future::ready(Err(fault))),
        }));
        Self::declared(declaration, signature, run)
    }

    fn declared(declaration: Declaration, signature: Arc<Signature>, run: Run) -> Self {
        let (file, line) = declaration.place;
        let (options, place) = (declaration.options.settled(), format!("{file}:{line}"));
        Self { signature, options, place, instance_of: None, run }
    }

    /// What it takes and returns.
    pub fn signature(&self) -> &Arc<Signature> {
        &self.signature
    }

    /// Its name.
    pub fn name(&self) -> &CallbackName {
        &self.signature.name
    }

    /// How it wants to be treated.
    pub fn options(&self) -> Options {
        self.options
    }

    /// File and line.
    pub fn place(&self) -> &str {
        &self.place
    }

    /// The same, as a method of an instance of this type.
    pub fn of_instance(self, instance_of: &'static str) -> Self {
        Self { instance_of: Some(instance_of), ..self }
    }

    /// Why `second`, which has the same name, cannot be offered beside it.
    pub(crate) fn clash(&self, second: &Self) -> RegisterError {
        match self.instance_of {
            // What a type's several blocks have in common stands in two places, and is a mistake of another kind.
            Some(of) if second.place == self.place => {
                RegisterError::SecondInstance { of: of.to_owned(), name: self.name().to_string() }
            }
            Some(_) | None => RegisterError::Duplicate {
                name: self.name().to_string(),
                first: self.place.clone(),
                second: second.place.clone(),
            },
        }
    }

    /// How it is run.
    pub fn run(&self) -> &Run {
        &self.run
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Async(_) => "Async",
            Self::Blocking(_) => "Blocking",
            Self::Flowing(_) => "Flowing",
        })
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Callback({} at {})", self.signature, self.place)
    }
}

impl Declaration {
    fn signature(&self) -> Arc<Signature> {
        let effect = if self.options.idempotent { Effect::Idempotent } else { Effect::Once };
        let parameter =
            |(name, ty): &(&str, &str)| Parameter { name: (*name).to_owned(), ty: (*ty).to_owned() };
        Arc::new(Signature {
            name: CallbackName::offered(self.name).expect("the macro checked the name"),
            parameters: self.parameters.iter().map(parameter).collect(),
            result: self.result.to_owned(),
            doc: self.doc.trim().to_owned(),
            effect,
            variadic: false,
        })
    }
}

fn check_name(name: &str) -> Result<(), RegisterError> {
    let bad = |reason| RegisterError::BadName { name: name.to_owned(), reason };
    CallbackName::offered(name).map(drop).map_err(bad)
}

/// The callbacks of one node, by name. A plain value: the program's inventory is one way to fill it.
#[derive(Debug, Clone, Default)]
pub struct Registry {
    callbacks: BTreeMap<CallbackName, Callback>,
}

impl Registry {
    /// No callbacks.
    pub fn new() -> Self {
        Self::default()
    }

    /// Every annotated function that is linked into this program; of annotated types, the associated functions.
    ///
    /// A crate that nothing refers to is not linked, and its callbacks are not found.
    ///
    /// # Errors
    /// [`RegisterError::Duplicate`] if two have one name.
    pub fn from_inventory() -> Result<Self, RegisterError> {
        let mut registry = Self::new();
        for entry in inventory::iter::<Inventory> {
            for callback in (entry.callbacks)() {
                registry.add(callback)?;
            }
        }
        Ok(registry)
    }

    /// Adds a callback.
    ///
    /// # Errors
    /// [`RegisterError::Duplicate`] if the name is taken, with both places; [`RegisterError::TooMany`] past
    /// [`config::CALLBACKS_PER_NODE_MAX`].
    pub fn add(&mut self, callback: Callback) -> Result<(), RegisterError> {
        if let Some(first) = self.callbacks.get(callback.name()) {
            return Err(first.clash(&callback));
        }
        if self.callbacks.len() >= config::CALLBACKS_PER_NODE_MAX {
            return Err(RegisterError::TooMany { limit: config::CALLBACKS_PER_NODE_MAX });
        }
        self.callbacks.insert(callback.name().clone(), callback);
        Ok(())
    }

    /// Takes a callback out.
    pub fn remove(&mut self, name: &str) -> Option<Callback> {
        self.callbacks.remove(name)
    }

    /// The callback of this name.
    pub fn find(&self, name: &str) -> Option<&Callback> {
        self.callbacks.get(name)
    }

    /// All callbacks, by name.
    pub fn iter(&self) -> impl Iterator<Item = &Callback> {
        self.callbacks.values()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.callbacks.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.callbacks.is_empty()
    }
}

impl TryFrom<Vec<Callback>> for Registry {
    type Error = RegisterError;

    fn try_from(callbacks: Vec<Callback>) -> Result<Self, Self::Error> {
        let mut registry = Self::new();
        for callback in callbacks {
            registry.add(callback)?;
        }
        Ok(registry)
    }
}
