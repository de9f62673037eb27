//! Histories of messages and events, and of those who listen, held against a naive account of what each must hear.

use std::time::{Duration, Instant};

use proptest::prelude::*;

use super::harness::{Mesh, Reply};
use crate::config;
use crate::hosted::{Value as Body, kinds};
use crate::wire::{CallId, Extension, Flags, Heard, Listen, decode};

/// Where messages pass: the kind and the name.
const FEEDS: [(&str, &str); 3] = [("events", "mesh"), ("comms", "chat"), ("comms", "news")];
const TOPICS: [&str; 4] = ["a.x", "b.y", "c", "a"];
/// What a listener chooses by.
const CHOICES: [&[&str]; 3] = [&[], &["a*"], &["b.?", "c"]];

#[derive(Debug, Clone, Copy)]
enum Step {
    Publish {
        publisher: usize,
        feed: usize,
        topic: usize,
        times: usize,
    },
    /// It begins if it has not, or asks for what comes next, unless it waits for that.
    Ask {
        listener: usize,
        feed: usize,
        choice: usize,
    },
    /// It asks no more, and may ask again from the same place.
    Cancel {
        listener: usize,
    },
    /// Its session ends, and another node comes.
    Leave {
        listener: usize,
    },
    Pass {
        seconds: u64,
    },
}

fn step() -> impl Strategy<Value = Step> {
    let times = prop_oneof![
        20 => 1..4_usize,
        1 => Just(config::HEARD_ITEMS_MAX + 100),
        1 => Just(config::FEED_ITEMS_MAX + 1),
    ];
    let listener = || 0..3_usize;
    prop_oneof![
        6 => (0..2_usize, 0..3_usize, 0..4_usize, times)
            .prop_map(|(publisher, feed, topic, times)| Step::Publish { publisher, feed, topic, times }),
        8 => (listener(), 0..3_usize, 0..3_usize)
            .prop_map(|(listener, feed, choice)| Step::Ask { listener, feed, choice }),
        1 => listener().prop_map(|listener| Step::Cancel { listener }),
        1 => listener().prop_map(|listener| Step::Leave { listener }),
        2 => prop_oneof![3 => 1..40_u64, 1 => Just(config::FEED_KEPT_FOR.as_secs())]
            .prop_map(|seconds| Step::Pass { seconds }),
    ]
}

