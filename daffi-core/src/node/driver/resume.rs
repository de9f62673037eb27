//! A link that broke goes on over another connection, if that comes about in time.

use std::sync::Arc;

use tokio::time::{Instant, sleep_until, timeout_at};

use super::super::state::Status;
use super::super::{Phase, Shared};
use super::greet::{Greeted, dial};
use super::{Failed, Live, pauses};

/// What became of a link that broke.
pub(super) enum Return {
    /// It goes on.
    Resumed,
    /// It is over. There may be another connection already, which leads to a new session.
    Over(Option<Box<Greeted>>),
}

/// Tries to go on with a link that broke, for as long as the controller keeps its session. Calls in flight, running
/// callbacks and what they reply stay; new calls wait.
pub(super) async fn resume(shared: &Arc<Shared>, live: &mut Live) -> Return {
    let Some(pass) = live.link.pass else { return Return::Over(None) };
    live.link.detach();
    if !live.link.outbound.may_resume() || !leave(shared, live) {
        return Return::Over(None);
    }
    tracing::info!(node = %shared.name, "the link broke, trying to go on");
    let deadline = Instant::now() + pass.grace;
    for pause in pauses() {
        // One that hangs must leave time for another.
        let patience = deadline.min(Instant::now() + pass.grace / 2);
        match timeout_at(patience, dial(shared, Some(live.link.resume(pass)))).await {
            Ok(Ok(greeted)) => return go_on(shared, live, greeted),
            Ok(Err(Failed::Final(error))) => {
                tracing::debug!(%error, "the session is not gone on with");
                return Return::Over(None);
            }
            Ok(Err(Failed::Passing(why))) => tracing::debug!(%why, "not back yet"),
            Err(_) => {}
        }
        // Unlike a controller that is gone, one that is there will be back soon or not at all.
        let until = Instant::now() + pause.min(pass.grace / 20);
        if until >= deadline {
            break;
        }
        sleep_until(until).await;
    }
    Return::Over(None)
}

/// From now on calls wait. `false` if the node has ended meanwhile.
fn leave(shared: &Shared, live: &Live) -> bool {
    let mut state = shared.lock();
    if !matches!(state.status, Status::Connected(_)) {
        return false;
    }
    state.status = Status::Away(live.link.outbound.clone());
    drop(state);
    shared.set_phase(Phase::Connecting);
    true
}

/// Goes on over the connection, if that is what the controller has agreed to.
fn go_on(shared: &Arc<Shared>, live: &mut Live, greeted: Greeted) -> Return {
    let Some(received) = greeted.welcome.resumed else { return Return::Over(Some(Box::new(greeted))) };
    let Greeted { connection, mut inbound, .. } = greeted;
    if let Err(error) = live.link.attach(Arc::clone(&connection), received) {
        tracing::warn!(node = %shared.name, %error, "the controller lacks what is not here any more");
        return Return::Over(None);
    }
    inbound.count_from(live.link.received());
    {
        let mut state = shared.lock();
        // Whoever has stopped the node meanwhile has also closed the link.
        if let Status::Away(outbound) = &state.status {
            state.status = Status::Connected(outbound.clone());
            state.resumed += 1;
        }
    }
    *live = Live::new(shared, Arc::clone(&live.link), inbound, connection);
    shared.set_phase(Phase::Connected);
    tracing::info!(node = %shared.name, "the link goes on");
    Return::Resumed
}
