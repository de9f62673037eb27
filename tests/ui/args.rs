fn main_args() -> daffi::Args {
    daffi::args!(b = 6, 4)
}

fn main() {}
