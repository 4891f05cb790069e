//! The bytes of what a run keeps to decide again.

use ordinate_trials::Trials;
use serde::{Deserialize, Serialize};

use crate::Setting;

/// The version of the bytes that this code writes and reads.
const VERSION: u32 = 1;

/// Why kept trials cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeptError {
    /// Another version.
    #[error("it has version {0}, this Ordinate reads version {VERSION}; run the task again")]
    Version(u32),
    /// Not such bytes.
    #[error("it is damaged: {0}; run the task again")]
    Damaged(String),
}

#[derive(Serialize, Deserialize)]
struct Kept<T, S> {
    version: u32,
    setting: S,
    trials: T,
}

/// Only the version, to say it before anything else is looked for.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

/// Writes everything that it takes to decide again, as JSON with packed columns: one column at a time, since all of them are larger
/// than anything else of a run.
///
/// # Errors
/// Where `to` fails, or for what cannot be written, as a price that is not finite.
pub fn keep(trials: &Trials, setting: &Setting, to: impl std::io::Write) -> std::io::Result<()> {
    let kept = Kept { version: VERSION, setting, trials };
    Ok(serde_json::to_writer(to, &kept)?)
}

/// Reads what [`keep`] made.
///
/// # Errors
/// [`KeptError`].
pub fn kept(bytes: &[u8]) -> Result<(Trials, Setting), KeptError> {
    let damaged = |error: serde_json::Error| KeptError::Damaged(error.to_string());
    let Version { version } = serde_json::from_slice(bytes).map_err(damaged)?;
    if version != VERSION {
        return Err(KeptError::Version(version));
    }
    let kept: Kept<Trials, Setting> = serde_json::from_slice(bytes).map_err(damaged)?;
    Ok((kept.trials, kept.setting))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_trials_is_refused() {
        assert!(matches!(kept(b""), Err(KeptError::Damaged(_))));
        assert_eq!(kept(br#"{"version":9}"#).unwrap_err(), KeptError::Version(9));
        assert!(matches!(kept(br#"{"version":1}"#), Err(KeptError::Damaged(_))));
    }
}
