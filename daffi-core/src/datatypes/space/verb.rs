//! Every method of the original that changes objects, in one table: what each does, alone, under conditions, and to a group.

use super::fields::Fields;
use super::value::Value;
use super::write::{Action, Change, Missing, Write};
use crate::error::SpaceError;

/// Hands the table to a macro: of each verb its names alone, under conditions and for a group, and what it does to the
/// attributes that it is given. Handles, and whatever else has a method for each, are made from it, so that none is missing.
macro_rules! with_verbs {
    ($with:ident) => {
        $with! {
            Put: put cond_put group_put,
                "Sets attributes: `{attribute: value}`. Creates an object that is missing, unless there are conditions.";
            AtomicAdd: atomic_add cond_atomic_add group_atomic_add,
                "Adds numbers: `{attribute: number}`.";
            AtomicSub: atomic_sub cond_atomic_sub group_atomic_sub,
                "Takes numbers away: `{attribute: number}`.";
            AtomicMul: atomic_mul cond_atomic_mul group_atomic_mul,
                "Multiplies by numbers: `{attribute: number}`.";
            AtomicDiv: atomic_div cond_atomic_div group_atomic_div,
                "Divides by numbers, integers downwards: `{attribute: number}`.";
            AtomicMod: atomic_mod cond_atomic_mod group_atomic_mod,
                "Leaves the rest of a division, which has the sign of the divisor: `{attribute: integer}`.";
            AtomicAnd: atomic_and cond_atomic_and group_atomic_and,
                "Leaves the bits that both have: `{attribute: integer}`.";
            AtomicOr: atomic_or cond_atomic_or group_atomic_or,
                "Leaves the bits that one of both has: `{attribute: integer}`.";
            AtomicXor: atomic_xor cond_atomic_xor group_atomic_xor,
                "Leaves the bits that only one of both has: `{attribute: integer}`.";
            AtomicMin: atomic_min cond_atomic_min group_atomic_min,
                "Leaves the smaller number: `{attribute: number}`.";
            AtomicMax: atomic_max cond_atomic_max group_atomic_max,
                "Leaves the larger number: `{attribute: number}`.";
            StringPrepend: string_prepend cond_string_prepend group_string_prepend,
                "Puts bytes before strings: `{attribute: string}`.";
            StringAppend: string_append cond_string_append group_string_append,
                "Puts bytes after strings: `{attribute: string}`.";
            StringLtrim: string_ltrim cond_string_ltrim group_string_ltrim,
                "Cuts bytes off the beginnings of strings: `{attribute: number of bytes}`.";
            StringRtrim: string_rtrim cond_string_rtrim group_string_rtrim,
                "Cuts bytes off the ends of strings: `{attribute: number of bytes}`.";
            ListLpush: list_lpush cond_list_lpush group_list_lpush,
                "Puts an element before lists: `{attribute: element}`.";
            ListRpush: list_rpush cond_list_rpush group_list_rpush,
                "Puts an element after lists: `{attribute: element}`.";
            ListRemove: list_remove cond_list_remove group_list_remove,
                "Removes what equals this from lists: `{attribute: element}`. No method of the original.";
            ListTrim: list_trim cond_list_trim group_list_trim,
                "Leaves elements from one place on and before another, from 0 on or from −1 back: `{attribute: [from, to]}`. No \
                 method of the original.";
            ListSet: list_set cond_list_set group_list_set,
                "Puts an element in the place of another, from 0 on or from −1 back: `{attribute: [place, element]}`. No method \
                 of the original.";
            SetAdd: set_add cond_set_add group_set_add,
                "Adds an element to sets: `{attribute: element}`.";
            SetRemove: set_remove cond_set_remove group_set_remove,
                "Removes an element from sets: `{attribute: element}`.";
            SetUnion: set_union cond_set_union group_set_union,
                "Adds all elements of a set to sets: `{attribute: set}`.";
            SetIntersect: set_intersect cond_set_intersect group_set_intersect,
                "Leaves of sets what is in another too: `{attribute: set}`.";
            DocumentRename: document_rename cond_document_rename group_document_rename,
                "Moves a part of a document: `{attribute.path: path inside the document}`.";
            DocumentUnset: document_unset cond_document_unset group_document_unset,
                "Removes a part of a document: `{attribute.path: anything}`.";
            MapAdd: map_add cond_map_add group_map_add,
                "Puts entries into maps: `{attribute: {key: value}}`.";
            MapRemove: map_remove cond_map_remove group_map_remove,
                "Removes entries from maps: `{attribute: key}` or `{attribute: {key: anything}}`.";
            MapAtomicAdd: map_atomic_add cond_map_atomic_add group_map_atomic_add,
                "Adds numbers to entries: `{attribute: {key: number}}`. One that is missing begins with 0.";
            MapAtomicSub: map_atomic_sub cond_map_atomic_sub group_map_atomic_sub,
                "Takes numbers away from entries: `{attribute: {key: number}}`.";
            MapAtomicMul: map_atomic_mul cond_map_atomic_mul group_map_atomic_mul,
                "Multiplies entries: `{attribute: {key: number}}`.";
            MapAtomicDiv: map_atomic_div cond_map_atomic_div group_map_atomic_div,
                "Divides entries, integers downwards: `{attribute: {key: number}}`.";
            MapAtomicMod: map_atomic_mod cond_map_atomic_mod group_map_atomic_mod,
                "Leaves the rest of a division of entries: `{attribute: {key: integer}}`.";
            MapAtomicAnd: map_atomic_and cond_map_atomic_and group_map_atomic_and,
                "Leaves the bits of entries that both have: `{attribute: {key: integer}}`.";
            MapAtomicOr: map_atomic_or cond_map_atomic_or group_map_atomic_or,
                "Leaves the bits of entries that one of both has: `{attribute: {key: integer}}`.";
            MapAtomicXor: map_atomic_xor cond_map_atomic_xor group_map_atomic_xor,
                "Leaves the bits of entries that only one of both has: `{attribute: {key: integer}}`.";
            MapAtomicMin: map_atomic_min cond_map_atomic_min group_map_atomic_min,
                "Leaves the smaller number in entries: `{attribute: {key: number}}`.";
            MapAtomicMax: map_atomic_max cond_map_atomic_max group_map_atomic_max,
                "Leaves the larger number in entries: `{attribute: {key: number}}`.";
            MapStringPrepend: map_string_prepend cond_map_string_prepend group_map_string_prepend,
                "Puts bytes before entries: `{attribute: {key: string}}`. One that is missing begins with `\"\"`.";
            MapStringAppend: map_string_append cond_map_string_append group_map_string_append,
                "Puts bytes after entries: `{attribute: {key: string}}`.";
        }
    };
}

