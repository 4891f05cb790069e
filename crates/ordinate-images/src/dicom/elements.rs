//! The elements of a DICOM file (PS3.5 and PS3.10): what is nested in sequences is passed over, one element after the other, so that no
//! depth of them takes more than a byte.

use std::collections::BTreeMap;
use std::ops::Range;

use crate::error::ImageError;

/// A group and an element.
pub(super) type Tag = (u16, u16);

/// What stands before the magic letters.
pub(super) const PREAMBLE: usize = 128;
const TRANSFER_SYNTAX: Tag = (0x0002, 0x0010);
pub(super) const PIXELS: Tag = (0x7fe0, 0x0010);
const ITEM: Tag = (0xfffe, 0xe000);
const ITEM_END: Tag = (0xfffe, 0xe00d);
const SEQUENCE_END: Tag = (0xfffe, 0xe0dd);
/// A length that is not said.
const UNDEFINED: u32 = u32::MAX;
/// Sequences in sequences, at most: real ones have less than ten.
const DEEPEST: usize = 64;
/// Value representations with a length of four bytes.
const LONG: [&[u8; 2]; 13] =
    [b"OB", b"OW", b"OF", b"OD", b"OL", b"OV", b"SQ", b"UT", b"UN", b"UC", b"UR", b"SV", b"UV"];

/// The pixels, as they stand in the file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum PixelData {
    /// Values one after the other: where they begin, and how many bytes they were to have.
    Native(usize, usize),
    /// Packed, in parts.
    Packed(Vec<Range<usize>>),
}

/// What a file holds.
#[derive(Debug, Default)]
pub(super) struct Elements {
    /// Of the file itself, not of what is nested in it.
    values: BTreeMap<Tag, Range<usize>>,
    pub(super) transfer_syntax: String,
    pub(super) pixels: Option<PixelData>,
}

pub(super) fn cut_off() -> ImageError {
    ImageError::Damaged("the DICOM file ends within an element".to_owned())
}

/// Reads at a place, and moves on.
struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let part = self.bytes.get(self.at..).and_then(<[u8]>::first_chunk::<N>);
        let part = *part.ok_or_else(cut_off)?;
        self.at += N;
        Ok(part)
    }

    fn short(&mut self) -> Result<u16, ImageError> {
        self.take().map(u16::from_le_bytes)
    }

    fn long(&mut self) -> Result<u32, ImageError> {
        self.take().map(u32::from_le_bytes)
    }

    fn tag(&mut self) -> Result<Tag, ImageError> {
        Ok((self.short()?, self.short()?))
    }

    /// The place of so many bytes.
    fn span(&mut self, length: u32) -> Result<Range<usize>, ImageError> {
        let end = usize::try_from(length).ok().and_then(|length| self.at.checked_add(length));
        let end = end.filter(|end| *end <= self.bytes.len()).ok_or_else(cut_off)?;
        Ok(std::mem::replace(&mut self.at, end)..end)
    }

    /// What stands behind a tag: the value representation, where it is said, and the length.
    fn length(&mut self, is_explicit: bool) -> Result<(Option<[u8; 2]>, u32), ImageError> {
        if !is_explicit {
            return Ok((None, self.long()?));
        }
        let kind = self.take::<2>()?;
        if LONG.contains(&&kind) {
            self.short()?;
            return Ok((Some(kind), self.long()?));
        }
        if !kind.iter().all(u8::is_ascii_uppercase) {
            return Err(ImageError::Damaged("an element of the DICOM file is of no kind".to_owned()));
        }
        Ok((Some(kind), self.short()?.into()))
    }

    /// The parts that pixels were packed into; the first is a table of places, which is empty or says what the others say.
    fn parts(&mut self) -> Result<Vec<Range<usize>>, ImageError> {
        let mut parts = Vec::new();
        loop {
            let (tag, length) = (self.tag()?, self.long()?);
            match tag {
                ITEM => parts.push(self.span(length)?),
                SEQUENCE_END => break,
                _ => return Err(cut_off()),
            }
        }
        if !parts.is_empty() {
            parts.remove(0);
        }
        Ok(parts)
    }
}

