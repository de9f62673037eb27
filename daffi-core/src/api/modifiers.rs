//! daffi's own spelling of the modes, for those who come from Python: `node.call("f", (1,)) & FG`.

use std::future::IntoFuture;
use std::ops::BitAnd;
use std::time::Duration;

use super::{Broadcast, Call, CallFuture, Every, Job, NoReturn};
use crate::callback::Wire;

/// In the foreground: awaited for its result.
pub const FG: Foreground = Foreground { timeout: None };
/// In the background: a [`Job`].
pub const BG: Background = Background { timeout: None, eta: None };
/// Without a result: over once the mesh has taken it.
pub const NO_RETURN: WithoutReturn = WithoutReturn { eta: None };
/// On every other node that offers it.
pub const BROADCAST: Everywhere = Everywhere { timeout: None, eta: None };

/// At a fixed rate, until it is cancelled.
#[expect(non_snake_case, reason = "daffi's own spelling")]
pub const fn PERIOD(period: Duration) -> Periodic {
    Periodic { period }
}

macro_rules! modifier {
    ($name:ident: $($option:ident),+; $mode:literal) => {
        #[doc = concat!("The mode [`", $mode, "`] and its options.")]
        #[derive(Debug, Clone, Copy)]
        pub struct $name {
            $($option: Option<Duration>,)+
        }

        impl $name {
            $(
                #[doc = concat!("As [`Call::", stringify!($option), "`].")]
                #[must_use]
                pub const fn $option(mut self, $option: Duration) -> Self {
                    self.$option = Some($option);
                    self
                }
            )+

            fn apply<R: Wire>(self, mut call: Call<R>) -> Call<R> {
                $(
                    if let Some($option) = self.$option {
                        call = call.$option($option);
                    }
                )+
                call
            }
        }
    };
}

modifier!(Foreground: timeout; "FG");
modifier!(Background: timeout, eta; "BG");
modifier!(WithoutReturn: eta; "NO_RETURN");
modifier!(Everywhere: timeout, eta; "BROADCAST");

/// The mode [`PERIOD`] and its period.
#[derive(Debug, Clone, Copy)]
pub struct Periodic {
    period: Duration,
}

impl<R: Wire> BitAnd<Foreground> for Call<R> {
    type Output = CallFuture<R>;

    fn bitand(self, mode: Foreground) -> CallFuture<R> {
        mode.apply(self).into_future()
    }
}

impl<R: Wire> BitAnd<Background> for Call<R> {
    type Output = Job<R>;

    fn bitand(self, mode: Background) -> Job<R> {
        mode.apply(self).bg()
    }
}

impl<R: Wire> BitAnd<WithoutReturn> for Call<R> {
    type Output = NoReturn;

    fn bitand(self, mode: WithoutReturn) -> NoReturn {
        mode.apply(self).no_return()
    }
}

impl<R: Wire> BitAnd<Everywhere> for Call<R> {
    type Output = Broadcast<R>;

    fn bitand(self, mode: Everywhere) -> Broadcast<R> {
        mode.apply(self).broadcast()
    }
}

impl<R: Wire> BitAnd<Periodic> for Call<R> {
    type Output = Every;

    fn bitand(self, mode: Periodic) -> Every {
        self.every(mode.period)
    }
}
