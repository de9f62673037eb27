//! What the controller counts.

macro_rules! counters {
    ($($(#[$doc:meta])* $name:ident,)+) => {
        /// Everything that is counted, from the controller's start.
        #[derive(Debug, Clone, Default)]
        pub(super) struct Counters {
            $($(#[$doc])* pub(super) $name: u64,)+
        }

        impl Counters {
            /// Names and values.
            pub(super) fn all(&self) -> impl Iterator<Item = (&'static str, u64)> {
                [$((stringify!($name), self.$name),)+].into_iter()
            }
        }
    };
}

counters! {
    /// Frames of all kinds taken from nodes.
    frames_received,
    sessions_opened,
    sessions_welcomed,
    sessions_refused,
    sessions_ended,
    /// Links ended because of what was sent on them.
    sessions_violating,
    /// Those that sent a frame, or an extension map, longer than may be.
    sessions_oversize,
    /// Those that sent a message that is none.
    sessions_malformed,
    /// Those that sent what had no place there: a second `Hello`, a call number in use, a credit for nothing.
    sessions_out_of_place,
    /// Those that sent more frames of unknown kinds than versions that mix would.
    sessions_babbling,
    /// Links ended because the peer did not read.
    sessions_not_reading,
    /// Links ended because the peer did not say who it was.
    sessions_silent,
    /// Links ended because too many others had not said who they were either.
    sessions_crowded_out,
    /// Registrations of more callbacks, or longer signatures, than a node may offer.
    registrations_refused,
    /// Names that got no number because a session had as many as it may.
    names_not_interned,
    /// Calls of names that nobody offers, answered without looking for similar ones.
    misses_unexplained,
    /// Sessions that went on over another link, and claims to do so that were not granted.
    sessions_resumed,
    resumes_refused,
    nodes_suspected,
    calls_started,
    /// Outcomes by kind; together with those in flight they add up to the calls started.
    calls_answered,
    calls_failed,
    calls_timed_out,
    calls_cancelled,
    calls_lost,
    calls_refused,
    calls_kept,
    /// Calls that the caller had no right to, also those without a record.
    calls_denied,
    /// Registrations of what the node had no right to offer.
    offers_denied,
    /// Sessions whose token was revoked or expired.
    sessions_ended_by_token,
    one_way_taken,
    one_way_refused,
    /// One-way calls that a node had not finished when it left.
    one_way_lost,
    broadcasts_started,
    builtin_calls,
    /// Calls of the methods of hosted objects.
    hosted_calls,
    /// Requests by globalCounter's own protocol: carried out, refused, and answered as before because they came twice.
    globalcounter_requests,
    globalcounter_refused,
    globalcounter_repeated,
    /// Replies to calls that had ended.
    late_replies,
    /// Large bodies and streams.
    flows_started,
    /// Results in chunks that nobody could take.
    flows_refused,
    /// Calls ended because more of their chunks waited for a receiver than may.
    flows_flooding,
    chunks_forwarded,
    /// Chunks of calls that had ended or were refused.
    late_chunks,
    /// Grants for flows that had ended.
    late_windows,
    /// Cancels of calls that had ended.
    late_cancels,
    /// Replies to calls of another session.
    foreign_replies,
    unknown_frames,
    schedule_runs,
}
