//! Every bound and default in one place, each with its reason.

use std::time::Duration;

/// The time a call awaited in the foreground, or a broadcast, has when none is given.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(30);
/// The time a background call, or one without return, has when none is given: long jobs are what they are for.
pub const JOB_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
/// The longest timeout that travels in a frame, about 49 days; longer ones are cut to it.
pub const TIMEOUT_MAX: Duration = Duration::from_millis(u32::MAX as u64 - 1);
/// How long `connect` tries, so that the order in which processes start does not matter.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a wait for a node or a callback lasts when no timeout is given.
pub const WAIT_TIMEOUT: Duration = Duration::from_secs(30);
/// First and longest pause between two attempts to connect; each is jittered.
pub const RECONNECT_PAUSE: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(2));
/// How long the session of a node whose link broke is kept for it: long enough for a change of network, short enough
/// that whoever waits for its calls hears of a crash soon. Only links that may resume have it.
pub const GRACE: Duration = Duration::from_secs(5);
/// A peer that has not said who it is within this time is cut off.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(5);
/// How often the controller pings each node.
pub const PING_INTERVAL: Duration = Duration::from_secs(1);
/// A node that owes an answer to a ping for longer than this gets no new calls while another serves.
pub const SUSPECT_AFTER: Duration = Duration::from_secs(1);
/// How long a stopping controller or node lets running calls finish.
pub const DRAIN_TIME: Duration = Duration::from_secs(10);
/// How long a cancelled callback that looks at its `Context` may go on before it is aborted.
pub const CANCEL_GRACE: Duration = Duration::from_secs(1);
/// The first pause before a call is repeated; each further one is twice as long. Each is jittered.
pub const RETRY_DELAY_MIN: Duration = Duration::from_millis(10);
/// The longest such pause: as long as a node takes to come back at best, and short enough that nobody wonders.
pub const RETRY_DELAY_MAX: Duration = Duration::from_secs(1);
/// A caller gives up on a silent controller this long after the deadline the controller enforces.
pub const CONTROLLER_GRACE: Duration = Duration::from_secs(1);

/// The largest body of a call or reply that must come whole, in bytes. One lane carries it in one frame, so it bounds
/// latency too.
pub const BODY_BYTES_MAX: usize = 4 << 20;
/// The largest body that travels in chunks, in bytes, unless the node was told another bound.
pub const LARGE_BODY_BYTES_MAX: usize = 1 << 30;
/// Bodies over this many bytes travel in chunks of this many, so that small calls pass between them.
pub const CHUNK_BYTES: usize = 64 << 10;
/// Bytes of chunks of one body or stream that may be under way from sender to receiver: what the controller holds
/// of it at the most.
pub const FLOW_WINDOW_BYTES: usize = 1 << 20;
/// Items of a thread's iterator that are made before they are sent: some, so that each does not cost a change of
/// threads, and few, since they may be large.
pub const FED_AHEAD: usize = 64;
/// Large bodies and streams that one session may have under way in each direction.
pub const FLOWS_MAX: usize = 128;
/// Bytes of large bodies waiting for a peer that does not read them; past it no further flow to it begins. They are
/// not counted among [`OUTPUT_BYTES_MAX`], since everything else passes them: a peer with all its flows at their
/// windows has as many.
pub const BULK_BYTES_MAX: usize = FLOWS_MAX * FLOW_WINDOW_BYTES;
/// Bytes of large bodies waiting for a peer past which calls end that would add to them: twice the above, so that flows
/// that have begun still fit. Only a peer that grants what it has not read comes so far, or one to which much is sent in
/// chunks of a few bytes.
pub const BULK_BYTES_LOST: usize = 2 * BULK_BYTES_MAX;
/// Bytes of a lane that were written and are kept until the other end has them: with more under way than this, what a
/// path of 100 ms holds at 40 MB/s, a link that breaks cannot be resumed.
pub const RESUME_BYTES_MAX: usize = 4 << 20;
/// The other end is told what was received at the latest after so many bytes, so that it keeps little.
pub const RECEIVED_BYTES_UNTOLD: u64 = 256 << 10;
/// As the above, in frames.
pub const RECEIVED_FRAMES_UNTOLD: u32 = 1_024;
/// The largest extension map of a frame, in bytes.
pub const EXTENSION_BYTES_MAX: usize = 4 << 10;
/// The largest error of a callback that travels as a value beside its text, in bytes: with its texts it fits the last
/// chunk of a stream, and a failed call costs no more than one that carries as much.
pub const ERROR_VALUE_BYTES_MAX: usize = 16 << 10;
/// The largest key of a call, in bytes: beside two names and whatever is added later it must fit the extension map.
pub const KEY_BYTES_MAX: usize = 1 << 10;
/// The largest frame, in bytes after its length field.
pub const FRAME_BYTES_MAX: usize = BODY_BYTES_MAX + EXTENSION_BYTES_MAX + 64;
/// The largest frame of a peer that has not said who it is.
pub const HANDSHAKE_BYTES_MAX: usize = 16 << 10;
/// How deep values of a peer may nest; beyond it a decoder could exhaust the stack.
pub const DEPTH_MAX: usize = 64;
/// A registration is split into frames of about this many bytes.
pub const REGISTER_BYTES: usize = 256 << 10;
/// A read takes at most this many bytes; whatever it holds is routed in one turn.
pub const READ_BYTES: usize = 64 << 10;
/// The parts of a broadcast's answer are sent on once they take this many bytes.
pub const REPLIES_BYTES: usize = 256 << 10;

