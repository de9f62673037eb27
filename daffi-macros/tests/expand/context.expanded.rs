#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
fn whose(prefix: String, ctx: &Context, suffix: Option<String>) -> String {
    format!("{prefix}{}{}", ctx.caller(), suffix.unwrap_or_default())
}
/// The callback `whose`, to be called on another node.
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
struct whose {}
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
    impl whose {
        /// Calls `whose` on another node.
        fn call(
            node: &::daffi::Node,
            prefix: String,
            suffix: Option<String>,
        ) -> ::daffi::Call<String> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <String as ::daffi::__private::Travels>::Itself,
                    <Option<String> as ::daffi::__private::Travels>::Itself,
                ),
            >((prefix, suffix))
                .call::<<String as ::daffi::__private::Travels>::Itself>(node, "whose")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for whose {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "whose",
                        parameters: &[
                            ("prefix", "String"),
                            ("suffix", "Option<String>"),
                        ],
                        result: "String",
                        doc: "",
                        options: ::daffi::__private::Options {
                            sees_context: true,
                            ..::core::default::Default::default()
                        },
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        __daffi_context: &::daffi::__private::Context,
                        (
                            __daffi_0,
                            __daffi_1,
                        ): (
                            <String as ::daffi::__private::Travels>::Itself,
                            <Option<String> as ::daffi::__private::Travels>::Itself,
                        )|
                    {
                        <<String as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &whose(__daffi_0, __daffi_context, __daffi_1),
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < whose as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
