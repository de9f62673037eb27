//! Attributes of a type of Rust, each of which offers what its type allows.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::fmt;
use std::marker::PhantomData;

use super::ask::{By, Where};
use super::step::{self, Opened, Step};
use super::value::{Attributed, Element, Integer, Measured, Member, Number, Ordered, Scalar, Textual};
use crate::datatypes::space::predicate::{Check, Predicate};
use crate::datatypes::space::value::Value;
use crate::datatypes::space::write::Action;

/// An attribute of type `T` of the objects of `S`: what can be done to it, and asked of it. `#[derive(Space)]` makes a
/// function for each.
pub struct Attr<S, T> {
    name: Cow<'static, str>,
    of: PhantomData<fn() -> (S, T)>,
}

/// The key of the objects of `S`: what can be asked of it. It is never written.
pub struct KeyAttr<S, T> {
    name: &'static str,
    of: PhantomData<fn() -> (S, T)>,
}

/// What a map has by a key, of type `V`: what can be done to it. One that is missing begins with 0 or `""`.
pub struct Entry<S, V> {
    name: Cow<'static, str>,
    key: Value,
    of: PhantomData<fn() -> (S, V)>,
}

impl<S, T> Attr<S, T> {
    /// What the derive makes: the attribute of this name.
    #[doc(hidden)]
    pub const fn named(name: &'static str) -> Self {
        Self { name: Cow::Borrowed(name), of: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    pub(super) fn into_name(self) -> String {
        self.name.into_owned()
    }

    fn act<R>(self, action: Action, open: Opened<R>) -> Step<S, R> {
        Step::new(self.into_name(), action, open)
    }

    fn is(self, check: Check) -> Where<S> {
        Where::new(Predicate::is(self.name, check))
    }
}

impl<S, T> KeyAttr<S, T> {
    /// What the derive makes: the key, of this name.
    #[doc(hidden)]
    pub const fn named(name: &'static str) -> Self {
        Self { name, of: PhantomData }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        self.name
    }

    fn is(self, check: Check) -> Where<S> {
        Where::new(Predicate::is(self.name, check))
    }
}

impl<S, V> Entry<S, V> {
    fn act<R>(self, action: Action, open: Opened<R>) -> Step<S, R> {
        let action = Action::Element { key: self.key, action: Box::new(action) };
        Step::new(self.name.into_owned(), action, open)
    }
}

/// What is asked of attributes and of keys alike.
macro_rules! asks {
    ($of:ident) => {
        impl<S, T: Attributed> $of<S, T> {
            /// That it equals this.
            pub fn eq(self, value: impl Into<T>) -> Where<S> {
                self.is(Check::Equals(value.into().to_value()))
            }

            /// That it does not.
            pub fn ne(self, value: impl Into<T>) -> Where<S> {
                !self.eq(value)
            }

            /// That it equals one of these.
            pub fn one_of<V: Into<T>>(self, values: impl IntoIterator<Item = V>) -> Where<S> {
                self.is(Check::OneOf(values.into_iter().map(|value| value.into().to_value()).collect()))
            }
        }

        impl<S, T: Ordered> $of<S, T> {
            /// That it is less than this.
            pub fn lt(self, value: impl Into<T>) -> Where<S> {
                self.is(Check::Less(value.into().to_value()))
            }

            /// That it is less than this, or equal.
            pub fn le(self, value: impl Into<T>) -> Where<S> {
                self.is(Check::LessEqual(value.into().to_value()))
            }

            /// That it is greater than this.
            pub fn gt(self, value: impl Into<T>) -> Where<S> {
                self.is(Check::Greater(value.into().to_value()))
            }

            /// That it is greater than this, or equal.
            pub fn ge(self, value: impl Into<T>) -> Where<S> {
                self.is(Check::GreaterEqual(value.into().to_value()))
            }

            /// That it lies between these, both of them included.
            pub fn between(self, least: impl Into<T>, greatest: impl Into<T>) -> Where<S> {
                self.is(Check::Between(least.into().to_value(), greatest.into().to_value()))
            }
        }

        impl<S, T: Scalar> $of<S, T> {
            /// The order by it, from the least on.
            pub fn ascending(self) -> By<S> {
                By::new(self.name.into(), false)
            }

            /// The order by it, from the greatest on.
            pub fn descending(self) -> By<S> {
                By::new(self.name.into(), true)
            }
        }

        impl<S, T: Textual> $of<S, T> {
            /// That it has this [pattern](crate::datatypes::space::Pattern) in it.
            pub fn matches(self, pattern: impl Into<String>) -> Where<S> {
                self.is(Check::Matches(pattern.into()))
            }
        }

        impl<S, T: Measured> $of<S, T> {
            /// That it is of this length: bytes, elements or entries.
            pub fn length_is(self, length: u64) -> Where<S> {
                self.is(Check::LengthEquals(length))
            }

            /// That it is of this length at most.
            pub fn length_at_most(self, length: u64) -> Where<S> {
                self.is(Check::LengthLessEqual(length))
            }

            /// That it is of this length at least.
            pub fn length_at_least(self, length: u64) -> Where<S> {
                self.is(Check::LengthGreaterEqual(length))
            }
        }
    };
}

asks!(Attr);
asks!(KeyAttr);

/// What is done to attributes and to entries of maps alike.
macro_rules! acts {
    ($of:ident) => {
        #[expect(
            clippy::should_implement_trait,
            reason = "they are named as what they do, and take what can be made a `T`"
        )]
        impl<S, T: Number> $of<S, T> {
            /// Adds a number. Integers that leave 64 bits fail, here and below; floats never do.
            pub fn add(self, by: impl Into<T>) -> Step<S, T> {
                self.act(Action::Add(by.into().to_value()), step::there)
            }

            /// Takes a number away.
            pub fn sub(self, by: impl Into<T>) -> Step<S, T> {
                self.act(Action::Sub(by.into().to_value()), step::there)
            }

            /// Multiplies by a number.
            pub fn mul(self, by: impl Into<T>) -> Step<S, T> {
                self.act(Action::Mul(by.into().to_value()), step::there)
            }

            /// Divides by a number: an integer down to the next one. By 0 fails for integers.
            pub fn div(self, by: impl Into<T>) -> Step<S, T> {
                self.act(Action::Div(by.into().to_value()), step::there)
            }

            /// Leaves the smaller of the two.
            pub fn min(self, other: impl Into<T>) -> Step<S, T> {
                self.act(Action::Min(other.into().to_value()), step::there)
            }

            /// Leaves the larger of the two.
            pub fn max(self, other: impl Into<T>) -> Step<S, T> {
                self.act(Action::Max(other.into().to_value()), step::there)
            }
        }

        #[expect(
            clippy::should_implement_trait,
            reason = "they are named as what they do, and take what can be made a `T`"
        )]
        impl<S, T: Integer> $of<S, T> {
            /// Leaves the rest of a division, which has the sign of the divisor.
            pub fn rem(self, by: impl Into<T>) -> Step<S, T> {
                self.act(Action::Mod(by.into().to_value()), step::there)
            }

            /// Leaves the bits that both have.
            pub fn and(self, bits: impl Into<T>) -> Step<S, T> {
                self.act(Action::And(bits.into().to_value()), step::there)
            }

            /// Leaves the bits that one of both has.
            pub fn or(self, bits: impl Into<T>) -> Step<S, T> {
                self.act(Action::Or(bits.into().to_value()), step::there)
            }

            /// Leaves the bits that only one of both has.
            pub fn xor(self, bits: impl Into<T>) -> Step<S, T> {
                self.act(Action::Xor(bits.into().to_value()), step::there)
            }
        }

        impl<S, T: Textual> $of<S, T> {
            /// Puts bytes before it.
            pub fn prepend(self, text: impl Into<T>) -> Step<S, T> {
                self.act(Action::Prepend(text.into().to_value()), step::there)
            }

            /// Puts bytes after it.
            pub fn append(self, text: impl Into<T>) -> Step<S, T> {
                self.act(Action::Append(text.into().to_value()), step::there)
            }
        }
    };
}