pub(super) use with_verbs;

macro_rules! table {
    ($($verb:ident: $plain:ident $cond:ident $group:ident, $about:literal;)+) => {
        /// What the methods of the original do to attributes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[non_exhaustive]
        pub enum Verb {
            $(#[doc = $about] $verb,)+
        }

        /// Every method of the original that changes attributes of objects, by name, and some that it lacks.
        pub const METHODS: &[MethodEntry] = &[$(
            MethodEntry { name: stringify!($plain), verb: Verb::$verb, form: Form::Plain, about: $about },
            MethodEntry { name: stringify!($cond), verb: Verb::$verb, form: Form::Conditional, about: $about },
            MethodEntry { name: stringify!($group), verb: Verb::$verb, form: Form::Group, about: $about },
        )+];
    };
}

with_verbs!(table);

/// A method of the original.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MethodEntry {
    /// Its name.
    pub name: &'static str,
    /// What it does.
    pub verb: Verb,
    /// To what.
    pub form: Form,
    /// The same in words.
    pub about: &'static str,
}

/// To what a method of the original does something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Form {
    /// To the object by a key.
    Plain,
    /// To that if it meets a predicate.
    Conditional,
    /// To all objects that meet one.
    Group,
}

impl MethodEntry {
    /// The method of this name.
    pub fn of(name: &str) -> Option<&'static Self> {
        METHODS.iter().find(|method| method.name == name)
    }
}

impl Verb {
    /// The write that does this to attributes, with arguments as its method takes them.
    ///
    /// # Errors
    /// [`SpaceError::WrongType`] if an argument is none that it takes.
    pub fn write(self, fields: Fields) -> Result<Write, SpaceError> {
        let mut write = Write::new();
        if self == Self::Put {
            write.missing = Missing::Create;
        }
        for (attribute, argument) in fields {
            self.add_changes(&mut write.changes, attribute, argument)?;
        }
        Ok(write)
    }

