//! The JSON objects of a text, one by one.

use std::io::BufRead;

use crate::error::Problem;
use crate::source::{MAX_RECORD_BYTES, TextReader, unpack_problem};

/// Cuts text into objects of limited length, by lines or (of an array) by their brackets; one buffer serves them all.
pub(super) struct Lines {
    reader: TextReader,
    buffer: Vec<u8>,
    /// The line on which the object begins.
    line: u64,
    array: Option<Array>,
}

/// Where in an array the reader is.
#[derive(Default)]
struct Array {
    /// Lines that ended so far.
    lines: u64,
    begun: bool,
    ended: bool,
}

impl Lines {
    pub(super) fn new(reader: TextReader, array: bool) -> Self {
        Self { reader, buffer: Vec::new(), line: 0, array: array.then(Array::default) }
    }

    /// The next object that is not blank, and its line.
    pub(super) fn advance(&mut self) -> Result<Option<(u64, &str)>, (u64, Problem)> {
        loop {
            let more = match &mut self.array {
                Some(array) => array.fill(&mut self.reader, &mut self.buffer, &mut self.line),
                None => self.fill(),
            };
            let more = more.map_err(|problem| (self.line, problem))?;
            if !self.buffer.iter().all(u8::is_ascii_whitespace) {
                break;
            }
            if !more {
                return Ok(None);
            }
        }
        match std::str::from_utf8(&self.buffer) {
            Ok(text) => Ok(Some((self.line, text))),
            Err(_) => Err((self.line, Problem::NotUtf8)),
        }
    }

    /// Fills the buffer with the next line; whether there may be another.
    fn fill(&mut self) -> Result<bool, Problem> {
        self.buffer.clear();
        self.line += 1;
        loop {
            let input = self.reader.fill_buf().map_err(unpack_problem)?;
            if input.is_empty() {
                return Ok(false);
            }
            let end = memchr::memchr(b'\n', input);
            let taken = end.unwrap_or(input.len());
            if self.buffer.len() + taken > MAX_RECORD_BYTES {
                return Err(Problem::TooLong);
            }
            self.buffer.extend_from_slice(&input[..taken]);
            self.reader.consume(taken + usize::from(end.is_some()));
            if end.is_some() {
                return Ok(true);
            }
        }
    }
}

impl Array {
    /// Fills the buffer with the next element; whether there may be another.
    fn fill(
        &mut self,
        reader: &mut TextReader,
        buffer: &mut Vec<u8>,
        line: &mut u64,
    ) -> Result<bool, Problem> {
        buffer.clear();
        let (mut depth, mut in_text, mut escaped) = (0_u32, false, false);
        loop {
            let input = reader.fill_buf().map_err(unpack_problem)?;
            if input.is_empty() {
                *line = self.lines + 1;
                if self.ended {
                    return Ok(false);
                }
                return Err(Problem::BadJson("the array does not end: the file is cut off".to_owned()));
            }
            for (at, &byte) in input.iter().enumerate() {
                self.lines += u64::from(byte == b'\n');
                if buffer.is_empty() {
                    let between = byte.is_ascii_whitespace() || byte == b',';
                    if self.ended && !byte.is_ascii_whitespace() {
                        *line = self.lines + 1;
                        return Err(Problem::BadJson("there is something after the array".to_owned()));
                    }
                    if between {
                        continue;
                    }
                    if !self.begun {
                        self.begun = true;
                        continue;
                    }
                    if byte == b']' {
                        self.ended = true;
                        continue;
                    }
                    *line = self.lines + 1;
                }
                let outside = !in_text;
                if in_text {
                    in_text = escaped || byte != b'"';
                    escaped = !escaped && byte == b'\\';
                } else {
                    match byte {
                        b'"' => in_text = true,
                        b'{' | b'[' => depth = depth.saturating_add(1),
                        b'}' | b']' if depth > 0 => depth -= 1,
                        // The end of an element that is no object.
                        b',' | b']' if depth == 0 => {
                            self.ended = byte == b']';
                            reader.consume(at + 1);
                            return Ok(true);
                        }
                        _ => {}
                    }
                }
                if buffer.len() >= MAX_RECORD_BYTES {
                    return Err(Problem::TooLong);
                }
                buffer.push(byte);
                if outside && depth == 0 && byte == b'}' {
                    reader.consume(at + 1);
                    return Ok(true);
                }
            }
            let all = input.len();
            reader.consume(all);
        }
    }
}