/// Nodes connected to one controller.
pub const SESSIONS_MAX: usize = 65_536;
/// Links that may be open without having said who they are; past it the oldest gives way. Each costs a few KiB, and
/// a node says who it is with its first bytes, so even all nodes of a mesh coming back at once are not that many.
pub const STRANGERS_MAX: usize = 1_024;
/// Frames of unknown kinds that a session may send between two rounds of pings. Newer versions send a few; more are a
/// flood.
pub const UNKNOWN_FRAMES_MAX: u32 = 1_024;
/// Misses of a name, between two rounds of pings, that are answered with the names most like it: each looks through
/// thousands of names, and somebody may guess names by the million.
pub const MISSES_EXPLAINED_MAX: u32 = 32;
/// Callbacks one node may offer.
pub const CALLBACKS_PER_NODE_MAX: usize = 131_072;
/// The signature of one callback, in bytes: callers get a copy when they first use the name.
pub const SIGNATURE_BYTES_MAX: usize = 64 << 10;
/// Bytes of all signatures of one node.
pub const SIGNATURES_BYTES_PER_NODE_MAX: usize = 64 << 20;
/// Names one session may use by number; further ones travel as text.
pub const NAMES_PER_SESSION_MAX: usize = 65_536;
/// Calls one node may have outstanding as a caller.
pub const CALLS_IN_FLIGHT_MAX: usize = 65_536;
/// Calls one node may have running. At the default, 1,024 × 4 MiB bodies is 4 GiB at worst.
pub const CALLS_RUNNING_MAX: usize = 1_024;
/// Calls that may wait at a node behind the running ones; past it the caller gets `Busy`.
pub const CALLS_QUEUED_MAX: usize = 1_024;
/// Of those, the ones that may wait for one callback with a `concurrency` of its own: a flood of its calls leaves room
/// for those of the others.
pub const CALLS_QUEUED_PER_CALLBACK_MAX: usize = CALLS_QUEUED_MAX / 2;
/// One-way calls accepted for a node that it has not finished; past it the caller gets `Busy`.
pub const ONE_WAY_QUEUED_MAX: usize = 65_536;
/// Of those, the ones that may wait for one callback with a `concurrency` of its own, likewise.
pub const ONE_WAY_QUEUED_PER_CALLBACK_MAX: usize = ONE_WAY_QUEUED_MAX / 2;
/// Plain (not `async`) callbacks that one node runs at a time, each on a thread.
pub const BLOCKING_RUNNING_MAX: usize = 256;
/// Bytes waiting for a peer that does not read; past it new calls to it get `Busy`.
pub const OUTPUT_BYTES_MAX: usize = 16 << 20;
/// Bytes waiting for a peer at which it is cut off: twice the above, so that replies still fit. A window for each flow
/// that it is sent comes on top: streams fill the lane by right.
pub const OUTPUT_BYTES_LOST: usize = 2 * OUTPUT_BYTES_MAX;
/// Calls that wait at the controller for their `eta`.
pub const DELAYED_MAX: usize = 100_000;
/// Bytes of the arguments of all of them together.
pub const DELAYED_BYTES_MAX: usize = 256 << 20;
/// Results kept for callers that have gone, and for how long.
pub const KEPT_RESULTS_MAX: usize = 10_000;
/// Bytes of all kept results together.
pub const KEPT_BYTES_MAX: usize = 256 << 20;
/// How long the result of a background call is kept for a caller that has gone.
pub const KEPT_FOR: Duration = Duration::from_secs(3600);
/// Schedules one controller holds.
pub const SCHEDULES_MAX: usize = 10_000;
/// Bytes of the arguments of all schedules together.
pub const SCHEDULE_BYTES_MAX: usize = 64 << 20;
/// Instants one schedule may name.
pub const SCHEDULE_TIMES_MAX: usize = 1_000;
/// The shortest period of a schedule.
pub const SCHEDULE_PERIOD_MIN: Duration = Duration::from_millis(1);
/// Presence events waiting for a listener in this process; past it the listener is told it lags.
pub const PRESENCE_QUEUED_MAX: usize = 4_096;

