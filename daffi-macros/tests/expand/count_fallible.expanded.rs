async fn place(
    &self,
    item: String,
) -> ::core::result::Result<(::core::primitive::u64, u64), Refused> {
    ::daffi::__private::try_counted_before::<
        u64,
        Refused,
    >(
            "orders",
            async move {
                if item.is_empty() {
                    return Err(Refused);
                }
                self.take(item).await
            },
        )
        .await
}
