use daffi::{Call, Node, callback, remote};

#[callback]
fn add(a: i64, b: i64) -> i64 {
    a + b
}

#[remote]
fn func3(a: i64, b: i64, c: i64) -> i64;

fn too_few(node: &Node) -> Call<i64> {
    func3::call(node, 4, 6)
}

fn of_another_type(node: &Node) -> Call<i64> {
    add::call(node, 4, "six")
}

fn main() {}
