//! Spaces of a type of Rust.

mod ask;
mod attr;
mod float;
mod found;
mod step;
mod value;
mod write;

use std::fmt;
use std::marker::PhantomData;

pub use ask::{By, Where};
pub use attr::{Attr, Entry, KeyAttr};
pub use float::Float;
pub use found::TypedResults;
pub use step::{Step, Steps};
pub use value::{Attributed, Element, Integer, Measured, Member, Number, Ordered, Scalar, Textual};
pub use write::{TypedWrite, Updated};

use super::fields::Fields;
use super::handle::DynSpace;
use super::results::{Count, SearchCursor};
use super::schema::Schema;
use super::state::{Found, SearchPlan, SpaceState};
use super::types::Type;
use super::value::Value;
use super::write::{Returning, Write};
use crate::api::{Kept, Operation};
use crate::error::{DataError, SpaceError};
use crate::node::Node;

/// A type whose values are the objects of a space. `#[derive(Space)]` implements it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` has no space",
    label = "needs `#[derive(daffi::Space)]`",
    note = "a space that is described at run time is `node.dyn_space(name)`"
)]
pub trait Space: Sized + Send + 'static {
    /// The type of the key.
    type Key: Scalar;

    /// The description of the space.
    ///
    /// # Errors
    /// [`SpaceError`] if there is no such space, as of an attribute that is called as a word of the language.
    fn schema() -> Result<Schema, SpaceError>;

    /// The key.
    fn key(&self) -> Value;

    /// All attributes but the key.
    fn fields(&self) -> Fields;

    /// The object of this key and these attributes.
    ///
    /// # Errors
    /// [`DataError::WrongValue`] if one is missing or of another type.
    fn from_parts(key: &Value, fields: &Fields) -> Result<Self, DataError>;
}

/// What a field holds, by its name, if that is of this type: what the derive makes objects of. It asks nothing of `T`, since
/// whoever has the function to read it has done so.
///
/// # Errors
/// [`DataError::WrongValue`] if it is missing or of another type.
#[doc(hidden)]
pub fn field<T>(
    value: Option<&Value>,
    name: &str,
    (of, read): (Type, fn(&Value) -> Option<T>),
) -> Result<T, DataError> {
    let found = |value: Option<&Value>| value.map_or("nothing", Value::kind);
    value.and_then(read).ok_or_else(|| DataError::WrongValue {
        expected: format!("{of} as `{name}`"),
        found: found(value).to_owned(),
    })
}

/// The object that was found.
fn object<S: Space>(found: &Found) -> Result<S, DataError> {
    S::from_parts(&found.key, &found.fields)
}

/// A space whose objects are values of `S`: [`DynSpace`] with types, so that what does not fit does not compile.
///
/// ```
/// use futures::TryStreamExt;
/// # use daffi_core::{datatypes::space::{Attr, Attributed, Fields, Schema, Space, Type, Value, field}, error::{DataError, SpaceError}, node::Node};
/// # struct Friend { username: String, views: i64 }
/// # impl Friend { fn views() -> Attr<Self, i64> { Attr::named("views") } }
/// # impl Space for Friend {
/// #     type Key = String;
/// #     fn schema() -> Result<Schema, SpaceError> { Schema::builder("friend").key("username", Type::String).attribute("views", Type::Int).build() }
/// #     fn key(&self) -> Value { self.username.to_value() }
/// #     fn fields(&self) -> Fields { Fields::new().with("views", self.views) }
/// #     fn from_parts(key: &Value, fields: &Fields) -> Result<Self, DataError> { Ok(Self { username: field(Some(key), "username", (Type::String, String::from_value))?, views: field(fields.get("views"), "views", (Type::Int, i64::from_value))? }) }
/// # }
/// # async fn example(node: &Node) -> Result<(), DataError> {
/// let friends = node.space::<Friend>();
/// friends.ensure().await?;
/// friends.put(&Friend { username: "jj".into(), views: 0 }).await?;
/// let views: i64 = friends.fetch("jj", Friend::views().add(1)).await?;
/// assert_eq!(views, 1);
///
/// let mut seen = friends.sorted_search(Friend::views().gt(0), Friend::views().descending(), 10).await?;
/// while let Some(friend) = seen.try_next().await? {
///     println!("{} was seen {} times", friend.username, friend.views);
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As those of [`DynSpace`], and [`DataError::WrongValue`] if the space was altered, so that its objects are no `S` any more.
pub struct TypedSpace<S> {
    space: Result<DynSpace, SpaceError>,
    of: PhantomData<fn() -> S>,
}