/// Bits that a shared secret must be able to carry: nobody tries that many.
pub const SECRET_BITS_MIN: usize = 128;
/// Tokens that are good at one controller: each is looked at when a node connects.
pub const TOKENS_MAX: usize = 1_024;
/// Tokens that have ended and are remembered, so that their holders are told why.
pub const TOKENS_ENDED_MAX: usize = 1_024;
/// Requests for tokens that wait for the disk at a time.
pub const TOKEN_REQUESTS_MAX: usize = 64;
/// The longest number of a token, in bytes: it stands in the name of a certificate's issuer.
pub const TOKEN_ID_BYTES_MAX: usize = 64;
/// The longest join string, in bytes: its keys take 86, and a host's name has at most 253.
pub const JOIN_BYTES_MAX: usize = 512;
/// Patterns of one kind in a role: 2,048 tokens of five full lists are 80 MiB at worst.
pub const PATTERNS_MAX: usize = 64;
/// The largest file of tokens that is read, in bytes.
pub const STATE_FILE_BYTES_MAX: usize = 128 << 20;

/// A QUIC peer that was not heard of for this long is lost: three keep-alives may get lost first.
pub const QUIC_IDLE_TIMEOUT: Duration = Duration::from_secs(3);
/// How often an idle QUIC link shows that it lives.
pub const QUIC_KEEP_ALIVE: Duration = Duration::from_secs(1);
/// How long a closed QUIC link waits for what was written to arrive: as long as the peer may be silent.
pub const QUIC_CLOSE_TIME: Duration = QUIC_IDLE_TIMEOUT;
/// Bytes of one QUIC stream that may have arrived without being read: what 1 Gbit/s carries in 16 ms.
pub const QUIC_STREAM_BYTES: u32 = 2 << 20;
/// The same for all streams of one connection, which bounds what a peer can make this process hold.
pub const QUIC_CONNECTION_BYTES: u32 = 16 << 20;
/// Bytes written to one QUIC connection that were not acknowledged: what a peer that has gone leaves behind.
pub const QUIC_UNACKNOWLEDGED_BYTES: u64 = 8 << 20;
/// The send and receive buffer of a UDP socket, all of whose peers share it: a burst of 700 full datagrams.
pub const UDP_SOCKET_BYTES: usize = 4 << 20;
/// QUIC handshakes that one listener has in progress, or finished and not yet taken; further peers are refused.
/// Each may take some 50 KiB.
pub const HANDSHAKES_MAX: usize = 1_024;
/// From this many on a peer must first prove that it can be reached at its address, so that packets with forged
/// ones cannot take the rest.
pub const HANDSHAKES_UNPROVEN_MAX: usize = 256;
/// Addresses of one host that are tried or listened on.
pub const HOST_ADDRESSES_MAX: usize = 16;
/// How long one address of a host is tried alone before the next is tried beside it.
pub const DIAL_STAGGER: Duration = Duration::from_millis(250);

