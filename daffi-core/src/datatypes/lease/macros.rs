//! What all kinds of queues have in common: the methods of their states, and those of their handles.
//!
//! A type that is hosted is not generic, so the methods of each kind are made here, over its [`Stock`](super::Stock).

/// The hosted methods of a kind of queue: those in braces, and those that all kinds have. `$mark` is where an item is.
macro_rules! queue_state {
    ($kind:tt, $state:ident, $mark:ty, { $($own:tt)* }) => {
        #[callback(hosted = $kind)]
        impl $state {
            $($own)*

            /// Takes the first item, if there is one.
            #[callback(shrink)]
            pub fn pop(&mut self, turn: &mut Turn<'_>) -> Option<Value> {
                self.stock.pop(turn, End::First)
            }

            /// Takes the first item. Waits for one.
            #[callback(shrink)]
            pub fn pop_wait(&mut self, turn: &mut Turn<'_>) -> Poll<Value> {
                self.stock.pop(turn, End::First).map_or(Poll::Pending, Poll::Ready)
            }

            /// Takes the first `num` items, or as many as there are or fit a reply.
            #[callback(shrink)]
            pub fn pop_batch(&mut self, turn: &mut Turn<'_>, num: u64) -> Vec<Value> {
                self.stock.pop_batch(turn, num, End::First)
            }

            /// The first item, which stays.
            pub fn peek(&self) -> Option<Value> {
                self.stock.order().peek(End::First).map(|item| item.value.clone())
            }

            /// How many items can be had now.
            pub fn length(&self) -> u64 {
                self.stock.counts().ready
            }

            /// How many items there are, and where.
            pub fn counts(&self) -> QueueCounts {
                self.stock.counts()
            }

            /// All items that can be had now, the first first. They must fit a reply.
            ///
            /// # Errors
            /// [`DataError::Full`] if they do not.
            pub fn content(&self) -> Result<Vec<Value>, DataError> {
                self.stock.content()
            }

            /// Up to `num` items that can be had now, after this one, and where they are.
            pub fn page(&self, after: Option<$mark>, num: u64) -> Vec<($mark, Value)> {
                self.stock.page(after.as_ref(), num)
            }

            /// Drops all items that wait, delayed ones too, and says how many.
            #[callback(shrink)]
            pub fn clear(&mut self, turn: &mut Turn<'_>) -> u64 {
                self.stock.clear(turn)
            }

            /// Lends the first item to the caller's session. Waits for one.
            #[callback(shrink)]
            pub fn lease(&mut self, turn: &mut Turn<'_>, lease_ms: Option<u64>) -> Poll<Result<Delivery, DataError>> {
                self.stock.lend_one(turn, lease_ms)
            }

            /// Lends the first `num` items to the caller's session, or as many as there are or fit a reply.
            ///
            /// # Errors
            /// [`DataError::Invalid`] for no time at all.
            #[callback(shrink)]
            pub fn lease_batch(
                &mut self,
                turn: &mut Turn<'_>,
                num: u64,
                lease_ms: Option<u64>,
            ) -> Result<Vec<Delivery>, DataError> {
                self.stock.lend(turn, num, lease_ms)
            }

            /// An item that was lent is done with.
            ///
            /// # Errors
            /// [`DataError::NotHeld`] if the receipt is stale.
            #[callback(shrink)]
            pub fn ack(&mut self, turn: &mut Turn<'_>, receipt: Receipt) -> Result<(), DataError> {
                self.stock.ack(turn, receipt)
            }

            /// An item that was lent goes back to its place after a delay.
            ///
            /// # Errors
            /// [`DataError::NotHeld`] if the receipt is stale.
            #[callback(shrink)]
            pub fn nack(&mut self, turn: &mut Turn<'_>, receipt: Receipt, delay_ms: u64) -> Result<(), DataError> {
                self.stock.nack(turn, receipt, Duration::from_millis(delay_ms))
            }

            /// An item that was lent is lent for so long from now on.
            ///
            /// # Errors
            /// [`DataError::NotHeld`] if the receipt is stale; [`DataError::Invalid`] for no time at all.
            #[callback(shrink)]
            pub fn extend_lease(
                &mut self,
                turn: &mut Turn<'_>,
                receipt: Receipt,
                lease_ms: Option<u64>,
            ) -> Result<(), DataError> {
                self.stock.extend(turn, receipt, lease_ms)
            }

            /// The first `num` items that were lent too often, the longest dead first.
            pub fn dead(&self, num: u64) -> Vec<DeadItem> {
                self.stock.dead(num)
            }

            /// Takes the item that has been dead the longest.
            #[callback(shrink)]
            pub fn pop_dead(&mut self, turn: &mut Turn<'_>) -> Option<DeadItem> {
                self.stock.pop_dead(turn)
            }

            /// Puts the dead items back in their places, as if never lent, or as many as a step has time for, and says
            /// how many.
            #[callback(shrink)]
            pub fn redrive(&mut self, turn: &mut Turn<'_>) -> u64 {
                self.stock.redrive(turn)
            }

            /// Gives the queue other settings, all of them at once.
            ///
            /// # Errors
            /// [`DataError::Invalid`] if they make no sense.
            pub fn configure(&mut self, turn: &mut Turn<'_>, settings: QueueSettings) -> Result<(), DataError> {
                self.stock.configure(turn, settings)
            }

            /// The queue's settings.
            pub fn settings(&self) -> QueueSettings {
                self.stock.settings()
            }
        }

        impl Hosted for $state {
            fn next_expiry(&self) -> Option<Time> {
                self.stock.next_expiry()
            }

            fn expire(&mut self, turn: &mut Turn<'_>) {
                self.stock.expire(turn);
            }

            fn release(&mut self, turn: &mut Turn<'_>) {
                self.stock.release(turn);
            }

            fn holders(&self) -> Vec<SessionId> {
                self.stock.holders()
            }

            fn is_vacant(&self) -> bool {
                self.stock.is_vacant()
            }

            fn bytes(&self) -> usize {
                self.stock.bytes()
            }

            fn urgency(&self) -> Option<i64> {
                self.stock.order().urgency()
            }
        }
    };
}

