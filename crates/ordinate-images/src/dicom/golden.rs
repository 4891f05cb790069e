//! DICOM files against pydicom, and what is refused: `tests/golden/make_dicom.py` wrote the files.
#![allow(clippy::unwrap_used)]

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::is_dicom;
use crate::{Image, ImageError, text_of};

fn golden() -> Vec<Value> {
    let all: Value = serde_json::from_str(include_str!("../../tests/golden/dicom.json")).unwrap();
    all["cases"].as_array().unwrap().clone()
}

fn file(name: &str) -> Vec<u8> {
    let case = golden().into_iter().find(|case| case["name"] == name).unwrap();
    STANDARD.decode(case["file"].as_str().unwrap()).unwrap()
}

#[test]
fn pixels_are_shown_as_pydicom_shows_them() {
    let cases = golden();
    assert_eq!(cases.len(), 13);
    for case in cases {
        let name = case["name"].as_str().unwrap();
        let bytes = file(name);
        assert!(is_dicom(&bytes));
        let image = Image::decode(&bytes).unwrap();
        let size = [image.width() as usize, image.height() as usize, image.channels()];
        assert_eq!(size, ["width", "height", "channels"].map(|key| case[key].as_u64().unwrap() as usize));
        let theirs: Vec<u8> = serde_json::from_value(case["pixels"].clone()).unwrap();
        // Halves are rounded otherwise by some, and a JPEG is unpacked by another decoder.
        let apart = image.pixels().iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
        assert!(apart <= if name == "jpeg" { 3 } else { 1 }, "{name}: {apart}");
        let differ = image.pixels().iter().zip(&theirs).filter(|(a, b)| a != b).count();
        assert!(name == "jpeg" || differ <= 1, "{name}: {differ}");
        // What an item is is a PNG, whatever the size.
        let text = text_of(&bytes, 256).unwrap();
        assert_eq!(Image::of_text(&text).unwrap(), image);
    }
}

/// The file with the value of an element of the kind `US` replaced; it is the last of this tag, as others are nested before it.
fn with(name: &str, tag: [u8; 4], value: u16) -> Vec<u8> {
    let mut bytes = file(name);
    let head = [&tag[..], b"US", &[2, 0]].concat();
    let at = bytes.windows(8).rposition(|window| window == head).unwrap() + 8;
    bytes[at..at + 2].copy_from_slice(&value.to_le_bytes());
    bytes
}

fn replaced(name: &str, old: &[u8], new: &[u8]) -> Vec<u8> {
    let bytes = file(name);
    let at = bytes.windows(old.len()).rposition(|window| window == old).unwrap();
    [&bytes[..at], new, &bytes[at + old.len()..]].concat()
}

fn refused(bytes: &[u8]) -> String {
    Image::decode(bytes).unwrap_err().to_string()
}

const ROWS: [u8; 4] = [0x28, 0, 0x10, 0];
const COLUMNS: [u8; 4] = [0x28, 0, 0x11, 0];
const BITS: [u8; 4] = [0x28, 0, 0, 1];
const PIXELS: [u8; 4] = [0xe0, 0x7f, 0x10, 0];

#[test]
fn what_cannot_be_shown_is_refused() {
    let plain = file("plain");
    let pixels = plain.windows(4).rposition(|window| window == PIXELS).unwrap();
    assert!(refused(&plain[..pixels]).contains("the DICOM file has no pixels"));
    assert!(refused(&plain[..plain.len() - 9]).contains("end after 33 of 42 bytes"));
    assert!(refused(&plain[..pixels + 6]).contains("ends within an element"));
    assert!(refused(&plain[..132]).contains("does not say how it is written"));
    // A size that nothing is set aside for: the file holds 42 bytes of pixels.
    let mut bomb = with("plain", ROWS, u16::MAX);
    let at =
        bomb.windows(8).rposition(|window| window[..4] == COLUMNS && window[4..6] == *b"US").unwrap() + 8;
    bomb[at..at + 2].copy_from_slice(&u16::MAX.to_le_bytes());
    assert_eq!(Image::decode(&bomb), Err(ImageError::TooManyPixels { width: 65_535, height: 65_535 }));
    assert!(refused(&with("plain", ROWS, 600)).contains("end after 42 of 4200 bytes"));
    assert!(refused(&with("run lengths", ROWS, 6_000)).contains("damaged or cut off"));
    assert!(refused(&with("jpeg", ROWS, 7)).contains("of another size than it says"));
    assert!(refused(&with("plain", ROWS, 0)).contains("its rows or columns are 0"));
    assert!(refused(&with("plain", BITS, 32)).contains("1 values a pixel of 32 bits, MONOCHROME2"));
    assert!(refused(&with("plain", [0x28, 0, 2, 0], 4)).contains("4 values a pixel"));
    assert!(refused(&replaced("plain", b"MONOCHROME2 ", b"PALETTECOLOR")).contains("PALETTECOLOR"));
    let explicit = b"1.2.840.10008.1.2.1\0";
    for (syntax, says) in [
        (b"1.2.840.10008.1.2.2\0", "is written in big-endian"),
        (b"1.2.840.10008.1.2.5\0", "packs its pixels otherwise than it says"),
        (b"1.2.840.10008.9.9.9\0", "a way that is not known here (1.2.840.10008.9.9.9)"),
    ] {
        let said = refused(&replaced("plain", explicit, syntax));
        assert!(said.contains(says), "{said}");
    }
    let jpeg = b"1.2.840.10008.1.2.4.50";
    for (syntax, says) in
        [(b"1.2.840.10008.1.2.4.90", "JPEG 2000"), (b"1.2.840.10008.1.2.4.70", "lossless JPEG")]
    {
        let said = refused(&replaced("jpeg", jpeg, syntax));
        assert!(said.contains(says) && said.contains("gdcmconv --raw"), "{said}");
    }
}

/// An element that holds itself, again and again: depth costs nothing here, and is refused.
#[test]
fn sequences_without_end_are_refused() {
    let plain = file("plain");
    let pixels = plain.windows(4).rposition(|window| window == PIXELS).unwrap();
    let open =
        [&[0x08, 0, 0x10, 0x11][..], b"SQ\0\0\xff\xff\xff\xff", &[0xfe, 0xff, 0, 0xe0], &[0xff; 4]].concat();
    let nested = [&plain[..pixels], &open.repeat(100_000)].concat();
    assert!(refused(&nested).contains("nested without end"));
    let closed = [&plain[..pixels], &[0xfe, 0xff, 0xdd, 0xe0, 0, 0, 0, 0]].concat();
    assert!(refused(&closed).contains("ends that never began"));
}

/// Cut at every place and with every byte changed: an image or an error, and no panic (which reading by `decode` would hide).
#[test]
fn damaged_files_end_in_words() {
    for name in ["implicit", "run lengths of colour", "jpeg"] {
        let whole = file(name);
        for at in 132..whole.len() {
            drop(super::read(&whole[..at]));
            let mut changed = whole.clone();
            changed[at] ^= 0xff;
            drop(super::read(&changed));
        }
    }
}
