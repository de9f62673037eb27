//! The key of a mesh, and the key of one user's processes on one machine.

use super::authority::{Leaf, Usage, anchor, issue};
use super::secret::{PublicKey, Secret, Seed};
use super::store::StateDirectory;
use super::{IdentityError, store};

/// The private key of a mesh: whoever has it is the controller.
#[derive(Debug, Clone)]
pub struct MeshKey(Seed);

impl MeshKey {
    /// The key in the state directory; whoever starts first makes it.
    ///
    /// # Errors
    /// [`IdentityError::File`] if it cannot be read, or others can.
    pub fn load(directory: &StateDirectory) -> Result<Self, IdentityError> {
        load(directory, "mesh.key").map(Self)
    }

    /// The key of a mesh that shares a secret.
    pub fn shared(secret: &Secret) -> Self {
        Self(secret.derive("mesh key"))
    }

    /// What nodes know of it.
    pub fn public_key(&self) -> PublicKey {
        self.0.public_key()
    }

    pub(super) fn leaf(&self) -> Leaf {
        issue(&mesh_name(&self.public_key()), &self.0, Usage::Controller)
    }
}

/// The key that proves to be a process of this user, on this machine.
pub(super) fn local_key(directory: &StateDirectory) -> Result<Seed, IdentityError> {
    load(directory, "local.key")
}

fn load(directory: &StateDirectory, name: &str) -> Result<Seed, IdentityError> {
    let text = directory.read_or_make(name, || Seed::random().to_file())?;
    Seed::from_file(&text).ok_or_else(|| store::bad(&directory.file(name), "it holds no key".into()))
}

/// The authority of a mesh. The key is in its name, so that the controller of another mesh is told from one that
/// only claims to be of this.
fn mesh_name(key: &PublicKey) -> String {
    format!("daffi mesh {}", key.fingerprint())
}

/// What a node trusts.
pub(super) fn mesh_anchor(key: &PublicKey) -> rustls::pki_types::TrustAnchor<'static> {
    anchor(&mesh_name(key), key)
}
