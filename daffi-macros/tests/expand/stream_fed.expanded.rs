#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
async fn sum(start: u64, items: daffi::Incoming<u64>) -> Result<u64, String> {
    add(start, items).await
}
/// The callback `sum`, to be called on another node.
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
struct sum {}
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
    use ::daffi::__private::{Caused as _, Uncaused as _};
    #[automatically_derived]
    impl sum {
        /// Calls `sum` on another node.
        fn call(
            node: &::daffi::Node,
            start: u64,
            items: impl ::daffi::__private::Stream<
                Item = u64,
            > + ::core::marker::Send + 'static,
        ) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<u64 as ::daffi::__private::Travels>::Itself,),
            >((start,))
                .call::<<u64 as ::daffi::__private::Travels>::Itself>(node, "sum")
                .feeds(::daffi::__private::fed(items))
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for sum {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::flowing(
                    ::daffi::__private::Declaration {
                        name: "sum",
                        parameters: &[("start", "u64"), ("items", "Incoming<u64>")],
                        result: "u64",
                        doc: "",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: ::daffi::__private::Context,
                        (__daffi_0,): (<u64 as ::daffi::__private::Travels>::Itself,),
                        mut __daffi_flow: ::daffi::__private::Flow|
                    async move {
                        let __daffi_incoming = __daffi_flow
                            .incoming::<<u64 as ::daffi::__private::Travels>::Itself>();
                        match sum(__daffi_0, __daffi_incoming).await {
                            ::core::result::Result::Ok(__daffi_value) => {
                                <<u64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                    &__daffi_value,
                                )
                            }
                            ::core::result::Result::Err(__daffi_error) => {
                                ::daffi::__private::failed(
                                    &__daffi_error,
                                    (&&&&::daffi::__private::Probe(&__daffi_error)).told(),
                                )
                            }
                        }
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < sum as ::daffi::__private::Declared
        > ::callbacks, }
    }
};
