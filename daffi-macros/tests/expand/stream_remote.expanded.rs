/// The callback `double`, to be called on another node.
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
struct double {}
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
    impl double {
        /// The callback's name.
        const NAME: &'static ::core::primitive::str = "double";
        /// Calls `double` on another node.
        fn call(
            node: &::daffi::Node,
            items: impl ::daffi::__private::Stream<
                Item = u64,
            > + ::core::marker::Send + 'static,
            times: u32,
        ) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<u32 as ::daffi::__private::Travels>::Itself,),
            >((times,))
                .call::<<u64 as ::daffi::__private::Travels>::Itself>(node, "double")
                .gives_stream()
                .feeds(::daffi::__private::fed(items))
        }
    }
};