acts!(Attr);
acts!(Entry);

impl<S, T: Attributed> Attr<S, T> {
    /// Has it be this.
    pub fn set(self, value: impl Into<T>) -> Step<S, ()> {
        self.act(Action::Set(value.into().to_value()), step::done)
    }
}

impl<S, T: Textual> Attr<S, T> {
    /// Removes so many bytes at its beginning; if it has no more, all.
    pub fn trim_start(self, bytes: u64) -> Step<S, T> {
        self.act(Action::TrimLeft(bytes), step::there)
    }

    /// Removes so many bytes at its end.
    pub fn trim_end(self, bytes: u64) -> Step<S, T> {
        self.act(Action::TrimRight(bytes), step::there)
    }
}

/// Lists. What pushes came to is how many elements there are then.
impl<S, E: Element> Attr<S, Vec<E>> {
    /// Puts an element before all others.
    pub fn push_front(self, element: impl Into<E>) -> Step<S, u64> {
        self.act(Action::PushLeft(element.into().to_value()), step::counted)
    }

    /// Puts an element after all others.
    pub fn push_back(self, element: impl Into<E>) -> Step<S, u64> {
        self.act(Action::PushRight(element.into().to_value()), step::counted)
    }

    /// Removes the first element, and comes to it, if there is one.
    pub fn pop_front(self) -> Step<S, Option<E>> {
        self.act(Action::PopLeft, step::removed)
    }

    /// Removes the last element, and comes to it, if there is one.
    pub fn pop_back(self) -> Step<S, Option<E>> {
        self.act(Action::PopRight, step::removed)
    }

    /// Leaves only the elements from `from` on and before `to`. Negative places are counted from the end.
    pub fn keep(self, from: i64, to: i64) -> Step<S, u64> {
        self.act(Action::Keep { from, to }, step::counted)
    }

