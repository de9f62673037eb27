//! Where a socket is: its directory, its lock and its file, each checked before it is relied upon.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use rustix::fs::{FileType, FlockOperation, Gid, Mode, OFlags, Stat};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};

use super::super::{Address, UnixAddress};
use super::describe;
use super::trust::{OTHERS_WRITE, Trust};
use crate::error::BindError;

/// The right to make the socket, held as long as this lives.
#[derive(Debug)]
pub(super) struct Lock(OwnedFd);

/// The socket's file and the lock; removes the file when dropped.
#[derive(Debug)]
pub(super) struct SocketFile {
    path: PathBuf,
    id: (u64, u64),
    _lock: Lock,
}

/// Makes the socket's directory if it is missing (its last component alone) and checks that strangers
/// cannot put anything into it.
pub(super) fn prepare_directory(address: &UnixAddress, trust: Trust) -> Result<(), BindError> {
    let directory = address.path.parent().filter(|directory| !directory.as_os_str().is_empty());
    let directory = directory.ok_or_else(|| bad(address, "it is a directory".into()))?;
    match rustix::fs::mkdir(directory, Mode::RWXU) {
        Ok(()) if trust.is_shared() => open_to_group(address, directory)?,
        Ok(()) | Err(Errno::EXIST) => {}
        Err(errno) => return Err(refused(address, directory, errno)),
    }
    let found = rustix::fs::lstat(directory).map_err(|errno| refused(address, directory, errno))?;
    check_directory(&found, trust).map_err(|reason| unsafe_place(directory, &reason))
}

/// Lets the group of a shared socket reach it; the directory is ours and new.
fn open_to_group(address: &UnixAddress, directory: &Path) -> Result<(), BindError> {
    let mode = Mode::RWXU | Mode::RGRP | Mode::XGRP;
    rustix::fs::chown(directory, None, group(address)?)
        .and_then(|()| rustix::fs::chmod(directory, mode))
        .map_err(|errno| refused(address, directory, errno))
}

fn check_directory(found: &Stat, trust: Trust) -> Result<(), String> {
    if FileType::from_raw_mode(found.st_mode) != FileType::Directory {
        return Err("it is not a directory itself, and links are not followed".into());
    }
    if !trust.keeps_files(found.st_uid) {
        return Err(format!("it belongs to user {}", found.st_uid));
    }
    let mode = Mode::from_raw_mode(found.st_mode);
    if mode.contains(Mode::WOTH) {
        return Err("everybody may write there; use a directory of its own below it".into());
    }
    if mode.contains(Mode::WGRP) && !trust.is_shared() {
        return Err("its group may write there; forbid that (chmod g-w), or share by mode and group".into());
    }
    Ok(())
}

/// Takes the lock beside the socket. Whoever holds it is the only one to make, replace or remove the socket.
pub(super) fn lock(address: &UnixAddress, trust: Trust) -> Result<Lock, BindError> {
    let mut path = address.path.clone().into_os_string();
    path.push(".lock");
    let path = PathBuf::from(path);
    let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let file = rustix::fs::open(&path, flags, Mode::RUSR | Mode::WUSR).map_err(|errno| match errno {
        Errno::LOOP => unsafe_place(&path, "it is a symbolic link"),
        errno => refused(address, &path, errno),
    })?;
    let found = rustix::fs::fstat(&file).map_err(|errno| refused(address, &path, errno))?;
    if FileType::from_raw_mode(found.st_mode) != FileType::RegularFile {
        return Err(unsafe_place(&path, "it is not a plain file"));
    }
    if !trust.keeps_files(found.st_uid) {
        return Err(unsafe_place(&path, &format!("it belongs to user {}", found.st_uid)));
    }
    match rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(Errno::WOULDBLOCK) => Err(in_use(address)),
        Err(errno) => Err(refused(address, &path, errno)),
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // Explicitly, because a child that is just being forked still has the descriptor. The file stays:
        // removed, a second listener could lock a new one while a third still waits for this.
        rustix::fs::flock(&self.0, FlockOperation::Unlock).ok();
    }
}

/// Removes the socket of a listener that died. The lock proves that no other one is about to listen.
pub(super) fn remove_stale(
    address: &UnixAddress,
    name: &SocketAddrUnix,
    trust: Trust,
) -> Result<(), BindError> {
    let path = &address.path;
    let found = match rustix::fs::lstat(path) {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(()),
        Err(errno) => return Err(refused(address, path, errno)),
    };
    if FileType::from_raw_mode(found.st_mode) != FileType::Socket {
        return Err(unsafe_place(path, "it exists and is not a socket"));
    }
    if !trust.is_own(found.st_uid) {
        return Err(unsafe_place(path, &format!("it exists and belongs to user {}", found.st_uid)));
    }
    // Other programs do not know our lock, and somebody may have removed it.
    if is_answering(name) {
        return Err(in_use(address));
    }
    rustix::fs::unlink(path).map_err(|errno| refused(address, path, errno))
}

