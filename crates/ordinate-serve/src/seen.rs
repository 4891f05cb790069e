//! What a server has seen of inputs and of who answers, beside its record: a server that is started again goes on from it, and
//! `ordinate status` tells it.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::drift::KeptDrift;
use crate::named::Names;

/// The name of the file.
const FILE: &str = "seen.json";

/// What was seen, by task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Seen(pub BTreeMap<String, SeenTask>);

/// What was seen of one task.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct SeenTask {
    /// How its inputs differ from the measured ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drift: Option<KeptDrift>,
    /// What servers call who answers, by candidate.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub names: BTreeMap<String, Names>,
}

impl Seen {
    /// Reads that of a record's folder; nothing where there is none.
    ///
    /// # Errors
    /// Where it cannot be read, or is damaged.
    pub fn read(folder: &Path) -> io::Result<Self> {
        let text = match std::fs::read_to_string(folder.join(FILE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            text => text?,
        };
        serde_json::from_str(&text).map_err(io::Error::other)
    }

    /// Writes it: whole, or not at all.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let draft = folder.join(format!(".{FILE}.{}", std::process::id()));
        std::fs::write(&draft, serde_json::to_vec(self)?)?;
        std::fs::rename(&draft, folder.join(FILE))
    }
}
