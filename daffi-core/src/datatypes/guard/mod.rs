//! What a node holds of a hosted object: asked for, renewed, lost, and given back, whatever becomes of whoever asked.
//!
//! `grants` is the controller's side of it, [`Hold`] the node's.

/// What all handles have that ask on [`Terms`], beside these fields that are shown.
macro_rules! asks_on_terms {
    ($handle:ident $(, $field:ident)*) => {
        impl $handle {
            /// Its name.
            pub fn name(&self) -> &str {
                self.object.name()
            }

            /// The same, of which one holds with a lease of this length: whoever does not renew it for so long, which its
            /// guard does by itself, has lost what it held.
            #[must_use]
            pub fn lease(mut self, lease: std::time::Duration) -> Self {
                self.terms.lease = Some(lease);
                self
            }

            /// The same, of which one holds under this name in place of the node's; for people who look.
            #[must_use]
            pub fn owner(mut self, owner: impl Into<String>) -> Self {
                self.terms.owner = Some(owner.into());
                self
            }
        }

        impl std::fmt::Debug for $handle {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let mut shown = f.debug_struct(stringify!($handle));
                shown.field("name", &self.name())$(.field(stringify!($field), &self.$field))*;
                shown.field("terms", &self.terms).finish()
            }
        }
    };
}

mod grants;
#[cfg(test)]
pub(crate) mod trial;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::sync::{Notify, watch};
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep_until, timeout_at};

pub use self::grants::Claim;
pub(crate) use self::grants::{Grant, Grants, not_held};
use crate::api::{Fence, Object, Operation};
use crate::config;
use crate::error::{CallError, DataError, Ran, Stage};
use crate::hosted::Methods;
use crate::node::Node;
pub(crate) use asks_on_terms;

/// How a handle asks: under which name, and for how long it may go without a word.
#[derive(Debug, Clone, Default)]
pub(crate) struct Terms {
    pub(crate) lease: Option<Duration>,
    pub(crate) owner: Option<String>,
}

impl Terms {
    /// A claim on these terms, with a ticket of its own.
    pub(crate) fn claim(&self, node: &Node) -> Claim {
        static TICKETS: AtomicU64 = AtomicU64::new(1);
        let owner = self.owner.clone().unwrap_or_else(|| node.name().to_string());
        let lease_ms = self.lease.map(milliseconds);
        Claim { owner, ticket: TICKETS.fetch_add(1, Ordering::Relaxed), lease_ms }
    }
}

/// A duration as it travels.
pub(crate) fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

/// An object of which something is held: it has methods `renew`, `release` and `forgo`.
#[derive(Clone)]
struct Keeper {
    object: Object,
    kind: &'static str,
}

impl Keeper {
    fn renew(&self, token: u64, lease_ms: Option<u64>) -> Operation<()> {
        self.operation("renew", &(self.object.name(), token, lease_ms))
    }

    fn release(&self, token: u64) -> Operation<()> {
        self.operation("release", &(self.object.name(), token))
    }

    fn forgo(&self, ticket: u64) -> Operation<bool> {
        self.operation("forgo", &(self.object.name(), ticket))
    }

    fn operation<T: DeserializeOwned + 'static>(
        &self,
        method: &str,
        arguments: &impl Serialize,
    ) -> Operation<T> {
        Operation::new(self.object.node(), &format!("daffi.{}.{method}", self.kind), arguments)
    }

    fn what(&self) -> String {
        format!("the {} `{}`", self.kind, self.object.name())
    }

    /// Sees that something is given back, which `give` does. It is sent now, so that it comes before whatever this
    /// thread does next; if it cannot be, it is tried until it was, or the session is over and it went back by itself.
    fn give_back<T: Send + 'static>(&self, give: impl Fn(&Self) -> Operation<T> + Send + Sync + 'static) {
        let shared = Arc::clone(self.object.node().shared());
        let Some(session) = shared.session() else { return };
        let mut giving = Box::pin(give(self).no_timeout().into_future());
        // Sending may need timers, and whoever drops a guard may be on any thread.
        let entered = shared.runtime.enter();
        let first = giving.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        drop(entered);
        let keeper = self.clone();
        let runtime = shared.runtime.clone();
        runtime.spawn(async move {
            let given = async {
                let mut outcome = match first {
                    Poll::Ready(outcome) => outcome,
                    Poll::Pending => giving.await,
                };
                while outcome.is_err_and(|error| error.is_retryable()) {
                    tokio::time::sleep(config::RETRY_DELAY_MAX).await;
                    outcome = give(&keeper).no_timeout().await;
                }
            };
            tokio::select! {
                biased;
                () = given => {}
                () = shared.session_over(session) => {}
            }
        });
    }
}