fn is_answering(name: &SocketAddrUnix) -> bool {
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let answer = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
        .and_then(|socket| rustix::net::connect(&socket, name));
    matches!(answer, Ok(()) | Err(Errno::AGAIN))
}

impl SocketFile {
    /// The file at `path`, which was just made under `lock`.
    pub(super) fn new(address: &UnixAddress, lock: Lock) -> Result<Self, BindError> {
        let found =
            rustix::fs::lstat(&address.path).map_err(|errno| refused(address, &address.path, errno))?;
        Ok(Self { path: address.path.clone(), id: id(&found), _lock: lock })
    }

    /// Gives the file its group and mode.
    pub(super) fn share(&self, address: &UnixAddress, mode: u32) -> Result<(), BindError> {
        // The group first: with the mode first, the group that it happened to have could connect.
        rustix::fs::chown(&self.path, None, group(address)?)
            .and_then(|()| rustix::fs::chmod(&self.path, Mode::from_raw_mode(mode)))
            .map_err(|errno| refused(address, &self.path, errno))
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let is_ours = rustix::fs::lstat(&self.path).is_ok_and(|found| id(&found) == self.id);
        if is_ours {
            // A file that cannot be removed is stale from now on: the next listener replaces it.
            rustix::fs::unlink(&self.path).ok();
        }
    }
}

fn id(found: &Stat) -> (u64, u64) {
    (found.st_dev, found.st_ino)
}

fn group(address: &UnixAddress) -> Result<Option<Gid>, BindError> {
    let Some(name) = &address.group else { return Ok(None) };
    let known = std::fs::read_to_string(GROUPS).unwrap_or_default();
    let gid = group_number(name, &known);
    let unknown = || bad(address, format!("{GROUPS} has no group `{name}`; its number would do as well"));
    gid.map(|gid| Some(Gid::from_raw(gid))).ok_or_else(unknown)
}

fn group_number(name: &str, known: &str) -> Option<u32> {
    let number = |line: &str| {
        let mut fields = line.split(':');
        let is_named = fields.next() == Some(name);
        fields.nth(1).filter(|_| is_named)?.parse().ok()
    };
    known.lines().find_map(number).or_else(|| name.parse().ok()).filter(|gid| *gid != u32::MAX)
}

/// Read directly: the C library's look-up cannot be called from safe code.
const GROUPS: &str = "/etc/group";

/// Refuses what [`UnixAddress`] can say and parsing would not let through.
pub(super) fn check_mode(address: &UnixAddress, mode: u32) -> Result<(), BindError> {
    if mode & OTHERS_WRITE != 0 || mode > 0o777 {
        return Err(bad(address, format!("mode {mode:04o} would let everybody on this machine call")));
    }
    Ok(())
}

pub(super) fn bad(address: &UnixAddress, reason: String) -> BindError {
    BindError::BadAddress { address: text(address), reason }
}

pub(super) fn in_use(address: &UnixAddress) -> BindError {
    BindError::InUse { address: text(address) }
}

pub(super) fn refused(address: &UnixAddress, path: &Path, errno: Errno) -> BindError {
    let reason = format!("{}: {}", path.display(), describe(errno));
    BindError::Io { address: text(address), reason }
}

fn unsafe_place(path: &Path, reason: &str) -> BindError {
    BindError::Unsafe { path: path.display().to_string(), reason: reason.to_owned() }
}

fn text(address: &UnixAddress) -> String {
    Address::Unix(address.clone()).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_is_found_by_name_or_number() {
        let known = "root:x:0:\nstaff:x:50:ann,bob\nbroken\n";

        assert_eq!(group_number("staff", known), Some(50));
        assert_eq!(group_number("1234", known), Some(1234));
        assert_eq!(group_number("broken", known), None);
        assert_eq!(group_number("ann", known), None);
        assert_eq!(group_number("4294967295", known), None);
    }

    #[test]
    fn the_directory_of_a_stranger_is_refused() {
        let trust = Trust::new(&UnixAddress::new("/x"));
        let mut found = rustix::fs::lstat("/").unwrap();
        found.st_mode = 0o040_700;

        assert_eq!(check_directory(&found, trust), Ok(()));
        found.st_uid = 4_000_000;
        assert!(check_directory(&found, trust).unwrap_err().contains("belongs to user 4000000"));
    }
}
