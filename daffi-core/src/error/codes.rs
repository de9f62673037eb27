//! The table of stable codes: number, exit code, one line, cause and remedy.

use std::fmt;

/// What `daffi explain` says of a code.
#[derive(Debug, Clone, Copy)]
pub struct Explanation {
    /// The code.
    pub code: Code,
    /// The exit code of the command line.
    pub exit: u8,
    /// One line.
    pub summary: &'static str,
    /// What brings it about.
    pub cause: &'static str,
    /// What to do.
    pub remedy: &'static str,
}

macro_rules! codes {
    ($($name:ident = $number:literal, exit $exit:literal, $summary:literal, $cause:literal, $remedy:literal;)+) => {
        /// A stable code of a failure, shown as `D0404`: the same in Rust, logs and on the command line.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        pub enum Code {
            $(#[doc = $summary] $name = $number,)+
        }

        /// Every code with its explanation, by number.
        pub const CODES: &[Explanation] = &[
            $(Explanation { code: Code::$name, exit: $exit, summary: $summary, cause: $cause, remedy: $remedy },)+
        ];

        impl Code {
            /// What `daffi explain` says of it.
            pub fn explanation(self) -> &'static Explanation {
                match self {
                    $(Self::$name => &const {
                        Explanation { code: Code::$name, exit: $exit, summary: $summary, cause: $cause, remedy: $remedy }
                    },)+
                }
            }
        }
    };
}