    fn add_changes(
        self,
        changes: &mut Vec<Change>,
        attribute: String,
        argument: Value,
    ) -> Result<(), SpaceError> {
        if let Some(action) = self.of_entries() {
            let Value::Map(entries) = &argument else {
                return Err(unfit(&attribute, "a map of what is done to entries", &argument));
            };
            changes.extend(entries.iter().map(|(key, value)| Change {
                attribute: attribute.clone(),
                action: Action::Element { key: key.clone(), action: Box::new(action(value.clone())) },
            }));
            return Ok(());
        }
        if let (Self::MapRemove, Value::Map(entries)) = (self, &argument) {
            changes.extend(
                entries
                    .keys()
                    .map(|key| Change { attribute: attribute.clone(), action: Action::Remove(key.clone()) }),
            );
            return Ok(());
        }
        let action = self.of_attribute(&attribute, argument)?;
        changes.push(Change { attribute, action });
        Ok(())
    }

    /// What it does to each entry of a map, if it is one that does.
    fn of_entries(self) -> Option<fn(Value) -> Action> {
        Some(match self {
            Self::MapAtomicAdd => Action::Add,
            Self::MapAtomicSub => Action::Sub,
            Self::MapAtomicMul => Action::Mul,
            Self::MapAtomicDiv => Action::Div,
            Self::MapAtomicMod => Action::Mod,
            Self::MapAtomicAnd => Action::And,
            Self::MapAtomicOr => Action::Or,
            Self::MapAtomicXor => Action::Xor,
            Self::MapAtomicMin => Action::Min,
            Self::MapAtomicMax => Action::Max,
            Self::MapStringPrepend => Action::Prepend,
            Self::MapStringAppend => Action::Append,
            _ => return None,
        })
    }

    fn of_attribute(self, attribute: &str, argument: Value) -> Result<Action, SpaceError> {
        let make: fn(Value) -> Action = match self {
            Self::AtomicAdd => Action::Add,
            Self::AtomicSub => Action::Sub,
            Self::AtomicMul => Action::Mul,
            Self::AtomicDiv => Action::Div,
            Self::AtomicMod => Action::Mod,
            Self::AtomicAnd => Action::And,
            Self::AtomicOr => Action::Or,
            Self::AtomicXor => Action::Xor,
            Self::AtomicMin => Action::Min,
            Self::AtomicMax => Action::Max,
            Self::StringPrepend => Action::Prepend,
            Self::StringAppend => Action::Append,
            Self::ListLpush => Action::PushLeft,
            Self::ListRpush => Action::PushRight,
            Self::SetAdd => Action::Insert,
            Self::SetRemove | Self::ListRemove | Self::MapRemove => Action::Remove,
            Self::SetUnion => Action::Union,
            Self::SetIntersect => Action::Intersect,
            Self::MapAdd => Action::Merge,
            Self::StringLtrim => return length(attribute, &argument).map(Action::TrimLeft),
            Self::StringRtrim => return length(attribute, &argument).map(Action::TrimRight),
            Self::ListTrim | Self::ListSet => return self.of_places(attribute, &argument),
            Self::DocumentUnset => return Ok(Action::Unset),
            Self::DocumentRename => return path(attribute, &argument).map(Action::Rename),
            // Those of entries are made elsewhere.
            _ => Action::Set,
        };
        Ok(make(argument))
    }

    fn of_places(self, attribute: &str, argument: &Value) -> Result<Action, SpaceError> {
        let pair = match argument {
            Value::List(list) if list.len() == 2 => list.get(0).zip(list.get(1)),
            _ => None,
        };
        match (self, pair) {
            (Self::ListTrim, Some((Value::Int(from), Value::Int(to)))) => {
                Ok(Action::Keep { from: *from, to: *to })
            }
            (Self::ListSet, Some((Value::Int(at), value))) => {
                Ok(Action::SetAt { at: *at, value: value.clone() })
            }
            (Self::ListTrim, _) => Err(unfit(attribute, "two places, as `[from, to]`", argument)),
            _ => Err(unfit(attribute, "a place and an element, as `[place, element]`", argument)),
        }
    }
}

