//! What tests need from a package registry, fetched once.
#![allow(unreachable_pub)]

use std::path::{Path, PathBuf};

/// `target/tmp/NAME` with what `fetch` put into the folder that it was given; `None` where it says that it could not.
///
/// Each test is a process of its own and three of them run at once: one of them fetches while the others wait for its
/// lock, and what it fetched gets its name when it is whole. So nobody reads half a file, also after a kill.
pub fn fetched(name: &str, fetch: impl FnOnce(&Path) -> bool) -> Option<PathBuf> {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let folder = all.join(name);
    let lock = std::fs::File::create(all.join(format!("{name}.lock"))).unwrap();
    lock.lock().unwrap();
    if !folder.is_dir() {
        let new = tempfile::tempdir_in(all).unwrap();
        if !fetch(new.path()) {
            return None;
        }
        std::fs::rename(new.keep(), &folder).unwrap();
    }
    Some(folder)
}
