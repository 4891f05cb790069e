//! A policy as a file: small, versioned, and back to the same decisions.

use ordinate_core::verdict::Promise;
use ordinate_core::{Dial, Mix, Policy};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::error::CombineError;
use crate::random::SplitMix;
use crate::table::TABLE;

/// The version of policy files that this code writes and reads.
pub const VERSION: u64 = 1;

/// A policy and where on its curve it stands: what is saved after a run, and served.
#[derive(Debug)]
pub struct Artefact {
    /// The name in the verdict.
    pub name: String,
    /// The policy.
    pub policy: Box<dyn Policy>,
    /// The dial that the needs chose.
    pub dial: Dial,
    /// The coin between that dial and another one, where the budget lies between them.
    pub mix: Option<Mix>,
    /// What was promised of it at this dial.
    pub promise: Option<Promise>,
}

#[derive(Serialize, Deserialize)]
struct File {
    version: u64,
    name: String,
    kind: String,
    dial: Dial,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mix: Option<Mix>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    promise: Option<Promise>,
    policy: Value,
}

impl Artefact {
    /// The text of a policy file. Numbers are written so that they read back to the same bits.
    ///
    /// # Errors
    /// [`CombineError::Json`] when a number is not finite.
    pub fn to_json(&self) -> Result<String, CombineError> {
        let file = File {
            version: VERSION,
            name: self.name.clone(),
            kind: self.policy.kind().to_string(),
            dial: self.dial,
            mix: self.mix,
            promise: self.promise.clone(),
            policy: self.policy.save()?,
        };
        Ok(serde_json::to_string(&file)?)
    }

    /// Reads the text of a policy file.
    ///
    /// # Errors
    /// [`CombineError::Damaged`], [`CombineError::Version`], [`CombineError::UnknownKind`].
    pub fn from_json(text: &str) -> Result<Self, CombineError> {
        let damaged = |error: serde_json::Error| CombineError::Damaged(error.to_string());
        let value: Value = serde_json::from_str(text).map_err(damaged)?;
        let version = value.get("version").and_then(Value::as_u64).unwrap_or_default();
        if version != VERSION {
            return Err(CombineError::Version(version));
        }
        let file: File = serde_json::from_value(value).map_err(damaged)?;
        let Some(row) = TABLE.iter().find(|row| row.kind.as_str() == file.kind) else {
            return Err(CombineError::UnknownKind(file.kind));
        };
        let policy = (row.load)(file.policy).map_err(damaged)?;
        Ok(Self { name: file.name, policy, dial: file.dial, mix: file.mix, promise: file.promise })
    }

    /// The dial for one item: that of the policy, or, where it is a mix, the one that a coin says. The coin is a hash of `key`,
    /// the input (or the id of an item without one), so that whoever asks twice is told the same.
    #[must_use]
    pub fn dial_for(&self, key: &str) -> Dial {
        self.mix.filter(|mix| coin(key) < mix.share).map_or(self.dial, |mix| mix.dial)
    }
}

/// A number in `[0, 1)` that is the same for the same text on every machine and in every version: FNV-1a, stirred as
/// SplitMix64 does, since the last letters of short texts hardly reach the leading bits.
fn coin(key: &str) -> f64 {
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    SplitMix::new(hash).unit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::by_slice::BySlice;
    use crate::replay::replay;
    use crate::single::Single;
    use crate::testing::evidence;
    use ordinate_core::CandidateName;
    use ordinate_trials::Outlay;

    #[test]
    fn a_saved_policy_decides_alike() {
        let rows: Vec<_> = (0..60)
            .map(|i| (["法", "b"][i % 2], None, vec![Some((i % 7) as f64 / 7.0), Some((i % 5) as f64 / 5.0)]))
            .collect();
        let evidence = evidence(2, &rows);
        let policy = Box::new(BySlice::fit(&evidence.view(), Outlay::Cost));
        let dials = [Dial(0.0), Dial(17.3), Dial(140.0)];
        let before = replay(policy.as_ref(), &evidence, &evidence.view().rows, &dials);
        let artefact = Artefact { name: "by-slice".into(), policy, dial: dials[1], mix: None, promise: None };
        let text = artefact.to_json().unwrap();
        let loaded = Artefact::from_json(&text).unwrap();
        assert_eq!(loaded.dial, dials[1]);
        assert_eq!(loaded.to_json().unwrap(), text);
        let after = replay(loaded.policy.as_ref(), &evidence, &evidence.view().rows, &dials);
        for (after, before) in after.iter().zip(&before) {
            assert_eq!((&after.given, &after.quality), (&before.given, &before.quality));
        }
    }

    #[test]
    fn the_coin_is_the_same_for_the_same_input_and_keeps_its_share() {
        let single = Single::new(CandidateName::new("m").unwrap());
        let mix = Some(Mix { dial: Dial(0.0), share: 0.3 });
        let artefact =
            Artefact { name: "z".into(), policy: Box::new(single), dial: Dial(1.0), mix, promise: None };
        let loaded = Artefact::from_json(&artefact.to_json().unwrap()).unwrap();
        assert_eq!(loaded.mix, mix);
        for stem in ["", "item ", "\u{6cd5}\u{5f8b} "] {
            let keys: Vec<String> = (0..20_000).map(|number| format!("{stem}{number}")).collect();
            let other = keys.iter().filter(|key| artefact.dial_for(key) == Dial(0.0)).count();
            assert!(other.abs_diff(6_000) < 200, "{other}");
            assert!(keys.iter().all(|key| loaded.dial_for(key) == artefact.dial_for(key)));
        }
    }

    #[test]
    fn damaged_files_are_refused() {
        for (text, part) in [
            ("", "damaged"),
            ("{}", "version 0"),
            (r#"{"version":9}"#, "version 9"),
            (r#"{"version":1,"name":"x","kind":"magic","dial":0.0,"policy":{}}"#, "magic"),
            (r#"{"version":1,"name":"x","kind":"by-slice","dial":0.0,"policy":{}}"#, "damaged"),
        ] {
            let message = Artefact::from_json(text).unwrap_err().to_string();
            assert!(message.contains(part), "{message}");
        }
    }
}