fn length(attribute: &str, argument: &Value) -> Result<u64, SpaceError> {
    let bytes = if let Value::Int(bytes) = argument { u64::try_from(*bytes).ok() } else { None };
    bytes.ok_or_else(|| unfit(attribute, "a number of bytes", argument))
}

fn path(attribute: &str, argument: &Value) -> Result<String, SpaceError> {
    let path = if let Value::String(path) = argument { path.as_str() } else { None };
    path.map(str::to_owned).ok_or_else(|| unfit(attribute, "a path inside the document", argument))
}

fn unfit(attribute: &str, expected: &str, found: &Value) -> SpaceError {
    let (attribute, expected) = (attribute.to_owned(), expected.to_owned());
    SpaceError::WrongType { attribute, expected, found: found.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::obj;

    /// The original's methods on attributes, but for their prefixes.
    const ORIGINAL: &[&str] = &[
        "put",
        "atomic_add",
        "atomic_sub",
        "atomic_mul",
        "atomic_div",
        "atomic_mod",
        "atomic_and",
        "atomic_or",
        "atomic_xor",
        "atomic_min",
        "atomic_max",
        "string_prepend",
        "string_append",
        "string_ltrim",
        "string_rtrim",
        "list_lpush",
        "list_rpush",
        "set_add",
        "set_remove",
        "set_union",
        "set_intersect",
        "document_rename",
        "document_unset",
        "map_add",
        "map_remove",
        "map_atomic_add",
        "map_atomic_sub",
        "map_atomic_mul",
        "map_atomic_div",
        "map_atomic_mod",
        "map_atomic_and",
        "map_atomic_or",
        "map_atomic_xor",
        "map_atomic_min",
        "map_atomic_max",
        "map_string_prepend",
        "map_string_append",
    ];

    #[test]
    fn no_method_of_the_original_is_missing_in_any_form() {
        for name in ORIGINAL {
            for (prefix, form) in [("", Form::Plain), ("cond_", Form::Conditional), ("group_", Form::Group)] {
                let method = MethodEntry::of(&format!("{prefix}{name}"));
                assert_eq!(method.map(|method| method.form), Some(form), "{prefix}{name}");
            }
        }
        assert_eq!(METHODS.len(), (ORIGINAL.len() + 3) * 3);
    }

    #[test]
    fn each_verb_does_what_its_name_says() {
        let changes = |verb: Verb, argument: Value| {
            verb.write(Fields::new().with("a", argument)).map(|write| write.changes)
        };
        let of =
            |verb: Verb, argument: Value| changes(verb, argument).map(|mut changes| changes.remove(0).action);

        assert_eq!(of(Verb::AtomicMod, 3.into()), Ok(Action::Mod(3.into())));
        assert_eq!(of(Verb::StringLtrim, 3.into()), Ok(Action::TrimLeft(3)));
        assert!(of(Verb::StringRtrim, (-1).into()).is_err() && of(Verb::StringRtrim, "1".into()).is_err());
        assert_eq!(of(Verb::ListTrim, [-3, 9].into()), Ok(Action::Keep { from: -3, to: 9 }));
        assert_eq!(
            of(Verb::ListSet, vec![Value::Int(0), "x".into()].into()),
            Ok(Action::SetAt { at: 0, value: "x".into() })
        );
        assert!(of(Verb::ListSet, 3.into()).is_err() && of(Verb::ListTrim, [1].into()).is_err());
        assert_eq!(of(Verb::DocumentRename, "b.c".into()), Ok(Action::Rename("b.c".into())));
        assert_eq!(of(Verb::MapRemove, "x".into()), Ok(Action::Remove("x".into())));
        assert_eq!(of(Verb::MapRemove, obj! { x: "ignored" }.into()), Ok(Action::Remove("x".into())));
        let two = changes(Verb::MapAtomicAdd, obj! { x: 1, y: 2 }.into()).unwrap();
        let element = Action::Element { key: "y".into(), action: Box::new(Action::Add(2.into())) };
        assert_eq!((two.len(), &two[1].action), (2, &element));
        assert!(of(Verb::MapAtomicAdd, 1.into()).is_err());
        assert_eq!(Verb::Put.write(obj! {}).unwrap().missing, Missing::Create);
        assert_eq!(Verb::AtomicAdd.write(obj! {}).unwrap().missing, Missing::Fail);
    }
}
