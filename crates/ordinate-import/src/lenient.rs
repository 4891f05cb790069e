//! JSON as Python writes it: bare `NaN`, `Infinity` and `-Infinity` (and `Inf`) become texts on the way in. And no more
//! values than there is memory for: `0,` is two bytes in a file, and thirty in memory.

use std::cell::Cell;
use std::io::{self, Read};
use std::rc::Rc;

use crate::error::LimitHit;

/// Passes JSON through, putting quotes around bare not-a-number words outside of texts.
pub(crate) struct Lenient<R> {
    inner: R,
    /// Values so far; whoever reads row by row sets it back, and to [`UNCOUNTED`] where nothing is kept.
    values: Rc<Cell<u64>>,
    most: u64,
    chunk: Box<[u8]>,
    out: Vec<u8>,
    sent: usize,
    word: Vec<u8>,
    in_text: bool,
    escaped: bool,
    ended: bool,
}

/// A count of values while nothing that is read is kept.
pub(crate) const UNCOUNTED: u64 = u64::MAX;

/// The longest word that means something (`-Infinity`).
const LONGEST: usize = 9;

impl<R: Read> Lenient<R> {
    /// Refuses what has more than `most` values.
    pub(crate) fn new(inner: R, most: u64) -> Self {
        Self::counting(inner, most, Rc::default())
    }

    pub(crate) fn counting(inner: R, most: u64, values: Rc<Cell<u64>>) -> Self {
        Self {
            inner,
            values,
            most,
            chunk: vec![0; 32 << 10].into_boxed_slice(),
            out: Vec::with_capacity(33 << 10),
            sent: 0,
            word: Vec::with_capacity(LONGEST + 1),
            in_text: false,
            escaped: false,
            ended: false,
        }
    }

    fn byte(&mut self, byte: u8) {
        if self.in_text {
            self.out.push(byte);
            if self.escaped {
                self.escaped = false;
            } else if byte == b'\\' {
                self.escaped = true;
            } else if byte == b'"' {
                self.in_text = false;
            }
            return;
        }
        if byte.is_ascii_alphabetic() || byte == b'-' {
            if self.word.len() > LONGEST {
                self.flush_word();
            }
            self.word.push(byte);
            return;
        }
        self.flush_word();
        self.in_text = byte == b'"';
        if matches!(byte, b',' | b'[' | b'{') && self.values.get() != UNCOUNTED {
            self.values.set(self.values.get() + 1);
        }
        self.out.push(byte);
    }

    fn flush_word(&mut self) {
        const WORDS: [&[u8]; 8] =
            [b"NaN", b"nan", b"Infinity", b"-Infinity", b"Inf", b"-Inf", b"inf", b"-inf"];
        if WORDS.contains(&self.word.as_slice()) {
            self.out.push(b'"');
            self.out.extend_from_slice(&self.word);
            self.out.push(b'"');
        } else {
            self.out.extend_from_slice(&self.word);
        }
        self.word.clear();
    }

    fn refill(&mut self) -> io::Result<()> {
        self.out.clear();
        self.sent = 0;
        let read = loop {
            match self.inner.read(&mut self.chunk) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => break other?,
            }
        };
        if read == 0 {
            self.ended = true;
            self.flush_word();
        }
        for at in 0..read {
            self.byte(self.chunk[at]);
        }
        if self.values.get() > self.most && self.values.get() != UNCOUNTED {
            return Err(io::Error::other(LimitHit {
                problem: format!("holds more than {} JSON values at once", self.most),
                next: "no evaluation writes such an answer: make sure that the file is what it claims to be"
                    .into(),
            }));
        }
        Ok(())
    }
}

impl<R: Read> Read for Lenient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.sent == self.out.len() && !self.ended {
            self.refill()?;
        }
        let ready = &self.out[self.sent..];
        let len = ready.len().min(buffer.len());
        buffer[..len].copy_from_slice(&ready[..len]);
        self.sent += len;
        Ok(len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A reader that hands out one byte at a time, so that every token is cut everywhere.
    struct Drip<'a>(&'a [u8]);
    impl Read for Drip<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let Some((first, rest)) = self.0.split_first() else { return Ok(0) };
            buffer[0] = *first;
            self.0 = rest;
            Ok(1)
        }
    }

    fn pass(text: &str) -> String {
        let mut out = String::new();
        Lenient::new(Drip(text.as_bytes()), 1_000).read_to_string(&mut out).unwrap();
        out
    }

    #[test]
    fn bare_words_become_texts_and_nothing_else_changes() {
        assert_eq!(
            pass(r#"{"a":NaN,"b":[-Infinity,Inf, -1e5,true,null],"c":"NaN \" NaN","d":NaN}"#),
            r#"{"a":"NaN","b":["-Infinity","Inf", -1e5,true,null],"c":"NaN \" NaN","d":"NaN"}"#
        );
        assert_eq!(pass("NaN"), "\"NaN\"");
        assert_eq!(pass("nonsensewordsNaN"), "nonsensewordsNaN");
    }

    #[test]
    fn many_small_values_are_refused_and_commas_in_texts_are_none() {
        let pass = |text: &str| Lenient::new(text.as_bytes(), 5).read_to_string(&mut String::new());
        assert!(pass("[0,0,0,0,0]").is_ok());
        assert!(pass(r#"["a,b,c,d,e,f,[,{"]"#).is_ok());
        assert!(pass("[0,0,0,0,0,0]").unwrap_err().to_string().contains("more than 5 JSON values"));
    }
}
