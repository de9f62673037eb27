#[callback]
pub(crate) fn ping() {}