codes! {
    Configuration = 78, exit 78,
        "a setting, an address or a name cannot be used.",
        "A setting is unknown, or its value cannot be read: a malformed address, a name with a space in it.",
        "Mend the value that the message quotes.";
    Protocol = 400, exit 70,
        "controller and node do not understand each other.",
        "A peer sent what this version does not know, or what no version would send.",
        "Run the same version everywhere; if they are the same, please report it.";
    Denied = 403, exit 77,
        "not allowed.",
        "The role of a token or user lacks the right, a token was revoked, has expired or is another mesh's, or a \
         socket belongs to somebody else.",
        "Ask the operator of the controller for a token with the right (`daffi token new`), or use the address of \
         your own controller.";
    NoSuchCallback = 404, exit 4,
        "nobody offers that callback.",
        "No connected node has registered the name: it is misspelt, its process is not running or not linked in.",
        "See what there is with `daffi callbacks`; wait for a process that is starting with `wait_callback`.";
    NoSuchNode = 405, exit 4,
        "no such node, or it does not offer the callback.",
        "A call was pinned to one node, and no node of that name is connected, or it lacks the callback.",
        "See who is there with `daffi nodes`; leave the pin away to let the controller choose.";
    NoSuchObject = 406, exit 4,
        "no such space, or no object by that key.",
        "A space was not added, or was removed; or an operation was for an object that is there, and there is none by its \
         key. Nothing was changed.",
        "See what there is with `daffi space ls`; add the space, or put the object first.";
    TimedOut = 408, exit 5,
        "no reply in time.",
        "The callback ran longer than the caller's timeout, or waited that long for its turn: the message says where it \
         was. Unless that says otherwise it may have run, and has been told to stop.",
        "Wait longer (`--timeout`), or do not wait (`--mode bg`).";
    NameTaken = 409, exit 78,
        "the name is taken.",
        "A live node has the same name, or two callbacks of one process have.",
        "Choose another name, stop the other, or connect with `take_over`.";
    Conflict = 412, exit 1,
        "another change came first.",
        "An operation was to be done only if a hosted object had a certain revision, and it has another by now. Nothing was changed.",
        "Read the object again, and try with its new revision.";
    TooLarge = 413, exit 2,
        "the arguments or the result are too large.",
        "A body has more bytes than its mode carries: 4 MiB where it must come whole, else what the nodes were told, 1 GiB by default.",
        "Send it in parts, or a path to it.";
    WrongValue = 415, exit 2,
        "the value is not of the kind that the operation is for.",
        "A hosted object holds another type of value than was asked for: text where a number is added to, a sum \
         beyond 64 bits, a value that another program wrote. Nothing was changed.",
        "Look at what the object holds with `daffi data export`; one name is for one type of value.";
    ConditionFailed = 417, exit 1,
        "a condition does not hold.",
        "An operation was to be done only under conditions, or only if there is no such object: the message says which of \
         them does not hold, and what there is. Nothing was changed.",
        "Read the object again, and try with what is there now.";
    BadArguments = 422, exit 2,
        "the callback, or the object, cannot take these arguments.",
        "Their number, their names or a type does not fit the signature; or the object has no such attribute or place, or \
         takes no such value. It has not run, and nothing was changed.",
        "See the signature with `daffi callbacks NAME`, what a space has with `daffi space show NAME`.";
    NotHeld = 423, exit 1,
        "it is not held by you.",
        "A lock, a permit or a leased item is no longer, or never was, the caller's: its lease ended, its session \
         ended, or it was given back already.",
        "Take it again. If the lease ended while you worked, make it longer, or keep the guard that renews it.";
    TooFew = 424, exit 6,
        "fewer nodes answered than were asked for.",
        "A broadcast with `at_least` had fewer values.",
        "See the failures in the message; ask for fewer, or wait for more nodes.";
    Stale = 425, exit 1,
        "the fencing token is stale.",
        "A write carried the token of a lock that somebody else has had since. Nothing was changed.",
        "Take the lock again, and start over from what is there now.";
    Version = 426, exit 69,
        "no common version of the protocol.",
        "Controller and node are of versions that share no protocol.",
        "Upgrade the older one.";
    QuorumNotAchieved = 427, exit 75,
        "no majority of the masters agreed.",
        "Others asked the masters for the same at the same time, or hold the lock that was wanted.",
        "Try again after a pause, or wait longer for the lock.";
    Busy = 429, exit 75,
        "a bound was reached; it has not run.",
        "A callee has as many calls running and queued as it may, or a table of the controller is full.",
        "Try again after a pause, add nodes, or raise the bound that the message names.";
    Cancelled = 499, exit 75,
        "the call was cancelled.",
        "Somebody cancelled it: its caller, `daffi jobs cancel`, or a node that is stopping.",
        "Nothing, if you meant it.";
    Remote = 500, exit 3,
        "the callback ran and failed.",
        "The callback returned an error; the message is its own.",
        "Look into the callback on the node that the message names.";
    Panicked = 501, exit 3,
        "the callback panicked.",
        "The callback ran into a bug; the node lives on.",
        "Mend the callback at the place that the message names.";
    NodeLost = 502, exit 75,
        "the node was lost during the call.",
        "The process of the callee ended, or its connection broke, before it replied.",
        "If the error says that it has not run, try again; else only if running twice does no harm.";
    Unreachable = 503, exit 69,
        "the controller cannot be reached.",
        "No controller listens at the address, or the connection broke before the call left.",
        "Start one: `daffi controller`; check `--url` and `DAFFI_URL`.";
    Disconnected = 504, exit 75,
        "the connection to the controller broke during the call.",
        "The controller ended or the link was cut after the call may have left.",
        "The node reconnects by itself; repeat the call only if running twice does no harm.";
    QuorumIsImpossible = 505, exit 69,
        "too few of the masters can be had.",
        "Half of the controllers or more cannot be reached, or did not answer in time; one is too many for what takes all \
         of them. The message has them all.",
        "Mend the controllers that the message names; a majority of them must be up.";
    Full = 507, exit 75,
        "there is no room for it.",
        "A hosted object, or all of them together, hold as much as they may. Nothing was changed.",
        "Remove what is not needed, let it expire (`daffi data ttl`), or raise the bound that the message names.";
    Forgotten = 508, exit 75,
        "whether it was done is no longer known.",
        "An operation was sent again after its outcome had been lost, and so late that the controller no longer \
         remembers whether it was carried out.",
        "Read the object to see.";
    Quarantined = 510, exit 3,
        "the object is in quarantine.",
        "A method of the object panicked, so nobody knows whether it is in order. It can be exported and destroyed, and \
         nothing else is done to it.",
        "Report the bug, which the message names; export what can be saved, then `destroy` it.";
    BadReply = 520, exit 3,
        "the callback ran, but its result cannot be read.",
        "The result could not be encoded at the callee, or is not of the type that the caller asked for.",
        "Compare the result type with the signature in `daffi callbacks NAME`.";
    WouldBlock = 521, exit 70,
        "a blocking call in an async task.",
        "A method of `daffi::blocking` was called on a thread of an async runtime, which it would hold up.",
        "Use `daffi::connect` and `.await` there, or call it on a thread of its own (`std::thread`).";
    NoNode = 522, exit 70,
        "there is no node to do it by.",
        "A function under an attribute such as `#[count]`, which names no node, was called where no callback was running, in \
         a process without a default node.",
        "Call `node.make_default()` once the node is connected; `#[daffi::main]` does it by itself.";
    InUse = 548, exit 78,
        "a controller is listening there already.",
        "The address belongs to a live controller; over QUIC, or to another program that has the UDP port.",
        "Use that one, stop it, or choose another address.";
}

impl Code {
    /// The code of this number, if this version knows it.
    pub fn from_number(number: u16) -> Option<Self> {
        CODES.iter().map(|explanation| explanation.code).find(|code| code.number() == number)
    }

    /// The number, as it travels.
    pub fn number(self) -> u16 {
        self as u16
    }

    /// The exit code of the command line.
    pub fn exit(self) -> u8 {
        self.explanation().exit
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "D{:04}", self.number())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_its_own_number_and_a_text() {
        for (at, explanation) in CODES.iter().enumerate() {
            assert!(explanation.summary.ends_with('.'), "{}", explanation.code);
            assert!(!explanation.cause.is_empty() && !explanation.remedy.is_empty(), "{}", explanation.code);
            assert!(CODES[..at].iter().all(|other| other.code.number() < explanation.code.number()));
            assert_eq!(Code::from_number(explanation.code.number()), Some(explanation.code));
        }
    }
}
