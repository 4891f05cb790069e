//! UTF-16, as Excel saves "Unicode text", read as UTF-8.

use std::io::{self, Read};

/// In which order the two bytes of a unit stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Order {
    LittleEndian,
    BigEndian,
}

/// The order, where a text begins as UTF-16 does: with its mark, or (as some programs leave the mark out) with Latin
/// letters for the most part, every other byte of which is zero.
pub(super) fn order(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, rest @ ..] if !rest.starts_with(&[0, 0]) => return Some(Order::LittleEndian),
        [0xfe, 0xff, ..] => return Some(Order::BigEndian),
        _ => {}
    }
    let pairs = head.chunks_exact(2).take(256);
    let all = pairs.len();
    let zero = |at: usize| pairs.clone().filter(|pair| pair[at] == 0 && pair[1 - at] != 0).count();
    let (low, high) = (zero(1), zero(0));
    let most = |count: usize, other: usize| all >= 4 && count * 2 >= all && other <= 1 + all / 20;
    if most(low, high) {
        Some(Order::LittleEndian)
    } else if most(high, low) {
        Some(Order::BigEndian)
    } else {
        None
    }
}

/// Reads UTF-16 as UTF-8, without its mark. What is no UTF-16 becomes U+FFFD.
pub(super) struct Utf16<R> {
    inner: R,
    order: Order,
    chunk: Box<[u8]>,
    /// Bytes of a unit, and of a pair of units, that the last chunk cut off.
    left: Vec<u8>,
    out: String,
    sent: usize,
    ended: bool,
}

impl<R: Read> Utf16<R> {
    pub(super) fn new(inner: R, order: Order) -> Self {
        let chunk = vec![0; 32 << 10].into_boxed_slice();
        Self { inner, order, chunk, left: Vec::new(), out: String::new(), sent: 0, ended: false }
    }

    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.sent = 0;
        let read = self.inner.read(&mut self.chunk)?;
        self.ended = read == 0;
        self.left.extend_from_slice(&self.chunk[..read]);
        let mut units: Vec<u16> = self
            .left
            .chunks_exact(2)
            .map(|pair| match self.order {
                Order::LittleEndian => u16::from_le_bytes([pair[0], pair[1]]),
                Order::BigEndian => u16::from_be_bytes([pair[0], pair[1]]),
            })
            .collect();
        // The first half of a pair waits for the second.
        if !self.ended && units.last().is_some_and(|last| (0xd800..0xdc00).contains(last)) {
            units.pop();
        }
        let used = if self.ended { self.left.len() } else { units.len() * 2 };
        self.left.drain(..used);
        self.out.extend(
            char::decode_utf16(units)
                .map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER))
                .filter(|c| *c != '\u{feff}'),
        );
        Ok(())
    }
}

impl<R: Read> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.sent == self.out.len() && !self.ended {
            self.refill()?;
        }
        let ready = &self.out.as_bytes()[self.sent..];
        let len = ready.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ready[..len]);
        self.sent += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that hands out one byte at a time, so that every unit is cut.
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    #[test]
    fn both_orders_with_and_without_a_mark() {
        let text = "id\tscore\nq\u{e9}\u{1f600}\t1\n";
        for (order_is, to) in [
            (Order::LittleEndian, u16::to_le_bytes as fn(u16) -> [u8; 2]),
            (Order::BigEndian, u16::to_be_bytes),
        ] {
            for mark in ["", "\u{feff}"] {
                let bytes: Vec<u8> = format!("{mark}{text}").encode_utf16().flat_map(to).collect();
                assert_eq!(order(&bytes), Some(order_is));
                let mut read = String::new();
                Utf16::new(Drip(&bytes), order_is).read_to_string(&mut read).unwrap();
                assert_eq!(read, text);
            }
        }
        assert_eq!(order(b"id,score\nq1,1\n"), None);
        assert_eq!(order("\u{4e2d}\u{6587}\u{4e2d}\u{6587}".as_bytes()), None);
    }
}
