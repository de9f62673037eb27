#[main]
/// A program without a use for its node.
async fn main() {}
