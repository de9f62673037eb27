//! The beginning of a connection: who this node is, and whether it is welcome.

use std::io;
use std::sync::Arc;

use super::super::Shared;
use super::Failed;
use crate::config;
use crate::error::{CallError, Code, ConnectError};
use crate::identity::Credentials;
use crate::session::{Inbound, Outbound};
use crate::transport::{self, Connection, DialError, DialOptions};
use crate::wire::{Failure, Header, Hello, Kind, Resume, Versions, Welcome, WireError, put_frame};

/// A connection whose other end has let this node in.
pub(super) struct Greeted {
    pub(super) connection: Arc<dyn Connection>,
    /// On which the greeting was said.
    pub(super) outbound: Outbound,
    /// What follows the answer may be in it already.
    pub(super) inbound: Inbound,
    pub(super) welcome: Welcome,
}

/// Connects once and says hello, to begin a session or to go on with the one that is named.
pub(super) async fn dial(shared: &Shared, resume: Option<Resume>) -> Result<Greeted, Failed> {
    let tls = shared.options.credentials.as_ref().map(Credentials::tls);
    let connection = transport::dial(&shared.address, &DialOptions { tls }).await.map_err(|error| {
        error.fatal(&shared.address).map_or_else(|| Failed::Passing(error.to_string()), Failed::Final)
    })?;
    let outbound = Outbound::new(Arc::clone(&connection));
    let mut inbound = Inbound::new(Arc::clone(&connection), config::HANDSHAKE_BYTES_MAX);
    let greeting = greet(shared, resume, &outbound, &mut inbound);
    let welcome = tokio::time::timeout(config::HANDSHAKE_TIMEOUT, greeting)
        .await
        .map_err(|_| Failed::Passing("no answer to the greeting".into()))??;
    inbound.set_frame_bytes_max(config::FRAME_BYTES_MAX);
    Ok(Greeted { connection, outbound, inbound, welcome })
}

/// Says who this node is, and hears whether it is welcome.
async fn greet(
    shared: &Shared,
    resume: Option<Resume>,
    outbound: &Outbound,
    inbound: &mut Inbound,
) -> Result<Welcome, Failed> {
    let hello = Hello {
        versions: Versions::OURS,
        node: shared.name.clone(),
        incarnation: shared.options.incarnation,
        concurrency: u32::try_from(shared.options.concurrency).unwrap_or(u32::MAX),
        take_over: shared.options.take_over,
        hidden: shared.options.hidden,
        software: concat!("daffi ", env!("CARGO_PKG_VERSION")).into(),
        resume,
    };
    outbound.with(|out| put_frame(out, Header::new(Kind::Hello), &[], &hello.encode()));
    outbound.flush();
    let protocol = |error: WireError| Failed::Final(ConnectError::Refused(error.to_string()));
    loop {
        while let Some(frame) = inbound.next().map_err(protocol)? {
            match frame.header.kind {
                Kind::Welcome => return Welcome::decode(frame.body).map_err(protocol),
                Kind::Refuse => return Err(refused(shared, frame.body)),
                Kind::Goodbye => return Err(Failed::Passing("the controller is stopping".into())),
                _ => {}
            }
        }
        match inbound.fill().await {
            Ok(true) => {}
            Ok(false) => return Err(Failed::Passing("it closed the connection".into())),
            Err(error) => return Err(lost(shared, &error)),
        }
    }
}

/// How a connection failed before its welcome: the controller may have refused the node's certificate.
fn lost(shared: &Shared, error: &io::Error) -> Failed {
    let fatal = DialError::behind(error).and_then(|error| error.fatal(&shared.address));
    fatal.map_or_else(|| Failed::Passing(error.to_string()), Failed::Final)
}

fn refused(shared: &Shared, body: &[u8]) -> Failed {
    let error = match Failure::decode(body) {
        Ok(failure) => CallError::from(failure),
        Err(error) => return Failed::Final(ConnectError::Refused(error.to_string())),
    };
    Failed::Final(match error {
        CallError::Unknown { code, message, .. } if code == Code::NameTaken.number() => {
            ConnectError::NameTaken { name: shared.name.clone(), other: message }
        }
        CallError::Unknown { code, message, .. } if code == Code::Version.number() => {
            ConnectError::Version { ours: Versions::OURS.to_string(), theirs: message }
        }
        CallError::Denied { what } => {
            ConnectError::Denied { address: shared.address.to_string(), reason: what }
        }
        // A controller that is full or stopping may have room again soon.
        CallError::Busy { what } => return Failed::Passing(what),
        other => ConnectError::Refused(other.to_string()),
    })
}
