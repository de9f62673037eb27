#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
#[doc = include_str!("add.md")]
#[cfg(unix)]
#[deprecated = "use `add`"]
#[inline]
pub fn r#match(
    r#type: std::collections::HashMap<String, u8>,
    list: Vec<u8>,
    pair: (i64, [u8; 4]),
) -> Vec<u8> {
    list
}
#[cfg(unix)]
#[deprecated = "use `add`"]
#[cfg_attr(not(doctest), doc = include_str!("add.md"))]
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
pub struct r#match {}
#[cfg(unix)]
#[deprecated = "use `add`"]
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
    impl r#match {
        #[cfg_attr(not(doctest), doc = include_str!("add.md"))]
        pub fn call(
            node: &::daffi::Node,
            r#type: std::collections::HashMap<String, u8>,
            list: Vec<u8>,
            pair: (i64, [u8; 4]),
        ) -> ::daffi::Call<Vec<u8>> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <std::collections::HashMap<
                        String,
                        u8,
                    > as ::daffi::__private::Travels>::Itself,
                    <Vec<u8> as ::daffi::__private::Travels>::Itself,
                    <(i64, [u8; 4]) as ::daffi::__private::Travels>::Itself,
                ),
            >((r#type, list, pair))
                .call::<<Vec<u8> as ::daffi::__private::Travels>::Itself>(node, "match")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for r#match {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "match",
                        parameters: &[
                            ("type", "std::collections::HashMap<String, u8>"),
                            ("list", "Vec<u8>"),
                            ("pair", "(i64, [u8; 4])"),
                        ],
                        result: "Vec<u8>",
                        doc: ::core::concat!("", include_str!("add.md"), ""),
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: &::daffi::__private::Context,
                        (
                            __daffi_0,
                            __daffi_1,
                            __daffi_2,
                        ): (
                            <std::collections::HashMap<
                                String,
                                u8,
                            > as ::daffi::__private::Travels>::Itself,
                            <Vec<u8> as ::daffi::__private::Travels>::Itself,
                            <(i64, [u8; 4]) as ::daffi::__private::Travels>::Itself,
                        )|
                    {
                        <<Vec<
                            u8,
                        > as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &r#match(__daffi_0, __daffi_1, __daffi_2),
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < r#match as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
