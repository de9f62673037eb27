#[allow(
    clippy::missing_const_for_fn,
    clippy::needless_pass_by_value,
    clippy::unused_async
)]
fn divide(a: f64, b: f64) -> Result<f64, String> {
    if b == 0.0 { Err("nothing divides by zero".into()) } else { Ok(a / b) }
}
/// The callback `divide`, to be called on another node.
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
struct divide {}
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
    impl divide {
        /// Calls `divide` on another node.
        fn call(node: &::daffi::Node, a: f64, b: f64) -> ::daffi::Call<f64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <f64 as ::daffi::__private::Travels>::Itself,
                    <f64 as ::daffi::__private::Travels>::Itself,
                ),
            >((a, b))
                .call::<<f64 as ::daffi::__private::Travels>::Itself>(node, "divide")
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for divide {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "divide",
                        parameters: &[("a", "f64"), ("b", "f64")],
                        result: "f64",
                        doc: "",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |
                        _: &::daffi::__private::Context,
                        (
                            __daffi_0,
                            __daffi_1,
                        ): (
                            <f64 as ::daffi::__private::Travels>::Itself,
                            <f64 as ::daffi::__private::Travels>::Itself,
                        )|
                    {
                        match divide(__daffi_0, __daffi_1) {
                            ::core::result::Result::Ok(__daffi_value) => {
                                <<f64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
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
        ::daffi::__private::Inventory { callbacks : < divide as
        ::daffi::__private::Declared > ::callbacks, }
    }
};
