//! Files that nobody but their owner may read.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::FlockOperation;

use super::IdentityError;
use crate::config;

/// Where a user keeps keys and tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateDirectory(PathBuf);

impl StateDirectory {
    /// `chosen`, else `$DAFFI_DATA_DIR`, else `$XDG_STATE_HOME/daffi`, else `~/.local/state/daffi`. Nothing is made or looked at yet.
    ///
    /// # Errors
    /// [`IdentityError::NoStateDirectory`] if nothing says where.
    pub fn locate(chosen: Option<&Path>) -> Result<Self, IdentityError> {
        let absolute = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let state = || absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
        let chosen = chosen.map(Path::to_owned).or_else(|| absolute("DAFFI_DATA_DIR"));
        let path = chosen.or_else(|| Some(state()?.join("daffi")));
        path.map(Self).ok_or(IdentityError::NoStateDirectory)
    }

    /// The path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// Makes it, for its owner alone, if it is missing.
    ///
    /// # Errors
    /// [`IdentityError::File`] if that fails, or others may write there.
    pub(super) fn prepare(&self) -> Result<(), IdentityError> {
        let path = &self.0;
        let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(path);
        made.map_err(|error| failed(path, &error))?;
        let found = fs::metadata(path).map_err(|error| failed(path, &error))?;
        check_directory(found.uid(), found.mode(), own_uid()).map_err(|reason| exposed(path, reason))
    }

    /// The content of a file, which whoever comes first makes of what `make` says.
    pub(super) fn read_or_make(
        &self,
        name: &str,
        make: impl FnOnce() -> String,
    ) -> Result<String, IdentityError> {
        self.prepare()?;
        let path = self.file(name);
        if !path.exists() {
            let draft = self.draft(name, &make())?;
            // A link fails where a file is already, so that one of several who start at once wins and the others
            // read what it wrote: whole, since it was whole before it had this name.
            let linked = fs::hard_link(&draft, &path);
            fs::remove_file(&draft).map_err(|error| failed(&draft, &error))?;
            match linked {
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    return Err(failed(&path, &error));
                }
                _ => {}
            }
        }
        read_private(&path)
    }

    /// Puts `content` in the place of a file, whole or not at all.
    pub(super) fn replace(&self, name: &str, content: &str) -> Result<PathBuf, IdentityError> {
        self.prepare()?;
        let (draft, path) = (self.draft(name, content)?, self.file(name));
        fs::rename(&draft, &path).map_err(|error| failed(&path, &error))?;
        // The name is in the directory's own blocks.
        let synced = File::open(&self.0).and_then(|directory| directory.sync_all());
        synced.map_err(|error| failed(&self.0, &error))?;
        Ok(path)
    }

    fn draft(&self, name: &str, content: &str) -> Result<PathBuf, IdentityError> {
        let path = self.file(&format!(".{name}.{:016x}", fastrand::u64(..)));
        write_private(&path, content)?;
        Ok(path)
    }

    /// Keeps other processes from changing what is here until it is dropped.
    pub(super) fn lock(&self) -> Result<Lock, IdentityError> {
        self.prepare()?;
        let path = self.file("lock");
        let mut options = OpenOptions::new();
        let file = options.create(true).truncate(false).write(true).mode(0o600).open(&path);
        let file = file.map_err(|error| failed(&path, &error))?;
        rustix::fs::flock(&file, FlockOperation::LockExclusive)
            .map_err(|errno| failed(&path, &errno.into()))?;
        Ok(Lock(file))
    }
}

/// The right to change what is in a state directory.
#[derive(Debug)]
pub(super) struct Lock(File);

impl Drop for Lock {
    fn drop(&mut self) {
        // Explicitly, because a child that is just being forked still has the descriptor.
        rustix::fs::flock(&self.0, FlockOperation::Unlock).ok();
    }
}

/// Writes a new file that only its owner may read.
///
/// # Errors
/// [`IdentityError::File`] if something is there already, or it cannot be written.
pub(super) fn write_private(path: &Path, content: &str) -> Result<(), IdentityError> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| {
        file.write_all(content.as_bytes())?;
        file.sync_all()
    })
    .map_err(|error| failed(path, &error))
}

/// The content of a file that only its owner, this user, may read.
///
/// # Errors
/// [`IdentityError::File`] if it is missing, too long, no text, or open to others.
pub(super) fn read_private(path: &Path) -> Result<String, IdentityError> {
    let mut file = File::open(path).map_err(|error| failed(path, &error))?;
    // Of the open file, which cannot be exchanged any more.
    let found = file.metadata().map_err(|error| failed(path, &error))?;
    check_file(found.uid(), found.mode(), own_uid()).map_err(|reason| exposed(path, reason))?;
    let mut text = String::new();
    let limit = config::STATE_FILE_BYTES_MAX as u64;
    let read = Read::by_ref(&mut file).take(limit + 1).read_to_string(&mut text);
    let read = read.map_err(|error| failed(path, &error))?;
    if read as u64 > limit {
        return Err(bad(path, format!("it has more than {limit} bytes")));
    }
    Ok(text)
}

/// Whether a file with a secret in it can be relied upon.
fn check_file(owner: u32, mode: u32, own: u32) -> Result<(), String> {
    if owner != own {
        return Err(format!("it belongs to user {owner}, not to this process's user {own}"));
    }
    if mode & 0o077 != 0 {
        return Err(format!(
            "others may use it (mode {:04o}); make it yours alone: chmod 600",
            mode & 0o7777
        ));
    }
    Ok(())
}

fn check_directory(owner: u32, mode: u32, own: u32) -> Result<(), String> {
    if owner != own {
        return Err(format!("it belongs to user {owner}, not to this process's user {own}"));
    }
    if mode & 0o022 != 0 {
        return Err(format!("others may write there (mode {:04o}); forbid that: chmod go-w", mode & 0o7777));
    }
    Ok(())
}

pub(super) fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}

pub(super) fn bad(path: &Path, reason: String) -> IdentityError {
    IdentityError::File { path: path.display().to_string(), reason }
}

fn exposed(path: &Path, reason: String) -> IdentityError {
    IdentityError::Exposed { path: path.display().to_string(), reason }
}

pub(super) fn failed(path: &Path, error: &io::Error) -> IdentityError {
    bad(path, error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_of_another_user_or_open_to_others_is_not_relied_upon() {
        assert_eq!(check_file(7, 0o100600, 7), Ok(()));
        assert!(check_file(0, 0o100600, 7).expect_err("another's").contains("user 0"));
        assert!(check_file(7, 0o100640, 7).expect_err("open").contains("0640"));
        assert!(check_directory(7, 0o40770, 7).expect_err("open").contains("0770"));
        assert_eq!(check_directory(7, 0o40755, 7), Ok(()));
    }
}