/// What the handles of all kinds of queues have.
macro_rules! queue_handle {
    ($kind:literal, $handle:ident) => {
        const NAMES: Names = Names {
            ack: concat!("daffi.", $kind, ".ack"),
            nack: concat!("daffi.", $kind, ".nack"),
            extend: concat!("daffi.", $kind, ".extend_lease"),
        };

        impl<T: Wire> $handle<T> {
            /// The queue's name.
            pub fn name(&self) -> &str {
                self.object.name()
            }

            /// Takes the first item for good, and `None` at once if there is none: Howler's `pop(blocking=False)`.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if it is no `T`; it is gone then. If the reply is lost, so is the item:
            /// [`lease`](Self::lease) is the remedy.
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            pub fn pop(&self) -> Operation<Option<T>> {
                self.object.pop().and_then(|value| value.map(|value| value.get()).transpose())
            }

            /// Takes the first item for good, and waits for one if there is none. Who waits longest is served first.
            ///
            /// It waits for as long as its [`timeout`](Operation::timeout), by default for ever, and leaves without
            /// effect. Howler's `pop` and `blocking_pop`, which gave `None` then.
            ///
            /// # Errors
            /// As [`pop`](Self::pop), and [`CallError::TimedOut`](crate::error::CallError::TimedOut).
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            #[doc(alias = "blocking_pop")]
            pub fn pop_wait(&self) -> Operation<T> {
                self.object.pop_wait().and_then(|value| value.get())
            }

            /// Takes the first item of the first of these queues that has one, with that queue's name; waits, in all of
            /// them, until one has. While one at the front has items, those behind it have to wait: for that there is
            /// [`select_fair`](Self::select_fair).
            ///
            /// # Errors
            /// As [`pop_wait`](Self::pop_wait), and [`DataError::Invalid`] for no queues, or more than
            /// [`BATCH_STEPS_MAX`](crate::config::BATCH_STEPS_MAX).
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            pub fn select(queues: &[&Self]) -> Operation<(String, T)> {
                Self::select_from(queues, 0, false)
            }

            /// As [`select`](Self::select), beginning at one of them by chance and going round: none has to wait for
            /// the others to be empty.
            ///
            /// # Errors
            /// As [`select`](Self::select).
            pub fn select_fair(queues: &[&Self]) -> Operation<(String, T)> {
                Self::select_from(queues, fastrand::usize(..queues.len().max(1)), false)
            }

            fn select_from(queues: &[&Self], first: usize, by_urgency: bool) -> Operation<(String, T)> {
                let Some(node) = queues.first().map(|queue| queue.object.node().clone()) else {
                    return Operation::failed(DataError::invalid("a select of no queues"));
                };
                let queues = || queues.iter().cycle().skip(first).take(queues.len());
                let names: Vec<String> = queues().map(|queue| queue.name().to_owned()).collect();
                let pops = queues().map(|queue| queue.pop_wait());
                let taken = Operation::select_from(&node, pops, by_urgency);
                taken.map(move |(at, item)| (names[at].clone(), item))
            }

            /// The first item, which stays. Howler's `peek_next`.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if it is no `T`.
            #[doc(alias = "peek_next")]
            pub fn peek(&self) -> Operation<Option<T>> {
                self.object.peek().and_then(|value| value.map(|value| value.get()).transpose())
            }

            /// How many items can be had now: neither delayed ones nor those that are lent. Howler's `length`.
            #[doc(alias = "length")]
            pub fn len(&self) -> Operation<u64> {
                self.object.length()
            }

            /// Whether no item can be had now.
            pub fn is_empty(&self) -> Operation<bool> {
                self.object.length().map(|length| length == 0)
            }

            /// How many items there are, and where, at one moment.
            pub fn counts(&self) -> Operation<QueueCounts> {
                self.object.counts()
            }

            /// All items that can be had now, the first first, at one moment.
            ///
            /// # Errors
            /// [`DataError::Full`] if they do not fit a reply, of
            /// [`BODY_BYTES_MAX`](crate::config::BODY_BYTES_MAX): then [`iter`](Self::iter) is for them.
            /// [`DataError::WrongValue`] if one is no `T`.
            pub fn content(&self) -> Operation<Vec<T>> {
                self.object.content().and_then(batch)
            }

            /// All items that can be had now, the first first, read page by page while others use the queue.
            pub fn iter(&self) -> Pages<T> {
                let object = self.object.clone();
                pages(&self.object, move |after| object.page(after, config::QUEUE_BATCH_MAX))
            }

            /// Drops all items that wait, delayed ones too, and says how many. Those on lease are their consumers',
            /// and the dead stay.
            pub fn clear(&self) -> Operation<u64> {
                self.object.clear()
            }

            /// Borrows the first item for `time`, or, with `None`, for as long as the settings say. Waits for one as
            /// [`pop_wait`](Self::pop_wait) does.
            ///
            /// The item is there for nobody else until it is [acknowledged](Leased::ack), which removes it. It comes
            /// back to its place, before all that was pushed after it, when it is [given back](Leased::nack) or
            /// dropped, when the time is up, and the instant the session of this node ends. So it is delivered at
            /// least once.
            ///
            /// # Errors
            /// [`DataError::Invalid`] for no time at all; [`DataError::WrongValue`] if it is no `T`, and it goes back
            /// then.
            ///
            /// # Cancel safety
            /// Cancel safe, but its place in line is lost. An item that was on its way comes back when the time is up.
            pub fn lease(&self, time: impl Into<Option<Duration>>) -> Operation<Leased<T>> {
                let lease = self.object.lease(time.into().map(milliseconds));
                lease.and_then(leased(&self.object, &NAMES))
            }

            /// Borrows the first item, and gives `None` at once if there is none; otherwise as [`lease`](Self::lease).
            ///
            /// # Errors
            /// As [`lease`](Self::lease).
            pub fn try_lease(&self, time: impl Into<Option<Duration>>) -> Operation<Option<Leased<T>>> {
                let lease = self.object.lease_batch(1, time.into().map(milliseconds));
                let mut leased = leased(&self.object, &NAMES);
                lease.and_then(move |mut deliveries| deliveries.pop().map(&mut leased).transpose())
            }

            /// Borrows up to `num` items in one step, as many as there are at once, and no more than
            /// [`QUEUE_BATCH_MAX`](crate::config::QUEUE_BATCH_MAX) or what [fits a
            /// reply](crate::config::QUEUE_BATCH_BYTES).
            ///
            /// # Errors
            /// As [`lease`](Self::lease).
            pub fn lease_batch(
                &self,
                num: u64,
                time: impl Into<Option<Duration>>,
            ) -> Operation<Vec<Leased<T>>> {
                let lease = self.object.lease_batch(num, time.into().map(milliseconds));
                let leased = leased(&self.object, &NAMES);
                lease.and_then(move |deliveries| {
                    // Those behind one that is no `T` go back, too.
                    let leases: Vec<Result<Leased<T>, DataError>> =
                        deliveries.into_iter().map(leased).collect();
                    leases.into_iter().collect()
                })
            }

            /// The first `num` items that were lent as often as they may be, the longest dead first, and no more
            /// than fit a reply. They stay.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if one is no `T`.
            pub fn dead(&self, num: u64) -> Operation<Vec<DeadLetter<T>>> {
                self.object.dead(num).and_then(dead_letters)
            }

            /// Takes the item that has been dead the longest.
            ///
            /// # Errors
            /// [`DataError::WrongValue`] if it is no `T`; it is gone then.
            ///
            /// # Cancel safety
            /// Not cancel safe: an item already on its way back is lost.
            pub fn pop_dead(&self) -> Operation<Option<DeadLetter<T>>> {
                self.object.pop_dead().and_then(|item| Ok(dead_letters(item)?.pop()))
            }

            /// Puts the dead items back in their places, the longest dead first, as if they had never been lent, and
            /// says how many: all of them, but no more than [`QUEUE_EXTEND_MAX`](crate::config::QUEUE_EXTEND_MAX) in one
            /// step.
            pub fn redrive(&self) -> Operation<u64> {
                self.object.redrive()
            }

            /// Gives the queue these settings, all of them in one step, for all who use it.
            ///
            /// # Errors
            /// [`DataError::Invalid`] for settings that make no sense.
            pub fn configure(&self, settings: QueueSettings) -> Operation<()> {
                self.object.configure(settings)
            }

            /// The queue's settings; the default ones if it was never configured.
            pub fn settings(&self) -> Operation<QueueSettings> {
                self.object.settings()
            }
        }

        impl<T> Clone for $handle<T> {
            fn clone(&self) -> Self {
                Self { object: self.object.clone(), of: PhantomData }
            }
        }

        impl<T> fmt::Debug for $handle<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_tuple(stringify!($handle)).field(&self.object.name()).finish()
            }
        }
    };
}

pub(in crate::datatypes) use {queue_handle, queue_state};