impl Elements {
    /// Those of a file, which begins with a preamble and `DICM`.
    pub(super) fn read(bytes: &[u8]) -> Result<Self, ImageError> {
        let mut all = Self::default();
        let mut reader = Reader { bytes, at: PREAMBLE + 4 };
        // What is said of the file itself is always explicit.
        while bytes.get(reader.at..reader.at + 2).is_some_and(|group| group == [2, 0]) {
            let tag = reader.tag()?;
            let (_, length) = reader.length(true)?;
            let span = reader.span(length)?;
            if tag == TRANSFER_SYNTAX {
                all.transfer_syntax = text(&bytes[span.clone()]);
            }
        }
        match all.transfer_syntax.as_str() {
            "" => {
                return Err(ImageError::Damaged("the DICOM file does not say how it is written".to_owned()));
            }
            "1.2.840.10008.1.2.2" => return Err(unread("is written in big-endian")),
            "1.2.840.10008.1.2.1.99" => return Err(unread("is deflated")),
            _ => {}
        }
        let is_explicit = all.transfer_syntax != "1.2.840.10008.1.2";
        // Whether each sequence that is open says kinds.
        let mut open = vec![is_explicit];
        while reader.at < bytes.len() {
            let explicit = open.last().copied().unwrap_or(is_explicit);
            let tag = reader.tag()?;
            match tag {
                ITEM => match reader.long()? {
                    UNDEFINED => open.push(explicit),
                    length => {
                        reader.span(length)?;
                    }
                },
                ITEM_END | SEQUENCE_END => {
                    reader.long()?;
                    if open.len() == 1 {
                        return Err(ImageError::Damaged(
                            "a sequence of the DICOM file ends that never began".to_owned(),
                        ));
                    }
                    open.pop();
                }
                _ => {
                    let (kind, length) = reader.length(explicit)?;
                    let is_own = open.len() == 1;
                    if tag == PIXELS && is_own {
                        all.pixels = Some(match length {
                            UNDEFINED => PixelData::Packed(reader.parts()?),
                            // How much of it is there is said where it is needed.
                            length => PixelData::Native(reader.at, length as usize),
                        });
                        break;
                    }
                    match length {
                        // What is of no known kind says none within.
                        UNDEFINED => open.push(explicit && kind != Some(*b"UN")),
                        length => {
                            let span = reader.span(length)?;
                            if is_own {
                                all.values.insert(tag, span);
                            }
                        }
                    }
                }
            }
            if open.len() > DEEPEST {
                return Err(ImageError::Damaged(
                    "sequences of the DICOM file are nested without end".to_owned(),
                ));
            }
        }
        Ok(all)
    }

    /// Whether an element is there.
    pub(super) fn has(&self, tag: Tag) -> bool {
        self.values.contains_key(&tag)
    }

    fn bytes<'a>(&self, bytes: &'a [u8], tag: Tag) -> Option<&'a [u8]> {
        bytes.get(self.values.get(&tag)?.clone()).filter(|value| !value.is_empty())
    }

    /// A whole number of two bytes.
    pub(super) fn number(&self, bytes: &[u8], tag: Tag) -> Option<u16> {
        self.bytes(bytes, tag)?.first_chunk::<2>().map(|value| u16::from_le_bytes(*value))
    }

    /// A text, without what fills it up.
    pub(super) fn text(&self, bytes: &[u8], tag: Tag) -> Option<String> {
        self.bytes(bytes, tag).map(text)
    }

    /// The first of numbers that are written as a text.
    pub(super) fn decimal(&self, bytes: &[u8], tag: Tag) -> Option<f64> {
        let first = self.text(bytes, tag)?;
        first.split('\\').next()?.trim().parse().ok().filter(|number: &f64| number.is_finite())
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).trim_end_matches(['\0', ' ']).trim_start().to_owned()
}

/// That a file is none that is read here.
pub(super) fn unread(what: &str) -> ImageError {
    ImageError::Dicom(what.to_owned())
}