/// Asks for something of a hosted object of the kind `T`, and makes what was granted a [`Hold`].
///
/// What `operation` is granted belongs to this node even if nobody waits for it any more. Then it is given back: the
/// call is cancelled first, and the claim is taken back after it on the same lane, so that either finds the grant that
/// the other missed.
pub(crate) fn ask<T: Methods>(
    object: &Object,
    claim: &Claim,
    operation: Operation<Option<u64>>,
) -> Operation<Option<Hold>> {
    let operation = operation.map(|granted| granted.ok_or(()));
    ask_or::<T, ()>(object, claim, operation).map(Result::ok)
}

/// The same of what may have another answer than a grant.
pub(crate) fn ask_or<T: Methods, A: Send + 'static>(
    object: &Object,
    claim: &Claim,
    operation: Operation<Result<u64, A>>,
) -> Operation<Result<Hold, A>> {
    // Not the callback's own handle, if it is one: what it holds may outlive it.
    let node = object.node().shared().handle(None);
    let keeper = Keeper { object: object.with_node(node), kind: T::KIND };
    let asking = Asking {
        session: keeper.object.node().shared().session(),
        keeper,
        ticket: claim.ticket,
        lease: claim.lease_ms.map(Duration::from_millis),
        asked: Instant::now(),
        is_open: true,
    };
    operation.then(move |granted| asking.settle(granted))
}

/// Makes a refusal for lack of time a plain no: of an operation that is tried once.
pub(crate) fn tried<T: 'static>(operation: Operation<Option<T>>) -> Operation<Option<T>> {
    operation.timeout(Duration::ZERO).then(|outcome| match outcome {
        Err(DataError::Call(CallError::TimedOut { stage: Stage::Waiting, .. })) => Ok(None),
        outcome => outcome,
    })
}

/// A claim of which it is not known what came of it.
struct Asking {
    keeper: Keeper,
    ticket: u64,
    lease: Option<Duration>,
    /// Before it was sent.
    asked: Instant,
    session: Option<u64>,
    is_open: bool,
}

impl Asking {
    fn settle<A>(mut self, granted: Result<Result<u64, A>, DataError>) -> Result<Result<Hold, A>, DataError> {
        self.is_open = granted.as_ref().is_err_and(|error| error.ran() != Ran::No);
        Ok(granted?.map(|token| Hold::new(&self, token)))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        if self.is_open {
            let ticket = self.ticket;
            self.keeper.give_back(move |keeper| keeper.forgo(ticket));
        }
    }
}

/// Something of a hosted object that this node holds: a lock, a permit, a slot, an office.
///
/// It is the node's until it is given back, its session ends, or, with a lease, it goes without a renewal for so long. The
/// guard renews it at each third of the lease. Dropping the guard gives it back, without waiting until that is done; what
/// this node does next with the object comes after it. A guard that is forgotten (`std::mem::forget`) holds on as long as
/// the session.
///
/// A guard that comes late, after a long wait or over a slow link, asks at once whether it still holds: what was lost on
/// the way is [lost](Self::lost) a round trip later.
///
/// No holder can be sure to hold on while it does something: its process may be stopped after it looked. Where that
/// matters, let whatever is protected refuse an older [token](Self::fencing_token) than the youngest it has seen.
#[must_use = "what is held is given back when its guard is dropped"]
pub struct Hold {
    held: Arc<Held>,
    keeping: AbortHandle,
    is_given_back: bool,
}

