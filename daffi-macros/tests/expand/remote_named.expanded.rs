/// The callback `orders.place`, to be called on another node.
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
struct place {}
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
    impl place {
        /// The callback's name.
        const NAME: &'static ::core::primitive::str = "orders.place";
        /// Calls `orders.place` on another node.
        fn call(
            node: &::daffi::Node,
            item: String,
            quantity: u32,
        ) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <String as ::daffi::__private::Travels>::Itself,
                    <u32 as ::daffi::__private::Travels>::Itself,
                ),
            >((item, quantity))
                .call::<
                    <u64 as ::daffi::__private::Travels>::Itself,
                >(node, "orders.place")
        }
    }
};
