//! One file into the cache: received beside its place, checked, and put there whole.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ordinate_hub::{ModelName, is_intact};
use reqwest::Response;
use reqwest::header::CONTENT_RANGE;
use sha2::{Digest as _, Sha256};

use crate::client::{Client, Meta, host, patiently, protocol, transport};
use crate::error::FetchError;

/// How often it is told how far a file is.
const PAUSE: Duration = Duration::from_secs(5);

/// Where the files of one commit go.
pub(crate) struct Room<'a> {
    pub(crate) client: &'a Client,
    pub(crate) name: &'a ModelName,
    pub(crate) commit: &'a str,
    /// The folder of the model.
    pub(crate) repository: PathBuf,
    /// The folder of the commit.
    pub(crate) snapshot: PathBuf,
    /// The folder of the locks.
    pub(crate) locks: PathBuf,
    pub(crate) tell: &'a (dyn Fn(&str) + Sync),
}

impl Room<'_> {
    /// Whether a file lies in the folder of the commit: only whole ones do.
    pub(crate) fn has(&self, file: &str) -> bool {
        self.snapshot.join(file).is_file()
    }

    /// Fetches a file; the bytes that were not here before. Whoever fetches the same content at this time, in this program or
    /// in another (Python's too), is waited for.
    pub(crate) async fn place(&self, file: &str, meta: &Meta) -> Result<u64, FetchError> {
        let blob = self.repository.join("blobs").join(&meta.etag);
        let mut received = 0;
        if !is_whole(&blob, meta).await {
            make(blob.parent())?;
            let _lock = self.lock(file, &meta.etag).await?;
            if !is_whole(&blob, meta).await {
                patiently(|| self.receive(file, meta, &blob)).await?;
                received = meta.size;
            }
        }
        self.link(file, &meta.etag)?;
        Ok(received)
    }

    /// A lock as `huggingface_hub` takes it; it ends with the file.
    async fn lock(&self, file: &str, etag: &str) -> Result<File, FetchError> {
        let path = self.locks.join(format!("{etag}.lock"));
        make(path.parent())?;
        let disk = |error: io::Error| FetchError::disk(&path, &error);
        let lock = File::options().create(true).truncate(false).write(true).open(&path).map_err(disk)?;
        match lock.try_lock() {
            Ok(()) => Ok(lock),
            Err(TryLockError::WouldBlock) => {
                (self.tell)(&format!("{file}: waiting for another run that fetches it"));
                let waited = aside(move || lock.lock().map(|()| lock)).await;
                waited.map_err(disk)
            }
            Err(TryLockError::Error(error)) => Err(disk(error)),
        }
    }

    /// Receives a content, after what an earlier try left of it.
    async fn receive(&self, file: &str, meta: &Meta, blob: &Path) -> Result<(), FetchError> {
        let path = blob.with_file_name(format!("{}.incomplete", meta.etag));
        let disk = |error: io::Error| FetchError::disk(&path, &error);
        let mut part = File::options().create(true).read(true).append(true).open(&path).map_err(disk)?;
        let mut seen = Seen::default();
        // What cannot be checked is not gone on with.
        if meta.is_digest() && part.metadata().map_err(disk)?.len() <= meta.size {
            let read = aside(move || seen.read(&mut part).map(|()| (seen, part))).await;
            (seen, part) = read.map_err(disk)?;
        }
        if seen.bytes == 0 {
            part.set_len(0).map_err(disk)?;
        }
        let resumed = seen.bytes;
        if seen.bytes < meta.size || meta.size == 0 {
            let mut response = self.client.get(self.name, self.commit, file, seen.bytes).await?;
            if !goes_on(&response, seen.bytes)? {
                part.set_len(0).map_err(disk)?;
                seen = Seen::default();
            }
            let url = response.url().clone();
            let mut told = Instant::now();
            while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error, &url, file))? {
                seen.add(&chunk);
                if seen.bytes > meta.size {
                    break;
                }
                part.write_all(&chunk).map_err(disk)?;
                if told.elapsed() >= PAUSE {
                    told = Instant::now();
                    (self.tell)(&format!("{file}: {} of {}", size(seen.bytes), size(meta.size)));
                }
            }
            if seen.bytes < meta.size {
                let why = format!("{} of {} bytes came", seen.bytes, meta.size);
                return Err(FetchError::Cut { file: file.to_owned(), host: host(&url), why });
            }
        }
        if let Some(why) = seen.differs(meta) {
            drop(part);
            fs::remove_file(&path).map_err(disk)?;
            if resumed > 0 {
                // An earlier try may have left rubbish: once more from the beginning.
                return Err(FetchError::Cut { file: file.to_owned(), host: "the hub".to_owned(), why });
            }
            return Err(FetchError::Damaged { file: file.to_owned(), why });
        }
        aside(move || part.sync_all()).await.map_err(disk)?;
        fs::rename(&path, blob).map_err(disk)
    }

    /// Puts a link to a content into the folder of the commit, at once or not at all.
    fn link(&self, file: &str, etag: &str) -> Result<(), FetchError> {
        let path = self.snapshot.join(file);
        make(path.parent())?;
        let disk = |error: io::Error| FetchError::disk(&path, &error);
        let folder = path.parent().unwrap_or(&self.snapshot);
        let up = "../".repeat(2 + file.matches('/').count());
        let target = format!("{up}blobs/{etag}");
        let link = tempfile::Builder::new()
            .prefix(".link")
            .make_in(folder, |place| point(place, &target, &self.repository.join("blobs").join(etag)))
            .map_err(disk)?;
        link.into_temp_path().persist(&path).map_err(|error| disk(error.error))
    }
}

