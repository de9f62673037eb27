use daffi::callback;

#[callback]
fn motto() -> &'static str {
    "calls, not messages"
}

#[callback]
fn checked() -> Result<Vec<&'static str>, &'static str> {
    Err("an error may borrow: its text is what travels")
}

struct Shop(String);

#[callback]
impl Shop {
    pub fn name(&self) -> std::borrow::Cow<'_, str> {
        self.0.as_str().into()
    }

    pub fn names(&self) -> futures::stream::BoxStream<'_, String> {
        Box::pin(futures::stream::iter([self.0.clone()]))
    }
}

fn main() {}
