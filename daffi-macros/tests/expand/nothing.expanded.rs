#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
pub(crate) fn ping() {}
/// The callback `ping`, to be called on another node.
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
pub(crate) struct ping {}
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
    impl ping {
        /// Calls `ping` on another node.
        pub(crate) fn call(node: &::daffi::Node) -> ::daffi::Call<()> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<<() as ::daffi::__private::Travels>::Itself>(node, "ping")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for ping {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "ping",
                        parameters: &[],
                        result: "()",
                        doc: "",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |_: &::daffi::__private::Context, (): ()| {
                        <<() as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &ping(),
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < ping as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
