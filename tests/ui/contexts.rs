use daffi::{Context, callback};

#[callback]
fn two(first: &Context, a: i64, second: &daffi::Context) -> i64 {
    let _ = (first, second);
    a
}

#[callback]
fn exclusive(ctx: &mut Context) {
    let _ = ctx;
}

#[callback]
fn eternal(ctx: &'static Context) {
    let _ = ctx;
}

fn main() {}