impl Node {
    /// The space of this type. Nothing is sent, and the space need not be there: [`TypedSpace::ensure`] adds it.
    pub fn space<S: Space>(&self) -> TypedSpace<S> {
        let space = S::schema().map(|schema| DynSpace::of(self.object::<SpaceState>(schema.name()), schema));
        TypedSpace { space, of: PhantomData }
    }
}

impl<S: Space> TypedSpace<S> {
    /// Adds the space if it is not there, and says whether it was not.
    ///
    /// # Errors
    /// [`SpaceError::SpaceDiffers`] if it is there and is described otherwise.
    pub fn ensure(&self) -> Operation<bool> {
        self.with(|space| SpaceState::client(space.object().clone()).ensure(space.schema().clone()))
    }

    /// The same space without types.
    ///
    /// # Errors
    /// [`SpaceError`] if the type describes none.
    pub fn dynamic(&self) -> Result<&DynSpace, SpaceError> {
        self.space.as_ref().map_err(SpaceError::clone)
    }

    /// A handle whose operations on one object are carried out in the order in which they are begun; see
    /// [`DynSpace::ordered_by_key`].
    #[must_use]
    pub fn ordered_by_key(&self) -> Self {
        let space = self.space.as_ref().map(DynSpace::ordered_by_key).map_err(SpaceError::clone);
        Self { space, of: PhantomData }
    }

    /// The object by a key, if it is there.
    pub fn get(&self, key: impl Into<S::Key>) -> Operation<Option<S>> {
        let key = key.into().to_value();
        self.with(|space| space.get(key)).and_then(|found| found.map(|found| object(&found)).transpose())
    }

    /// One attribute of the object by a key, if that is there.
    pub fn get_attr<T: Attributed>(
        &self,
        key: impl Into<S::Key>,
        attribute: Attr<S, T>,
    ) -> Operation<Option<T>> {
        let (key, name) = (key.into().to_value(), attribute.into_name());
        self.with(|space| space.get_partial(key, [name.as_str()])).and_then(move |found| {
            let read = |found: Found| field(found.fields.get(&name), &name, (T::TYPE, T::from_value));
            found.map(read).transpose()
        })
    }

    /// Puts an object, whatever is by its key, and says whether nothing was.
    pub fn put(&self, object: &S) -> Operation<bool> {
        let (key, fields) = (object.key(), object.fields());
        self.with(|space| space.write(key, Write::put(fields))).map(|written| written.is_new)
    }

    /// Puts an object if nothing is by its key, and says whether nothing was.
    pub fn insert(&self, object: &S) -> Operation<bool> {
        let (key, fields) = (object.key(), object.fields());
        self.with(|space| space.put_if_not_exist(key, fields))
    }

    /// Does something to the object by a key. Without more it fails if there is none.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] if there is no object, [`SpaceError::ConditionFailed`] if it is not as is asked; else why the
    /// change cannot be made.
    pub fn update(&self, key: impl Into<S::Key>, steps: impl Into<Steps<S>>) -> TypedWrite<S> {
        TypedWrite::new(self.space.clone(), key.into().to_value(), steps.into())
    }

