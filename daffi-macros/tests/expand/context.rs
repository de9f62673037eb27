#[callback]
fn whose(prefix: String, ctx: &Context, suffix: Option<String>) -> String {
    format!("{prefix}{}{}", ctx.caller(), suffix.unwrap_or_default())
}
