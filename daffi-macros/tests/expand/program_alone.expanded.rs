/// A program without a use for its node.
fn main() {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    async fn __daffi_main() {}
    ::daffi::__private::run(
        ::daffi::__private::Main {
            name: ::core::option::Option::None,
            listen: ::core::option::Option::None,
            connect: ::core::option::Option::None,
        },
        |_| __daffi_main(),
    )
}