/// Bytes of a hosted object's name.
pub const OBJECT_NAME_BYTES_MAX: usize = 256;

/// Bytes of all hosted objects together, about. Past it only what frees memory is done.
pub const HOSTED_BYTES_MAX: usize = 1 << 30;

/// Requests of one node that are remembered with their results, so that one sent twice is carried out once.
pub const ONCE_REMEMBERED_MAX: usize = 4_096;

/// How long they are remembered: longer than anybody asks again.
pub const ONCE_REMEMBERED_FOR: Duration = Duration::from_secs(600);

/// Bytes of the results that are remembered of one node.
pub const ONCE_BYTES_MAX: usize = 1 << 20;

/// Bytes of a result that is remembered: of a larger one it is known only that there was one.
pub const ONCE_RESULT_BYTES_MAX: usize = 64 << 10;

/// Nodes whose requests are remembered, those included that have gone without a goodbye.
pub const ONCE_NODES_MAX: usize = 65_536;

/// Calls that wait for hosted objects to change, all objects together.
pub const WAITERS_MAX: usize = 100_000;

/// Bytes of their arguments.
pub const WAITERS_BYTES_MAX: usize = 64 << 20;

/// Calls that are tried again in one turn because an object has changed. The others come with the next, so that nobody
/// waits long for a crowd.
pub const WOKEN_PER_TURN_MAX: usize = 1_024;

/// Operations in one batch or select: more would hold up everybody else.
pub const BATCH_STEPS_MAX: usize = 1_024;

/// Other objects that a method may read in one step, as the sets that it combines.
pub const OTHERS_MAX: usize = 64;

/// Objects in one list; longer ones come by pages.
pub const OBJECTS_LISTED_MAX: usize = 1_000;

/// Messages or changes of one hosted object that are kept for those who listen to it: who falls further behind has
/// missed some, and is told so.
pub const FEED_ITEMS_MAX: usize = 4_096;

/// Bytes of them.
pub const FEED_BYTES_MAX: usize = 4 << 20;

/// Bytes of all of them, of all objects: past it those of whichever object has something new make room.
pub const FEEDS_BYTES_MAX: usize = 256 << 20;

/// How long they are kept once nobody asks for more: a node may be away for as long and miss nothing.
pub const FEED_KEPT_FOR: Duration = Duration::from_secs(60);

/// Hosted objects that are listened to.
pub const FEEDS_MAX: usize = 10_000;

/// Messages or changes that a listener is told at once.
pub const HEARD_ITEMS_MAX: usize = 1_024;

/// Bytes of them, about.
pub const HEARD_BYTES_MAX: usize = 1 << 20;

/// How often an operation on a hosted object is sent again because its link broke: each time takes a reconnect.
pub const OPERATION_RETRIES_MAX: u32 = 3;
/// Entries of a hosted object that one page of a walk over it has at most: few round trips, and no long turn.
pub const PAGE_ENTRIES_MAX: usize = 1_000;

/// Bytes after which a page ends, so that small replies pass between pages. One entry comes, however large.
pub const PAGE_BYTES: usize = 256 << 10;

/// Members of a set that are drawn at random at once: about as many as a turn of a millisecond has time for.
pub const DRAWN_MAX: usize = 4_096;
/// How long an item of a queue is lent if neither its consumer nor the queue says: as with Redisson and
/// SQS, long for what a consumer does with one item, and short for the others to wait.
pub const QUEUE_LEASE: Duration = Duration::from_secs(30);

