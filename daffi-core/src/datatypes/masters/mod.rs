//! Several independent controllers, asked as one: what a majority of them says counts.

mod agreement;
mod tally;
mod term;

use std::fmt;
use std::future::{Future, IntoFuture};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::AbortHandle;
use tokio::time::Instant;

pub use self::agreement::Agreement;
pub(crate) use self::tally::{Tally, Verdict, majority};
pub(crate) use self::term::Term;
use crate::api::Operation;
use crate::api::blocking::bridge::Bridge;
use crate::config;
use crate::error::{CallError, DataError, QuorumError, Ran, Stage};
use crate::node::{Connect, Node};

/// Several controllers that know nothing of each other, of which any majority will do: Pottery's `masters`.
///
/// They give out numbers ([`next_id`](Self::next_id)) and leases ([`redlock`](Self::redlock)), which go on while a minority
/// of them is down, hangs or cannot be reached. Five masters bear the loss of two, three that of one; two bear none. All who
/// use a name must do so by the same masters.
///
/// What they promise rests on their memory: a controller that comes back after its end knows nothing, and so each
/// datatype says what follows from that.
#[derive(Clone)]
pub struct Masters {
    members: Arc<[Member]>,
    timeout: Duration,
    /// What is wrong with them, which is said once they are asked.
    problem: Option<Arc<str>>,
}

/// One of them.
struct Member {
    address: String,
    way: watch::Receiver<Way>,
    runtime: Handle,
    /// Connects to it.
    connecting: Option<AbortHandle>,
}

/// How a master is reached.
#[derive(Debug, Clone)]
enum Way {
    Connecting,
    By(Node),
    Closed(DataError),
}

/// The process's masters for what is given none.
struct Default {
    members: Weak<[Member]>,
    timeout: Duration,
}

static DEFAULT: Mutex<Option<Default>> = Mutex::new(None);

impl Drop for Member {
    fn drop(&mut self) {
        if let Some(connecting) = &self.connecting {
            connecting.abort();
        }
    }
}

