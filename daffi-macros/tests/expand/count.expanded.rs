/// Takes an order.
pub async fn place(
    item: &str,
    quantity: u32,
) -> ::core::result::Result<
    (::core::primitive::u64, String),
    ::daffi::__private::DataError,
> {
    ::daffi::__private::counted::<
        String,
    >("orders", async move { format!("{quantity} {item}") })
        .await
}