/// How long a queue remembers the id of an item that was to be pushed once: longer than anybody tries again.
pub const QUEUE_ONCE_FOR: Duration = Duration::from_secs(600);

/// Items that are put into a queue in one step: some milliseconds in which nobody else has a turn.
pub const QUEUE_EXTEND_MAX: usize = 10_000;

/// Items that leave a queue in one step, so that a turn is short.
pub const QUEUE_BATCH_MAX: u64 = 1_000;

/// Bytes of items that leave a queue in one step; the first leaves however large it is. A reply fits its frame so.
pub const QUEUE_BATCH_BYTES: usize = 1 << 20;

/// Bytes of the name that a holder of a lock, a permit or a slot gives itself: more than a node's name has.
pub const OWNER_BYTES_MAX: usize = 256;

/// How often a guard without a lease asks whether it still holds: only an operator's word takes it away, so that seldom
/// will do.
pub const HOLD_CHECKED_EVERY: Duration = Duration::from_secs(10);

/// How long a slot of a quota lasts without being renewed: as long as Howler's.
pub const QUOTA_LEASE: Duration = Duration::from_secs(120);

/// How long a rate limit may take from nothing to all of its burst: times further off would not fit its arithmetic.
pub const RATE_SPAN_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Bytes of the key that a rate limit or a quota counts by.
pub const COUNTED_KEY_BYTES_MAX: usize = 1 << 10;

/// Entries of one page of a long list of what is counted.
pub const COUNTED_PAGE_MAX: u64 = 1_000;

/// Holders of one object that are shown: all of them would not fit a reply.
pub const HOLDERS_SHOWN_MAX: usize = 1_000;

/// Bytes of an event's data, or of a message to whoever listens: a quarter of what is kept for listeners, so that one
/// does not cost them all others, and fits what they are told at once.
pub const PUBLISHED_BYTES_MAX: usize = 1 << 20;

/// Topics that one listener chooses by, as patterns: each message is held against all of them.
pub const TOPIC_PATTERNS_MAX: usize = 64;

/// Bytes of a topic, which is an event's name, or of a pattern of topics: a match takes as many steps as they have pairs
/// of characters, some 100 µs at worst.
pub const TOPIC_BYTES_MAX: usize = 256;

/// Bytes of a message of globalCounter's protocol: a byte that says what is wanted, and a topic as long as an object's
/// name may be.
pub const GLOBALCOUNTER_MESSAGE_BYTES_MAX: usize = 1 + OBJECT_NAME_BYTES_MAX;

/// Topics that there may be for that protocol to make another: it knows no rights, and shall not fill the controller.
pub const GLOBALCOUNTER_TOPICS_MAX: usize = 100_000;

/// How long a datagram of that protocol that comes once more is answered as before, where that is wanted: its clients send
/// one five times, a tenth of a second apart.
pub const GLOBALCOUNTER_REPEATED_FOR: Duration = Duration::from_millis(500);

/// Datagrams that are remembered for that, at each address that is listened on: some 30 MB at worst. Of more the oldest
/// are forgotten.
pub const GLOBALCOUNTER_REPEATS_MAX: usize = 65_536;

/// Connections of that protocol at a time, at each address; further ones wait to be taken.
pub const GLOBALCOUNTER_CONNECTIONS_MAX: usize = 256;

/// A pause of this length is the end of a request over TCP, which does not say how long it is. Its clients send it at once.
pub const GLOBALCOUNTER_GAP: Duration = Duration::from_millis(20);

/// How long a connection of that protocol may last; its clients wait for a tenth of a second.
pub const GLOBALCOUNTER_TIME_MAX: Duration = Duration::from_secs(1);

/// Bits of a Bloom filter: 128 MiB, an eighth of what a controller hosts. Enough for a hundred million elements with 1 % of
/// false positives.
pub const BLOOM_BITS_MAX: u64 = 1 << 30;