    /// Does something to one attribute, and returns what it came to: what is there now, was removed, or how many there are.
    ///
    /// # Errors
    /// [`SpaceError::NotFound`] if there is no object.
    pub fn fetch<R: Send + 'static>(&self, key: impl Into<S::Key>, step: Step<S, R>) -> Operation<R> {
        let (key, Step { change, open, .. }) = (key.into().to_value(), step);
        let write = Write { changes: vec![change], ..Write::new() }.returning(Returning::results());
        self.with(|space| space.write(key, write)).and_then(move |written| {
            open(written.results.into_iter().next().flatten()).ok_or_else(|| DataError::WrongValue {
                expected: std::any::type_name::<R>().to_owned(),
                found: "something else".to_owned(),
            })
        })
    }

    /// Removes an object, and says whether it was there.
    pub fn delete(&self, key: impl Into<S::Key>) -> Operation<bool> {
        let key = key.into().to_value();
        self.with(|space| space.delete(key))
    }

    /// Removes an object if it is as is asked, and says whether it is removed.
    pub fn delete_when(&self, key: impl Into<S::Key>, asked: Where<S>) -> Operation<bool> {
        let key = key.into().to_value();
        self.with(|space| space.cond_del(key, asked))
    }

    /// Does something to all objects that are as is asked, in one step, and says how many they are.
    pub fn update_all(&self, asked: Where<S>, steps: impl Into<Steps<S>>) -> Operation<u64> {
        let write = Write { changes: steps.into().changes, ..Write::new() };
        self.with(|space| space.group_write(asked, write))
    }

    /// Removes all objects that are as is asked, in one step, and says how many they are.
    pub fn delete_all(&self, asked: Where<S>) -> Operation<u64> {
        self.with(|space| space.group_del(asked))
    }

    /// All objects that are as is asked, in no order, as they are when this is done: what is written while they are read is
    /// not among them. Awaited, it is a stream.
    ///
    /// # Errors
    /// As [`DynSpace::search`].
    pub fn search(&self, asked: Where<S>) -> Operation<TypedResults<S>> {
        self.with(|space| space.search(asked)).map(TypedResults::new)
    }

    /// The first objects, at most so many, that are as is asked by the order of an attribute or of the key:
    /// [`Attr::ascending`], [`Attr::descending`]. Without an index of the attribute it looks at all of them first.
    ///
    /// # Errors
    /// As [`DynSpace::sorted_search`].
    pub fn sorted_search(&self, asked: Where<S>, by: By<S>, limit: u64) -> Operation<TypedResults<S>> {
        let By { name, is_descending, .. } = by;
        self.with(|space| space.sorted_search(asked, name, limit, is_descending)).map(TypedResults::new)
    }

    /// How many objects are as is asked, at one instant.
    ///
    /// # Errors
    /// As [`DynSpace::search`].
    pub fn count(&self, asked: Where<S>) -> Count {
        match &self.space {
            Ok(space) => space.count(asked),
            Err(error) => Count::failed(error.clone()),
        }
    }

    /// What a search for this would do, and how many objects it would look at.
    pub fn search_describe(&self, asked: Where<S>) -> Operation<SearchPlan> {
        self.with(|space| space.search_describe(asked))
    }

    /// Goes on with a search where another stream, or this program before, has come to; see [`DynSpace::resume`].
    ///
    /// # Errors
    /// [`SpaceError`] if the type describes no space.
    pub fn resume(&self, cursor: SearchCursor) -> Result<TypedResults<S>, SpaceError> {
        Ok(TypedResults::new(self.dynamic()?.resume(cursor)))
    }

    /// How many objects there are.
    pub fn len(&self) -> Operation<u64> {
        self.with(DynSpace::len)
    }

    /// Whether there is no object.
    pub fn is_empty(&self) -> Operation<bool> {
        self.with(DynSpace::is_empty)
    }

    fn with<T: 'static>(&self, make: impl FnOnce(&DynSpace) -> Operation<T>) -> Operation<T> {
        match &self.space {
            Ok(space) => make(space),
            Err(error) => Operation::failed(error.clone()),
        }
    }
}

impl<S> Clone for TypedSpace<S> {
    fn clone(&self) -> Self {
        Self { space: self.space.clone(), of: PhantomData }
    }
}

impl<S> fmt::Debug for TypedSpace<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("TypedSpace").field(&self.space).finish()
    }
}
