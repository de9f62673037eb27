use daffi::callback;

#[callback(nam = "two words", inline)]
fn f<T>(&self, name: &str, (x, y): (f64, f64)) -> &'static str {
    "all of them are told at once"
}

fn main() {}
