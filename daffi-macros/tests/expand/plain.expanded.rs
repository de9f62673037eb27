#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
/// Add 2 numbers and return sum
fn add(a: i64, b: i64) -> i64 {
    a + b
}
#[cfg_attr(not(doctest), doc = " Add 2 numbers and return sum")]
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
struct add {}
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
    impl add {
        #[cfg_attr(not(doctest), doc = " Add 2 numbers and return sum")]
        fn call(node: &::daffi::Node, a: i64, b: i64) -> ::daffi::Call<i64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <i64 as ::daffi::__private::Travels>::Itself,
                    <i64 as ::daffi::__private::Travels>::Itself,
                ),
            >((a, b))
                .call::<<i64 as ::daffi::__private::Travels>::Itself>(node, "add")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for add {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "add",
                        parameters: &[("a", "i64"), ("b", "i64")],
                        result: "i64",
                        doc: "Add 2 numbers and return sum",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: &::daffi::__private::Context,
                        (
                            __daffi_0,
                            __daffi_1,
                        ): (
                            <i64 as ::daffi::__private::Travels>::Itself,
                            <i64 as ::daffi::__private::Travels>::Itself,
                        )|
                    {
                        <<i64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &add(__daffi_0, __daffi_1),
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < add as ::daffi::__private::Declared
        > ::callbacks, }
    }
};
