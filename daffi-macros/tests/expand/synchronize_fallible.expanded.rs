async fn print(&self, page: u32) -> ::core::result::Result<u64, Refused> {
    ::daffi::__private::try_synchronized::<
        u64,
        Refused,
        _,
    >(
            ::daffi::__private::Synchronizing {
                key: "printer",
                auto_release_time: ::core::option::Option::Some(
                    ::core::time::Duration::new(15u64, 0u32),
                ),
                timeout: ::core::option::Option::Some(
                    ::core::time::Duration::new(0u64, 0u32),
                ),
                is_renewed: false,
            },
            move |__daffi_guard| async move {
                let guard: &RedlockGuard = &__daffi_guard;
                {
                    if guard.is_lost() {
                        return Err(Refused);
                    }
                    self.take(page, guard.fencing_token()).await
                }
            },
        )
        .await
}
