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

impl fmt::Display for Key {
    /// Hexadecimal digits, which [`Key::parse`] reads.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Key {
    /// Reads what its text says; `None` where that is no key.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.as_bytes().as_chunks::<2>().0;
        let byte = |two: &[u8; 2]| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok();
        let bytes: Option<Vec<u8>> = digits.iter().map(byte).collect();
        Self::from_bytes(&bytes?).filter(|_| text.len() == 64)
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
