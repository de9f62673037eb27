fn add(a: i64) -> i64 {
    a
}

fn main() {
    let _ = daffi::callbacks![add];
    add(1);
}
