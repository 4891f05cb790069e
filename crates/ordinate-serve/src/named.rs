//! What servers say of who answers: the model and, where they tell it, the state of the servers behind it. A name that was
//! neither measured nor seen before is a change.

use std::collections::BTreeMap;

use ordinate_remote::Signature;
use serde::{Deserialize, Serialize};

use crate::day::timestamp;

/// The most different names that are kept of a candidate: a server that makes up a new one for each answer tells nothing.
const MOST: usize = 64;

/// What of a signature has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// `model`.
    Model,
    /// `system_fingerprint`.
    SystemFingerprint,
}

impl Part {
    /// In words.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Model => "model",
            Self::SystemFingerprint => "system_fingerprint",
        }
    }
}

/// A name that was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The part.
    pub part: Part,
    /// The name.
    pub name: String,
    /// When it was told first.
    pub since: String,
    /// How often it was.
    pub answers: u64,
    /// Whether it is new: neither measured, nor the first that was told.
    pub changed: bool,
}

/// The names that were told of one candidate, in the order in which they came.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Names(pub Vec<Told>);

/// What is known of a candidate before it is asked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// Other models than it was asked for that its answers named when it was measured; `None` where nobody knows.
    pub(crate) measured: Option<&'a BTreeMap<String, u64>>,
    /// Whether the model that the answer names is another one than was asked.
    pub(crate) is_other: bool,
}

impl Names {
    /// Takes what an answer says. Gives the parts that have changed with it.
    pub(crate) fn see(&mut self, signature: &Signature, known: Known<'_>) -> Vec<Told> {
        let mut changes = Vec::new();
        for (part, name) in
            [(Part::Model, &signature.model), (Part::SystemFingerprint, &signature.fingerprint)]
        {
            let Some(name) = name else { continue };
            if let Some(told) = self.0.iter_mut().find(|told| told.part == part && told.name == *name) {
                told.answers += 1;
                continue;
            }
            if self.0.len() >= MOST {
                continue;
            }
            let was_measured = known.measured.map(|names| match known.is_other {
                true => names.contains_key(name),
                // A run keeps no more of a name than that it is the one that was asked.
                false => !self.0.iter().any(|told| told.part == part),
            });
            let is_first = !self.0.iter().any(|told| told.part == part);
            let changed = match (part, was_measured) {
                (Part::Model, Some(measured)) => !measured,
                _ => !is_first,
            };
            let told = Told { part, name: name.clone(), since: timestamp(), answers: 1, changed };
            if changed {
                changes.push(told.clone());
            }
            self.0.push(told);
        }
        changes
    }

    /// The name before the changes: the first of this part.
    #[must_use]
    pub fn first(&self, part: Part) -> Option<&str> {
        self.0.iter().find(|told| told.part == part && !told.changed).map(|told| told.name.as_str())
    }

    /// The names that are new.
    pub fn changed(&self) -> impl Iterator<Item = &Told> {
        self.0.iter().filter(|told| told.changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(model: &str, fingerprint: Option<&str>) -> Signature {
        Signature { model: Some(model.to_owned()), fingerprint: fingerprint.map(str::to_owned) }
    }

    #[test]
    fn a_name_that_was_neither_measured_nor_first_is_a_change() {
        let measured = BTreeMap::from([("old-mini".to_owned(), 3)]);
        let same = |names: &mut Names, signature: &Signature| {
            names.see(signature, Known { measured: Some(&measured), is_other: false })
        };
        let other = |names: &mut Names, signature: &Signature| {
            names.see(signature, Known { measured: Some(&measured), is_other: true })
        };
        let mut names = Names::default();
        assert!(same(&mut names, &says("m-2026-01-01", Some("fp_1"))).is_empty());
        assert!(other(&mut names, &says("old-mini", Some("fp_1"))).is_empty(), "it was measured so");
        // Another version than the first, and another model than was measured.
        assert_eq!(same(&mut names, &says("m-2026-02-01", Some("fp_1"))).len(), 1);
        assert_eq!(other(&mut names, &says("new-mini", Some("fp_2"))).len(), 2);
        assert!(other(&mut names, &says("new-mini", Some("fp_2"))).is_empty(), "it is told once");
        assert_eq!(names.first(Part::Model), Some("m-2026-01-01"));
        assert_eq!(names.changed().map(|told| told.answers).collect::<Vec<_>>(), [1, 2, 2]);
        // Of a candidate that was recorded elsewhere nothing is known: the first name is what it is called.
        let mut names = Names::default();
        let unknown = Known { measured: None, is_other: true };
        assert!(names.see(&says("a", None), unknown).is_empty());
        assert_eq!(names.see(&says("b", None), unknown).len(), 1);
        // And who makes up names fills no memory.
        for at in 0..1_000 {
            names.see(&says(&at.to_string(), None), unknown);
        }
        assert_eq!(names.0.len(), MOST);
    }
}
