#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
async fn read(path: std::path::PathBuf) -> std::io::Result<Vec<u8>> {
    std::fs::read(path)
}
/// The callback `read`, to be called on another node.
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
struct read {}
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
    impl read {
        /// Calls `read` on another node.
        fn call(
            node: &::daffi::Node,
            path: std::path::PathBuf,
        ) -> ::daffi::Call<
            <std::io::Result<Vec<u8>> as ::daffi::__private::ResultType>::Ok,
        > {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<std::path::PathBuf as ::daffi::__private::Travels>::Itself,),
            >((path,))
                .call::<
                    <<std::io::Result<
                        Vec<u8>,
                    > as ::daffi::__private::ResultType>::Ok as ::daffi::__private::Travels>::Itself,
                >(node, "read")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for read {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                    ::daffi::__private::Declaration {
                        name: "read",
                        parameters: &[("path", "std::path::PathBuf")],
                        result: "Vec<u8>",
                        doc: "",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: ::daffi::__private::Context,
                        (
                            __daffi_0,
                        ): (
                            <std::path::PathBuf as ::daffi::__private::Travels>::Itself,
                        )|
                    async move {
                        match <std::io::Result<
                            Vec<u8>,
                        > as ::daffi::__private::ResultType>::into_result(
                            read(__daffi_0).await,
                        ) {
                            ::core::result::Result::Ok(__daffi_value) => {
                                <<<std::io::Result<
                                    Vec<u8>,
                                > as ::daffi::__private::ResultType>::Ok as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                    &__daffi_value,
                                )
                            }
                            ::core::result::Result::Err(__daffi_error) => {
                                ::daffi::__private::failed(
                                    &__daffi_error,
                                    (&&&&::daffi::__private::Probe(&__daffi_error)).told(),
                                )
                            }
                        }
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < read as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
