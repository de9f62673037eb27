/// Prints a page.
pub async fn print(
    page: u32,
) -> ::core::result::Result<String, ::daffi::__private::QuorumError> {
    ::daffi::__private::synchronized::<
        String,
        _,
    >(
            ::daffi::__private::Synchronizing {
                key: "printer",
                auto_release_time: ::core::option::Option::None,
                timeout: ::core::option::Option::None,
                is_renewed: true,
            },
            move |_| async move { format!("page {page}") },
        )
        .await
}
