//! Nodes offering and withdrawing callbacks.

use std::time::Instant;

use super::calls::WaitFor;
use super::limits::signature_bytes;
use super::session::Phase;
use super::{Core, Violation};
use crate::config;
use crate::name::CallbackName;
use crate::wire::{Event, Failure, Flags, Frame, Offered, Presence, Register, Unregister};

impl Core {
    pub(super) fn register(&mut self, now: Instant, slot: u32, frame: Frame<'_>) -> Result<(), Violation> {
        let Register { callbacks, ready } = Register::decode(frame.body)?;
        let signature_bytes = match self.room_for_offers(slot, &callbacks) {
            Ok(bytes) => bytes,
            Err(error) => {
                self.put_reply(slot, frame.header.call, Flags::FAILED, &Failure::from(&error).encode());
                return Ok(());
            }
        };
        if callbacks.iter().any(|offered| offered.signature.name.is_reserved()) {
            return Err(Violation::OutOfPlace("a callback under a reserved name"));
        }
        if let Err(error) = self.check_offers(slot, &callbacks) {
            self.put_reply(slot, frame.header.call, Flags::FAILED, &Failure::from(&error).encode());
            return Ok(());
        }
        self.sessions[slot as usize].callee.signature_bytes = signature_bytes;
        let names: Vec<CallbackName> =
            callbacks.into_iter().filter_map(|offered| self.offer(slot, offered)).collect();
        self.put_reply(slot, frame.header.call, Flags::NONE, &[]);
        let became_ready = ready && self.sessions[slot as usize].phase == Phase::Greeted;
        if became_ready {
            self.sessions[slot as usize].phase = Phase::Ready;
            self.announce_joined(slot);
        } else {
            self.announce_offers(slot, &names);
        }
        if self.sessions[slot as usize].phase == Phase::Ready {
            self.wake_waiters(now, slot, &names, became_ready);
        }
        Ok(())
    }

    /// Takes one offer in; a second one of the same name replaces the first.
    fn offer(&mut self, slot: u32, offered: Offered) -> Option<CallbackName> {
        let name = offered.signature.name.clone();
        self.withdraw(slot, &name);
        let key = self.directory.add(slot, offered.id, offered.signature);
        self.sessions[slot as usize].callee.offers.insert(key.slot, (key, offered.id));
        Some(name)
    }

    fn withdraw(&mut self, slot: u32, name: &CallbackName) -> bool {
        let Some(key) = self.directory.find(name.as_str()) else { return false };
        let callee = &mut self.sessions[slot as usize].callee;
        if callee.offers.remove(&key.slot).is_none() {
            return false;
        }
        let removed = self.directory.remove(key, slot);
        callee.signature_bytes -= removed.map_or(0, |signature| signature_bytes(&signature));
        true
    }

    pub(super) fn unregister(&mut self, slot: u32, frame: Frame<'_>) -> Result<(), Violation> {
        let Unregister { names } = Unregister::decode(frame.body)?;
        let session = &self.sessions[slot as usize];
        let (node, is_seen) = (session.name(), session.phase == Phase::Ready && !session.hidden);
        for callback in names {
            if self.withdraw(slot, &callback) && is_seen {
                self.announce(&Presence::Unregistered { node: node.clone(), callback });
            }
        }
        self.put_reply(slot, frame.header.call, Flags::NONE, &[]);
        Ok(())
    }

    fn announce_joined(&mut self, slot: u32) {
        if self.sessions[slot as usize].hidden {
            return;
        }
        let node = self.sessions[slot as usize].name();
        self.announce(&Presence::Joined { node });
        let offers: Vec<_> =
            self.sessions[slot as usize].callee.offers.values().map(|(key, _)| *key).collect();
        let mut names: Vec<CallbackName> = offers
            .into_iter()
            .filter_map(|key| self.directory.entry(key).map(|entry| entry.name.clone()))
            .collect();
        names.sort();
        self.announce_offers(slot, &names);
    }

    fn announce_offers(&mut self, slot: u32, names: &[CallbackName]) {
        let session = &self.sessions[slot as usize];
        if session.phase != Phase::Ready || session.hidden {
            return;
        }
        let node = session.name();
        for callback in names {
            self.announce(&Presence::Registered { node: node.clone(), callback: callback.clone() });
        }
    }

    /// Answers whoever waits for this node, or for one of these callbacks.
    fn wake_waiters(&mut self, now: Instant, slot: u32, names: &[CallbackName], became_ready: bool) {
        if self.waiters.is_empty() {
            return;
        }
        if became_ready {
            let node = self.sessions[slot as usize].name();
            self.wake(now, &WaitFor::Node(node));
            // The callbacks of earlier, unready registrations count from now on.
            let callbacks = self.waiters.keys().filter_map(|wait| match wait {
                WaitFor::Callback(name) => Some(name.clone()),
                WaitFor::Node(_) | WaitFor::Job(_) => None,
            });
            let mut callbacks: Vec<CallbackName> = callbacks.collect();
            // The answers shall not go out in the order of hashes.
            callbacks.sort();
            for name in callbacks {
                self.wake(now, &WaitFor::Callback(name));
            }
            return;
        }
        for name in names {
            self.wake(now, &WaitFor::Callback(name.clone()));
        }
    }

    /// Tells a session the number of a name that it called by text.
    pub(super) fn intern(&mut self, slot: u32, name: &CallbackName) {
        let Some(key) = self.directory.find(name.as_str()) else { return };
        // Whoever leaves this much unread can go on by text.
        if self.room_to_answer(slot).is_err() {
            return;
        }
        let interned = &mut self.sessions[slot as usize].caller.names;
        let Some((id, is_new)) = interned.intern(name, key, config::NAMES_PER_SESSION_MAX) else {
            self.counters.names_not_interned += 1;
            return;
        };
        if !is_new {
            return;
        }
        let mut signatures = self.directory.entry(key).map(|entry| entry.signatures()).unwrap_or_default();
        // Without them the callees alone say what fits.
        if signatures.iter().map(signature_bytes).sum::<usize>() > config::REGISTER_BYTES {
            signatures.clear();
        }
        self.send_event(slot, &Event::Interned { id, name: name.clone(), signatures });
    }
}
