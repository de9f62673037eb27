//! Where a controller listens.

use std::fmt;
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::str::FromStr;

/// Where a controller listens: `unix:///path/to/socket`, `quic://host:port` or `memory://name`.
///
/// The empty text is the default: a socket in a directory of the user's own.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// A UNIX socket.
    Unix(UnixAddress),
    /// A UDP port, for whoever belongs to the mesh, on this machine or on others.
    Quic(QuicAddress),
    /// A controller in this process.
    Memory(String),
}

/// A UNIX socket and how it is shared.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UnixAddress {
    /// The socket.
    pub path: PathBuf,
    /// Its mode, 0600 if not given.
    pub mode: Option<u32>,
    /// The group it is given to.
    pub group: Option<String>,
    /// The user whom a connecting node trusts to own the socket, beside itself and root.
    pub owner: Option<u32>,
}

impl UnixAddress {
    /// The socket at `path`, for its owner alone.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), mode: None, group: None, owner: None }
    }

    /// The default: `$XDG_RUNTIME_DIR/daffi/controller.sock`, else `<tmp>/daffi-<uid>/controller.sock`.
    fn default_path(runtime_dir: Option<PathBuf>) -> PathBuf {
        let directory = match runtime_dir.filter(|directory| directory.is_absolute()) {
            Some(directory) => directory.join("daffi"),
            None => std::env::temp_dir().join(format!("daffi-{}", rustix::process::getuid().as_raw())),
        };
        directory.join("controller.sock")
    }

    fn parse(rest: &str) -> Result<Self, String> {
        let (path, query) = rest.split_once('?').unwrap_or((rest, ""));
        if !path.starts_with('/') {
            return Err("a socket's path begins with `/`, as in unix:///run/daffi/controller.sock".into());
        }
        let mut address = Self::new(path);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("mode", mode)) => address.mode = Some(parse_mode(mode)?),
                Some(("group", group)) if !group.is_empty() => address.group = Some(group.to_owned()),
                Some(("owner", uid)) => {
                    let uid = uid.parse().map_err(|_| format!("`{uid}` is not the number of a user"))?;
                    address.owner = Some(uid);
                }
                _ => {
                    return Err(format!("unknown setting `{pair}`; known: mode=0660, group=NAME, owner=UID"));
                }
            }
        }
        Ok(address)
    }
}

fn parse_mode(text: &str) -> Result<u32, String> {
    let mode = u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o777);
    let mode = mode.ok_or_else(|| format!("`{text}` is not a mode such as 0660"))?;
    if mode & 0o002 != 0 {
        return Err(format!("mode {text} would let everybody on this machine call: share by group instead"));
    }
    Ok(mode)
}

/// A UDP port of a host.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct QuicAddress {
    /// A name or an IP address; IPv6 without brackets. `localhost` is loopback, in both families.
    pub host: String,
    /// The port; 0 lets the operating system choose one to listen on.
    pub port: u16,
}

impl QuicAddress {
    /// The port `port` of `host`.
    pub fn new(host: impl Into<String>, port: u16) -> Self {
        Self { host: host.into(), port }
    }

    fn parse(rest: &str) -> Result<Self, String> {
        if rest.starts_with('/') {
            return Err(format!("did you mean unix://{rest}?"));
        }
        if rest.contains(['/', '?', '#', '@']) {
            return Err("nothing follows or precedes host and port, as in quic://localhost:8888".into());
        }
        if rest.parse::<Ipv6Addr>().is_ok() {
            return Err(format!("brackets belong around an IPv6 address, as in quic://[{rest}]:8888"));
        }
        let lacks_port = || format!("the port is missing, as in quic://{rest}:8888");
        let (host, port) = rest.rsplit_once(':').filter(|_| !rest.ends_with(']')).ok_or_else(lacks_port)?;
        let port = port.parse().map_err(|_| format!("`{port}` is not a port, a number up to 65535"))?;
        if let Some(inner) = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')) {
            let address: Ipv6Addr = inner.parse().map_err(|_| format!("`{inner}` is not an IPv6 address"))?;
            return Ok(Self::new(address.to_string(), port));
        }
        let may_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        match host {
            "" => Err("the host is missing, as in quic://localhost:8888".into()),
            host if host.chars().all(may_name) => Ok(Self::new(host, port)),
            host => Err(format!("`{host}` is not a host's name or address")),
        }
    }
}