impl Masters {
    /// The controllers that these nodes are connected to, each another one: `Masters::new([&a, &b, &c])`.
    ///
    /// A node that does not [outlive its controller](Connect::outlive_controller) ends when that says goodbye, and its master
    /// is out of reach from then on.
    ///
    /// Of two that are reached at the same address, or of none at all, whatever they are asked for says so.
    pub fn new<'a>(nodes: impl IntoIterator<Item = &'a Node>) -> Self {
        let member = |node: &Node| Member {
            address: node.url(),
            // A callback's own handle may be outlived by what it holds.
            way: watch::channel(Way::By(node.shared().handle(None))).1,
            runtime: node.shared().runtime.clone(),
            connecting: None,
        };
        Self::of(nodes.into_iter().map(member).collect())
    }

    /// Connects to each of these controllers, and has the masters once a majority of them is there; the others are
    /// tried for as long as this lasts: `Masters::connect(urls.map(daffi::connect))`. The nodes
    /// [outlive](Connect::outlive_controller) their controllers.
    ///
    /// # Errors
    /// [`QuorumError::QuorumIsImpossible`] if so many cannot be connected to, now or later, that no majority is left;
    /// [`QuorumError::QuorumNotAchieved`] if there is none within [`CONNECT_TIMEOUT`](config::CONNECT_TIMEOUT).
    ///
    /// # Cancel safety
    /// Cancel safe: nothing is connected.
    ///
    /// # Panics
    /// If it is awaited outside a tokio runtime.
    pub async fn connect(controllers: impl IntoIterator<Item = Connect>) -> Result<Self, QuorumError> {
        let (told, mut tells) = mpsc::unbounded_channel();
        let members =
            controllers.into_iter().enumerate().map(|(at, connect)| Member::connect(connect, at, &told));
        let masters = Self::of(members.collect());
        masters.check()?;
        let mut tally = Tally::of(masters.members.len());
        let deadline = Instant::now() + config::CONNECT_TIMEOUT;
        loop {
            match tally.verdict() {
                Some(Verdict::Agreed) => return Ok(masters),
                Some(_) => return Err(tally.error(CONNECTED, true)),
                None => {}
            }
            match tokio::time::timeout_at(deadline, tells.recv()).await {
                Ok(Some((_, Ok(())))) => tally.agree(),
                Ok(Some((at, Err(error)))) => tally.fail(&masters.members[at].address, error),
                Ok(None) | Err(_) => return Err(tally.error(CONNECTED, false)),
            }
        }
    }

    fn of(members: Vec<Member>) -> Self {
        Self::of_members(members.into())
    }

    fn of_members(members: Arc<[Member]>) -> Self {
        let twice = members
            .iter()
            .enumerate()
            .find(|(at, member)| members[..*at].iter().any(|other| other.address == member.address));
        let problem = twice.map(|(_, member)| {
            format!("two masters are one controller, {}: its word would count twice", member.address).into()
        });
        Self { members, timeout: config::MASTER_TIMEOUT, problem }
    }

    /// The same masters, each of which has this long to answer, by default [`MASTER_TIMEOUT`](config::MASTER_TIMEOUT): much
    /// less than any lease.
    ///
    /// A majority that agrees is not held up by the others. But where some of a majority do not agree, as many ask at the same
    /// time, it is for the others to answer; so while masters hang, each such try takes all of this time, and as little of
    /// it as the network allows is best.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Makes these the process's default masters, in the place of those before: `#[synchronize]` asks them. They end with
    /// their last handle all the same, and whatever they are asked for says so from then on.
    pub fn make_default(&self) {
        let default = Default { members: Arc::downgrade(&self.members), timeout: self.timeout };
        *DEFAULT.lock().unwrap_or_else(PoisonError::into_inner) = Some(default);
    }

    /// The process's default masters, if there were ever any; else the controller of [`Node::current`] alone, if there is one.
    pub fn current() -> Option<Self> {
        let default = DEFAULT.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(default) = default.as_ref() else {
            return Node::current().map(|node| Self::new([&node]));
        };
        // Others would not know of what these granted.
        let masters = default.members.upgrade().map_or_else(Self::ended, Self::of_members);
        Some(Self { timeout: default.timeout, ..masters })
    }

    /// In the place of masters that are no more.
    fn ended() -> Self {
        let problem =
            "the default masters have ended with their last handle: keep one, or make others the default";
        Self { problem: Some(problem.into()), ..Self::of(Vec::new()) }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.members.len()
    }

    /// Whether there are none, and nothing can be had of them.
    pub fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// How many are a majority.
    pub fn majority(&self) -> usize {
        majority(self.len())
    }

    /// How long each has to answer a call that has so long.
    pub(crate) fn limit(&self, term: Term) -> Duration {
        term.left().map_or(self.timeout, |left| left.min(self.timeout))
    }

    /// # Errors
    /// [`DataError::Invalid`] if nothing is to be asked of them.
    pub(crate) fn check(&self) -> Result<(), QuorumError> {
        match &self.problem {
            Some(problem) => Err(DataError::invalid(&**problem).into()),
            None => Ok(()),
        }
    }

    pub(crate) fn address(&self, at: usize) -> &str {
        &self.members[at].address
    }

    /// The way in for threads; there is one if there is a master.
    pub(crate) fn bridge(&self) -> Option<Bridge> {
        self.members.iter().find_map(|member| match &*member.way.borrow() {
            Way::By(node) => Some(Bridge::of(node)),
            Way::Connecting | Way::Closed(_) => None,
        })
    }

    /// What a grant is called by default: the name of the node that asks.
    pub(crate) fn own_name(&self) -> String {
        let name = self.members.iter().find_map(|member| match &*member.way.borrow() {
            Way::By(node) => Some(node.name().to_string()),
            Way::Connecting | Way::Closed(_) => None,
        });
        name.unwrap_or_default()
    }

    /// Asks one of them something, which it has this long to answer.
    pub(crate) fn ask_one<T, F>(
        &self,
        at: usize,
        limit: Duration,
        make: F,
    ) -> impl Future<Output = Result<T, DataError>> + Send + use<T, F>
    where
        T: Send + 'static,
        F: FnOnce(&Node) -> Operation<T> + Send + 'static,
    {
        let way = self.members[at].way.clone();
        async move {
            let deadline = Instant::now() + limit.min(config::TIMEOUT_MAX);
            let node = reached(way, deadline, limit).await?;
            let left = deadline.saturating_duration_since(Instant::now()).as_millis();
            let asked = make(&node)
                .timeout(Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)))
                .into_future();
            // A call gives the controller a while more to say why it is late.
            match tokio::time::timeout_at(deadline, asked).await {
                Ok(answer) => answer,
                Err(_) => {
                    Err(CallError::TimedOut { stage: Stage::Controller, node: None, after: limit }.into())
                }
            }
        }
    }

    /// The runtime that one of them is reached on.
    pub(crate) fn runtime(&self, at: usize) -> &Handle {
        &self.members[at].runtime
    }

    /// Asks all of them; who has not answered when the answers are dropped is asked no more.
    pub(crate) fn ask<T, F>(&self, limit: Duration, make: F) -> Answers<T>
    where
        T: Send + 'static,
        F: Fn(&Node) -> Operation<T> + Clone + Send + 'static,
    {
        let (told, answers) = mpsc::unbounded_channel();
        let asking = (0..self.len()).map(|at| {
            let (answer, told) = (self.ask_one(at, limit, make.clone()), told.clone());
            // Whoever asked may have heard enough.
            let task = async move { drop(told.send((at, answer.await))) };
            self.runtime(at).spawn(task).abort_handle()
        });
        Answers { asking: asking.collect(), answers }
    }

    /// Asks all of them for agreement on `name`, until it is known what comes of it; `judge` says of each answer whether
    /// that master agrees.
    pub(crate) async fn agree<T: Send + 'static>(
        &self,
        mut answers: Answers<T>,
        mut judge: impl FnMut(usize, &T) -> bool,
    ) -> (Verdict, Tally) {
        let mut tally = Tally::of(self.len());
        loop {
            if let Some(verdict) = tally.verdict() {
                if verdict == Verdict::Agreed {
                    // The others are to learn of it, too.
                    answers.asking.clear();
                }
                return (verdict, tally);
            }
            match answers.next().await {
                Some((at, Ok(answer))) if judge(at, &answer) => tally.agree(),
                Some((_, Ok(_))) => tally.refuse(),
                Some((at, Err(error))) => tally.fail(self.address(at), error),
                None => return (Verdict::Impossible, tally),
            }
        }
    }
}

