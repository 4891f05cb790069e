//! Bodies that a server packed unasked (`Content-Encoding`): unpacked as they come, and never beyond what an answer may have.

use std::io::{self, Write};

use brotli_decompressor::DecompressorWriter;
use flate2::write::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use reqwest::header::{CONTENT_ENCODING, HeaderMap};

/// What unpacks the bytes of a body.
pub(crate) struct Unpacking {
    form: Form,
    /// The encoding, as the server names it.
    name: String,
}

enum Form {
    Plain,
    Gzip(MultiGzDecoder<Taken>),
    /// Not known yet: `deflate` is zlib, and bare where servers took it at its word.
    Deflate(u64),
    Zlib(ZlibDecoder<Taken>),
    Bare(DeflateDecoder<Taken>),
    Brotli(Box<DecompressorWriter<Taken>>),
    Unknown,
}

/// What was unpacked and not taken yet, and how much more there may be.
struct Taken {
    bytes: Vec<u8>,
    left: u64,
}

impl Write for Taken {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(io::ErrorKind::FileTooLarge)?;
        self.bytes.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Why a body cannot be unpacked.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Unpackable {
    /// It is longer than it may be.
    TooLarge,
    /// It is not what it says; a sentence.
    Damaged(String),
}

impl Unpacking {
    /// For the body of an answer with these headers, of at most so many bytes unpacked.
    pub(crate) fn of(headers: &HeaderMap, most: usize) -> Self {
        let named = headers.get_all(CONTENT_ENCODING).iter().filter_map(|value| value.to_str().ok());
        let names: Vec<String> = named
            .flat_map(|value| value.split(','))
            .map(|name| name.trim().to_ascii_lowercase())
            .filter(|name| !name.is_empty() && name != "identity")
            .collect();
        let left = most as u64;
        let taken = || Taken { bytes: Vec::new(), left };
        let form = match names.iter().map(String::as_str).collect::<Vec<_>>()[..] {
            [] => Form::Plain,
            ["gzip" | "x-gzip"] => Form::Gzip(MultiGzDecoder::new(taken())),
            ["deflate"] => Form::Deflate(left),
            ["br"] => Form::Brotli(Box::new(DecompressorWriter::new(taken(), 4096))),
            _ => Form::Unknown,
        };
        Self { form, name: names.join(", ") }
    }

    /// What the next bytes of the body are, as far as that is known yet.
    pub(crate) fn unpack(&mut self, chunk: &[u8]) -> Result<Vec<u8>, Unpackable> {
        if let (Form::Deflate(left), Some(first)) = (&self.form, chunk.first()) {
            let taken = Taken { bytes: Vec::new(), left: *left };
            // The method and the window of zlib.
            self.form = if first & 0x0f == 8 && first >> 4 <= 7 {
                Form::Zlib(ZlibDecoder::new(taken))
            } else {
                Form::Bare(DeflateDecoder::new(taken))
            };
        }
        let done = match &mut self.form {
            Form::Plain => return Ok(chunk.to_vec()),
            Form::Deflate(_) => return Ok(Vec::new()),
            Form::Unknown => {
                return Err(Unpackable::Damaged(format!(
                    "the answer is packed as {:?}, which is not unpacked here: have the server, or the proxy before it, \
                     send it plain or as gzip",
                    self.name
                )));
            }
            Form::Gzip(form) => pushed(form, chunk).map(|()| take(form.get_mut())),
            Form::Zlib(form) => pushed(form, chunk).map(|()| take(form.get_mut())),
            Form::Bare(form) => pushed(form, chunk).map(|()| take(form.get_mut())),
            Form::Brotli(form) => pushed(form.as_mut(), chunk).map(|()| take(form.get_mut())),
        };
        done.map_err(|error| self.failed(&error))
    }

