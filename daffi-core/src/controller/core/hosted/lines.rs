//! Calls that wait for hosted objects to change, in lines.

use std::borrow::Cow;
use std::cmp::Reverse;
use std::hash::{DefaultHasher, Hasher};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::super::Core;
use super::super::calls::{Call, Origin};
use super::super::directory::EntryKey;
use super::super::dispatch::Request;
use super::super::finish::Outcome as Ending;
use super::{Hosting, denied};
use crate::config;
use crate::error::{CallError, Stage};
use crate::hosted::{Args, Asker, Command, Denial, Invocation, Line, MethodId, ObjectId, Stop, put_chosen};
use crate::wire::CallId;

/// A place in a line: the object, the line, and the turn.
pub(crate) type Place = (ObjectId, LineNumber, u64);

/// A line of an object: its number, and, of those that are one for each value, a hash of that. Two values that have one
/// hash wait in one line, which is as good: whoever is before another comes to its end.
type LineNumber = (u8, u64);

/// The first line of an object.
const FIRST: LineNumber = (0, 0);
/// Greater than any line.
const LAST: LineNumber = (u8::MAX, u64::MAX);

/// A call that cannot go on yet.
#[derive(Debug, Clone)]
pub(crate) struct Parked {
    /// What it would do: one of these.
    steps: Arc<[(MethodId, Bytes)]>,
    choice: Choice,
    places: Vec<Place>,
    /// The number under which it was first sent, if it may have been carried out then.
    first: Option<u64>,
}

/// Which of its steps a call carries out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    /// There is one.
    Only,
    /// The first that can be, and the caller is told which.
    First,
    /// The one that can be whose object is the most urgent, and the caller is told which.
    MostUrgent,
}

impl Parked {
    /// A call of one method.
    pub(super) fn one(method: MethodId, body: Bytes) -> Self {
        Self { steps: Arc::from([(method, body)]), choice: Choice::Only, places: Vec::new(), first: None }
    }

    /// What it takes to hold it.
    fn bytes(&self) -> usize {
        self.steps.iter().map(|(_, body)| body.len()).sum()
    }

    /// A call of one of several.
    pub(super) fn select(steps: Vec<(MethodId, Bytes)>, choice: Choice) -> Self {
        Self { steps: steps.into(), choice, places: Vec::new(), first: None }
    }
}

impl Core {
    /// Whether a call has to wait behind others, whatever it would come to.
    pub(super) fn must_queue(&self, invocation: &Invocation<'_>) -> Result<bool, Denial> {
        let method = invocation.method;
        let Some(line) = self.hosting.store().line(method).filter(|_| !self.hosting.lines.is_empty()) else {
            return Ok(false);
        };
        let (name, line) = place(line, &invocation.body)?;
        let object = self.hosting.store().find(method.kind, name);
        Ok(object.is_some_and(|object| self.hosting.first(object, line).is_some()))
    }

    /// Has a call wait until an object has changed and all before it in the line have had their turn.
    pub(in super::super) fn park(
        &mut self,
        now: Instant,
        id: CallId,
        entry: EntryKey,
        request: &Request<'_>,
        mut parked: Parked,
    ) {
        let session = request.caller;
        if let Err(error) = self.may_park(request, &parked) {
            return self.refuse_call(session, request.flags, id.to_bits(), &error);
        }
        self.hosting.waiting_bytes += parked.bytes();
        self.hosting.last_ticket += 1;
        let ticket = self.hosting.last_ticket;
        for (method, body) in parked.steps.iter() {
            let line = self.hosting.store().line(*method).unwrap_or(Line::One(0));
            let Ok((name, line)) = place(line, body) else { continue };
            let object = self.hosting.proposer.wait_for(method.kind, name);
            parked.places.push((object, line, ticket));
        }
        parked.first = request.first;
        let mut call = Call::new(now, Origin::Node { session, call: id }, request.flags, entry);
        call.deadline = request.timeout().map(|timeout| now + timeout);
        let (deadline, places) = (call.deadline, parked.places.clone());
        call.extra().queued = Some(parked);
        let slot = self.calls.insert(call);
        self.sessions[session as usize].caller.set(id.slot, slot);
        self.hosting.lines.extend(places.into_iter().map(|place| (place, slot)));
        if let Some(deadline) = deadline {
            self.deadlines.insert(slot, deadline);
        }
    }