struct Held {
    keeper: Keeper,
    token: u64,
    /// The session that it belongs to, if that is known.
    session: Option<u64>,
    term: Mutex<Term>,
    /// The term was changed by its holder.
    changed: Notify,
    lost: watch::Sender<Option<Loss>>,
}

/// Until when it is held, as far as this node knows.
#[derive(Debug, Clone, Copy)]
struct Term {
    lease: Option<Duration>,
    /// When the lease ends; the controller counts from later on than this node.
    until: Option<Instant>,
    /// When to renew it next.
    next: Instant,
}

impl Term {
    fn from(asked: Instant, lease: Option<Duration>) -> Self {
        let next = asked + lease.map_or(config::HOLD_CHECKED_EVERY, |lease| lease / 3);
        Self { lease, until: lease.map(|lease| asked + lease), next }
    }
}

/// How something that was held was lost.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Loss {
    SessionEnded,
    LeaseEnded,
    TakenAway,
    GivenBack,
}

impl Hold {
    fn new(asking: &Asking, token: u64) -> Self {
        let shared = asking.keeper.object.node().shared();
        let (session, now) = (shared.session(), Instant::now());
        let mut term = Term::from(asking.asked, asking.lease);
        if session != asking.session || now >= term.next {
            // Nobody knows which session it was granted to, or how long ago: that is asked first.
            term = Term { next: now, ..Term::from(now, asking.lease) };
        }
        let is_sure = session == asking.session;
        let held = Held {
            keeper: asking.keeper.clone(),
            token,
            session: session.filter(|_| is_sure),
            term: Mutex::new(term),
            changed: Notify::new(),
            lost: watch::Sender::new(None),
        };
        let held = Arc::new(held);
        let keeping = shared.runtime.spawn(Arc::clone(&held).keep(session)).abort_handle();
        Self { held, keeping, is_given_back: false }
    }

    /// The number of the grant. It is greater than that of every grant that the controller made before, so whoever was
    /// shown this one can refuse those.
    pub fn fencing_token(&self) -> u64 {
        self.held.token
    }

    /// The same as what writes to other objects can be made to depend on, by [`Operation::if_held`]: of a lock that is held
    /// alone, or an office.
    pub fn fence(&self) -> Fence {
        let object = &self.held.keeper.object;
        Fence { kind: object.kind().to_owned(), object: object.name().to_owned(), token: self.held.token }
    }

    /// The object's name.
    pub fn name(&self) -> &str {
        self.held.keeper.object.name()
    }

