//! The task that has the disk: makes, lists and revokes tokens for whoever may.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::core::{Asked, Question};
use super::driver::Shared;
use crate::error::CallError;
use crate::identity::{Access, IdentityError, Token, TokenState, is_loopback};
use crate::transport::Address;
use crate::wire::{TokenEntry, TokenMade, TokenSpec, encode};

/// Answers one question after the other until the controller ends. `host` is where nodes find it, if it listens
/// for any.
pub(super) async fn answer(
    shared: Arc<Shared>,
    mut asked: mpsc::UnboundedReceiver<Asked>,
    host: Option<String>,
) {
    while let Some(Asked { ticket, question }) = asked.recv().await {
        let (worker, host, now_ms) = (Arc::clone(&shared), host.clone(), shared.unix_ms());
        let work = move || act(worker.access(), question, host.as_deref(), now_ms);
        let done = tokio::task::spawn_blocking(work).await;
        let done = done.unwrap_or_else(|error| Err(CallError::Busy { what: error.to_string() }));
        shared.input(|core, now| match done {
            Ok(Done { body, revoked }) => {
                // First the answer: the asker's own session may be among those that end.
                core.answer_asked(now, ticket, Ok(body));
                if let Some(token) = revoked {
                    core.end_token(now, &token.id, &farewell(&token));
                }
            }
            Err(error) => core.answer_asked(now, ticket, Err(error)),
        });
    }
}

/// What holders of a revoked token are told.
pub(super) fn farewell(token: &Token) -> String {
    format!("token `{}` ({}) was revoked", token.name, token.id)
}

struct Done {
    body: Vec<u8>,
    revoked: Option<Token>,
}

fn act(access: &Access, question: Question, host: Option<&str>, now_ms: u64) -> Result<Done, CallError> {
    let called = |error: IdentityError| error.while_called();
    let (body, revoked) = match question {
        Question::NewToken(spec) => (encode(&make(access, spec, host, now_ms).map_err(called)?), None),
        Question::Tokens => {
            let tokens = access.tokens().unwrap_or_default();
            let entries: Vec<TokenEntry> = tokens.iter().map(|token| entry(token, now_ms)).collect();
            (encode(&entries), None)
        }
        Question::RevokeToken(name) => {
            let token = access.revoke(&name, now_ms).map_err(called)?;
            tracing::warn!(token = %token.name, id = %token.id, "a token was revoked");
            (encode(&entry(&token, now_ms)), Some(token))
        }
    };
    Ok(Done { body: body.expect("the controller's own values encode"), revoked })
}

fn make(
    access: &Access,
    spec: TokenSpec,
    host: Option<&str>,
    now_ms: u64,
) -> Result<TokenMade, IdentityError> {
    let TokenSpec { name, role, expires_in_ms, host: chosen } = spec;
    let host = chosen.as_deref().or(host).ok_or(IdentityError::NoTokens(NO_HOST))?;
    let expires_in = expires_in_ms.map(Duration::from_millis);
    let made = access.new_token(&name, role, expires_in, host, now_ms)?;
    tracing::info!(token = %made.token.name, id = %made.token.id, role = %made.token.role, "a token was made");
    Ok(TokenMade { entry: entry(&made.token, now_ms), join: made.join.reveal() })
}

const NO_HOST: &str = "this controller listens at no quic:// address, so nobody could use a token";

fn entry(token: &Token, now_ms: u64) -> TokenEntry {
    let state: TokenState = token.state(now_ms);
    TokenEntry {
        id: token.id.clone(),
        name: token.name.clone(),
        role: token.role.clone(),
        state,
        created_ms: token.created_ms,
        expires_ms: token.expires_ms,
    }
}

/// Where nodes find a controller that listens at `addresses`: as host:port of the address that reaches furthest.
pub(super) fn public_host(addresses: &[Address]) -> Option<String> {
    let urls = addresses.iter().map(Address::to_string);
    let quic: Vec<String> = urls.filter(|url| is_loopback(url).is_some()).collect();
    let far = quic.iter().find(|url| is_loopback(url) == Some(false)).or(quic.first())?;
    let place = far.strip_prefix("quic://")?;
    let (host, port) = place.rsplit_once(':')?;
    let own = match host {
        "0.0.0.0" => own_address("0.0.0.0:0", "192.0.2.1:9"),
        "[::]" => {
            own_address("[::]:0", "[2001:db8::1]:9").or_else(|| own_address("0.0.0.0:0", "192.0.2.1:9"))
        }
        _ => None,
    };
    Some(own.map_or_else(|| place.to_owned(), |own| format!("{own}:{port}")))
}

/// The address that this machine would send from: nothing is sent to find out.
fn own_address(from: &str, to: &str) -> Option<String> {
    let socket = std::net::UdpSocket::bind(from).ok()?;
    socket.connect(to).ok()?;
    let own = socket.local_addr().ok()?.ip();
    Some(if own.is_ipv6() { format!("[{own}]") } else { own.to_string() })
}
