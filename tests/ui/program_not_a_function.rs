#[daffi::main]
struct Program;

fn main() {}
