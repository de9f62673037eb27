async fn place<T: Item>(
    item: T,
) -> ::core::result::Result<
    (::core::primitive::u64, <daffi::Result<()> as ::daffi::__private::ResultType>::Ok),
    <daffi::Result<()> as ::daffi::__private::ResultType>::Err,
> {
    ::daffi::__private::try_counted::<
        <daffi::Result<()> as ::daffi::__private::ResultType>::Ok,
        <daffi::Result<()> as ::daffi::__private::ResultType>::Err,
    >(
            "default",
            async move {
                item.take().await?;
                Ok(())
            },
        )
        .await
}
