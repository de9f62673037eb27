fn main() -> daffi::Result<()> {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    async fn __daffi_main(node: Node) -> daffi::Result<()> {
        node.stop().await
    }
    ::daffi::__private::run(
        ::daffi::__private::Main {
            name: ::core::option::Option::Some("proc1"),
            listen: ::core::option::Option::Some("unix:///tmp/daffi.sock"),
            connect: ::core::option::Option::None,
        },
        __daffi_main,
    )
}