    /// Puts an element in the place of one, from 0 on or from −1 back.
    pub fn set_at(self, at: i64, element: impl Into<E>) -> Step<S, u64> {
        self.act(Action::SetAt { at, value: element.into().to_value() }, step::counted)
    }

    /// Removes the element at a place, and comes to it.
    pub fn remove_at(self, at: i64) -> Step<S, Option<E>> {
        self.act(Action::RemoveAt(at), step::removed)
    }

    /// Removes all elements that equal this.
    pub fn remove(self, element: impl Into<E>) -> Step<S, u64> {
        self.act(Action::Remove(element.into().to_value()), step::counted)
    }

    /// That this is one of its elements.
    pub fn contains(self, element: impl Into<E>) -> Where<S> {
        self.is(Check::Contains(element.into().to_value()))
    }
}

macro_rules! sets {
    ($($set:ident $(<$hasher:ident>)?),+) => {
        $(
            /// Sets. What is done to them comes to how many elements there are then.
            impl<S, E: Member $(, $hasher)?> Attr<S, $set<E $(, $hasher)?>> {
                /// Adds an element; if it is there, nothing happens.
                pub fn insert(self, element: impl Into<E>) -> Step<S, u64> {
                    self.act(Action::Insert(element.into().to_value()), step::counted)
                }

                /// Removes an element; if it is not there, nothing happens.
                pub fn remove(self, element: impl Into<E>) -> Step<S, u64> {
                    self.act(Action::Remove(element.into().to_value()), step::counted)
                }

                /// Adds all of these.
                pub fn union<V: Into<E>>(self, elements: impl IntoIterator<Item = V>) -> Step<S, u64> {
                    self.act(Action::Union(all(elements)), step::counted)
                }

                /// Leaves only what is among these too.
                pub fn intersection<V: Into<E>>(self, elements: impl IntoIterator<Item = V>) -> Step<S, u64> {
                    self.act(Action::Intersect(all(elements)), step::counted)
                }

                /// That this is one of its elements.
                pub fn contains(self, element: impl Into<E>) -> Where<S> {
                    self.is(Check::Contains(element.into().to_value()))
                }
            }
        )+
    };
}

sets!(BTreeSet, HashSet<H>);

fn all<E: Member, V: Into<E>>(elements: impl IntoIterator<Item = V>) -> Value {
    Value::Set(elements.into_iter().map(|element| element.into().to_value()).collect())
}

macro_rules! maps {
    ($($map:ident $(<$hasher:ident>)?),+) => {
        $(
            /// Maps. What is done to them comes to how many entries there are then, and what is done to
            /// [one entry](Self::at) to what it is then.
            impl<S, K: Member, V: Element $(, $hasher)?> Attr<S, $map<K, V $(, $hasher)?>> {
                /// Puts a value by a key, whatever was there.
                pub fn insert(self, key: impl Into<K>, value: impl Into<V>) -> Step<S, u64> {
                    let entry = (key.into().to_value(), value.into().to_value());
                    self.act(Action::Merge(Value::Map([entry].into_iter().collect())), step::counted)
                }

                /// Removes what is by a key; if nothing is, nothing happens.
                pub fn remove(self, key: impl Into<K>) -> Step<S, u64> {
                    self.act(Action::Remove(key.into().to_value()), step::counted)
                }

                /// What it has by a key, to do something to it.
                pub fn at(self, key: impl Into<K>) -> Entry<S, V> {
                    Entry { name: self.name, key: key.into().to_value(), of: PhantomData }
                }

                /// That it has this key.
                pub fn contains(self, key: impl Into<K>) -> Where<S> {
                    self.is(Check::Contains(key.into().to_value()))
                }
            }
        )+
    };
}

maps!(BTreeMap, HashMap<H>);

/// Documents.
impl<S> Attr<S, Value> {
    /// What is at a path in it, as `boss.names[0]`.
    ///
    /// A path that is none is an error of what is made of it.
    #[must_use]
    pub fn at(self, path: &str) -> Self {
        let between = if path.starts_with('[') { "" } else { "." };
        Self { name: format!("{}{between}{path}", self.name).into(), of: PhantomData }
    }

    /// Removes it. Of the whole document it leaves an empty one.
    pub fn unset(self) -> Step<S, ()> {
        self.act(Action::Unset, step::done)
    }

    /// Moves it to another path inside the document, whatever is there.
    pub fn rename(self, path: impl Into<String>) -> Step<S, ()> {
        self.act(Action::Rename(path.into()), step::done)
    }
}

impl<S, T> fmt::Debug for Attr<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Attr").field(&self.name).finish()
    }
}

impl<S, T> fmt::Debug for KeyAttr<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KeyAttr").field(&self.name).finish()
    }
}

impl<S, V> fmt::Debug for Entry<S, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Entry").field(&self.name).field(&self.key).finish()
    }
}
