//! The formats: one file each, and one line in [`FORMATS`].

mod every_eval_ever;
mod helm;
mod inspect;
mod lighteval;
mod lm_eval;
mod openai_evals;
mod promptfoo;

use std::io::{BufReader, Read};

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use crate::error::ImportError;
use crate::lenient::Lenient;
use crate::log::Log;
use crate::options::{Limits, Options};
use crate::record::Sink;

pub(crate) use every_eval_ever::SCHEMA_VERSION;

/// How a format is told from the others and read.
pub(crate) struct Format {
    /// The tool's name, as messages have it.
    pub(crate) name: &'static str,
    /// Whether this looks like the format.
    pub(crate) detect: fn(&Head) -> bool,
    /// Hands every answer of the log to the sink.
    pub(crate) read: fn(&Log, &Options, &mut dyn Sink) -> Result<(), ImportError>,
}

/// Every format, in the order in which they are tried.
pub(crate) const FORMATS: &[Format] = &[
    inspect::FORMAT,
    lighteval::FORMAT,
    helm::FORMAT,
    lm_eval::FORMAT,
    promptfoo::FORMAT,
    openai_evals::FORMAT,
    every_eval_ever::FORMAT,
];

/// The start of a log: enough to tell formats apart.
pub(crate) struct Head {
    /// The first bytes, decompressed.
    pub(crate) bytes: Vec<u8>,
    /// The top-level keys of the first JSON object, or of the first one in a list, as far as the bytes go.
    pub(crate) keys: Vec<String>,
    /// Whether this is a folder with a HELM run.
    pub(crate) is_run_folder: bool,
}

impl Head {
    const BYTES: u64 = 1 << 20;

    /// Reads the start of a log.
    pub(crate) fn of(log: &Log, limits: &Limits) -> Result<Self, ImportError> {
        if log.is_folder() {
            return Ok(Self { bytes: Vec::new(), keys: Vec::new(), is_run_folder: helm::is_run(log) });
        }
        let mut bytes = Vec::new();
        log.read(limits)?
            .take(Self::BYTES)
            .read_to_end(&mut bytes)
            .map_err(|error| log.place().io(&error))?;
        let keys = keys_of(&bytes);
        Ok(Self { bytes, keys, is_run_folder: false })
    }

    /// Whether the first JSON value is an object with all these keys.
    pub(crate) fn has(&self, keys: &[&str]) -> bool {
        keys.iter().all(|key| self.keys.iter().any(|known| known == key))
    }

    /// The format, if it is known.
    pub(crate) fn format(&self) -> Option<&'static Format> {
        FORMATS.iter().find(|format| (format.detect)(self))
    }

    /// What a file that is no log probably is, if it is known.
    pub(crate) fn known_otherwise(&self) -> Option<&'static str> {
        if self.has(&["results", "versions", "config"])
            || self.has(&["results", "configs", "versions"])
            || self.has(&["config_general", "results"])
        {
            Some("a table of results without single answers; the answers lie in files beside it")
        } else if self.has(&["evaluation_results", "model_info"]) {
            Some("an aggregate of Every Eval Ever; the single answers lie in a .jsonl file beside it")
        } else {
            None
        }
    }
}

/// The top-level keys of the first JSON object in `bytes`, which may be cut off.
fn keys_of(bytes: &[u8]) -> Vec<String> {
    struct Keys<'a>(&'a mut Vec<String>);
    impl<'de> Visitor<'de> for Keys<'_> {
        type Value = ();
        fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("an object, or a list of objects")
        }
        fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
            list.next_element_seed(self).map(|_| ())
        }
        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
            while let Some(key) = map.next_key()? {
                self.0.push(key);
                map.next_value::<IgnoredAny>()?;
            }
            Ok(())
        }
    }
    impl<'de> DeserializeSeed<'de> for Keys<'_> {
        type Value = ();
        fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
            json.deserialize_any(self)
        }
    }
    let mut keys = Vec::new();
    // Cut-off JSON is an error at its end: the keys before it are what is wanted.
    let _ = serde_json::Deserializer::from_reader(BufReader::new(Lenient::new(bytes, u64::MAX)))
        .deserialize_any(Keys(&mut keys));
    keys
}