    fn may_park(&self, request: &Request<'_>, parked: &Parked) -> Result<(), CallError> {
        if parked.steps.iter().any(|(method, _)| self.hosting.store().line(*method).is_none()) {
            return Err(denied(Denial::from(Stop::Parked)));
        }
        if request.timeout() == Some(Duration::ZERO) {
            return Err(CallError::TimedOut { stage: Stage::Waiting, node: None, after: Duration::ZERO });
        }
        let (calls, bytes) = (self.hosting.lines.len(), self.hosting.waiting_bytes);
        if calls + parked.steps.len() > config::WAITERS_MAX
            || bytes + parked.bytes() > config::WAITERS_BYTES_MAX
        {
            let what = format!("{calls} calls of {bytes} bytes wait for hosted objects");
            return Err(CallError::Busy { what });
        }
        Ok(())
    }

    /// A call waits no more.
    pub(in super::super) fn leave_lines(&mut self, parked: &Parked) {
        self.hosting.waiting_bytes -= parked.bytes();
        for place in &parked.places {
            self.hosting.lines.remove(place);
            self.hosting.proposer.wait_no_more(place.0);
            // Whoever stood behind it may have waited for it alone.
            self.hosting.changed.push_back(place.0);
        }
    }

    /// Tries those who wait for objects that have changed, in their turn.
    pub(in super::super) fn wake_changed(&mut self, now: Instant) {
        let mut left = config::WOKEN_PER_TURN_MAX;
        while let Some(object) = self.hosting.changed.pop_front() {
            let mut line = FIRST;
            while let Some((place, slot)) = self.hosting.next_in_line(object, line) {
                if left == 0 {
                    self.hosting.changed.push_front(object);
                    return;
                }
                left -= 1;
                if !self.try_waiting(now, slot, place, &mut left) {
                    match after(place.1) {
                        Some(next) => line = next,
                        None => break,
                    }
                }
            }
        }
    }

    /// Whether a call that waited at `place` has come to its end.
    fn try_waiting(&mut self, now: Instant, slot: u32, place: Place, left: &mut usize) -> bool {
        let Some(call) = self.calls.get(slot) else { return true };
        let Origin::Node { session, call: id } = call.origin else { return true };
        let Some(parked) = call.extra.as_ref().and_then(|extra| extra.queued.as_ref()) else { return true };
        let request = (parked.first.unwrap_or_else(|| id.to_bits()), false);
        let Some(woken) = parked.places.iter().position(|other| *other == place) else { return true };
        let (choice, steps) = (parked.choice, Arc::clone(&parked.steps));
        let mut first = woken;
        if choice == Choice::MostUrgent {
            // What woke it may have changed several objects in one step.
            first = self.hosting.most_urgent(parked).unwrap_or(woken);
            *left = left.saturating_sub(steps.len());
        }
        let chosen = |at: usize| (choice != Choice::Only).then_some(at as u64);
        let mut out = std::mem::take(&mut self.hosting.out);
        out.clear();
        let mut done =
            self.perform(now, session, request, chosen(first), invocation(&steps[first]), &mut out);
        if first != woken && matches!(done, Err(Denial::Stopped { stop: Stop::Parked, .. })) {
            done = self.perform(now, session, request, chosen(woken), invocation(&steps[woken]), &mut out);
        }
        let has_ended = match done {
            Ok(()) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Ending::Value(&out));
                true
            }
            Err(Denial::Stopped { stop: Stop::Parked, .. }) => false,
            Err(denial) => {
                self.fail(now, slot, &denied(denial));
                true
            }
        };
        self.hosting.out = out;
        has_ended
    }

    /// Runs a method for a session, whatever waits before it, by a number that it may have been asked by before. Of a
    /// `choice` it is told which it was.
    pub(super) fn perform(
        &mut self,
        now: Instant,
        session: u32,
        (request, is_again): (u64, bool),
        choice: Option<u64>,
        invocation: Invocation<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), Denial> {
        let name = self.sessions[session as usize].name.clone();
        if !self.hosting.store().access(invocation.method).is_write() {
            let known = self.sessions[session as usize].hosted.unwrap_or_default();
            let Some(at) = choice else {
                return self.hosting.look(now, known, name.as_ref(), &invocation, out);
            };
            let mut result = Vec::new();
            self.hosting.look(now, known, name.as_ref(), &invocation, &mut result)?;
            put_chosen(out, at, &result);
            return Ok(());
        }
        let session = self.hosted_session(now, session);
        let asker = Asker { session, request, is_again };
        let command = match choice {
            Some(at) => Command::Choose { asker, at, invocation },
            None => Command::Call { asker, conditions: Cow::Borrowed(&[]), invocation },
        };
        self.hosting.propose(now, name.as_ref(), &command, out)
    }

    /// Does one of several that can be done now; says which, with its result.
    pub(super) fn select(
        &mut self,
        now: Instant,
        session: u32,
        (id, first): (CallId, Option<u64>),
        steps: &[(MethodId, Bytes)],
        choice: Choice,
    ) -> Result<Vec<u8>, Denial> {
        let request = (first.unwrap_or_else(|| id.to_bits()), first.is_some());
        let is_settled = self.is_settled(now, session, first);
        let mut order: Vec<usize> = (0..steps.len()).collect();
        if choice == Choice::MostUrgent {
            order.sort_by_cached_key(|at| Reverse(self.hosting.urgency(&steps[*at])));
        }
        let mut out = Vec::new();
        for at in order {
            let invocation = invocation(&steps[at]);
            if !is_settled && self.must_queue(&invocation)? {
                continue;
            }
            match self.perform(now, session, request, Some(at as u64), invocation, &mut out) {
                Ok(()) => return Ok(out),
                Err(Denial::Stopped { stop: Stop::Parked, .. }) => {}
                Err(denial) => return Err(denial),
            }
        }
        Err(Denial::from(Stop::Parked))
    }

    /// Whether a call that was sent again is answered by what is known of it: then it need not wait in line.
    pub(super) fn is_settled(&mut self, now: Instant, session: u32, first: Option<u64>) -> bool {
        let Some(request) = first else { return false };
        let session = self.hosted_session(now, session);
        self.hosting.store().is_settled(Asker { session, request, is_again: true })
    }
}

