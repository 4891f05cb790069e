//! Long lists of numbers as short text in JSON: base64 of their bytes, the same bits when read back.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serializer};

/// `f32`, little-endian: for `#[serde(with = "ordinate_features::packed")]`.
///
/// # Errors
/// Those of the serialiser.
pub fn serialize<S: Serializer>(values: &[f32], serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
    serializer.serialize_str(&BASE64.encode(bytes))
}

/// See [`serialize`].
///
/// # Errors
/// When the text is not base64 of whole numbers, or one of them is not finite.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<f32>, D::Error> {
    let bytes = bytes(deserializer)?;
    let (numbers, rest) = bytes.as_chunks::<4>();
    let values: Vec<f32> = numbers.iter().map(|number| f32::from_le_bytes(*number)).collect();
    if !rest.is_empty() || values.iter().any(|value| !value.is_finite()) {
        return Err(D::Error::custom("a packed list does not hold finite 32-bit numbers"));
    }
    Ok(values)
}

fn bytes<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u8>, D::Error> {
    let text = String::deserialize(deserializer)?;
    BASE64.decode(text).map_err(|error| D::Error::custom(format!("a packed list is not base64: {error}")))
}

/// Small counts, many of them 0: LEB128, each 0 followed by how many more zeros come.
pub mod counts {
    use super::{BASE64, Deserializer, Serializer, bytes};
    use base64::Engine as _;
    use serde::de::Error as _;

    /// The longest list that is read: a damaged file must not take all memory.
    const LONGEST: usize = 1 << 28;

    /// For `#[serde(with = "ordinate_features::packed::counts")]`.
    ///
    /// # Errors
    /// Those of the serialiser.
    pub fn serialize<S: Serializer>(values: &[u32], serializer: S) -> Result<S::Ok, S::Error> {
        let mut bytes = Vec::with_capacity(values.len());
        let mut rest = values;
        while let Some((&value, after)) = rest.split_first() {
            put(&mut bytes, value);
            rest = after;
            if value == 0 {
                let zeros = after.iter().take_while(|value| **value == 0).count().min(u32::MAX as usize);
                put(&mut bytes, zeros as u32);
                rest = &after[zeros..];
            }
        }
        serializer.serialize_str(&BASE64.encode(bytes))
    }

    /// See [`serialize`].
    ///
    /// # Errors
    /// When the text is not base64 of such counts.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<u32>, D::Error> {
        let bytes = bytes(deserializer)?;
        let mut bytes = bytes.into_iter();
        let mut values = Vec::new();
        while bytes.len() > 0 {
            let value = take(&mut bytes).ok_or_else(|| D::Error::custom("a packed count is cut off"))?;
            values.push(value);
            if value == 0 {
                let zeros = take(&mut bytes).ok_or_else(|| D::Error::custom("a packed count is cut off"))?;
                let len = values.len() + zeros as usize;
                if len > LONGEST {
                    return Err(D::Error::custom("a packed list of counts is too long"));
                }
                values.resize(len, 0);
            }
        }
        Ok(values)
    }

    fn put(bytes: &mut Vec<u8>, mut value: u32) {
        loop {
            let low = (value & 0x7f) as u8;
            value >>= 7;
            if value == 0 {
                bytes.push(low);
                return;
            }
            bytes.push(low | 0x80);
        }
    }

    fn take(bytes: &mut impl Iterator<Item = u8>) -> Option<u32> {
        let mut value = 0_u32;
        for shift in (0..32).step_by(7) {
            let byte = bytes.next()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Both {
        #[serde(with = "super")]
        floats: Vec<f32>,
        #[serde(with = "super::counts")]
        counts: Vec<u32>,
    }

    proptest! {
        #[test]
        fn reads_back_the_same_bits(
            floats in prop::collection::vec(-1e30_f32..1e30, 0..40),
            counts in prop::collection::vec(prop_oneof![Just(0_u32), 0..300_u32, any::<u32>()], 0..200),
        ) {
            let both = Both { floats, counts };
            let text = serde_json::to_string(&both).unwrap();
            let read: Both = serde_json::from_str(&text).unwrap();
            prop_assert!(read.floats.iter().zip(&both.floats).all(|(a, b)| a.to_bits() == b.to_bits()));
            prop_assert_eq!(read, both);
        }
    }

    #[test]
    fn damaged_lists_are_refused() {
        for text in [
            r#"{"floats":"AAA","counts":""}"#,
            r#"{"floats":"AADAfw","counts":""}"#,
            r#"{"floats":"","counts":"gA"}"#,
            r#"{"floats":"","counts":"AP////8P"}"#,
            r#"{"floats":"?","counts":""}"#,
        ] {
            assert!(serde_json::from_str::<Both>(text).is_err(), "{text}");
        }
    }
}
