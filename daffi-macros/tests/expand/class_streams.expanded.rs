impl shop::Ticker {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    pub fn since(&self, n: u64) -> impl Stream<Item = u64> {
        self.all(n)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    pub async fn fill(&self, items: Incoming<u64>) -> usize {
        items.count().await
    }
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
    /// Calls the methods of `Ticker` on other nodes.
    #[derive(::core::clone::Clone)]
    pub struct __DaffiClient {
        node: ::daffi::Node,
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for __DaffiClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple("Client<Ticker>").field(&self.node).finish()
        }
    }
    #[automatically_derived]
    impl __DaffiClient {
        /// Calls `ticks` on another node.
        pub fn since(&self, n: u64) -> ::daffi::Call<u64> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<
                (<u64 as ::daffi::__private::Travels>::Itself,),
            >((n,))
                .call::<
                    <u64 as ::daffi::__private::Travels>::Itself,
                >(&self.node, "ticks")
                .gives_stream()
        }
        /// Calls `fill` on another node.
        pub fn fill(
            &self,
            items: impl ::daffi::__private::Stream<
                Item = u64,
            > + ::core::marker::Send + 'static,
        ) -> ::daffi::Call<usize> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<
                    <usize as ::daffi::__private::Travels>::Itself,
                >(&self.node, "fill")
                .feeds(::daffi::__private::fed(items))
        }
    }
    #[automatically_derived]
    impl ::daffi::Remote for shop::Ticker {
        type Client = __DaffiClient;
        fn client(node: &::daffi::Node) -> __DaffiClient {
            __DaffiClient {
                node: ::core::clone::Clone::clone(node),
            }
        }
    }
    #[automatically_derived]
    impl ::daffi::Offer<shop::Ticker> for shop::Ticker {
        fn callbacks(
            __daffi_instance: ::std::sync::Arc<Self>,
        ) -> ::std::vec::Vec<::daffi::__private::Callback> {
            let __daffi_instance: ::std::sync::Arc<
                <shop::Ticker as ::daffi::__private::Shareable>::Itself,
            > = __daffi_instance;
            ::core::convert::From::from([
                ::daffi::__private::Callback::flowing(
                        ::daffi::__private::Declaration {
                            name: "ticks",
                            parameters: &[("n", "u64")],
                            result: "Stream<u64>",
                            doc: "",
                            options: ::daffi::__private::Options {
                                idempotent: true,
                                ..::core::default::Default::default()
                            },
                            place: (::core::file!(), ::core::line!()),
                        },
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
                                            <shop::Ticker>::since(&__daffi_instance, __daffi_0),
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
                    .of_instance(::core::any::type_name::<shop::Ticker>()),
                ::daffi::__private::Callback::flowing(
                        ::daffi::__private::Declaration {
                            name: "fill",
                            parameters: &[("items", "Incoming<u64>")],
                            result: "usize",
                            doc: "",
                            options: ::core::default::Default::default(),
                            place: (::core::file!(), ::core::line!()),
                        },
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |
                                _: ::daffi::__private::Context,
                                (): (),
                                mut __daffi_flow: ::daffi::__private::Flow|
                            {
                                let __daffi_instance = ::core::clone::Clone::clone(
                                    &__daffi_instance,
                                );
                                async move {
                                    let __daffi_incoming = __daffi_flow
                                        .incoming::<<u64 as ::daffi::__private::Travels>::Itself>();
                                    <<usize as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                        &<shop::Ticker>::fill(&__daffi_instance, __daffi_incoming)
                                            .await,
                                    )
                                }
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<shop::Ticker>()),
            ])
        }
    }
};
