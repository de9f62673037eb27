#[callback]
fn lines(ctx: &Context, path: String) -> impl futures::Stream<Item = Result<String, io::Error>> {
    read(ctx, path)
}
