//! What handles of lists and deques make of values.

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::api::{Object, Operation};
use crate::datatypes::pages::Pages;
use crate::error::DataError;
use crate::hosted::{Key, Value};

/// Each as it is kept.
pub(in crate::datatypes) fn values<T: Serialize>(
    values: impl IntoIterator<Item = T>,
) -> Result<Vec<Value>, DataError> {
    values.into_iter().map(|value| Value::of(&value)).collect()
}

/// Each as it is looked for.
pub(in crate::datatypes) fn keys<T: Serialize>(
    values: impl IntoIterator<Item = T>,
) -> Result<Vec<Key>, DataError> {
    values.into_iter().map(|value| Key::of(&value)).collect()
}

pub(in crate::datatypes) fn opened<T: DeserializeOwned>(
    value: Option<Value>,
) -> Result<Option<T>, DataError> {
    value.map(|value| value.get()).transpose()
}

#[expect(clippy::needless_pass_by_value, reason = "as operations hand it over")]
pub(in crate::datatypes) fn opened_all<T: DeserializeOwned>(values: Vec<Value>) -> Result<Vec<T>, DataError> {
    values.iter().map(Value::get).collect()
}

/// A walk by places over what `page` reads from one on.
pub(in crate::datatypes) fn by_place<T: DeserializeOwned + Send + 'static>(
    object: &Object,
    mut page: impl FnMut(u64) -> Operation<(Vec<Value>, bool)> + Send + 'static,
) -> Pages<T> {
    let page = move |last: Option<Key>| {
        let start = match last.map(|last| last.get::<u64>()).transpose() {
            Ok(last) => last.map_or(0, |last| last + 1),
            Err(error) => return Operation::failed(error),
        };
        page(start).and_then(move |(values, has_more)| {
            let by_place = (start..).zip(values).map(|(place, value)| Ok((Key::of(&place)?, value)));
            Ok((by_place.collect::<Result<_, DataError>>()?, has_more))
        })
    };
    Pages::new(object, page, |_, value: Value| value.get())
}
