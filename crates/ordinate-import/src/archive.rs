//! A zip within limits. Entries are read in place and never unpacked, so that their names cannot lead anywhere.

use std::io::{BufReader, Read};

use serde::Deserialize;
use zip::ZipArchive;
use zip::result::ZipError;

use crate::error::{ImportError, Place};
use crate::lenient::Lenient;
use crate::log::{Bounded, Log, Seekable};
use crate::options::Limits;
use crate::rows::{Take, walk};

/// More entries than any log has: each sample is one entry, or some dozens in the chunked layout.
const MAX_ENTRIES: usize = 5_000_000;

pub(crate) struct Archive<'a> {
    zip: ZipArchive<Box<dyn Seekable + 'a>>,
    place: Place,
    limits: Limits,
    /// Decompressed bytes that may still be read.
    left: u64,
}

impl<'a> Archive<'a> {
    pub(crate) fn open(log: &'a Log, limits: &Limits) -> Result<Self, ImportError> {
        let (raw, _) = log.seek()?;
        let zip = ZipArchive::new(raw).map_err(|error| {
            log.place().refuse(
                format!("is no whole zip archive: {error}"),
                "it is probably cut off: fetch it again, or let `zip -FF` rebuild its directory",
            )
        })?;
        if zip.len() > MAX_ENTRIES {
            return Err(log.place().refuse(
                format!("has {} entries, more than the {MAX_ENTRIES} that are read", zip.len()),
                "split the log",
            ));
        }
        Ok(Self { zip, place: log.place(), limits: *limits, left: limits.total_bytes })
    }

    /// The names of the entries, in order of the archive; names that are not UTF-8 are passed over.
    pub(crate) fn names(&self) -> Vec<String> {
        self.zip.file_names().filter_map(|name| name.ok().map(std::borrow::Cow::into_owned)).collect()
    }

    pub(crate) fn place(&self, entry: &str) -> Place {
        self.place.clone().entry(entry)
    }

    /// An entry's JSON as a `T`; `None` when there is no such entry.
    pub(crate) fn json<T: for<'de> Deserialize<'de>>(
        &mut self,
        name: &str,
    ) -> Result<Option<T>, ImportError> {
        let place = self.place(name);
        let values = self.limits.values;
        let read = |entry: &mut dyn Read| {
            let reader = BufReader::new(Lenient::new(entry, values));
            let mut json = serde_json::Deserializer::from_reader(reader);
            T::deserialize(&mut json)
                .and_then(|value| json.end().map(|()| value))
                .map_err(|error| place.clone().json(error))
        };
        self.entry(name, read)?.transpose()
    }

    /// Hands out each element of an entry that is a JSON list; `false` when there is no such entry.
    pub(crate) fn each<T: for<'de> Deserialize<'de>>(
        &mut self,
        name: &str,
        take: &mut Take<'_, T>,
    ) -> Result<bool, ImportError> {
        let (place, limits) = (self.place(name), self.limits);
        let read = |entry: &mut dyn Read| walk(entry, &place, &limits, &[], take).map(|_| ());
        Ok(self.entry(name, read)?.transpose()?.is_some())
    }

    /// Reads an entry within the limits.
    fn entry<T>(
        &mut self,
        name: &str,
        read: impl FnOnce(&mut dyn Read) -> T,
    ) -> Result<Option<T>, ImportError> {
        let place = self.place(name);
        let entry = match self.zip.by_name(name) {
            Ok(entry) => entry,
            Err(ZipError::FileNotFound) => return Ok(None),
            Err(error) => {
                return Err(place.refuse(
                    format!("cannot be unpacked: {error}"),
                    "the archive is damaged or was not written by Inspect: fetch it again",
                ));
            }
        };
        let packed = entry.compressed_size();
        let limit = self.limits.entry_bytes.min(self.left);
        let mut bounded = Bounded::compressed(entry, packed, limit, self.limits.ratio);
        let value = read(&mut bounded);
        self.left = self.left.saturating_sub(bounded.count());
        Ok(Some(value))
    }
}
