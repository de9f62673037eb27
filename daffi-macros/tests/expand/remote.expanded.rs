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
pub struct func3 {}
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
    impl func3 {
        /// The callback's name.
        pub const NAME: &'static ::core::primitive::str = "func3";
        #[cfg_attr(not(doctest), doc = " Add 2 numbers and return sum")]
        pub fn call(node: &::daffi::Node, a: i64, b: i64) -> ::daffi::Call<i64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <i64 as ::daffi::__private::Travels>::Itself,
                    <i64 as ::daffi::__private::Travels>::Itself,
                ),
            >((a, b))
                .call::<<i64 as ::daffi::__private::Travels>::Itself>(node, "func3")
        }
    }
};