/// Links, where the system has links for everybody.
#[cfg(unix)]
fn point(place: &Path, target: &str, _: &Path) -> io::Result<()> {
    std::os::unix::fs::symlink(target, place)
}

#[cfg(not(unix))]
fn point(place: &Path, _: &str, blob: &Path) -> io::Result<()> {
    fs::hard_link(blob, place)
}

/// Does what takes long on the disk where it holds up nobody else.
pub(crate) async fn aside<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| Err(io::Error::other(error)))
}

/// What has come so far.
#[derive(Default)]
struct Seen {
    bytes: u64,
    digest: Sha256,
}

impl Seen {
    fn add(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.digest.update(bytes);
    }

    fn read(&mut self, file: &mut File) -> io::Result<()> {
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(()),
                count => self.add(&buffer[..count]),
            }
        }
    }

    /// How it differs from what the hub announced.
    fn differs(self, meta: &Meta) -> Option<String> {
        if self.bytes != meta.size {
            return Some(format!("more than {} bytes came", meta.size));
        }
        let digest = self.digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let same = !meta.is_digest() || digest == meta.etag.to_ascii_lowercase();
        (!same).then(|| format!("its SHA-256 is {digest}, not {}", meta.etag))
    }
}

/// Whether an answer goes on from this byte; `false` where it begins anew.
fn goes_on(response: &Response, from: u64) -> Result<bool, FetchError> {
    if response.status().as_u16() != 206 {
        return Ok(from == 0);
    }
    let range = response.headers().get(CONTENT_RANGE).and_then(|value| value.to_str().ok());
    match range.and_then(|range| range.strip_prefix("bytes ")?.split_once('-')?.0.parse::<u64>().ok()) {
        Some(at) if at == from => Ok(true),
        _ => Err(protocol(response.url(), "it sends another part of a file than was asked for")),
    }
}

async fn is_whole(blob: &Path, meta: &Meta) -> bool {
    let (path, size) = (blob.to_owned(), meta.size);
    let whole = move || Ok(path.metadata()?.len() == size && path.is_file() && is_intact(&path)?);
    aside(whole).await.unwrap_or(false)
}

/// Makes the folder of a file.
pub(crate) fn make(folder: Option<&Path>) -> Result<(), FetchError> {
    let Some(folder) = folder else { return Ok(()) };
    fs::create_dir_all(folder).map_err(|error| FetchError::disk(folder, &error))
}

/// Bytes, for people.
#[must_use]
pub fn size(bytes: u64) -> String {
    let bytes = bytes as f64;
    match bytes {
        1e9.. => format!("{:.2} GB", bytes / 1e9),
        1e6.. => format!("{:.1} MB", bytes / 1e6),
        1e3.. => format!("{:.1} kB", bytes / 1e3),
        _ => format!("{bytes} bytes"),
    }
}
