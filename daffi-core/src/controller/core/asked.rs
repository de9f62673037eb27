//! What the core cannot do itself, since it takes a disk: it asks, and goes on until it is answered.

use std::time::Instant;

use super::Core;
use super::finish::Outcome;
use crate::config;
use crate::error::CallError;
use crate::wire::TokenSpec;

/// A question, to be answered by its ticket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// What names it in the answer.
    pub ticket: u64,
    /// What is asked for.
    pub question: Question,
}

/// What a caller wants of the controller that takes a disk.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Question {
    /// A new token.
    NewToken(TokenSpec),
    /// All tokens.
    Tokens,
    /// The end of the token of this name or number.
    RevokeToken(String),
}

impl Core {
    /// What was asked since the last time, in order. Each must be answered.
    pub fn asked(&mut self) -> Vec<Asked> {
        std::mem::take(&mut self.asked)
    }

    /// Answers with an encoded result or an error. Whoever asked may have gone.
    pub fn answer_asked(&mut self, now: Instant, ticket: u64, answer: Result<Vec<u8>, CallError>) {
        self.unanswered = self.unanswered.saturating_sub(1);
        let Some(slot) = self.calls.find(ticket) else { return };
        match answer {
            Ok(body) => {
                self.counters.calls_answered += 1;
                self.finish(now, slot, Outcome::Value(&body));
            }
            Err(error) => self.fail(now, slot, &error),
        }
    }

    pub(super) fn ask(&mut self, now: Instant, slot: u32, question: Question) {
        if self.unanswered >= config::TOKEN_REQUESTS_MAX {
            let what = format!("{} requests for tokens wait already", self.unanswered);
            return self.fail(now, slot, &CallError::Busy { what });
        }
        self.unanswered += 1;
        self.asked.push(Asked { ticket: self.calls.number(slot), question });
    }
}
