//! Who may ask: keys, of which only hashes are kept, with what each may ask for and spend.

use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use crate::day::{Day, seconds_now};

/// Random bytes of a key: so many that a plain hash cannot be turned back.
const KEY_BYTES: usize = 32;
/// What a key begins with, so that scanners of secrets find one that was published.
const PREFIX: &str = "ordk-";

/// Why keys cannot be read or made.
#[derive(Debug, thiserror::Error)]
#[error("{}: {problem}", .path.display())]
pub struct KeysError {
    path: PathBuf,
    problem: String,
}

/// A keys file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    key: Vec<Entry>,
}

/// One key of the file.
#[derive(Debug, Deserialize, Serialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    /// What records and logs call it.
    name: String,
    /// SHA-256 of the key, hexadecimal.
    sha256: String,
    /// The tasks that it may ask; all if it is not given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tasks: Option<Vec<String>>,
    /// Whether it may ask single candidates, where the server allows that at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    candidates: Option<bool>,
    /// Whether it may see the live page, with what all keys spend.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    admin: Option<bool>,
    /// USD that it may spend in a day (UTC).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    usd_per_day: Option<f64>,
    /// Requests that it may make in a minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    requests_per_minute: Option<NonZeroU32>,
}

/// The keys of a server.
#[derive(Debug)]
pub struct Keys(Vec<Arc<Key>>);

/// A key.
#[derive(Debug)]
pub(crate) struct Key {
    pub(crate) name: String,
    hash: [u8; 32],
    tasks: Option<Vec<String>>,
    pub(crate) candidates: bool,
    pub(crate) admin: bool,
    pub(crate) usd_per_day: Option<f64>,
    rate: Option<DefaultDirectRateLimiter>,
    spent: Mutex<(Day, f64)>,
}

/// Why a key may not ask now.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Refused {
    /// Too many requests; how long until the next.
    Rate(Duration),
    /// The day's money is spent; how long the day still is.
    Budget(f64, Duration),
}

impl Keys {
    /// Reads a keys file.
    ///
    /// # Errors
    /// [`KeysError`] where it cannot be read, or an entry is wrong.
    pub fn read(path: &Path) -> Result<Self, KeysError> {
        let bad = |problem: String| KeysError { path: path.to_owned(), problem };
        let text = std::fs::read_to_string(path).map_err(|error| {
            bad(format!("the keys cannot be read: {error}; `ordinate serve --keys FILE --new-key NAME` makes a file with one"))
        })?;
        let file: File = toml::from_str(&text).map_err(|error| bad(error.to_string()))?;
        let mut keys: Vec<Arc<Key>> = Vec::new();
        for entry in file.key {
            let fail = |problem: &str| bad(format!("key {:?}: {problem}", entry.name));
            if keys.iter().any(|key| key.name == entry.name) {
                return Err(fail("the name stands twice; give each key its own"));
            }
            let hash = unhex(&entry.sha256).ok_or_else(|| {
                fail("sha256 is not the 64 hexadecimal digits of a SHA-256; the key itself does not belong here")
            })?;
            if entry.usd_per_day.is_some_and(|usd| !(usd >= 0.0 && usd.is_finite())) {
                return Err(fail("usd_per_day is not a number of at least 0"));
            }
            keys.push(Arc::new(Key {
                name: entry.name,
                hash,
                tasks: entry.tasks,
                candidates: entry.candidates.unwrap_or(true),
                admin: entry.admin.unwrap_or(false),
                usd_per_day: entry.usd_per_day,
                rate: entry.requests_per_minute.map(|most| RateLimiter::direct(Quota::per_minute(most))),
                spent: Mutex::new((Day::now(), 0.0)),
            }));
        }
        if keys.is_empty() {
            return Err(bad(
                "it holds no [[key]]; `ordinate serve --keys FILE --new-key NAME` adds one".to_owned()
            ));
        }
        Ok(Self(keys))
    }