    /// What is left when no more bytes come.
    pub(crate) fn end(&mut self) -> Result<Vec<u8>, Unpackable> {
        let done = match &mut self.form {
            Form::Plain | Form::Deflate(_) | Form::Unknown => return Ok(Vec::new()),
            Form::Gzip(form) => form.try_finish().map(|()| take(form.get_mut())),
            Form::Zlib(form) => form.try_finish().map(|()| take(form.get_mut())),
            Form::Bare(form) => form.try_finish().map(|()| take(form.get_mut())),
            Form::Brotli(form) => form.close().map(|()| take(form.get_mut())),
        };
        done.map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &io::Error) -> Unpackable {
        if error.kind() == io::ErrorKind::FileTooLarge {
            return Unpackable::TooLarge;
        }
        Unpackable::Damaged(format!(
            "the answer is packed as {:?} and cannot be unpacked: {error}",
            self.name
        ))
    }
}

fn pushed(form: &mut impl Write, chunk: &[u8]) -> io::Result<()> {
    form.write_all(chunk)?;
    // What came is handed on at once: streams are packed, too.
    form.flush()
}

fn take(taken: &mut Taken) -> Vec<u8> {
    std::mem::take(&mut taken.bytes)
}

#[cfg(test)]
mod tests {
    use flate2::Compression;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
    use reqwest::header::HeaderValue;

    use super::*;

    const MOST: usize = 100_000;

    fn headers(encoding: &str) -> HeaderMap {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_str(encoding).unwrap())])
    }

    /// Everything that is unpacked of these bytes, so many at a time.
    fn unpacked(encoding: &str, bytes: &[u8], at_a_time: usize) -> Result<Vec<u8>, Unpackable> {
        let mut unpacking = Unpacking::of(&headers(encoding), MOST);
        let mut all = Vec::new();
        for chunk in bytes.chunks(at_a_time) {
            all.extend(unpacking.unpack(chunk)?);
        }
        all.extend(unpacking.end()?);
        Ok(all)
    }

    /// The encodings, and a text packed by each.
    fn packed(text: &[u8]) -> Vec<(&'static str, Vec<u8>)> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(text).unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::best());
        zlib.write_all(text).unwrap();
        let mut bare = DeflateEncoder::new(Vec::new(), Compression::best());
        bare.write_all(text).unwrap();
        let mut brotli = Vec::new();
        let settings = brotli::enc::BrotliEncoderParams { quality: 4, ..Default::default() };
        brotli::BrotliCompress(&mut &text[..], &mut brotli, &settings).unwrap();
        vec![
            ("gzip", gzip.finish().unwrap()),
            ("deflate", zlib.finish().unwrap()),
            ("deflate", bare.finish().unwrap()),
            ("br", brotli),
            ("identity", text.to_vec()),
        ]
    }

    #[test]
    fn every_encoding_in_pieces_of_any_size() {
        let text = "{\"choices\": [{\"message\": {\"content\": \"Gold 金价 up\"}}]}".repeat(40).into_bytes();
        for (encoding, bytes) in packed(&text) {
            for at_a_time in [1, 7, 1_000_000] {
                assert_eq!(unpacked(encoding, &bytes, at_a_time).unwrap(), text, "{encoding} {at_a_time}");
            }
        }
    }

    #[test]
    fn what_grows_beyond_measure_is_refused_as_it_grows() {
        for (encoding, bytes) in packed(&vec![b'x'; 40 << 20]) {
            if encoding == "identity" {
                continue;
            }
            assert!(bytes.len() < MOST, "{encoding}: {}", bytes.len());
            assert_eq!(unpacked(encoding, &bytes, 1 << 20), Err(Unpackable::TooLarge), "{encoding}");
        }
    }

    #[test]
    fn what_is_damaged_or_unknown_is_said() {
        let text = b"an answer, long enough to be cut".repeat(30);
        for (encoding, bytes) in packed(&text).into_iter().filter(|(encoding, _)| *encoding != "identity") {
            let cut = unpacked(encoding, &bytes[..bytes.len() / 2], 64);
            assert!(cut.as_ref().map_or(true, |got| got.len() < text.len()), "{encoding}: {cut:?}");
        }
        for (encoding, bytes) in
            [("gzip", &b"plain text"[..]), ("br", &[0xff; 40]), ("zstd", b"x"), ("gzip, br", b"x")]
        {
            let said = unpacked(encoding, bytes, 64).unwrap_err();
            let Unpackable::Damaged(said) = said else { panic!("{encoding}: {said:?}") };
            assert!(said.contains(encoding), "{said}");
        }
    }
}
