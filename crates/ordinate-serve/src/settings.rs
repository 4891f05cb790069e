//! What a server is asked to do beyond answering: the file of `--settings`, read again at every reload.

use std::collections::BTreeMap;
use std::num::{NonZeroU32, NonZeroU64};
use std::path::{Path, PathBuf};

use serde::Deserialize;

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .path.display())]
pub struct SettingsError {
    path: PathBuf,
    problem: String,
}

/// The settings of a server.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Requests that the runner-up is asked too; none where this is not given.
    pub shadow: Option<Shadowing>,
    /// Whether inputs are held against those that were measured.
    pub drift: Drifting,
    /// A second request where the first takes long; none where this is not given.
    pub hedge: Option<Hedging>,
    /// Answers that are given again to the very same request; none where this is not given.
    pub cache: Option<Caching>,
    /// What is done with streams.
    pub streams: Streaming,
}

/// What is done with streams.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Streaming {
    /// Whether the next best candidate goes on with an answer that broke off, where a request does not say.
    pub continue_cut: bool,
}

/// A second request to the same candidate where the first takes long.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Hedging {
    /// Milliseconds after which it is made, where no answer has begun.
    pub after_ms: NonZeroU64,
}

/// Answers that are given again to the very same request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Caching {
    /// Seconds that an answer is given again.
    pub seconds: NonZeroU64,
    /// The most answers that are held.
    #[serde(default = "entries")]
    pub entries: NonZeroU32,
    /// The most bytes that they take.
    #[serde(default = "bytes")]
    pub bytes: NonZeroU64,
    /// Whether the answer to one key's request is given to another's.
    #[serde(default)]
    pub across_keys: bool,
}

fn entries() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(9_999)
}

fn bytes() -> NonZeroU64 {
    NonZeroU64::MIN.saturating_add((16 << 20) - 1)
}

/// A share of the requests that the runner-up is asked too.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Shadowing {
    /// The share of items, in `(0, 1]`.
    pub share: f64,
    /// The most that the runner-up may cost in a day (UTC), USD.
    #[serde(default)]
    pub usd_per_day: Option<f64>,
    /// The most requests in a day (UTC).
    #[serde(default)]
    pub requests_per_day: Option<NonZeroU64>,
    /// The most that are on their way at one time; what is more is dropped.
    #[serde(default = "at_once")]
    pub at_once: NonZeroU32,
    /// Whether inputs and answers are written to the record.
    #[serde(default)]
    pub texts: bool,
    /// Who is asked, by task; the runner-up of the verdict where it is not given.
    #[serde(default)]
    pub runner_up: BTreeMap<String, String>,
}

fn at_once() -> NonZeroU32 {
    NonZeroU32::MIN.saturating_add(3)
}

/// Whether inputs are held against those that were measured.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Drifting {
    /// Whether they are.
    pub watch: bool,
}

impl Default for Drifting {
    fn default() -> Self {
        Self { watch: true }
    }
}

impl Settings {
    /// Reads a file.
    ///
    /// # Errors
    /// [`SettingsError`] where it cannot be read, has a key that is not known, or a value that cannot be.
    pub fn read(path: &Path) -> Result<Self, SettingsError> {
        let bad = |problem: String| SettingsError { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| bad(format!("cannot be read: {error}")))?;
        let settings: Self = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        match settings.problem() {
            Some(problem) => Err(bad(problem)),
            None => Ok(settings),
        }
    }

    /// What cannot be of the values.
    fn problem(&self) -> Option<String> {
        let shadow = self.shadow.as_ref()?;
        let Shadowing { share, usd_per_day, requests_per_day, .. } = shadow;
        if !(*share > 0.0 && *share <= 1.0) {
            return Some(format!(
                "[shadow] share is {share}; write a share of the requests, above 0 and at most 1"
            ));
        }
        if let Some(usd) = usd_per_day.filter(|usd| !(*usd > 0.0 && usd.is_finite())) {
            return Some(format!("[shadow] usd_per_day is {usd}; write USD above 0"));
        }
        if usd_per_day.is_none() && requests_per_day.is_none() {
            return Some(
                "[shadow] says no limit; write usd_per_day, what the runner-up may cost in a day, or requests_per_day".to_owned(),
            );
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("settings.toml");
        let read = |text: &str| {
            std::fs::write(&path, text).unwrap();
            Settings::read(&path).map_err(|error| error.to_string())
        };
        assert_eq!(read("").unwrap(), Settings::default());
        let shadow = read("[shadow]\nshare = 0.1\nusd_per_day = 2\n").unwrap().shadow.unwrap();
        assert_eq!((shadow.share, shadow.usd_per_day, shadow.at_once.get()), (0.1, Some(2.0), 4));
        for (text, says) in [
            ("[shadow]\nshare = 5\nusd_per_day = 2\n", "share is 5"),
            ("[shadow]\nshare = nan\nusd_per_day = 2\n", "share is NaN"),
            ("[shadow]\nshare = 0.1\n", "says no limit"),
            ("[shadow]\nshare = 0.1\nusd_per_day = -1\n", "usd_per_day is -1"),
            ("[shadow]\nshare = 0.1\nusd_per_day = inf\n", "usd_per_day is inf"),
            ("[shadow]\nshare = 0.1\nrequests_per_day = 0\n", "nonzero"),
            ("[shadow]\nusd_per_day = 2\n", "missing field `share`"),
            ("[shadows]\n", "unknown field `shadows`"),
            ("[shadow]\nshare = 0.1\nusd_per_day = 1\nrunner = 1\n", "unknown field `runner`"),
            ("[drift]\nwatch = \"yes\"\n", "expected a boolean"),
            ("[hedge]\nafter_ms = 0\n", "nonzero"),
            ("[hedge]\nafter_ms = -3\n", "after_ms"),
            ("[cache]\nentries = 7\n", "missing field `seconds`"),
            ("[streams]\ncontinue_cut = \"always\"\n", "expected a boolean"),
            ("[streams]\ncontinue = true\n", "unknown field `continue`"),
            ("[cache]\nseconds = 1\nbytes = \"1 MiB\"\n", "bytes"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(says), "{text}: {error}");
        }
    }
}
