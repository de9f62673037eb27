#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
fn lines(
    ctx: &Context,
    path: String,
) -> impl futures::Stream<Item = Result<String, io::Error>> {
    read(ctx, path)
}
/// The callback `lines`, to be called on another node.
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
struct lines {}
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
    use ::daffi::__private::{Caused as _, Uncaused as _};
    #[automatically_derived]
    impl lines {
        /// Calls `lines` on another node.
        fn call(node: &::daffi::Node, path: String) -> ::daffi::Call<String> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<String as ::daffi::__private::Travels>::Itself,),
            >((path,))
                .call::<<String as ::daffi::__private::Travels>::Itself>(node, "lines")
                .gives_stream()
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for lines {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::flowing(
                    ::daffi::__private::Declaration {
                        name: "lines",
                        parameters: &[("path", "String")],
                        result: "Stream<String>",
                        doc: "",
                        options: ::daffi::__private::Options {
                            sees_context: true,
                            ..::core::default::Default::default()
                        },
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        __daffi_context: ::daffi::__private::Context,
                        (__daffi_0,): (<String as ::daffi::__private::Travels>::Itself,),
                        __daffi_flow: ::daffi::__private::Flow|
                    async move {
                        __daffi_flow
                            .give(
                                lines(&__daffi_context, __daffi_0),
                                |__daffi_out, __daffi_item| match __daffi_item {
                                    ::core::result::Result::Ok(__daffi_value) => {
                                        <<String as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::put(
                                            &__daffi_value,
                                            __daffi_out,
                                        )
                                    }
                                    ::core::result::Result::Err(__daffi_error) => {
                                        ::daffi::__private::failed(
                                                &__daffi_error,
                                                (&&&&::daffi::__private::Probe(&__daffi_error)).told(),
                                            )
                                            .map(::core::mem::drop)
                                    }
                                },
                            )
                            .await
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < lines as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