    /// How long it is held for certain without a further renewal, as far as this node knows; `None` if it is held as long
    /// as the node's session with its controller. Nothing once it was lost.
    pub fn remaining(&self) -> Option<Duration> {
        if self.is_lost() {
            return Some(Duration::ZERO);
        }
        let until = self.held.term().until;
        until.map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Whether it was lost.
    pub fn is_lost(&self) -> bool {
        self.held.lost.borrow().is_some()
    }

    /// Waits until it is lost, and says how: a [`DataError::NotHeld`].
    ///
    /// It is lost when the node's session has ended, when the lease ran out by this node's clock without a renewal, or
    /// when the controller says that it was taken away, for which one without a lease is asked about every
    /// [`HOLD_CHECKED_EVERY`](config::HOLD_CHECKED_EVERY). Once it was given back it is lost, too.
    ///
    /// # Cancel safety
    /// Cancel safe. The future is not tied to the guard.
    pub fn lost(&self) -> impl Future<Output = DataError> + Send + use<> {
        let (mut lost, what) = (self.held.lost.subscribe(), self.held.keeper.what());
        async move {
            let loss = lost.wait_for(Option::is_some).await.map_or(None, |loss| *loss);
            loss.unwrap_or(Loss::GivenBack).error(&what)
        }
    }

    /// Begins its lease anew, with this length from now on.
    ///
    /// # Errors
    /// [`DataError::NotHeld`] if it was lost; [`DataError::Invalid`] for a lease of less than a millisecond.
    pub fn extend(&self, lease: Duration) -> Operation<()> {
        let (held, ms, asked) = (Arc::clone(&self.held), milliseconds(lease), Instant::now());
        self.held.keeper.renew(self.held.token, Some(ms)).and_then(move |()| {
            *held.term() = Term::from(asked, Some(Duration::from_millis(ms)));
            held.changed.notify_one();
            Ok(())
        })
    }

    /// What came of a claim that cannot be answered by a no.
    pub(crate) fn granted(hold: Option<Self>) -> Self {
        hold.expect("whoever is granted something is told its token")
    }

    /// Whether the session that it was granted to is known, and goes on.
    pub(crate) fn is_of_this_session(&self) -> bool {
        self.held.session.is_some() && self.held.session == self.held.keeper.object.node().shared().session()
    }

    /// It has come to its end, and nothing is to be given back.
    pub(crate) fn ended(mut self) {
        self.is_given_back = true;
    }

    /// Gives it back.
    pub(crate) fn release(self) -> Operation<()> {
        self.held.keeper.release(self.held.token).then(move |done| {
            // Whatever else came of it, dropping the guard tries again.
            let mut hold = self;
            hold.is_given_back = matches!(done, Ok(()) | Err(DataError::NotHeld { .. }));
            done
        })
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.keeping.abort();
        let loss = *self.held.lost.borrow();
        self.held.lost.send_replace(loss.or(Some(Loss::GivenBack)));
        let is_gone = matches!(loss, Some(Loss::SessionEnded | Loss::TakenAway));
        if !self.is_given_back && !is_gone {
            let token = self.held.token;
            self.held.keeper.give_back(move |keeper| keeper.release(token));
        }
    }
}

impl Held {
    fn term(&self) -> MutexGuard<'_, Term> {
        self.term.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Renews it until it is lost.
    async fn keep(self: Arc<Self>, session: Option<u64>) {
        let shared = Arc::clone(self.keeper.object.node().shared());
        let loss = match session {
            Some(session) => tokio::select! {
                biased;
                () = shared.session_over(session) => Loss::SessionEnded,
                loss = self.renew() => loss,
            },
            None => Loss::SessionEnded,
        };
        let name = self.keeper.object.name();
        tracing::warn!(kind = self.keeper.kind, name, token = self.token, ?loss, "lost what this node held");
        self.lost.send_replace(Some(loss));
    }

    async fn renew(&self) -> Loss {
        loop {
            let term = *self.term();
            tokio::select! {
                biased;
                () = self.changed.notified() => continue,
                () = sleep_until(term.next) => {}
            }
            let asked = Instant::now();
            let renewed = self.keeper.renew(self.token, None).into_future();
            let renewed = match term.until {
                Some(until) => match timeout_at(until, renewed).await {
                    Ok(renewed) => renewed,
                    // The holder may have lengthened it meanwhile.
                    Err(_) if self.term().until > term.until => continue,
                    Err(_) => return Loss::LeaseEnded,
                },
                None => renewed.await,
            };
            let mut current = self.term();
            match renewed {
                Err(DataError::NotHeld { .. }) => return Loss::TakenAway,
                _ if current.lease != term.lease => {}
                Ok(()) => *current = Term::from(asked, term.lease),
                Err(_) if term.until.is_some_and(|until| until <= Instant::now()) => return Loss::LeaseEnded,
                Err(_) => {
                    current.next =
                        Instant::now() + term.lease.map_or(config::RETRY_DELAY_MAX, |lease| lease / 12)
                }
            }
        }
    }
}

impl Loss {
    fn error(self, what: &str) -> DataError {
        let how = match self {
            Self::SessionEnded => "whose session has ended",
            Self::LeaseEnded => "whose lease ran out",
            Self::TakenAway => "which was taken away",
            Self::GivenBack => "which was given back",
        };
        DataError::NotHeld { what: format!("{what}, {how},") }
    }
}

impl fmt::Debug for Hold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hold")
            .field("what", &self.held.keeper.what())
            .field("token", &self.held.token)
            .field("term", &*self.held.term())
            .field("lost", &*self.held.lost.borrow())
            .finish()
    }
}
