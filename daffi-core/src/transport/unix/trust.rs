//! Which users may be at the other end: decided here alone, from numbers.

use super::super::UnixAddress;

/// The bit of a socket's mode that lets its group connect.
const GROUP_WRITE: u32 = 0o020;
/// The bit of a socket's mode that lets everybody connect.
pub(super) const OTHERS_WRITE: u32 = 0o002;

const OWNER_ONLY: u32 = 0o600;
const OWNER_AND_GROUP: u32 = 0o660;
const ROOT: u32 = 0;

/// The users whom one side of a connection trusts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Trust {
    own: u32,
    owner: Option<u32>,
    is_shared: bool,
}

impl Trust {
    /// What `address` says, for a process of this user.
    pub(super) fn new(address: &UnixAddress) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self { own, owner: address.owner, is_shared: mode(address) & GROUP_WRITE != 0 }
    }

    /// Whether the socket is meant for others too.
    pub(super) fn is_shared(self) -> bool {
        self.is_shared
    }

    /// Whether `uid` is this process's user.
    pub(super) fn is_own(self, uid: u32) -> bool {
        uid == self.own
    }

    /// Whether files of `uid` cannot be turned against us: root could do worse by other means.
    pub(super) fn keeps_files(self, uid: u32) -> bool {
        self.is_own(uid) || uid == ROOT
    }

    /// Whether a controller takes connections from `uid`. Of a shared socket the file's mode has decided already.
    pub(super) fn may_connect(self, uid: u32) -> bool {
        self.is_shared || self.keeps_files(uid)
    }

    /// Whether a node talks to a controller of `uid`.
    pub(super) fn may_control(self, uid: u32) -> bool {
        self.keeps_files(uid) || self.owner == Some(uid)
    }
}

/// The mode of the socket: naming a group without a mode means that the group may connect.
pub(super) fn mode(address: &UnixAddress) -> u32 {
    let default = if address.group.is_some() { OWNER_AND_GROUP } else { OWNER_ONLY };
    address.mode.unwrap_or(default)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWN: u32 = 1_000;
    const STRANGER: u32 = 1_001;

    fn trust(address: &UnixAddress) -> Trust {
        Trust { own: OWN, ..Trust::new(address) }
    }

    #[test]
    fn a_private_socket_is_for_its_user_and_root() {
        let trust = trust(&UnixAddress::new("/x"));

        assert!(trust.may_connect(OWN) && trust.may_connect(ROOT));
        assert!(!trust.may_connect(STRANGER));
    }

    #[test]
    fn a_shared_socket_is_for_whom_its_mode_lets_in() {
        let by_group = UnixAddress { group: Some("g".into()), ..UnixAddress::new("/x") };
        let by_mode = UnixAddress { mode: Some(0o660), ..UnixAddress::new("/x") };
        let read_only = UnixAddress { mode: Some(0o640), ..UnixAddress::new("/x") };

        assert!(trust(&by_group).may_connect(STRANGER));
        assert!(trust(&by_mode).may_connect(STRANGER));
        assert!(!trust(&read_only).may_connect(STRANGER));
    }

    #[test]
    fn a_controller_must_be_the_users_own_or_roots_or_the_named_one() {
        let plain = trust(&UnixAddress::new("/x"));
        let named = trust(&UnixAddress { owner: Some(STRANGER), ..UnixAddress::new("/x") });

        assert!(plain.may_control(OWN) && plain.may_control(ROOT));
        assert!(!plain.may_control(STRANGER));
        assert!(named.may_control(STRANGER) && named.may_control(OWN));
        assert!(!named.may_control(STRANGER + 1));
    }

    #[test]
    fn sharing_does_not_make_strangers_trusted_as_controllers_or_with_files() {
        let shared = trust(&UnixAddress { mode: Some(0o660), ..UnixAddress::new("/x") });

        assert!(!shared.may_control(STRANGER));
        assert!(!shared.keeps_files(STRANGER));
    }
}