/// Bits of a Bloom filter above which 32 bits of hash no longer reach all of them equally often: beyond a sixteenth of
/// what they tell apart.
pub const BLOOM_NARROW_BITS_MAX: u64 = 1 << 28;

/// Bits that an element has in a Bloom filter: enough for one false positive in 10¹⁹.
pub const BLOOM_HASHES_MAX: u64 = 64;

/// Elements that come to a Bloom filter in one step: some milliseconds in which nobody else has a turn, and no more than a
/// call carries.
pub const BLOOM_ELEMENTS_MAX: u64 = 10_000;

/// The share of false positives of a Bloom filter that is made without a word about it.
pub const BLOOM_FALSE_POSITIVES: f64 = 0.01;

/// How long a computation of a cache lasts without a word of its node: then the next who waits for its value computes it.
/// Each third of it costs a message while one computes.
pub const FLIGHT_LEASE: Duration = Duration::from_secs(15);

/// Hits of a cache that a node counts by itself before it tells the controller: one message for as many.
pub const CACHE_HITS_UNTOLD_MAX: u64 = 100;

/// Members that one step of set algebra looks at: some half a second at worst, in which nothing else is done. A large set
/// and a small one have as many in common as the small one has; only what goes through all of a large one is refused.
pub const COMBINED_MEMBERS_MAX: usize = 1 << 17;

/// Values of one object that a node keeps a copy of: of more, any goes.
pub const NEAR_VALUES_MAX: usize = 10_000;

/// Values of a hash that are asked for at a time when a copy of it is begun.
pub const LOADED_AT_ONCE_MAX: usize = 64;

/// How long one of several masters has to answer: as long as Pottery gives it. A majority that answers sooner is not held up
/// by the others.
pub const MASTER_TIMEOUT: Duration = Duration::from_secs(1);

/// How often the masters are asked for a number before it is given up: some two seconds in all, with pauses by chance, after
/// which one of many who ask at the same time has long been ahead of the others.
pub const NEXT_ID_TRIES_MAX: u32 = 20;

/// The longest pause before masters that did not agree are asked again, of which chance takes a part: Pottery's.
pub const QUORUM_PAUSE_MAX: Duration = Duration::from_millis(200);

/// The first such pause; each is up to twice as long as the one before.
pub const QUORUM_PAUSE_MIN: Duration = Duration::from_millis(2);

/// How long a lock of several masters is held unless it is extended: Pottery's `auto_release_time`.
pub const REDLOCK_LEASE: Duration = Duration::from_secs(10);

/// How often such a lock may be extended unless it is said otherwise: Pottery's.
pub const REDLOCK_EXTENSIONS_MAX: u32 = 3;

/// One part in so many of a lease is taken off for clocks that do not run alike: Pottery's, and ten times as much as a
/// quartz that is out of order makes.
pub const REDLOCK_DRIFT_PART: u32 = 100;

/// What is taken off every lease beside that, for clocks that count in milliseconds.
pub const REDLOCK_DRIFT_LEAST: Duration = Duration::from_millis(2);

/// How long whoever waits for such a lock goes without asking for it, whatever the masters say of its being free: one of them
/// may have been lost while it was waited for.
pub const REDLOCK_ASKED_EVERY: Duration = Duration::from_secs(1);

/// How far clocks of controllers that grant a lock together may be apart. What they show orders fencing tokens; one that is
/// set wrong by years would have the others remember its tokens for as long.
pub const REDLOCK_CLOCKS_APART_MAX: Duration = Duration::from_secs(366 * 24 * 3_600);

/// Values of a list that one step looks at or moves one by one, as a search or a sort does: some tenths of a second in
/// which nobody else has a turn.
pub const LIST_WALK_MAX: usize = 1_000_000;

/// Bytes of the values that one such step looks into: a second at worst, for maps of many small pairs out of order, and
/// hardly any time for texts. A sort takes up to four times as many of memory while it lasts.
pub const LIST_WALK_BYTES_MAX: usize = 32 << 20;

