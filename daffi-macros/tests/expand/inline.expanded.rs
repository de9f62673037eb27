#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
async fn now() -> u64 {
    7
}
/// The callback `status`, to be called on another node.
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
struct now {}
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
    impl now {
        /// Calls `status` on another node.
        fn call(node: &::daffi::Node) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<<u64 as ::daffi::__private::Travels>::Itself>(node, "status")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for now {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                    ::daffi::__private::Declaration {
                        name: "status",
                        parameters: &[],
                        result: "u64",
                        doc: "",
                        options: ::daffi::__private::Options {
                            inline: true,
                            ..::core::default::Default::default()
                        },
                        place: (::core::file!(), ::core::line!()),
                    },
                    |_: ::daffi::__private::Context, (): ()| async move {
                        <<u64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &now().await,
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < now as ::daffi::__private::Declared
        > ::callbacks, }
    }
};
