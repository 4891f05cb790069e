//! What an answer is kept under.

use std::fmt;

use sha2::{Digest, Sha256};

/// SHA-256 of a candidate's identity and the exact request.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Key([u8; 32]);

impl Key {
    /// The key of this request to a candidate of this identity.
    #[must_use]
    pub fn of(identity: &str, request: &str) -> Self {
        let digest = Sha256::new()
            // The length keeps ("ab", "c") and ("a", "bc") apart.
            .chain_update((identity.len() as u64).to_le_bytes())
            .chain_update(identity)
            .chain_update(request)
            .finalize();
        Self(digest.into())
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for byte in &self.0[..8] {
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}
