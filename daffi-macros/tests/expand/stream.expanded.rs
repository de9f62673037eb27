#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
/// Counts.
pub async fn numbers(n: u64) -> impl Stream<Item = u64> + use<> {
    stream::iter(0..n)
}
#[cfg_attr(not(doctest), doc = " Counts.")]
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
pub struct numbers {}
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
    #[automatically_derived]
    impl numbers {
        #[cfg_attr(not(doctest), doc = " Counts.")]
        pub fn call(node: &::daffi::Node, n: u64) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<u64 as ::daffi::__private::Travels>::Itself,),
            >((n,))
                .call::<<u64 as ::daffi::__private::Travels>::Itself>(node, "numbers")
                .gives_stream()
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for numbers {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::flowing(
                    ::daffi::__private::Declaration {
                        name: "numbers",
                        parameters: &[("n", "u64")],
                        result: "Stream<u64>",
                        doc: "Counts.",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: ::daffi::__private::Context,
                        (__daffi_0,): (<u64 as ::daffi::__private::Travels>::Itself,),
                        __daffi_flow: ::daffi::__private::Flow|
                    async move {
                        __daffi_flow
                            .give(
                                numbers(__daffi_0).await,
                                |__daffi_out, __daffi_item| <<u64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::put(
                                    &__daffi_item,
                                    __daffi_out,
                                ),
                            )
                            .await
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < numbers as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
