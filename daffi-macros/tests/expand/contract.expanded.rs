/// What a shop does.
pub trait Shop: Send + ::core::marker::Sync + 'static {
    /// Takes an order.
    #[allow(clippy::manual_async_fn)]
    fn place(
        &self,
        item: String,
        quantity: u32,
    ) -> impl ::core::future::Future<Output = Result<u64, String>> + ::core::marker::Send
    where
        Self: ::core::marker::Sized;
    fn open(&self, ctx: &Context) -> bool;
    fn ticks(&self, n: u64) -> impl Stream<Item = u64> + ::core::marker::Send
    where
        Self: ::core::marker::Sized;
    #[allow(clippy::manual_async_fn)]
    fn close(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send
    where
        Self: ::core::marker::Sized,
    {
        async move { self.closing().await }
    }
    #[allow(clippy::manual_async_fn)]
    fn closing(&self) -> impl ::core::future::Future<Output = ()> + ::core::marker::Send
    where
        Self: ::core::marker::Sized;
    fn each(&self, see: impl Fn(u64))
    where
        Self: ::core::marker::Sized;
    fn is_like(&self, other: &Self) -> bool
    where
        Self: ::core::marker::Sized;
}
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
    /// Calls the methods of `Shop` on other nodes.
    #[derive(::core::clone::Clone)]
    pub struct __DaffiClient {
        node: ::daffi::Node,
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for __DaffiClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple("Client<Shop>").field(&self.node).finish()
        }
    }
    #[automatically_derived]
    impl __DaffiClient {
        #[cfg_attr(not(doctest), doc = " Takes an order.")]
        pub fn place(&self, item: String, quantity: u32) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (
                    <String as ::daffi::__private::Travels>::Itself,
                    <u32 as ::daffi::__private::Travels>::Itself,
                ),
            >((item, quantity))
                .call::<
                    <u64 as ::daffi::__private::Travels>::Itself,
                >(&self.node, "shop.place")
        }
        /// Calls `shop.is_open` on another node.
        pub fn open(&self) -> ::daffi::Call<bool> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<
                    <bool as ::daffi::__private::Travels>::Itself,
                >(&self.node, "shop.is_open")
        }
        /// Calls `shop.ticks` on another node.
        pub fn ticks(&self, n: u64) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<u64 as ::daffi::__private::Travels>::Itself,),
            >((n,))
                .call::<
                    <u64 as ::daffi::__private::Travels>::Itself,
                >(&self.node, "shop.ticks")
                .gives_stream()
        }
        /// Calls `shop.close` on another node.
        pub fn close(&self) -> ::daffi::Call<()> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<
                    <() as ::daffi::__private::Travels>::Itself,
                >(&self.node, "shop.close")
        }
    }
    #[automatically_derived]
    impl ::daffi::Remote for dyn Shop {
        type Client = __DaffiClient;
        fn client(node: &::daffi::Node) -> __DaffiClient {
            __DaffiClient {
                node: ::core::clone::Clone::clone(node),
            }
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Contract for dyn Shop {
        const METHODS: &'static [&'static ::core::primitive::str] = &[
            "place",
            "open",
            "ticks",
            "close",
        ];
    }
    #[automatically_derived]
    impl<__DaffiServer: Shop> ::daffi::__private::Serves<__DaffiServer> for dyn Shop {
        fn callbacks(
            __daffi_instance: ::std::sync::Arc<__DaffiServer>,
            __daffi_chosen: &[::daffi::__private::Chosen],
        ) -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                        ::daffi::__private::Declaration {
                            name: "shop.place",
                            parameters: &[("item", "String"), ("quantity", "u32")],
                            result: "u64",
                            doc: "Takes an order.",
                            options: ::core::default::Default::default(),
                            place: (::core::file!(), ::core::line!()),
                        }
                            .served("place", __daffi_chosen),
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |
                                _: ::daffi::__private::Context,
                                (
                                    __daffi_0,
                                    __daffi_1,
                                ): (
                                    <String as ::daffi::__private::Travels>::Itself,
                                    <u32 as ::daffi::__private::Travels>::Itself,
                                )|
                            {
                                let __daffi_instance = ::core::clone::Clone::clone(
                                    &__daffi_instance,
                                );
                                async move {
                                    match <__DaffiServer as Shop>::place(
                                            &__daffi_instance,
                                            __daffi_0,
                                            __daffi_1,
                                        )
                                        .await
                                    {
                                        ::core::result::Result::Ok(__daffi_value) => {
                                            <<u64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
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
                                }
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<__DaffiServer>()),
                ::daffi::__private::Callback::blocking(
                        ::daffi::__private::Declaration {
                            name: "shop.is_open",
                            parameters: &[],
                            result: "bool",
                            doc: "",
                            options: ::daffi::__private::Options {
                                sees_context: true,
                                idempotent: true,
                                ..::core::default::Default::default()
                            },
                            place: (::core::file!(), ::core::line!()),
                        }
                            .served("open", __daffi_chosen),
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |__daffi_context: &::daffi::__private::Context, (): ()| {
                                <<bool as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                    &<__DaffiServer as Shop>::open(
                                        &__daffi_instance,
                                        __daffi_context,
                                    ),
                                )
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<__DaffiServer>()),
                ::daffi::__private::Callback::flowing(
                        ::daffi::__private::Declaration {
                            name: "shop.ticks",
                            parameters: &[("n", "u64")],
                            result: "Stream<u64>",
                            doc: "",
                            options: ::core::default::Default::default(),
                            place: (::core::file!(), ::core::line!()),
                        }
                            .served("ticks", __daffi_chosen),
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |
                                _: ::daffi::__private::Context,
                                (
                                    __daffi_0,
                                ): (<u64 as ::daffi::__private::Travels>::Itself,),
                                __daffi_flow: ::daffi::__private::Flow|
                            {
                                let __daffi_instance = ::core::clone::Clone::clone(
                                    &__daffi_instance,
                                );
                                async move {
                                    __daffi_flow
                                        .give(
                                            <__DaffiServer as Shop>::ticks(
                                                &__daffi_instance,
                                                __daffi_0,
                                            ),
                                            |__daffi_out, __daffi_item| <<u64 as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::put(
                                                &__daffi_item,
                                                __daffi_out,
                                            ),
                                        )
                                        .await
                                }
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<__DaffiServer>()),
                ::daffi::__private::Callback::asynchronous(
                        ::daffi::__private::Declaration {
                            name: "shop.close",
                            parameters: &[],
                            result: "()",
                            doc: "",
                            options: ::core::default::Default::default(),
                            place: (::core::file!(), ::core::line!()),
                        }
                            .served("close", __daffi_chosen),
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |_: ::daffi::__private::Context, (): ()| {
                                let __daffi_instance = ::core::clone::Clone::clone(
                                    &__daffi_instance,
                                );
                                async move {
                                    <<() as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                        &<__DaffiServer as Shop>::close(&__daffi_instance).await,
                                    )
                                }
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<__DaffiServer>()),
            ])
        }
    }
};