impl fmt::Display for QuicAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(f, "quic://[{host}]:{port}")
        } else {
            write!(f, "quic://{host}:{port}")
        }
    }
}

impl Default for Address {
    fn default() -> Self {
        let runtime_dir = std::env::var_os("XDG_RUNTIME_DIR").map(PathBuf::from);
        Self::Unix(UnixAddress::new(UnixAddress::default_path(runtime_dir)))
    }
}

impl FromStr for Address {
    /// What is wrong with it, for people.
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        if let Some(rest) = text.strip_prefix("unix://") {
            return UnixAddress::parse(rest).map(Self::Unix);
        }
        if let Some(rest) = text.strip_prefix("quic://") {
            return QuicAddress::parse(rest).map(Self::Quic);
        }
        if let Some(name) = text.strip_prefix("memory://") {
            return match name {
                "" => Err("a controller in memory needs a name, as in memory://mesh".into()),
                name => Ok(Self::Memory(name.to_owned())),
            };
        }
        if text.starts_with('/') {
            return Err(format!("did you mean unix://{text}?"));
        }
        match text.split_once("://") {
            Some((scheme, _)) => Err(format!("unknown kind `{scheme}`; known: unix://, quic://, memory://")),
            None => Err("an address begins with its kind, as in unix:///run/daffi/controller.sock".into()),
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(unix) => write!(f, "unix://{}", unix.path.display()),
            Self::Quic(quic) => quic.fmt(f),
            Self::Memory(name) => write!(f, "memory://{name}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_reads_back_as_it_was_written() {
        for text in [
            "unix:///run/x.sock",
            "memory://mesh",
            "quic://a-b.c:0",
            "quic://127.0.0.1:1",
            "quic://[::1]:65535",
        ] {
            let address: Address = text.parse().expect("a good address");

            assert_eq!(address.to_string(), text);
        }
    }

    #[test]
    fn the_default_is_in_a_directory_of_the_users_own() {
        let path = UnixAddress::default_path(Some("/run/user/1".into()));
        assert_eq!(path, PathBuf::from("/run/user/1/daffi/controller.sock"));

        let path = UnixAddress::default_path(None);
        let uid = rustix::process::getuid().as_raw();
        assert!(path.ends_with(format!("daffi-{uid}/controller.sock")), "{}", path.display());
    }

    #[test]
    fn sharing_with_everybody_is_refused() {
        let refused = "unix:///run/x.sock?mode=0666".parse::<Address>();

        assert!(refused.expect_err("refused").contains("by group"));
    }

    #[test]
    fn a_mistake_is_answered_with_the_right_form() {
        assert_eq!("/run/x.sock".parse::<Address>(), Err("did you mean unix:///run/x.sock?".into()));
        assert!("tcp://x:1".parse::<Address>().expect_err("unknown").contains("unix://"));
        assert!("tcp://x:1".parse::<Address>().expect_err("unknown").contains("quic://"));
        assert!("unix://x".parse::<Address>().is_err());
        assert!("unix:///x?mod=1".parse::<Address>().expect_err("unknown").contains("mode=0660"));
    }

    #[test]
    fn a_port_of_a_host_is_asked_for_in_the_right_form() {
        for (mistake, answer) in [
            ("quic:///run/x.sock", "did you mean unix:///run/x.sock?"),
            ("quic://localhost", "quic://localhost:8888"),
            ("quic://[::1]", "quic://[::1]:8888"),
            ("quic://::1", "quic://[::1]:8888"),
            ("quic://:8888", "quic://localhost:8888"),
            ("quic://x:", "`` is not a port"),
            ("quic://x:65536", "`65536` is not a port"),
            ("quic://x:1/", "nothing follows"),
            ("quic://me@x:1", "nothing follows"),
            ("quic://a b:1", "`a b` is not a host"),
            ("quic://[x]:1", "`x` is not an IPv6 address"),
            ("quic://::x:1", "`::x` is not a host"),
        ] {
            let refused = mistake.parse::<Address>().expect_err(mistake);

            assert!(refused.contains(answer), "{mistake}: {refused}");
        }
    }
}