    /// Makes a key, adds its hash to the file, which is made if it is not there, and gives the key: it is nowhere else.
    ///
    /// # Errors
    /// [`KeysError`] where the file cannot be read or written, or has a key of this name.
    pub fn add(path: &Path, name: &str) -> Result<String, KeysError> {
        let bad = |problem: String| KeysError { path: path.to_owned(), problem };
        if path.exists() && Self::read(path)?.0.iter().any(|key| key.name == name) {
            return Err(bad(format!("there is a key {name:?} already; remove it, or choose another name")));
        }
        let mut random = [0; KEY_BYTES];
        getrandom::fill(&mut random)
            .map_err(|error| bad(format!("the system gives no random bytes: {error}")))?;
        let key = format!("{PREFIX}{}", hex(&random));
        let entry = Entry {
            name: name.to_owned(),
            sha256: hex(&Sha256::digest(&key)),
            tasks: None,
            candidates: None,
            admin: None,
            usd_per_day: None,
            requests_per_minute: None,
        };
        let text = toml::to_string(&File { key: vec![entry] }).map_err(|error| bad(error.to_string()))?;
        let mut options = std::fs::OpenOptions::new();
        options.create(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(|error| bad(format!("cannot be written: {error}")))?;
        let fresh = file.metadata().is_ok_and(|meta| meta.len() == 0);
        let text = if fresh { text } else { format!("\n{text}") };
        std::io::Write::write_all(&mut file, text.as_bytes())
            .map_err(|error| bad(format!("cannot be written: {error}")))?;
        Ok(key)
    }

    /// The key that was presented. Takes as long whichever it is, and however much of it is right.
    pub(crate) fn find(&self, presented: &str) -> Option<Arc<Key>> {
        let hash: [u8; 32] = Sha256::digest(presented).into();
        let mut found = None;
        for key in &self.0 {
            if bool::from(key.hash.ct_eq(&hash)) {
                found = Some(Arc::clone(key));
            }
        }
        found
    }

    /// All of them.
    pub(crate) fn all(&self) -> &[Arc<Key>] {
        &self.0
    }

    /// The key of this name.
    pub(crate) fn named(&self, name: &str) -> Option<&Arc<Key>> {
        self.0.iter().find(|key| key.name == name)
    }

    /// What was spent today by those that are in both.
    pub(crate) fn go_on_from(&self, before: &Self) {
        for key in &self.0 {
            if let Some(old) = before.0.iter().find(|old| old.hash == key.hash) {
                *key.lock() = *old.lock();
            }
        }
    }
}

impl Key {
    /// Whether it may ask this task.
    pub(crate) fn may_ask(&self, task: &str) -> bool {
        self.tasks.as_ref().is_none_or(|tasks| tasks.iter().any(|one| one == task))
    }

    /// Counts a request.
    ///
    /// # Errors
    /// [`Refused`] where it has no more requests, or no more money.
    pub(crate) fn admit(&self) -> Result<(), Refused> {
        if let Some(most) = self.usd_per_day {
            let spent = self.spent_today();
            if spent >= most {
                return Err(Refused::Budget(most, Duration::from_secs(86_400 - seconds_now() % 86_400)));
            }
        }
        let Some(rate) = &self.rate else { return Ok(()) };
        rate.check().map_err(|until| Refused::Rate(until.wait_time_from(DefaultClock::default().now())))
    }

    pub(crate) fn spend(&self, usd: f64) {
        let mut spent = self.lock();
        let today = Day::now();
        if spent.0 != today {
            *spent = (today, 0.0);
        }
        spent.1 += usd;
    }

    pub(crate) fn spent_today(&self) -> f64 {
        let spent = self.lock();
        if spent.0 == Day::now() { spent.1 } else { 0.0 }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, (Day, f64)> {
        self.spent.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[2 * at..2 * at + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_made_once_and_only_its_hash_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let (one, two) = (Keys::add(&path, "one").unwrap(), Keys::add(&path, "two").unwrap());
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(!text.contains(&one[PREFIX.len()..]) && one != two && one.len() == PREFIX.len() + 64);
        let keys = Keys::read(&path).unwrap();
        assert_eq!(keys.find(&two).unwrap().name, "two");
        assert!(keys.find(&two[..two.len() - 1]).is_none() && keys.find("").is_none());
        assert!(Keys::add(&path, "one").unwrap_err().to_string().contains("already"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn limits_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys.toml");
        let hash = hex(&Sha256::digest("k"));
        std::fs::write(
            &path,
            format!("[[key]]\nname = \"a\"\nsha256 = \"{hash}\"\ntasks = [\"t\"]\nusd_per_day = 1.0\nrequests_per_minute = 2\n"),
        )
        .unwrap();
        let key = Keys::read(&path).unwrap().find("k").unwrap();
        assert!(key.may_ask("t") && !key.may_ask("u"));
        assert!(key.admit().is_ok() && key.admit().is_ok());
        assert!(matches!(key.admit(), Err(Refused::Rate(wait)) if wait <= Duration::from_secs(30)));
        key.spend(0.6);
        key.spend(0.4);
        assert!(matches!(key.admit(), Err(Refused::Budget(..))));
        std::fs::write(&path, "[[key]]\nname = \"a\"\nsha256 = \"sk-abc\"\n").unwrap();
        let error = Keys::read(&path).unwrap_err().to_string();
        assert!(error.contains("64 hexadecimal") && !error.contains("sk-abc"), "{error}");
    }
}