/// Who published it, its topic, and how many there were of this publisher before.
type Said = (String, &'static str, u64);

/// Everything that was ever published at one place.
#[derive(Default)]
struct Naive {
    said: Vec<Said>,
    /// How often it was forgotten that anybody listened.
    epoch: usize,
    /// Since somebody listens: the first that is kept, and when somebody last asked.
    kept: Option<(usize, Instant)>,
}

impl Naive {
    fn asked(&mut self, now: Instant) {
        let first = self.kept.map_or(self.said.len(), |(first, _)| first);
        self.kept = Some((first, now));
    }

    fn say(&mut self, said: Said) {
        self.said.push(said);
        let oldest = self.said.len().saturating_sub(config::FEED_ITEMS_MAX);
        self.kept = self.kept.map(|(first, asked)| (first.max(oldest), asked));
    }
}

struct Listener {
    node: usize,
    heeds: Option<Heeds>,
}

/// What a listener that has begun listens to, and how far it is.
#[derive(Clone, Copy)]
struct Heeds {
    feed: usize,
    choice: usize,
    next: u64,
    /// The same by the naive account.
    place: usize,
    /// From where on it waits, since it wants nothing of what was said before.
    looked: usize,
    epoch: usize,
    waiting: Option<CallId>,
}

impl Heeds {
    fn wants(&self, said: &Said) -> bool {
        match self.choice {
            0 => true,
            1 => said.1.starts_with('a'),
            _ => said.1 == "b.y" || said.1 == "c",
        }
    }

    /// Whether it has missed some, what it hears, and where it is then.
    fn due(&self, naive: &Naive) -> (bool, Vec<Said>, usize) {
        let (first, _) = naive.kept.expect("it listens");
        let has_missed = self.epoch != naive.epoch || self.looked < first;
        let wanted = (self.looked.max(first)..naive.said.len()).filter(|at| self.wants(&naive.said[*at]));
        let wanted: Vec<usize> = wanted.collect();
        let place = wanted.get(config::HEARD_ITEMS_MAX).copied().unwrap_or(naive.said.len());
        let heard = wanted.iter().take(config::HEARD_ITEMS_MAX).map(|at| naive.said[*at].clone());
        (has_missed, heard.collect(), place)
    }
}

struct Trial {
    mesh: Mesh,
    publishers: [usize; 2],
    published: [u64; 2],
    listeners: [Listener; 3],
    feeds: [Naive; 3],
}

impl Trial {
    fn new() -> Self {
        let mut mesh = Mesh::hosting(1, kinds().expect("each has its own name"));
        let publishers = [0, 1].map(|at| mesh.join(&format!("publisher-{at}"), &[]));
        let listeners = [0, 1, 2].map(|at| {
            let node = mesh.join(&format!("listener-{at}"), &[]);
            Listener { node, heeds: None }
        });
        Self { mesh, publishers, published: [0; 2], listeners, feeds: Default::default() }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Publish { publisher, feed, topic, times } => {
                for _ in 0..times {
                    self.publish(publisher, feed, TOPICS[topic]);
                }
                self.mesh.end_batch(self.publishers[publisher]);
                self.wake(feed);
            }
            Step::Ask { listener, feed, choice } => self.ask(listener, feed, choice),
            Step::Cancel { listener } => {
                let Some(heeds) = &mut self.listeners[listener].heeds else { return };
                let Some(call) = heeds.waiting.take() else { return };
                self.feeds[heeds.feed].asked(self.mesh.now);
                self.mesh.cancel(self.listeners[listener].node, call);
            }
            Step::Leave { listener } => {
                let gone = &mut self.listeners[listener];
                if let Some(heeds) = gone.heeds.take().filter(|heeds| heeds.waiting.is_some()) {
                    self.feeds[heeds.feed].asked(self.mesh.now);
                }
                self.mesh.leave(gone.node);
                let name = format!("listener-{}", self.mesh.nodes.len());
                gone.node = self.mesh.join(&name, &[]);
            }
            Step::Pass { seconds } => self.pass(seconds),
        }
    }

    /// Those who wait at a place where something was said hear it, or need not look at it again.
    fn wake(&mut self, feed: usize) {
        for listener in 0..self.listeners.len() {
            self.hear(listener);
            if let Some(heeds) = self.listeners[listener].heeds.as_mut().filter(|heeds| heeds.feed == feed) {
                heeds.looked = self.feeds[feed].said.len();
            }
        }
    }

    fn publish(&mut self, publisher: usize, feed: usize, topic: &'static str) {
        let (node, number) = (self.publishers[publisher], self.published[publisher]);
        self.published[publisher] += 1;
        let (body, (kind, object)) = (Body::of(&number).expect("a number"), FEEDS[feed]);
        let topic = if kind == "events" { topic } else { "" };
        if kind == "events" {
            self.mesh.ask::<_, ()>(node, "daffi.events.send", &(object, topic, body));
        } else {
            self.mesh.ask::<_, ()>(node, "daffi.comms.publish", &(object, body));
        }
        self.feeds[feed].say((format!("publisher-{publisher}"), topic, number));
    }

    fn ask(&mut self, listener: usize, feed: usize, choice: usize) {
        let Listener { node, heeds } = &mut self.listeners[listener];
        let begins = heeds.is_none();
        let choice = if FEEDS[feed].0 == "events" { choice } else { 0 };
        let heeds = heeds.get_or_insert(Heeds {
            feed,
            choice,
            next: 0,
            place: 0,
            looked: 0,
            epoch: 0,
            waiting: None,
        });
        if heeds.waiting.is_some() {
            return;
        }
        let (kind, object) = FEEDS[heeds.feed];
        let topics = CHOICES[heeds.choice].iter().map(|&topic| topic.to_owned()).collect();
        let from = (!begins).then_some(heeds.next);
        let listen = Listen { kind: kind.into(), object: object.into(), changes: false, topics, from };
        let naive = &mut self.feeds[heeds.feed];
        naive.asked(self.mesh.now);
        if begins {
            let begun: Heard = self.mesh.ask(*node, "daffi.listen", &(listen,));
            assert!(!begun.has_missed && begun.items.is_empty(), "{begun:?}");
            (heeds.next, heeds.place, heeds.epoch) = (begun.next, naive.said.len(), naive.epoch);
            return;
        }
        heeds.looked = heeds.place;
        let none = Extension::default();
        heeds.waiting =
            Some(self.mesh.call_with(*node, "daffi.listen", Flags::NONE, &none, None, &(listen,)));
        self.hear(listener);
    }

    /// A listener that waits hears what it must, and nobody hears anything else.
    fn hear(&mut self, listener: usize) {
        let Listener { node, heeds } = &mut self.listeners[listener];
        let replies = self.mesh.replies(*node);
        let waiting = heeds.as_mut().and_then(|heeds| heeds.waiting.map(|call| (heeds, call)));
        let Some((heeds, call)) = waiting else { return assert_eq!(replies, [], "it did not ask") };
        let naive = &mut self.feeds[heeds.feed];
        let (has_missed, items, place) = heeds.due(naive);
        if !has_missed && items.is_empty() {
            return assert_eq!(replies, [], "there is nothing to hear");
        }
        let body = match &replies[..] {
            [(answered, Reply::Value(body, _))] if *answered == call => body,
            [(answered, Reply::Chunks(chunks))] if *answered == call => &chunks.bytes,
            others => panic!("{} are due, not {others:?}", items.len()),
        };
        let heard: Heard = decode(body).expect("what is heard");
        assert_eq!(heard.has_missed, has_missed);
        let said = heard.items.iter().map(|item| {
            let from = item.from.as_ref().map(ToString::to_string).expect("a node said it");
            (from, &*item.topic, decode::<u64>(&item.body).expect("a number"))
        });
        assert!(said.eq(items.iter().cloned()), "{:?} and not {items:?}", heard.items);
        naive.asked(self.mesh.now);
        (heeds.next, heeds.place, heeds.epoch, heeds.waiting) = (heard.next, place, naive.epoch, None);
    }

    /// Time passes, after which feeds that nobody asked for of late are forgotten.
    fn pass(&mut self, seconds: u64) {
        self.mesh.advance(Duration::from_secs(seconds));
        let now = self.mesh.now;
        for (at, naive) in self.feeds.iter_mut().enumerate() {
            let heeded = self.listeners.iter().filter_map(|listener| listener.heeds.as_ref());
            let is_waited_for = heeded.filter(|heeds| heeds.feed == at).any(|heeds| heeds.waiting.is_some());
            let is_old = |(_, asked): (usize, Instant)| now.duration_since(asked) >= config::FEED_KEPT_FOR;
            if !is_waited_for && naive.kept.is_some_and(is_old) {
                naive.kept = None;
                naive.epoch += 1;
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn each_listener_hears_in_order_what_was_said_or_that_it_missed_some(
        steps in proptest::collection::vec(step(), 0..60),
    ) {
        let mut trial = Trial::new();
        for step in steps {
            trial.take(step);
            for listener in 0..trial.listeners.len() {
                trial.hear(listener);
            }
            // Who has left hears no more.
            for node in 0..trial.mesh.nodes.len() {
                prop_assert!(!trial.mesh.nodes[node].has_left || trial.mesh.replies(node).is_empty());
            }
            trial.mesh.check_accounts();
        }
    }
}
