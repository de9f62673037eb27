//! What stands for a value of some type where it is only encoded.

use serde::Serialize;

/// A value that is encoded as a `T` is: a `T` itself, a `&T`, and `&str` for a `String`.
///
/// Handles take their arguments so, since arguments are only sent: `set.add("tea")`, `set.add(&name)` and
/// `set.add(name)` do the same. A view of a type of your own can have it too, if it is encoded like the type.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no value of the type `{T}` that the object holds",
    label = "give it a `{T}` or a `&{T}`"
)]
pub trait Like<T>: Serialize {}

impl<T: Serialize> Like<T> for T {}
impl<T: Serialize> Like<T> for &T {}
impl Like<String> for &str {}
impl<T: Serialize> Like<Vec<T>> for &[T] {}