impl fmt::Debug for Masters {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let addresses: Vec<&str> = self.members.iter().map(|member| &*member.address).collect();
        f.debug_struct("Masters").field("members", &addresses).field("timeout", &self.timeout).finish()
    }
}

impl Member {
    fn connect(
        connect: Connect,
        at: usize,
        told: &mpsc::UnboundedSender<(usize, Result<(), DataError>)>,
    ) -> Self {
        let address = match connect.address() {
            Ok(address) => address.to_string(),
            Err(error) => error.to_string(),
        };
        let (way_in, way) = watch::channel(Way::Connecting);
        let told = told.clone();
        let connecting = tokio::spawn(async move {
            let (way, outcome) = match connect.outlive_controller().timeout(config::TIMEOUT_MAX).await {
                Ok(node) => (Way::By(node), Ok(())),
                Err(error) => {
                    let error = DataError::invalid(error.to_string());
                    (Way::Closed(error.clone()), Err(error))
                }
            };
            way_in.send_replace(way);
            // Whoever waits for a majority may have it by now.
            drop(told.send((at, outcome)));
        });
        Self { address, way, runtime: Handle::current(), connecting: Some(connecting.abort_handle()) }
    }
}

/// The node of a master, as soon as there is one.
async fn reached(
    mut way: watch::Receiver<Way>,
    deadline: Instant,
    after: Duration,
) -> Result<Node, DataError> {
    let reached = way.wait_for(|way| !matches!(way, Way::Connecting));
    let way = match tokio::time::timeout_at(deadline, reached).await {
        Ok(Ok(way)) => way.clone(),
        Ok(Err(_)) => return Err(CallError::Disconnected { ran: Ran::No }.into()),
        Err(_) => return Err(CallError::TimedOut { stage: Stage::Connecting, node: None, after }.into()),
    };
    match way {
        Way::By(node) => Ok(node),
        Way::Closed(error) => Err(error),
        Way::Connecting => unreachable!("it was waited for"),
    }
}

/// What the masters answer, as it comes. Those that have not are asked no more when this is dropped.
pub(crate) struct Answers<T> {
    asking: Vec<AbortHandle>,
    answers: mpsc::UnboundedReceiver<(usize, Result<T, DataError>)>,
}

impl<T> Answers<T> {
    /// Those that come here, from whoever sees to it by itself that they do.
    pub(crate) fn of(answers: mpsc::UnboundedReceiver<(usize, Result<T, DataError>)>) -> Self {
        Self { asking: Vec::new(), answers }
    }

    /// The next one; `None` if there is none to come.
    pub(crate) async fn next(&mut self) -> Option<(usize, Result<T, DataError>)> {
        self.answers.recv().await
    }
}

impl<T> Drop for Answers<T> {
    fn drop(&mut self) {
        self.asking.iter().for_each(AbortHandle::abort);
    }
}

/// A pause before masters that did not agree are asked once more, for the `round`th time: by chance, so that those who ask
/// at the same time do not do so again.
pub(crate) async fn pause(round: u32) {
    let longest = config::QUORUM_PAUSE_MIN.saturating_mul(1 << round.min(16)).min(config::QUORUM_PAUSE_MAX);
    let micros = u64::try_from(longest.as_micros()).unwrap_or(u64::MAX);
    tokio::time::sleep(Duration::from_micros(fastrand::u64(..=micros))).await;
}

/// What masters are connected for.
const CONNECTED: &str = "a connection";
