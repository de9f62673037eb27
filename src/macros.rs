//! The macros that need no compiler plug-in.

/// Arguments of a call by position, by name, or both: `args!(4, b = 6)`.
///
/// Those by position come first. A name that the callback does not have, or one that a position has taken
/// already, is refused before the call is sent.
///
/// ```
/// use daffi::args;
///
/// let both = args!(4, b = 6);
/// let named = args!(unit = "km", amount = 2.5);
/// let none = args!();
/// # let _: [daffi::Args; 3] = [both, named, none];
/// ```
#[macro_export]
macro_rules! args {
    ($($arguments:tt)*) => {
        $crate::__daffi_positional!([$crate::__private::Args::new()] $($arguments)*)
    };
}

/// Takes arguments by position up to the first that is named.
#[doc(hidden)]
#[macro_export]
macro_rules! __daffi_positional {
    ([$args:expr]) => { $args };
    ([$args:expr] $name:ident = $($rest:tt)+) => {
        $crate::__daffi_named!([$args] $name = $($rest)+)
    };
    ([$args:expr] $value:expr $(, $($rest:tt)*)?) => {
        $crate::__daffi_positional!([$args.with($value)] $($($rest)*)?)
    };
}

/// Takes arguments by name.
#[doc(hidden)]
#[macro_export]
macro_rules! __daffi_named {
    ([$args:expr]) => { $args };
    ([$args:expr] $name:ident = $value:expr $(, $($rest:tt)*)?) => {
        $crate::__daffi_named!(
            [$args.with_named($crate::__private::plain(::core::stringify!($name)), $value)] $($($rest)*)?
        )
    };
    ([$args:expr] $value:expr $(, $($rest:tt)*)?) => {
        ::core::compile_error!("arguments by position stand before those by name: `args!(4, b = 6)`")
    };
}

/// The annotated functions that are named, as a list: `callbacks![add, shop::sum]`. A type's name stands for the
/// associated functions of its annotated `impl`.
///
/// For a node that is to offer these alone, and not all that the program has: several nodes in one process, or
/// the tests of one binary, which share one inventory.
///
/// ```
/// use daffi::{Registry, callback, callbacks};
///
/// #[callback]
/// fn add(a: i64, b: i64) -> i64 {
///     a + b
/// }
///
/// mod shop {
///     #[daffi::callback(name = "shop.sum")]
///     pub fn sum(prices: Vec<u64>) -> u64 {
///         prices.iter().sum()
///     }
/// }
///
/// let registry = Registry::try_from(callbacks![add, shop::sum])?;
///
/// assert!(registry.find("shop.sum").is_some());
/// let connect = daffi::connect("").registry(callbacks![add]);
/// # drop(connect);
/// # Ok::<(), daffi::RegisterError>(())
/// ```
#[macro_export]
macro_rules! callbacks {
    ($($callback:path),* $(,)?) => {
        <[::std::vec::Vec<$crate::__private::Callback>]>::concat(
            &[$(<$callback as $crate::__private::Declared>::callbacks()),*]
        )
    };
}
