//! Long columns as short text in JSON: base64 of their bytes, the same bits when read back, what is not a number included.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD as BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A value of a fixed number of bytes.
pub(crate) trait Value: Copy {
    const BYTES: usize;
    fn put(self, to: &mut Vec<u8>);
    fn get(bytes: &[u8]) -> Self;
}

impl Value for f64 {
    const BYTES: usize = 8;
    fn put(self, to: &mut Vec<u8>) {
        to.extend(self.to_le_bytes());
    }
    fn get(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(Self::NAN, Self::from_le_bytes)
    }
}

impl Value for u32 {
    const BYTES: usize = 4;
    fn put(self, to: &mut Vec<u8>) {
        to.extend(self.to_le_bytes());
    }
    fn get(bytes: &[u8]) -> Self {
        bytes.try_into().map_or(Self::MAX, Self::from_le_bytes)
    }
}

impl Value for bool {
    const BYTES: usize = 1;
    fn put(self, to: &mut Vec<u8>) {
        to.push(u8::from(self));
    }
    fn get(bytes: &[u8]) -> Self {
        bytes.first().is_some_and(|byte| *byte != 0)
    }
}

fn text<T: Value>(values: &[T]) -> String {
    let mut bytes = Vec::with_capacity(T::BYTES * values.len());
    values.iter().for_each(|value| value.put(&mut bytes));
    BASE64.encode(bytes)
}

fn values<T: Value>(text: &str) -> Result<Vec<T>, String> {
    let bytes = BASE64.decode(text).map_err(|error| format!("a packed list is not base64: {error}"))?;
    if !bytes.len().is_multiple_of(T::BYTES) {
        return Err("a packed list does not hold whole values".to_owned());
    }
    Ok(bytes.chunks_exact(T::BYTES).map(T::get).collect())
}

pub(crate) fn serialize<T: Value, S: Serializer>(list: &[T], to: S) -> Result<S::Ok, S::Error> {
    to.serialize_str(&text(list))
}

pub(crate) fn deserialize<'de, T: Value, D: Deserializer<'de>>(from: D) -> Result<Vec<T>, D::Error> {
    values(&String::deserialize(from)?).map_err(D::Error::custom)
}

/// A list of lists.
pub(crate) mod lists {
    use super::{Deserialize, Deserializer, Serialize, Serializer, Value};
    use serde::de::Error as _;

    pub(crate) fn serialize<T: Value, S: Serializer>(lists: &[Vec<T>], to: S) -> Result<S::Ok, S::Error> {
        lists.iter().map(|list| super::text(list)).collect::<Vec<_>>().serialize(to)
    }

    pub(crate) fn deserialize<'de, T: Value, D: Deserializer<'de>>(from: D) -> Result<Vec<Vec<T>>, D::Error> {
        let texts = Vec::<String>::deserialize(from)?;
        texts.iter().map(|text| super::values(text)).collect::<Result<_, _>>().map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_read_back_to_the_bit() {
        let numbers = [0.1, -0.0, f64::NAN, f64::INFINITY];
        let back: Vec<f64> = values(&text(&numbers)).unwrap();
        assert_eq!(back.iter().map(|x| x.to_bits()).collect::<Vec<_>>(), numbers.map(f64::to_bits));
        assert_eq!(values::<u32>(&text(&[7_u32, u32::MAX])).unwrap(), [7, u32::MAX]);
        assert_eq!(values::<bool>(&text(&[true, false])).unwrap(), [true, false]);
        assert!(values::<u32>(&text(&[true])).is_err());
        assert!(values::<u32>("no base64!").is_err());
    }
}
