//! What the errors of QUIC and TLS mean to whoever dialled.

use std::io;

use quinn::{ConnectionError, Side, TransportErrorCode};
use rustls::AlertDescription as Alert;

use super::super::DialError;

const OTHER_MESH: &str = "it belongs to another mesh than what this node has to show";
const IMPOSTOR: &str = "it cannot prove that it is the controller of this mesh: somebody may be in between";
const OTHER_PROTOCOL: &str = "it is not a daffi controller, or of another version";
const OWN_CLOCK: &str = "its certificate is not valid at this time: compare the clocks of both machines";
const UNKNOWN_TOKEN: &str = "the controller does not know this token";
const NO_TOKEN: &str = "the controller asks for a token, and none was given";
const THEIR_CLOCK: &str =
    "this node's certificate is not valid at the controller's time: compare the clocks of both machines";

/// Why a connection could not be made, for whoever dialled.
pub(super) fn dial_error(error: &ConnectionError) -> DialError {
    untrusted(error).unwrap_or_else(|| DialError::Unreachable(passing(error)))
}

/// Turns the errors of a connection into those that its users know.
#[derive(Debug, Clone, Copy)]
pub(super) struct Faults {
    /// Which end this is: only who dialled may have dialled the wrong one.
    side: Side,
}

impl Faults {
    pub(super) fn of(connection: &quinn::Connection) -> Self {
        Self { side: connection.side() }
    }

    /// As the error of a connection that should not have been made, if it is one.
    pub(super) fn dial_error(self, error: &ConnectionError) -> Option<DialError> {
        untrusted(error).filter(|_| self.side == Side::Client)
    }

    pub(super) fn as_io(self, fault: DialError) -> io::Error {
        io::Error::new(io::ErrorKind::PermissionDenied, fault)
    }

    /// The error of reading.
    pub(super) fn io(self, error: &ConnectionError) -> io::Error {
        if let Some(fault) = self.dial_error(error) {
            return self.as_io(fault);
        }
        let kind = match error {
            ConnectionError::TimedOut => io::ErrorKind::TimedOut,
            _ => io::ErrorKind::ConnectionReset,
        };
        io::Error::new(kind, passing(error))
    }

    /// The error of writing, which tells an orderly end from a loss.
    pub(super) fn io_of_writing(self, error: &ConnectionError) -> io::Error {
        match error {
            ConnectionError::ApplicationClosed(_) | ConnectionError::LocallyClosed => {
                io::ErrorKind::BrokenPipe.into()
            }
            error => self.io(error),
        }
    }
}

/// The reason for which another attempt would be no better, if there is one.
fn untrusted(error: &ConnectionError) -> Option<DialError> {
    let reason = match error {
        ConnectionError::TransportError(error) => alert(error.code).map(|alert| match alert {
            Alert::UnknownCA => OTHER_MESH.to_owned(),
            Alert::NoApplicationProtocol => OTHER_PROTOCOL.to_owned(),
            Alert::CertificateExpired => OWN_CLOCK.to_owned(),
            alert if is_about_certificates(alert) => IMPOSTOR.to_owned(),
            _ => format!("{OTHER_PROTOCOL} ({})", error.reason),
        }),
        ConnectionError::ConnectionClosed(close) => alert(close.error_code).map(|alert| match alert {
            Alert::NoApplicationProtocol => OTHER_PROTOCOL.to_owned(),
            Alert::CertificateRequired => NO_TOKEN.to_owned(),
            Alert::CertificateExpired => THEIR_CLOCK.to_owned(),
            alert if alert == Alert::UnknownCA || is_about_certificates(alert) => UNKNOWN_TOKEN.to_owned(),
            alert => format!("{OTHER_PROTOCOL} ({alert:?})"),
        }),
        ConnectionError::VersionMismatch => Some(OTHER_PROTOCOL.to_owned()),
        ConnectionError::ApplicationClosed(_)
        | ConnectionError::Reset
        | ConnectionError::TimedOut
        | ConnectionError::LocallyClosed
        | ConnectionError::CidsExhausted => None,
    };
    reason.map(DialError::Untrusted)
}

fn is_about_certificates(alert: Alert) -> bool {
    matches!(
        alert,
        Alert::BadCertificate
            | Alert::UnsupportedCertificate
            | Alert::CertificateRevoked
            | Alert::CertificateUnknown
            | Alert::AccessDenied
            | Alert::DecryptError
    )
}

/// The TLS alert in an error of QUIC.
fn alert(code: TransportErrorCode) -> Option<Alert> {
    /// RFC 9001, section 4.8: alerts are the codes from here on.
    const ALERTS: u64 = 0x100;

    let alert = u64::from(code).checked_sub(ALERTS)?;
    u8::try_from(alert).ok().map(Alert::from)
}

/// For people: why a connection could not be made or was lost, though another may not be.
fn passing(error: &ConnectionError) -> String {
    match error {
        ConnectionError::TimedOut => "no answer".into(),
        ConnectionError::ConnectionClosed(close)
            if close.error_code == TransportErrorCode::CONNECTION_REFUSED =>
        {
            "it takes no more connections for now".into()
        }
        ConnectionError::ApplicationClosed(_) => "it closed the connection".into(),
        ConnectionError::LocallyClosed => "the connection was closed".into(),
        error => error.to_string(),
    }
}
