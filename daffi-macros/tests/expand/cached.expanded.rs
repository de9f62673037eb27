/// What it costs.
pub async fn price(item: &str, quantity: u32) -> u64 {
    let __daffi_key = price::__daffi_cached().key(&(&item, &quantity));
    price::__daffi_cached()
        .get::<u64>(__daffi_key, price::uncached(item, quantity))
        .await
}
/// What can be done with the cached function `price` beside calling it.
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
pub struct price {}
impl price {
    /// The function itself, which knows of no cache. Pottery's `__wrapped__`.
    #[allow(dead_code, unreachable_pub)]
    pub async fn uncached(mut item: &str, quantity: u32) -> u64 {
        item = item.trim();
        ask(item).await * u64::from(quantity)
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
    #[automatically_derived]
    impl price {
        fn __daffi_cached() -> &'static ::daffi::__private::CachedFunction {
            static CACHED: ::daffi::__private::CachedFunction = ::daffi::__private::CachedFunction::new::<
                price,
            >(
                ::core::option::Option::Some("prices"),
                ::core::option::Option::Some(::core::time::Duration::new(90u64, 0u32)),
                true,
            );
            &CACHED
        }
        /// Runs the function, and keeps its result in the place of the one that is there; that is no hit and no miss.
        /// Pottery's `__bypass__`.
        pub async fn bypass(item: &str, quantity: u32) -> u64 {
            let __daffi_key = price::__daffi_cached().key(&(&item, &quantity));
            price::__daffi_cached()
                .bypass::<u64>(__daffi_key, price::uncached(item, quantity))
                .await
        }
        /// Forgets the result for these arguments, and says whether it was there.
        pub fn forget(
            item: &str,
            quantity: u32,
        ) -> ::daffi::Operation<::core::primitive::bool> {
            let __daffi_key = price::__daffi_cached().key(&(&item, &quantity));
            Self::__daffi_cached().forget(__daffi_key)
        }
        /// How its cache does. Pottery's `cache_info`.
        pub fn info() -> ::daffi::Operation<::daffi::datatypes::CacheInfo> {
            Self::__daffi_cached().info()
        }
        /// Forgets all results and what was counted, and says how many results there were. Pottery's `cache_clear`.
        pub fn clear() -> ::daffi::Operation<::core::primitive::u64> {
            Self::__daffi_cached().clear()
        }
    }
};
