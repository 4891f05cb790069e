//! A model into the cache.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use ordinate_hub::{Cache, ModelName, Snapshot, missing, reads_no_texts, set_damaged_aside, shards_of};

use crate::blob::{Room, aside, make, size};
use crate::client::{Client, patiently};
use crate::error::FetchError;
use crate::plan::{NO_TOKENIZER, Plan, Weights};
use crate::settings::Settings;

/// A hub, and the cache that its models go to.
#[derive(Debug)]
pub struct Hub {
    client: Client,
    cache: Cache,
    offline: bool,
}

/// A model that lies in the cache.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fetched {
    /// Its folder and its commit.
    pub snapshot: Snapshot,
    /// Bytes of the files that were fetched now.
    pub bytes: u64,
}

impl Hub {
    /// A hub.
    ///
    /// # Errors
    /// [`FetchError::Setting`].
    pub fn new(settings: &Settings) -> Result<Self, FetchError> {
        let (cache, offline) = (settings.cache.clone(), settings.offline);
        Ok(Self { client: Client::new(settings)?, cache, offline })
    }

    /// Asks the hub for the newest commit of the revision, and fetches what is not here of it. What lies in the cache is
    /// not asked for again; with `offline` nothing is asked, and the model has to be whole. Needs a tokio runtime. `tell`
    /// gets a line when something begins, and every few seconds while it goes on.
    ///
    /// # Errors
    /// [`FetchError`]. What was received until then is kept, and gone on with the next time; so it is where the future is
    /// dropped.
    pub async fn fetch(&self, name: &ModelName, tell: &(dyn Fn(&str) + Sync)) -> Result<Fetched, FetchError> {
        if self.offline { self.found(name) } else { self.fetched(name, tell).await }
    }

    fn found(&self, name: &ModelName) -> Result<Fetched, FetchError> {
        let found = self.cache.find(name);
        let lacks = match &found {
            None => Some("folder of it".to_owned()),
            Some(snapshot) => missing(&snapshot.folder, name.file()),
        };
        match (found, lacks) {
            (Some(snapshot), None) => Ok(Fetched { snapshot, bytes: 0 }),
            (found, lacks) => Err(FetchError::Offline {
                name: name.to_string(),
                folder: found.map_or_else(|| self.cache.repository(name), |snapshot| snapshot.folder),
                lacks: lacks.unwrap_or_default(),
            }),
        }
    }

    async fn fetched(&self, name: &ModelName, tell: &(dyn Fn(&str) + Sync)) -> Result<Fetched, FetchError> {
        let info = patiently(|| self.client.info(name)).await?;
        let files = info.files();
        let plan = Plan::new(name, &files)?;
        let commit = info.sha.as_str();
        let room = Room {
            client: &self.client,
            name,
            commit,
            repository: self.cache.repository(name),
            snapshot: self.cache.snapshot(name, commit),
            locks: self.cache.locks(name),
            tell,
        };
        set_aside(&room.snapshot, tell).await?;
        let mut bytes = 0;
        if plan.is_without_texts {
            let config = "config.json".to_owned();
            bytes += self.all(&room, std::slice::from_ref(&config)).await?;
            let path = room.snapshot.join(config);
            let text = fs::read(&path).map_err(|error| FetchError::disk(&path, &error))?;
            if !reads_no_texts(&text) {
                return Err(FetchError::Unfit { name: name.to_string(), why: NO_TOKENIZER.to_owned() });
            }
        }
        let mut wanted = plan.beside;
        match plan.weights {
            Weights::One(file) => wanted.push(file),
            Weights::Index(file) => {
                bytes += self.all(&room, std::slice::from_ref(&file)).await?;
                wanted.extend(shards(&room, &file, &files)?);
            }
        }
        bytes += self.all(&room, &wanted).await?;
        // Last, so that the revision goes on meaning the older commit until the new one is whole.
        if !name.is_commit() {
            write(&room.repository.join("refs").join(name.revision()), commit)?;
        }
        Ok(Fetched { snapshot: Snapshot { folder: room.snapshot, commit: info.sha }, bytes })
    }

    /// Fetches those of the files that are not here.
    async fn all(&self, room: &Room<'_>, files: &[String]) -> Result<u64, FetchError> {
        let mut absent = Vec::new();
        for file in files.iter().filter(|file| !room.has(file)) {
            absent.push((file, patiently(|| room.client.meta(room.name, room.commit, file)).await?));
        }
        if absent.is_empty() {
            return Ok(0);
        }
        let total: u64 = absent.iter().map(|(_, meta)| meta.size).sum();
        let plural = if absent.len() == 1 { "" } else { "s" };
        (room.tell)(&format!(
            "fetching {} (commit {:.8}): {} file{plural}, {}",
            room.name,
            room.commit,
            absent.len(),
            size(total)
        ));
        let mut received = 0;
        for (file, meta) in absent {
            received += room.place(file, &meta).await?;
        }
        Ok(received)
    }
}

/// Sets aside what lies in a folder of the cache and is not what the hub said of it.
async fn set_aside(folder: &Path, tell: &(dyn Fn(&str) + Sync)) -> Result<(), FetchError> {
    if !folder.is_dir() {
        return Ok(());
    }
    let here = folder.to_owned();
    let damaged =
        aside(move || set_damaged_aside(&here)).await.map_err(|error| FetchError::disk(folder, &error))?;
    for file in damaged {
        tell(&format!(
            "{} was cut off or changed since it was fetched; it is set aside, and fetched again",
            file.display()
        ));
    }
    Ok(())
}

/// The files that an index in the cache names, each of which the model has to have.
fn shards(room: &Room<'_>, index: &str, files: &[String]) -> Result<Vec<String>, FetchError> {
    let path = room.snapshot.join(index);
    let unfit = |why: String| FetchError::Unfit {
        name: room.name.to_string(),
        why: format!("its {index} {why}; take another revision"),
    };
    let text = fs::read(&path).map_err(|error| FetchError::disk(&path, &error))?;
    let shards = shards_of(&text).map_err(unfit)?;
    match shards.iter().find(|shard| !files.contains(shard)) {
        Some(shard) => Err(unfit(format!("names {shard:?}, which the model has not"))),
        None => Ok(shards),
    }
}

/// Writes a small file whole or not at all.
fn write(path: &Path, text: &str) -> Result<(), FetchError> {
    let folder = path.parent().unwrap_or(path);
    make(Some(folder))?;
    let whole = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(folder)?;
        file.write_all(text.as_bytes())?;
        file.as_file().sync_all()?;
        file.persist(path)?;
        Ok(())
    };
    whole().map_err(|error| FetchError::disk(path, &error))
}
