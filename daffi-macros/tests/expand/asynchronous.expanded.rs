#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
/// Subtracts 2 numbers and returns their delta.
///
/// Never waits.
pub async fn subtract(a: i64, mut b: i64) -> i64 {
    b = -b;
    a + b
}
#[cfg_attr(not(doctest), doc = " Subtracts 2 numbers and returns their delta.")]
#[cfg_attr(not(doctest), doc = "")]
#[cfg_attr(not(doctest), doc = " Never waits.")]
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
pub struct subtract {}
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
    impl subtract {
        #[cfg_attr(not(doctest), doc = " Subtracts 2 numbers and returns their delta.")]
        #[cfg_attr(not(doctest), doc = "")]
        #[cfg_attr(not(doctest), doc = " Never waits.")]
        pub fn call(node: &::daffi::Node, a: i64, b: i64) -> ::daffi::Call<i64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <i64 as ::daffi::__private::Travels>::Itself,
                    <i64 as ::daffi::__private::Travels>::Itself,
                ),
            >((a, b))
                .call::<<i64 as ::daffi::__private::Travels>::Itself>(node, "subtract")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for subtract {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                    ::daffi::__private::Declaration {
                        name: "subtract",
                        parameters: &[("a", "i64"), ("b", "i64")],
                        result: "i64",
                        doc: "Subtracts 2 numbers and returns their delta.\n\nNever waits.",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: ::daffi::__private::Context,
                        (
                            __daffi_0,
                            __daffi_1,
                        ): (
                            <i64 as ::daffi::__private::Travels>::Itself,
                            <i64 as ::daffi::__private::Travels>::Itself,
                        )|
                    async move {
                        <<i64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &subtract(__daffi_0, __daffi_1).await,
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < subtract as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
