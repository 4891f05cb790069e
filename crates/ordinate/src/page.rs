//! The page of a run, with what its reader needs to move the needs.

use std::fs::File;
use std::io::{self, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use ordinate_core::verdict::Verdict;
use ordinate_report::{MOST_TRIALS, PageTrials};

use crate::error::Error;
use crate::folder::{Folder, TRIALS};

/// The page `report.html` of the run in this folder. Where the trials of the run are there, and not too large, needs can be
/// moved on it.
///
/// # Errors
/// [`Error::Broken`] where it cannot be rendered.
pub fn page(folder: &Folder, verdict: &Verdict) -> Result<String, Error> {
    Ok(ordinate_report::page(verdict, trials(folder).as_ref())?)
}

/// The same, as the pages of the run of this id lead to it, and it to them.
pub(crate) fn served_page(folder: &Folder, verdict: &Verdict, id: &str) -> Result<String, Error> {
    Ok(ordinate_report::served_page(verdict, trials(folder).as_ref(), id)?)
}

fn trials(folder: &Folder) -> Option<PageTrials> {
    let path = folder.path(TRIALS);
    path.is_file().then(|| packed(&path))
}

/// What the judge keeps, packed anew: browsers know gzip, and not zstd.
fn packed(path: &Path) -> PageTrials {
    let mut packer = GzEncoder::new(Bounded::default(), Compression::best());
    let packed = File::open(path)
        .and_then(zstd::Decoder::new)
        .and_then(|mut plain| io::copy(&mut plain, &mut packer))
        .and_then(|_| packer.try_finish());
    match packed {
        Ok(()) => PageTrials::Packed(std::mem::take(&mut packer.get_mut().bytes)),
        Err(_) if packer.get_ref().full => PageTrials::LeftOut(
            "What every candidate and policy did with every item is more than a page can carry.",
        ),
        Err(_) => PageTrials::LeftOut(
            "What every candidate and policy did (trials.zst) cannot be read; run the task again.",
        ),
    }
}

/// Takes as much as a page carries, and then nothing more: the trials of a million items need not be packed to the end.
#[derive(Debug, Default)]
struct Bounded {
    bytes: Vec<u8>,
    full: bool,
}

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.bytes.len() + bytes.len() > MOST_TRIALS {
            self.full = true;
            return Err(io::Error::other("more than a page carries"));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
