//! Images that are made for tests: stripes that lie or stand, and the files that they come in.
#![allow(dead_code, unreachable_pub)]

use std::io::{Cursor, Write as _};
use std::path::PathBuf;

use ordinate_images::Image;
use zip::write::SimpleFileOptions;

use super::support::Desk;

pub const SIDE: u32 = 12;

/// Stripes that lie (0) or stand (1), of their own phase, brightness and noise.
pub fn image(at: u64) -> Image {
    let (label, phase) = (at % 2, at / 2 % 4);
    let noise = |x: u64, y: u64| (at * 7_919 + x * 104_729 + y * 1_299_709) % 60;
    let value = |x: u64, y: u64| {
        let along = if label == 0 { y } else { x };
        (40 + noise(x, y) + u64::from((along + phase) % 4 < 2) * (90 + at % 5 * 12)) as u8
    };
    let side = u64::from(SIDE);
    let pixels = (0..side).flat_map(|y| (0..side).map(move |x| value(x, y))).collect();
    Image::of_pixels(SIDE, SIDE, 1, pixels).unwrap()
}

pub fn png(at: u64) -> Vec<u8> {
    image(at).to_png().unwrap()
}

pub fn label(at: u64) -> &'static str {
    ["lying", "standing"][(at % 2) as usize]
}

/// An array of NumPy of single bytes.
pub fn npy(descr: &str, shape: &str, values: &[u8]) -> Vec<u8> {
    let head = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({shape}), }}\n");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(head.len()).unwrap().to_le_bytes());
    bytes.extend(head.as_bytes());
    bytes.extend(values);
    bytes
}

pub fn npz(arrays: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in arrays {
        archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// The images from one to another and their labels, as arrays of a split.
pub fn split(name: &str, from: u64, to: u64) -> [(String, Vec<u8>); 2] {
    let images: Vec<u8> = (from..to).flat_map(|at| image(at).pixels().to_vec()).collect();
    let labels: Vec<u8> = (from..to).map(|at| (at % 2) as u8).collect();
    let count = to - from;
    [
        (format!("{name}_images"), npy("|u1", &format!("{count}, {SIDE}, {SIDE}"), &images)),
        (format!("{name}_labels"), npy("|u1", &format!("{count}, 1"), &labels)),
    ]
}

/// `train` items from 0 on, and `test` items behind them, in one file.
pub fn write_npz(desk: &Desk, name: &str, train: u64, test: u64) {
    let arrays = [split("train", 0, train), split("test", train, train + test)].concat();
    let arrays: Vec<(&str, Vec<u8>)> = arrays.iter().map(|(name, bytes)| (&**name, bytes.clone())).collect();
    desk.write(name, npz(&arrays));
}

pub const LABELS: &str = "labels = { 0 = \"lying\", 1 = \"standing\" }";

/// A task over `data`, with these candidates: name, lineage and source.
pub fn task(desk: &Desk, data: &str, candidates: &[(&str, &str, &str)]) -> PathBuf {
    let mut text = format!(
        "[task]\nname = \"stripes\"\nkind = \"classify-image\"\n{data}\n[statistics]\nresamples = 200\n"
    );
    for (name, lineage, source) in candidates {
        text += &format!("[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n{source}\n");
    }
    desk.write("task.toml", text)
}
