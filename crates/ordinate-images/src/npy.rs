//! The head of an array of NumPy (NEP 1): a magic, a version, and a literal of Python that says type, order and shape.
//!
//! The crates that read it bring a parser of all Python literals (`pest`) or `ndarray` along; of three keys that NumPy itself
//! writes no more than this is needed.

use std::io::Read;

/// The type of an array's values that is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Whole numbers without a sign, of so many bytes each; truth values are of one byte.
    Unsigned(usize),
    /// Whole numbers with a sign, of so many bytes each.
    Signed(usize),
}

impl Kind {
    fn of(descr: &str) -> Option<Self> {
        let bytes = |text: &str| text.parse().ok().filter(|bytes| matches!(bytes, 1 | 2 | 4 | 8));
        match descr.split_at_checked(2)? {
            ("|u" | "<u", count) => bytes(count).map(Self::Unsigned),
            ("|i" | "<i", count) => bytes(count).map(Self::Signed),
            ("|b", "1") => Some(Self::Unsigned(1)),
            _ => None,
        }
    }

    /// Bytes of a value.
    #[must_use]
    pub fn bytes(self) -> usize {
        match self {
            Self::Unsigned(bytes) | Self::Signed(bytes) => bytes,
        }
    }

    /// The number in the bytes of a value, the lowest first.
    #[must_use]
    pub fn number(self, bytes: &[u8]) -> i128 {
        let value = bytes.iter().rev().fold(0_i128, |value, byte| (value << 8) | i128::from(*byte));
        match self {
            Self::Signed(count) if value >= 1 << (8 * count - 1) => value - (1 << (8 * count)),
            Self::Signed(_) | Self::Unsigned(_) => value,
        }
    }
}

/// What an array is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The type of its values.
    pub kind: Kind,
    /// The length of each side, the slowest first.
    pub shape: Vec<u64>,
}

impl Header {
    /// Reads a head, up to where the values begin.
    ///
    /// # Errors
    /// What is wrong, in words that follow the name of the array.
    pub(crate) fn read(reader: &mut impl Read) -> Result<Self, String> {
        let cut = |_| "is cut off before its values begin".to_owned();
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(cut)?;
        let [b'\x93', b'N', b'U', b'M', b'P', b'Y', major, _] = start else {
            return Err("is no array of NumPy".to_owned());
        };
        let length = if major == 1 {
            let mut length = [0; 2];
            reader.read_exact(&mut length).map_err(cut)?;
            u32::from(u16::from_le_bytes(length))
        } else {
            let mut length = [0; 4];
            reader.read_exact(&mut length).map_err(cut)?;
            u32::from_le_bytes(length)
        };
        if length > MAX_HEAD {
            return Err(format!("says that its head has {length} bytes, more than any has"));
        }
        let mut text = vec![0; length as usize];
        reader.read_exact(&mut text).map_err(cut)?;
        Self::parse(&String::from_utf8_lossy(&text))
    }

    fn parse(text: &str) -> Result<Self, String> {
        let odd = |key: &str| format!("has a head without {key}");
        let descr = after(text, "descr").and_then(quoted).ok_or_else(|| odd("a plain type"))?;
        let Some(kind) = Kind::of(descr) else {
            return Err(format!(
                "holds values of type {descr:?}, and whole numbers are read (uint8 for images)"
            ));
        };
        let order = after(text, "fortran_order").ok_or_else(|| odd("an order"))?;
        if !order.starts_with("False") {
            return Err("is in Fortran's order; save numpy.ascontiguousarray of it".to_owned());
        }
        let shape = after(text, "shape").and_then(|rest| rest.strip_prefix('(')?.split_once(')'));
        let (sides, _) = shape.ok_or_else(|| odd("a shape"))?;
        let sides = sides.split(',').map(str::trim).filter(|side| !side.is_empty());
        let shape = sides.map(str::parse).collect::<Result<Vec<u64>, _>>().map_err(|_| odd("a shape"))?;
        Ok(Self { kind, shape })
    }
}

/// No head that NumPy writes is longer.
const MAX_HEAD: u32 = 1 << 16;

/// What stands behind a key.
fn after<'a>(text: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = text.split_once(&format!("'{key}'"))?;
    Some(rest.trim_start().strip_prefix(':')?.trim_start())
}

fn quoted(text: &str) -> Option<&str> {
    text.strip_prefix('\'')?.split_once('\'').map(|(inner, _)| inner)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn heads() {
        let head = |text: &str| Header::parse(text);
        let found = head("{'descr': '|u1', 'fortran_order': False, 'shape': (4682, 28, 28), }   \n").unwrap();
        assert_eq!(found, Header { kind: Kind::Unsigned(1), shape: vec![4682, 28, 28] });
        assert_eq!(
            head("{'descr': '<i8', 'fortran_order': False, 'shape': (3,), }").unwrap().kind,
            Kind::Signed(8)
        );
        assert_eq!(
            head("{'descr': '<i8', 'fortran_order': False, 'shape': (), }").unwrap().shape,
            [0_u64; 0]
        );
        for (text, says) in [
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), }", "<f4"),
            ("{'descr': '|u1', 'fortran_order': True, 'shape': (1, 2), }", "Fortran"),
            ("{'descr': [('a', '<i4')], 'fortran_order': False, 'shape': (1,), }", "a plain type"),
            ("{'descr': '|u1', 'fortran_order': False, 'shape': (-1,), }", "a shape"),
            ("{}", "a plain type"),
        ] {
            let error = head(text).unwrap_err();
            assert!(error.contains(says), "{error}");
        }
        assert!(Header::read(&mut &b"\x93NUMPY\x01\x00\x10"[..]).unwrap_err().contains("cut off"));
        assert!(Header::read(&mut &b"PNG, perhaps"[..]).unwrap_err().contains("no array"));
        assert!(
            Header::read(&mut &b"\x93NUMPY\x02\x00\xff\xff\xff\xff"[..]).unwrap_err().contains("more than")
        );
    }

    #[test]
    fn numbers_of_every_width() {
        assert_eq!(Kind::Unsigned(1).number(&[200]), 200);
        assert_eq!(Kind::Signed(1).number(&[200]), -56);
        assert_eq!(Kind::Signed(8).number(&[3, 0, 0, 0, 0, 0, 0, 0]), 3);
        assert_eq!(Kind::Signed(4).number(&[255, 255, 255, 255]), -1);
        assert_eq!(Kind::Unsigned(8).number(&[255; 8]), i128::from(u64::MAX));
    }
}
