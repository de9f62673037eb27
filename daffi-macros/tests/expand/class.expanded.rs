impl Orders {
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    /// Takes an order.
    pub async fn place(
        &self,
        ctx: &Context,
        item: String,
        quantity: u32,
    ) -> Result<u64, String> {
        self.take(ctx.caller(), item, quantity)
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    #[cfg(feature = "versions")]
    pub fn version() -> String {
        VERSION.into()
    }
    #[allow(
        clippy::missing_const_for_fn,
        clippy::needless_pass_by_value,
        clippy::unused_async
    )]
    #[allow(unreachable_pub)]
    pub(crate) fn copy(&self) -> Self {
        self.clone()
    }
    #[allow(unreachable_pub)]
    pub fn not_remote(&self) {}
    fn private(&self) {}
    const LIMIT: usize = 7;
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
    /// Calls the methods of `Orders` on other nodes.
    #[derive(::core::clone::Clone)]
    pub struct __DaffiClient {
        node: ::daffi::Node,
    }
    #[automatically_derived]
    impl ::core::fmt::Debug for __DaffiClient {
        fn fmt(&self, f: &mut ::core::fmt::Formatter<'_>) -> ::core::fmt::Result {
            f.debug_tuple("Client<Orders>").field(&self.node).finish()
        }
    }
    #[automatically_derived]
    impl __DaffiClient {
        #[cfg(feature = "versions")]
        /// Calls `Orders.version` on another node.
        pub fn version(&self) -> ::daffi::Call<String> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<
                    <String as ::daffi::__private::Travels>::Itself,
                >(&self.node, "Orders.version")
        }
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
                >(&self.node, "Orders.place")
        }
        /// Calls `Orders.copy` on another node.
        pub(crate) fn copy(&self) -> ::daffi::Call<Orders> {
            use ::daffi::__private::Refused as _;
            ::daffi::__private::Tuple::<()>(())
                .call::<
                    <Orders as ::daffi::__private::Travels>::Itself,
                >(&self.node, "Orders.copy")
        }
    }
    #[automatically_derived]
    impl ::daffi::Remote for Orders {
        type Client = __DaffiClient;
        fn client(node: &::daffi::Node) -> __DaffiClient {
            __DaffiClient {
                node: ::core::clone::Clone::clone(node),
            }
        }
    }
    #[automatically_derived]
    impl ::daffi::__private::Declared for Orders {
        fn callbacks() -> ::std::vec::Vec<::daffi::__private::Callback> {
            ::core::convert::From::from([
                #[cfg(feature = "versions")]
                ::daffi::__private::Callback::blocking(
                    ::daffi::__private::Declaration {
                        name: "Orders.version",
                        parameters: &[],
                        result: "String",
                        doc: "",
                        options: ::core::default::Default::default(),
                        place: (::core::file!(), ::core::line!()),
                    },
                    |_: &::daffi::__private::Context, (): ()| {
                        <<String as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                            &<Orders>::version(),
                        )
                    },
                ),
            ])
        }
    }
    ::daffi::__private::inventory::submit! {
        ::daffi::__private::Inventory { callbacks : < Orders as
        ::daffi::__private::Declared > ::callbacks, }
    }
    #[automatically_derived]
    impl ::daffi::Offer<Orders> for Orders {
        fn callbacks(
            __daffi_instance: ::std::sync::Arc<Self>,
        ) -> ::std::vec::Vec<::daffi::__private::Callback> {
            let __daffi_instance: ::std::sync::Arc<
                <Orders as ::daffi::__private::Shareable>::Itself,
            > = __daffi_instance;
            ::core::convert::From::from([
                ::daffi::__private::Callback::asynchronous(
                        ::daffi::__private::Declaration {
                            name: "Orders.place",
                            parameters: &[("item", "String"), ("quantity", "u32")],
                            result: "u64",
                            doc: "Takes an order.",
                            options: ::daffi::__private::Options {
                                sees_context: true,
                                timeout: ::core::option::Option::Some(
                                    ::core::time::Duration::new(1u64, 500000000u32),
                                ),
                                concurrency: ::core::num::NonZero::<
                                    ::core::primitive::u32,
                                >::new(4u32),
                                on_cancel: ::daffi::__private::OnCancel::Finish,
                                ..::core::default::Default::default()
                            },
                            place: (::core::file!(), ::core::line!()),
                        },
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |
                                __daffi_context: ::daffi::__private::Context,
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
                                    match <Orders>::place(
                                            &__daffi_instance,
                                            &__daffi_context,
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
                    .of_instance(::core::any::type_name::<Orders>()),
                ::daffi::__private::Callback::blocking(
                        ::daffi::__private::Declaration {
                            name: "Orders.copy",
                            parameters: &[],
                            result: "Orders",
                            doc: "",
                            options: ::core::default::Default::default(),
                            place: (::core::file!(), ::core::line!()),
                        },
                        {
                            let __daffi_instance = ::core::clone::Clone::clone(
                                &__daffi_instance,
                            );
                            move |_: &::daffi::__private::Context, (): ()| {
                                <<Orders as ::daffi::__private::Travels>::Itself as ::daffi::__private::Travels>::outcome(
                                    &<Orders>::copy(&__daffi_instance),
                                )
                            }
                        },
                    )
                    .of_instance(::core::any::type_name::<Orders>()),
            ])
        }
    }
};
