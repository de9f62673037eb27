//! What the controller keeps for itself in the store, beside what it hosts: schedules and kept results.
//!
//! They are objects like any other, so they are in snapshots, and each change of them is a command. But nobody calls,
//! lists or names them from outside.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::super::Core;
use super::super::jobs::{self, Jobs};
use super::super::schedules::{self, Schedules};
use super::{Hosting, denied};
use crate::error::CallError;
use crate::hosted::{
    Command, Hosted, Invocation, Method, MethodId, Methods, ObjectKind, Outcome, Run, Time, Turn, put_value,
};
use crate::wire::{JobId, decode, encode};

/// A type of which the controller keeps one value for itself. It has one method, which takes a command.
pub(in super::super) trait Own: Hosted {
    /// Its place among such types.
    const AT: usize;

    /// What comes of a command.
    type Effect: DeserializeOwned;
}

/// The types of what the controller keeps for itself.
pub(in super::super) fn own_kinds() -> Arc<[ObjectKind]> {
    Arc::from([ObjectKind::of::<Schedules>(), ObjectKind::of::<Jobs>()])
}

/// The name of each of those objects.
const NAME: &str = "all";

impl Hosting {
    /// What the controller keeps of this type.
    pub(in super::super) fn own<T: Own>(&self) -> &T {
        let kind = self.store().own_kind(T::AT);
        self.store().peek(kind, NAME).expect("each kind has its own type")
    }

    /// Changes what the controller keeps of this type, by the arguments of its method, of which the first is [`NAME`].
    fn change_own<T: Own>(
        &mut self,
        now: Instant,
        arguments: &impl Serialize,
    ) -> Result<T::Effect, CallError> {
        let method = MethodId { kind: self.store().own_kind(T::AT), method: 0 };
        let body = encode(arguments).expect("the controller's own values encode");
        let invocation = Invocation { method, body: Cow::Owned(body) };
        let mut out = Vec::new();
        match self.run(now, &Command::Own { invocation }, &mut out) {
            Outcome::Refused(denial) => {
                let error = denied(denial);
                tracing::error!(kind = T::KIND, %error, "what the controller keeps for itself was not changed");
                Err(error)
            }
            Outcome::Opened(_) | Outcome::Value | Outcome::Known(_) | Outcome::Done => {
                Ok(decode(&out).expect("the controller's own values decode"))
            }
        }
    }
}

impl Core {
    pub(in super::super) fn schedules(&self) -> &Schedules {
        self.hosting.own()
    }

    pub(in super::super) fn jobs(&self) -> &Jobs {
        self.hosting.own()
    }

    /// Has schedules changed at the time that the wall clock shows.
    pub(in super::super) fn change_schedules(
        &mut self,
        now: Instant,
        command: &schedules::Command,
    ) -> Result<schedules::Effect, CallError> {
        let now_ms = self.unix_ms(now);
        let done = self.hosting.change_own::<Schedules>(now, &(NAME, command, now_ms));
        self.schedules_due = self.schedules().next();
        done
    }

    /// A number for a background call: one of which nothing is kept, as there may be after a restart.
    pub(in super::super) fn next_job(&mut self) -> JobId {
        loop {
            let job = self.job_numbers.draw();
            if self.jobs().result(job).is_none() {
                return job;
            }
        }
    }

    /// Has kept results changed.
    pub(in super::super) fn change_jobs(
        &mut self,
        now: Instant,
        command: &jobs::Command,
    ) -> Result<jobs::Effect, CallError> {
        self.hosting.change_own::<Jobs>(now, &(NAME, command))
    }
}

impl Own for Schedules {
    const AT: usize = 0;

    type Effect = schedules::Effect;
}

impl Methods for Schedules {
    const KIND: &'static str = "daffi.schedules";

    // It shrinks, so that it is let through when memory is full: it has bounds of its own.
    const METHODS: &'static [Method<Self>] = &[Method {
        name: "apply",
        parameters: &[("command", "Command"), ("now_ms", "u64")],
        result: "Effect",
        doc: "Does what the command says at this time of the wall clock.",
        line: None,
        run: Run::Shrink(|schedules, _, args, out| {
            let command: schedules::Command = args.take("command")?;
            let now_ms: u64 = args.take("now_ms")?;
            args.end()?;
            put_value(out, &schedules.apply(command, now_ms))
        }),
    }];
}

impl Hosted for Schedules {
    fn is_vacant(&self) -> bool {
        self.was_never_used()
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}

impl Own for Jobs {
    const AT: usize = 1;

    type Effect = jobs::Effect;
}

impl Methods for Jobs {
    const KIND: &'static str = "daffi.jobs";

    const METHODS: &'static [Method<Self>] = &[Method {
        name: "apply",
        parameters: &[("command", "Command")],
        result: "Effect",
        doc: "Does what the command says.",
        line: None,
        run: Run::Shrink(|jobs, turn, args, out| {
            let command: jobs::Command = args.take("command")?;
            args.end()?;
            put_value(out, &jobs.apply(command, turn.now()))
        }),
    }];
}

impl Hosted for Jobs {
    fn next_expiry(&self) -> Option<Time> {
        self.next()
    }

    fn expire(&mut self, turn: &mut Turn<'_>) {
        self.expire(turn.now());
    }

    fn is_vacant(&self) -> bool {
        self.was_never_used()
    }

    fn bytes(&self) -> usize {
        self.bytes()
    }
}
