use daffi_core::name::CallbackName;
use daffi_core::wire::Effect;
use serde_json::json;

use super::*;

fn signature(parameters: &[(&str, &str)]) -> Signature {
    let parameter = |(name, ty): &(&str, &str)| Parameter { name: (*name).into(), ty: (*ty).into() };
    Signature {
        name: CallbackName::new("f").unwrap(),
        parameters: parameters.iter().map(parameter).collect(),
        result: "()".into(),
        doc: String::new(),
        effect: Effect::Once,
        variadic: false,
    }
}

fn words(words: &[&str]) -> Words {
    Words { words: words.iter().map(|word| (*word).to_owned()).collect(), stdin: None }
}

fn read_as(parameters: &[(&str, &str)], given: &[&str]) -> Result<Json, Misfit> {
    read(&words(given), Some(&signature(parameters))).map(|arguments| arguments.to_json())
}

fn refusal(parameters: &[(&str, &str)], given: &[&str]) -> (Option<usize>, String) {
    let misfit = read_as(parameters, given).unwrap_err();
    (misfit.word, misfit.message)
}

#[test]
fn a_word_is_read_by_the_type_of_its_parameter() {
    let all = [("n", "i64"), ("x", "f64"), ("b", "bool"), ("t", "String"), ("l", "Vec<i64>")];

    let read = read_as(&all, &["-4", "6", "true", "007", "[1,2]"]);

    assert_eq!(read, Ok(json!([-4, 6.0, true, "007", [1, 2]])));
}

#[test]
fn a_text_is_never_taken_for_json() {
    assert_eq!(read_as(&[("t", "String")], &["null"]), Ok(json!(["null"])));
    assert_eq!(read_as(&[("t", "Option<String>")], &["{}"]), Ok(json!(["{}"])));
    assert_eq!(read_as(&[("n", "Option<i64>")], &["null"]), Ok(json!([null])));
}

#[test]
fn a_name_counts_only_if_a_parameter_has_it() {
    let one = [("a", "String")];

    assert_eq!(read_as(&one, &["a=b=c"]), Ok(json!({ "a": "b=c" })));
    assert_eq!(read_as(&one, &["x=y"]), Ok(json!(["x=y"])));
    assert_eq!(read_as(&one, &["a:=\"q\""]), Ok(json!({ "a": "q" })));
    assert_eq!(read_as(&one, &["http://x:=1"]), Ok(json!(["http://x:=1"])));
}

#[test]
fn what_does_not_fit_is_named_with_its_word() {
    let add = [("a", "i64"), ("b", "u8")];

    assert_eq!(refusal(&add, &["4", "six"]), (Some(1), "expected u8, got the text \"six\"".into()));
    assert_eq!(refusal(&add, &["4", "256"]), (Some(1), "expected u8, got 256".into()));
    assert_eq!(refusal(&add, &["b:=\"x\""]), (Some(0), "expected u8, got the text \"x\"".into()));
    assert_eq!(refusal(&add, &["1", "2", "3"]), (Some(2), "one too many: it takes 2 arguments".into()));
    assert_eq!(refusal(&add, &["4"]), (None, "got 1 argument; `b` is missing".into()));
    assert_eq!(refusal(&[("name", "i64")], &["nmae:=1"]).1, "no parameter `nmae`; did you mean `name`?");
    assert_eq!(refusal(&add, &["1", "-"]).0, Some(1));
}

#[test]
fn without_a_signature_json_is_json_and_the_rest_is_text() {
    let read = read(&words(&["4", "{\"a\":1.5}", "six", "k:=[1]"]), None).unwrap();

    assert_eq!(read.to_json(), json!({ "0": 4, "1": { "a": 1.5 }, "2": "six", "k": [1] }));
}

#[test]
fn a_served_command_gets_the_words_as_they_are() {
    let variadic = Signature { variadic: true, ..signature(&[]) };

    let read = read(&words(&["007", "x=y"]), Some(&variadic)).unwrap();

    assert_eq!(read.to_json(), json!(["007", "x=y"]));
}

#[test]
fn stdin_has_an_array_by_position_or_an_object_by_name() {
    let add = signature(&[("a", "i64"), ("b", "f64")]);
    let stdin = |text: &str| Words { words: vec!["-".into()], stdin: Some(text.into()) };

    assert_eq!(read(&stdin("[4, 6]"), Some(&add)).unwrap().to_json(), json!([4, 6.0]));
    assert_eq!(read(&stdin("{\"b\":6,\"a\":4}"), Some(&add)).unwrap().to_json(), json!({ "b": 6.0, "a": 4 }));
    assert!(read(&stdin("4"), Some(&add)).unwrap_err().message.contains("array or object"));
    assert!(read(&stdin("nope"), None).unwrap_err().message.contains("not JSON"));
}

#[test]
fn a_file_is_a_text_bytes_or_json_by_its_type() {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), "7\n").unwrap();
    let word = format!("v=@{}", file.path().display());

    assert_eq!(read_as(&[("v", "String")], &[&word]), Ok(json!({ "v": "7\n" })));
    assert_eq!(read_as(&[("v", "i64")], &[&word]), Ok(json!({ "v": 7 })));
    assert_eq!(read_as(&[("v", "Vec<u8>")], &[&word]), Ok(json!({ "v": { "base64": "Nwo=" } })));
    assert!(refusal(&[("v", "String")], &["v=@/no/such"]).1.contains("cannot read /no/such"));
}

#[test]
fn json_keeps_integers_as_integers_both_ways() {
    let json = json!([0, -1, u64::MAX, i64::MIN, 1.0, 0.1, "t", null, { "k": [true] }]);

    let value = from_json(json.clone());

    assert_eq!(value[0], Value::from(0));
    assert_eq!(value[4], Value::F64(1.0));
    assert_eq!(to_json(&value), json);
}

#[test]
fn what_json_has_no_word_for_still_comes_out() {
    assert_eq!(to_json(&Value::Binary(b"hello".to_vec())), json!({ "base64": "aGVsbG8=" }));
    assert_eq!(to_json(&Value::Map(vec![(1.into(), 2.into())])), json!({ "1": 2 }));
    assert_eq!(to_json(&Value::F32(0.1)), json!(0.1));
    assert_eq!(to_json(&Value::F64(f64::NAN)), Json::Null);
}

#[test]
fn positions_and_names_travel_in_one_map() {
    let arguments = read(&words(&["1", "b=2"]), Some(&signature(&[("a", "i64"), ("b", "i64")]))).unwrap();

    let body = arguments.encode();

    let map = Value::Map(vec![(0.into(), 1.into()), ("b".into(), 2.into())]);
    assert_eq!(rmpv::decode::read_value(&mut body.as_slice()).unwrap(), map);
}
