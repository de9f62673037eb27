#[callback(name = "sizes.of")]
#[cfg(feature = "sizes")]
async fn size(path: String) -> Result<u64, std::io::Error> {
    let __daffi_key = size::__daffi_cached().key(&(&path,));
    size::__daffi_cached()
        .try_get::<u64, std::io::Error>(__daffi_key, async move { size::uncached(path) })
        .await
}
#[cfg(feature = "sizes")]
impl size {
    /// The function itself, which knows of no cache. Pottery's `__wrapped__`.
    #[allow(dead_code, unreachable_pub)]
    fn uncached(path: String) -> Result<u64, std::io::Error> {
        Ok(std::fs::metadata(path)?.len())
    }
}
#[cfg(feature = "sizes")]
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
    impl size {
        fn __daffi_cached() -> &'static ::daffi::__private::CachedFunction {
            static CACHED: ::daffi::__private::CachedFunction = ::daffi::__private::CachedFunction::new::<
                size,
            >(::core::option::Option::None, ::core::option::Option::None, false);
            &CACHED
        }
        /// Runs the function, and keeps its result in the place of the one that is there; that is no hit and no miss.
        /// Pottery's `__bypass__`.
        async fn bypass(path: String) -> Result<u64, std::io::Error> {
            let __daffi_key = size::__daffi_cached().key(&(&path,));
            size::__daffi_cached()
                .try_bypass::<
                    u64,
                    std::io::Error,
                >(__daffi_key, async move { size::uncached(path) })
                .await
        }
        /// Forgets the result for these arguments, and says whether it was there.
        fn forget(path: String) -> ::daffi::Operation<::core::primitive::bool> {
            let __daffi_key = size::__daffi_cached().key(&(&path,));
            Self::__daffi_cached().forget(__daffi_key)
        }
        /// How its cache does. Pottery's `cache_info`.
        fn info() -> ::daffi::Operation<::daffi::datatypes::CacheInfo> {
            Self::__daffi_cached().info()
        }
        /// Forgets all results and what was counted, and says how many results there were. Pottery's `cache_clear`.
        fn clear() -> ::daffi::Operation<::core::primitive::u64> {
            Self::__daffi_cached().clear()
        }
    }
};
