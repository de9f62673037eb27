use proptest::prelude::*;

use super::*;

fn exported(state: Vec<u8>) -> ExportedObject {
    ExportedObject::new("hash".into(), "a/b".into(), Some(u64::MAX), state)
}

fn round_trip(state: Vec<u8>) -> Vec<u8> {
    let before = exported(state);
    let after = parse(&line(&before)).unwrap();
    assert_eq!(after, before);
    after.state.into_vec()
}

fn state_of(value: &Value) -> Json {
    let line: Json = serde_json::from_str(&line(&exported(encode(value)))).unwrap();
    line["state"].clone()
}

#[test]
fn what_json_has_is_readable() {
    let key = Value::Binary(encode(&"tea".into()));
    let state = Value::Map(vec![
        ("entries".into(), Value::Map(vec![(key, 4.into())])),
        ("limit".into(), Value::F64(4.0)),
        ("raw".into(), Value::Binary(vec![0xc1])),
    ]);

    let expected = json!({
        "entries": { "$pairs": [[{ "$value": "tea" }, 4]] },
        "limit": 4.0,
        "raw": { "$bytes": "wQ==" },
    });
    assert_eq!(state_of(&state).to_string(), expected.to_string());
}

#[test]
fn what_json_lacks_comes_back_to_the_last_bit() {
    for number in [f64::NAN, f64::INFINITY, -0.0, 5e-324, 0.1 + 0.2, f64::from_bits(0x7ff0_0000_0000_0001)] {
        round_trip(encode(&Value::F64(number)));
    }
    for number in [f32::NAN, f32::NEG_INFINITY, -0.0, 0.1, f32::from_bits(0x7f80_0001)] {
        round_trip(encode(&Value::F32(number)));
    }
    for integer in [Value::from(u64::MAX), Value::from(i64::MIN)] {
        round_trip(encode(&integer));
    }
    let twice = Value::Map(vec![("a".into(), 1.into()), ("a".into(), 2.into())]);
    let dollar = Value::Map(vec![("$value".into(), Value::Nil)]);
    let not_text = not_utf8(&[0xff; 300]).unwrap();
    for value in [twice, dollar, Value::Ext(-7, vec![1; 5]), Value::Binary(Vec::new()), not_text] {
        round_trip(encode(&value));
    }
}

#[test]
fn bytes_that_are_written_in_an_unusual_way_or_are_no_value_stay_as_they_are() {
    // 7 in nine bytes; half a value; two values; nothing.
    for state in [vec![0xd3, 0, 0, 0, 0, 0, 0, 0, 7], vec![0x92, 1], vec![1, 2], vec![]] {
        assert_eq!(round_trip(state.clone()), state);
        round_trip(encode(&Value::Binary(state)));
    }
}

#[test]
fn what_nests_deeper_than_json_is_read_stays_bytes() {
    let deep = |wrap: fn(Value) -> Value| (0..100).fold(Value::Nil, |value, _| wrap(value));

    round_trip(encode(&deep(|value| Value::Array(vec![value]))));
    round_trip(encode(&deep(|value| Value::Map(vec![(1.into(), value)]))));
    round_trip(encode(&deep(|value| Value::Binary(encode(&value)))));
    let inner = deep(|value| Value::Map(vec![(1.into(), value)]));
    let state = Value::Map(vec![("near".into(), 1.into()), ("far".into(), Value::Binary(encode(&inner)))]);
    assert_eq!(state_of(&state)["near"], 1);
    round_trip(encode(&state));
}

#[test]
fn a_line_that_is_no_object_is_refused_with_the_reason() {
    let refused = |line: &str| parse(line).unwrap_err();

    assert!(refused("{").starts_with("not JSON"));
    assert_eq!(refused("[1]"), "not an object");
    assert_eq!(refused(r#"{"v":2}"#), "not an export of version 1");
    assert_eq!(refused(r#"{"v":1,"kind":"hash","state":1}"#), "no `name`");
    let state = |state: &str| refused(&format!(r#"{{"v":1,"kind":"hash","name":"a","state":{state}}}"#));
    assert_eq!(state(r#"{"$new":1}"#), "in `state`: `$new` is not known");
    assert_eq!(state(r#"{"$bytes":"","x":1}"#), "in `state`: a field that begins with `$` stands alone");
    assert!(state(r#"{"$bytes":"?"}"#).contains("not base64"));
    for wrong in [r#"{"$pairs":[[1]]}"#, r#"{"$ext":[500,""]}"#, r#"{"$f64":"four"}"#] {
        assert!(state(wrong).contains("has something else in it"), "{wrong}");
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Nil),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<u64>().prop_map(|bits| Value::F64(f64::from_bits(bits))),
        any::<u32>().prop_map(|bits| Value::F32(f32::from_bits(bits))),
        "\\$?[a-z\"\\\\é\u{0}]{0,4}".prop_map(Value::from),
        any::<Vec<u8>>().prop_map(Value::Binary),
        (any::<i8>(), any::<Vec<u8>>()).prop_map(|(kind, bytes)| Value::Ext(kind, bytes)),
    ];
    leaf.prop_recursive(5, 40, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::Array),
            proptest::collection::vec((inner.clone(), inner.clone()), 0..4).prop_map(Value::Map),
            proptest::collection::vec(("\\$?[a-c]", inner.clone()), 0..4).prop_map(|fields| Value::Map(
                fields.into_iter().map(|(name, value)| (name.into(), value)).collect()
            )),
            inner.prop_map(|value| Value::Binary(encode(&value))),
        ]
    })
}

proptest! {
    #[test]
    fn every_state_comes_back(value in values()) {
        round_trip(encode(&value));
    }

    #[test]
    fn any_bytes_come_back(bytes: Vec<u8>) {
        round_trip(bytes);
    }

    #[test]
    fn no_line_makes_it_panic(line in "[\\[\\]{}\"$:,a-z0-9]{0,60}") {
        if let Ok(read) = parse(&format!(r#"{{"v":1,"kind":"k","name":"n","state":{line}}}"#)) {
            round_trip(read.state.into_vec());
        }
    }
}