/// Levels that lists and objects in a document nest at most: within what a message may nest, with room for what stands
/// around it in the deepest message, a batch of writes.
pub const SPACE_DOCUMENT_DEPTH_MAX: usize = 32;

/// Bytes of one object of a space, about, so that it fits a reply before and after a write.
pub const SPACE_OBJECT_BYTES_MAX: usize = 2 << 20;

/// Bytes of the description of a space: more than anybody writes, and a short turn to read it.
pub const SPACE_DESCRIPTION_BYTES_MAX: usize = 64 << 10;

/// Attributes of a space: each object has all of them.
pub const SPACE_ATTRIBUTES_MAX: usize = 1_024;

/// Indices of a space: each write to an object sees to all of them.
pub const SPACE_INDICES_MAX: usize = 128;

/// Conditions and actions of one write, all of them in one turn.
pub const SPACE_STEPS_MAX: usize = 4_096;

/// Conditions and changes that one turn tries on objects of a space in search of those that match, or to write them: some
/// milliseconds.
pub const SPACE_TURN_STEPS: usize = 20_000;

/// Those that may be necessary where a group is written in one step, which holds up everybody else: about half a second
/// at worst.
pub const SPACE_GROUP_STEPS_MAX: usize = 1_000_000;

/// Objects that are rid of what a dropped attribute has left in them, with each write to their space.
pub const SPACE_SWEPT_MAX: usize = 16;

/// Entries of indices that are counted to choose between them: of those with more, either is as good as the other.
pub const SPACE_PLAN_ENTRIES_MAX: usize = 1_000;

/// Entries that are counted for one plan in all, which is made anew with each page: less than the page itself takes.
pub const SPACE_PLAN_STEPS_MAX: usize = 8_000;

/// Indices, or parts of them, that one search goes through: each object is held against all that came before.
pub const SPACE_PLAN_BRANCHES_MAX: usize = 16;

/// Searches of one space that are being read at once: each keeps what was changed or removed since it began.
pub const SPACE_SEARCHES_MAX: usize = 64;

/// Those of one session, so that one reader does not keep out the others.
pub const SPACE_SESSION_SEARCHES_MAX: usize = 16;

/// How long a search of which no page is read is kept: longer than it takes to make something of a page.
pub const SPACE_SEARCH_LEASE: Duration = Duration::from_secs(60);

/// Objects, and entries of theirs, that one turn puts into an index that was added to a space: a millisecond or two.
pub const SPACE_INDEXED_MAX: usize = 1_000;

/// How long others have their turns before the next objects are put into it: most of the time is theirs, and an index of a
/// million objects takes some seconds.
pub const SPACE_INDEXING_PAUSE: Duration = Duration::from_millis(4);

/// Operations that one node has on their way at a time of those that are sent at once; further ones go in the order in which
/// they were begun. As many as HyperDex's manual has: enough that none waits for the way there and back, and far fewer than
/// calls may be.
pub const SENT_IN_FLIGHT_MAX: usize = 1_024;

/// Numbers that one step takes of a sequence: far more than anybody uses up, and too few to use up the sequence.
pub const NEXT_ID_RESERVED_MAX: u64 = 1 << 32;

/// How long a lock of several masters that was had in part is offered back to one that cannot be reached: each attempt leaves a
/// call behind until then.
pub const REDLOCK_GIVE_BACK_MAX: Duration = Duration::from_secs(30);

/// Results of functions under `#[cached]` that are still to be stored while the link is away, in one process: each waits for
/// up to [`CALL_TIMEOUT`] with its value, of 4 MiB at most. Further ones are not stored.
pub const CACHE_STORED_LATER_MAX: usize = 64;

/// Bytes of the values of one object that a node keeps a copy of, with their keys: of more, any goes. Several of the largest
/// there are, and what a process that keeps a few such copies can spare.
pub const NEAR_BYTES_MAX: usize = 64 << 20;

/// How long a node that cannot watch what it had a copy of does without, before it asks again: that costs a message each time.
pub const NEAR_REOPENED_EVERY: Duration = Duration::from_secs(5);