fn invocation((method, body): &(MethodId, Bytes)) -> Invocation<'_> {
    Invocation { method: *method, body: Cow::Borrowed(body) }
}

/// The object that a call with these arguments is about, and its place there.
fn place(line: Line, body: &[u8]) -> Result<(&str, LineNumber), Stop> {
    let mut args = Args::of(body)?;
    let name = args.text("the object's name")?;
    let line = match line {
        Line::One(number) => (number, 0),
        Line::Each(at) => {
            // The same in each process, so that who is woken first is too.
            let mut hasher = DefaultHasher::new();
            hasher.write(args.at(usize::from(at))?);
            (u8::MAX, hasher.finish())
        }
    };
    Ok((name, line))
}

/// The line after this one.
fn after((number, of): LineNumber) -> Option<LineNumber> {
    match of.checked_add(1) {
        Some(of) => Some((number, of)),
        None => Some((number.checked_add(1)?, 0)),
    }
}

impl Hosting {
    /// Objects that are listened to, or were of late.
    pub(in super::super) fn listened_to(&self) -> usize {
        self.feeds.len()
    }

    /// Calls that wait for an object to change.
    pub(in super::super) fn waiting(&self) -> usize {
        self.lines.len()
    }

    /// Calls that wait for this object to change.
    pub(super) fn waiting_for(&self, object: ObjectId) -> usize {
        self.lines.range((object, FIRST, 0)..=(object, LAST, u64::MAX)).count()
    }

    fn first(&self, object: ObjectId, line: LineNumber) -> Option<(Place, u32)> {
        let line = (object, line, 0)..=(object, line, u64::MAX);
        self.lines.range(line).next().map(|(place, slot)| (*place, *slot))
    }

    /// How urgent the object is that a step is about.
    fn urgency(&self, (method, body): &(MethodId, Bytes)) -> Option<i64> {
        let name = Args::of(body).and_then(|mut args| args.text("the object's name")).ok()?;
        self.store().urgency(method.kind, name)
    }

    /// The first step of those whose objects are the most urgent, where it is this call's turn.
    fn most_urgent(&self, parked: &Parked) -> Option<usize> {
        let steps = parked.steps.iter().zip(&parked.places).enumerate();
        let urgent = steps.filter_map(|(at, (step, place))| {
            let urgency = self.urgency(step)?;
            let is_turn = self.first(place.0, place.1).is_some_and(|(first, _)| first == *place);
            is_turn.then_some((Reverse(urgency), at))
        });
        urgent.min().map(|(_, at)| at)
    }

    /// Who is first in the object's lines from this one on.
    fn next_in_line(&self, object: ObjectId, line: LineNumber) -> Option<(Place, u32)> {
        let rest = (object, line, 0)..=(object, LAST, u64::MAX);
        self.lines.range(rest).next().map(|(place, slot)| (*place, *slot))
    }
}
