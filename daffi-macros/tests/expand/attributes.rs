#[callback]
#[doc = include_str!("add.md")]
#[cfg(unix)]
#[deprecated = "use `add`"]
#[inline]
pub fn r#match(r#type: std::collections::HashMap<String,u8>, list: Vec< u8 >, pair: (i64 , [u8;4])) -> Vec < u8 > {
    list
}
