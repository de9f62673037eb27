impl contracts::Shop for Corner {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    async fn place(&self, item: String, quantity: u32) -> Result<u64, String> {
        self.store(item, quantity)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    fn open(&self, ctx: &Context) -> bool {
        true
    }
}
#[allow(
    deprecated,
    missing_copy_implementations,
    missing_debug_implementations,
    non_camel_case_types,
    unnameable_types,
    unreachable_pub,
    unused,
    unused_qualifications,
    clippy::all,
    clippy::nursery,
    clippy::pedantic,
    rustdoc::private_doc_tests,
)]
const _: () = {
    const _: () = ::core::assert!(
        ::daffi::__private::declares(< dyn contracts::Shop as
        ::daffi::__private::Contract > ::METHODS, "place"),
        "the trait keeps this method `#[local]`: nobody calls it from elsewhere, so remove the attribute",
    );
    #[automatically_derived]
    impl ::daffi::Offer<dyn contracts::Shop> for Corner {
        fn callbacks(
            __daffi_instance: ::std::sync::Arc<Self>,
        ) -> ::std::vec::Vec<::daffi::__private::Callback> {
            <dyn contracts::Shop as ::daffi::__private::Serves<
                Self,
            >>::callbacks(
                __daffi_instance,
                &[
                    ::daffi::__private::Chosen {
                        method: "place",
                        options: ::daffi::__private::Options {
                            blocking: true,
                            timeout: ::core::option::Option::Some(
                                ::core::time::Duration::new(60u64, 0u32),
                            ),
                            ..::core::default::Default::default()
                        },
                        place: (::core::file!(), ::core::line!()),
                    },
                    ::daffi::__private::Chosen {
                        method: "open",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                ],
            )
        }
    }
};
