#[count]
async fn place<T: Item>(item: T) -> daffi::Result<()> {
    item.take().await?;
    Ok(())
}
