//! Who asks for what: a file for each key, which only one can make, and one for each run, which says that it lives.

use std::fs::{self, File};
use std::io::{self, ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use crate::key::Key;

/// How long a claim holds that is not renewed.
const LEASE: Duration = Duration::from_secs(30);

/// The claims of one run.
#[derive(Debug)]
pub(super) struct Claims {
    claims: PathBuf,
    runs: PathBuf,
    owner: String,
}

/// Who has a key.
#[derive(Debug, PartialEq, Eq)]
enum Holder {
    Nobody,
    Own,
    Another,
    /// A run that died, as far as can be seen.
    Dead,
}

impl Claims {
    pub(super) fn open(store: &Path) -> io::Result<Self> {
        let (claims, runs) = (store.join("claims"), store.join("runs"));
        fs::create_dir_all(&claims)?;
        fs::create_dir_all(&runs)?;
        let own = Self { claims, runs, owner: format!("{:016x}", fastrand::u64(..)) };
        own.beat()?;
        Ok(own)
    }

    pub(super) fn owner(&self) -> &str {
        &self.owner
    }

    /// Says that this run lives: the time, by the clock of the file system.
    pub(super) fn beat(&self) -> io::Result<SystemTime> {
        let path = self.runs.join(&self.owner);
        // What is written anew has the time of who writes it down, which is the same for all.
        fs::write(&path, &self.owner)?;
        fs::metadata(&path)?.modified()
    }

    /// This run ends, and has no claims any more.
    pub(super) fn end(&self) {
        let _ = fs::remove_file(self.runs.join(&self.owner));
    }

    pub(super) fn claim(&self, keys: &[Key], all: bool) -> io::Result<Vec<Key>> {
        let now = self.beat()?;
        let mut mine = Vec::with_capacity(keys.len());
        for key in keys {
            if self.claim_one(key, now)? {
                mine.push(*key);
            } else if all {
                self.release(&mine)?;
                return Ok(Vec::new());
            }
        }
        Ok(mine)
    }

    pub(super) fn release(&self, keys: &[Key]) -> io::Result<()> {
        for key in keys {
            let path = self.of(key);
            match fs::read_to_string(&path) {
                Ok(owner) if owner == self.owner => fs::remove_file(&path).or_else(unless_gone)?,
                Ok(_) => {}
                Err(error) => unless_gone(error)?,
            }
        }
        Ok(())
    }

    fn of(&self, key: &Key) -> PathBuf {
        self.claims.join(key.to_string())
    }

    fn claim_one(&self, key: &Key, now: SystemTime) -> io::Result<bool> {
        let path = self.of(key);
        loop {
            if self.made(&path)? {
                return Ok(true);
            }
            match self.holder(&path, now)? {
                Holder::Nobody => {}
                Holder::Own => return Ok(true),
                Holder::Another => return Ok(false),
                Holder::Dead => return self.take_over(&path, now),
            }
        }
    }

    /// Makes a file of one's own: whether it was not there.
    fn made(&self, path: &Path) -> io::Result<bool> {
        match File::create_new(path) {
            Ok(mut file) => file.write_all(self.owner.as_bytes()).map(|()| true),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn holder(&self, path: &Path, now: SystemTime) -> io::Result<Holder> {
        let owner = match fs::read_to_string(path) {
            Ok(owner) if owner == self.owner => return Ok(Holder::Own),
            Ok(owner) => owner,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Nobody),
            Err(error) => return Err(error),
        };
        // Of a claim that is being made it is not known yet whose it is, and of a run that ended nothing is left: then the claim's
        // own time counts.
        let beat = if owner.is_empty() { None } else { fs::metadata(self.runs.join(&owner)).ok() };
        let since = match beat.map_or_else(|| fs::metadata(path), Ok) {
            Ok(last) => last.modified()?,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Holder::Nobody),
            Err(error) => return Err(error),
        };
        let is_dead = now.duration_since(since).is_ok_and(|silent| silent > LEASE);
        Ok(if is_dead { Holder::Dead } else { Holder::Another })
    }

    /// Takes a claim of a run that died, one at a time: two who see that at once do not both have it.
    fn take_over(&self, path: &Path, now: SystemTime) -> io::Result<bool> {
        let taking = path.with_extension("taking");
        if !self.made(&taking)? {
            // Whoever takes it may die too.
            if self.holder(&taking, now)? == Holder::Dead {
                fs::remove_file(&taking).or_else(unless_gone)?;
            }
            return Ok(false);
        }
        let taken = match self.holder(path, now)? {
            Holder::Dead => {
                let part = path.with_extension(&self.owner);
                fs::write(&part, &self.owner)?;
                fs::rename(&part, path)?;
                true
            }
            _ => false,
        };
        fs::remove_file(&taking).or_else(unless_gone)?;
        Ok(taken)
    }
}

fn unless_gone(error: io::Error) -> io::Result<()> {
    if error.kind() == ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_one_runs_until_that_dies() {
        let desk = tempfile::tempdir().unwrap();
        let (one, other) = (Claims::open(desk.path()).unwrap(), Claims::open(desk.path()).unwrap());
        let keys = ["1", "2", "3"].map(|request| Key::of("m", request));
        assert_eq!(one.claim(&keys[..2], false).unwrap(), keys[..2]);
        assert_eq!(one.claim(&keys[..2], false).unwrap(), keys[..2], "what is one's own stays so");
        assert_eq!(other.claim(&keys, true).unwrap(), []);
        assert_eq!(other.claim(&keys, false).unwrap(), keys[2..]);
        other.release(&keys).unwrap();
        assert_eq!(one.claim(&keys, true).unwrap(), keys);
        one.release(&keys[..1]).unwrap();
        assert_eq!(other.claim(&keys, false).unwrap(), keys[..1]);
        // The first is not heard of for longer than its claims hold.
        let long_ago = SystemTime::now() - 2 * LEASE;
        let beat = File::options().write(true).open(desk.path().join("runs").join(one.owner())).unwrap();
        beat.set_modified(long_ago).unwrap();
        assert_eq!(other.claim(&keys, true).unwrap(), keys);
        assert_eq!(one.claim(&keys, false).unwrap(), []);
        one.release(&keys).unwrap();
        assert_eq!(one.claim(&keys[2..], false).unwrap(), []);
        // A run that ended without giving up what it had: the claim's own time counts.
        other.end();
        assert_eq!(one.claim(&keys, false).unwrap(), []);
        for key in &keys {
            File::options().write(true).open(other.of(key)).unwrap().set_modified(long_ago).unwrap();
        }
        assert_eq!(one.claim(&keys, false).unwrap(), keys);
    }

    #[test]
    fn of_many_at_once_one_has_it() {
        let desk = tempfile::tempdir().unwrap();
        let dead = Claims::open(desk.path()).unwrap();
        let keys: Vec<Key> = (0..40).map(|at: u32| Key::of("m", &at.to_string())).collect();
        dead.claim(&keys[..20], true).unwrap();
        let beat = File::options().write(true).open(desk.path().join("runs").join(dead.owner())).unwrap();
        beat.set_modified(SystemTime::now() - 2 * LEASE).unwrap();
        let all: Vec<Key> = std::thread::scope(|scope| {
            let claims = || Claims::open(desk.path()).unwrap().claim(&keys, false).unwrap();
            let threads: Vec<_> = (0..6).map(|_| scope.spawn(claims)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut once = all.clone();
        once.sort_unstable();
        once.dedup();
        assert_eq!((once.len(), all.len()), (40, 40));
    }
}
