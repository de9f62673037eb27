#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
pub async fn wait(_: &daffi::Context, node: String) -> String {
    node
}
/// The callback `who.waits`, to be called on another node.
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
pub struct wait {}
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
    impl wait {
        /// Calls `who.waits` on another node.
        pub fn call(node: &::daffi::Node, node: String) -> ::daffi::Call<String> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<String as ::daffi::__private::Travels>::Itself,),
            >((node,))
                .call::<
                    <String as ::daffi::__private::Travels>::Itself,
                >(node, "who.waits")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for wait {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                    ::daffi::__private::Declaration {
                        name: "who.waits",
                        parameters: &[("node", "String")],
                        result: "String",
                        doc: "",
                        options: ::daffi::__private::Options {
                            sees_context: true,
                            ..::core::default::Default::default()
                        },
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        __daffi_context: ::daffi::__private::Context,
                        (__daffi_0,): (<String as ::daffi::__private::Travels>::Itself,)|
                    async move {
                        <<String as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &wait(&__daffi_context, __daffi_0).await,
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < wait as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
