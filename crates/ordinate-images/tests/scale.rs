//! Scaling and greys, against Pillow's (`golden/make_scale.py`).
#![allow(clippy::unwrap_used, clippy::panic)] // a test may

use ordinate_images::{Filter, Image};
use serde_json::Value;

fn golden() -> Value {
    serde_json::from_str(include_str!("golden/scale.json")).unwrap()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.as_array().unwrap().iter().map(|value| u8::try_from(value.as_u64().unwrap()).unwrap()).collect()
}

fn number(value: &Value) -> u32 {
    u32::try_from(value.as_u64().unwrap()).unwrap()
}

/// Pillow rounds between its two passes too, and so differs by one at most.
#[test]
fn images_are_scaled_as_pillow_does() {
    for case in golden()["scaled"].as_array().unwrap() {
        let channels = number(&case["channels"]) as usize;
        let image = Image::of_pixels(
            number(&case["width"]),
            number(&case["height"]),
            channels,
            bytes(&case["values"]),
        );
        let (image, width, height) = (image.unwrap(), number(&case["to"][0]), number(&case["to"][1]));
        let held = |scaled: &Image, theirs: &Value, apart: u8| {
            let theirs = bytes(theirs);
            assert_eq!(scaled.pixels().len(), theirs.len());
            let most = scaled.pixels().iter().zip(&theirs).map(|(a, b)| a.abs_diff(*b)).max().unwrap();
            assert!(most <= apart, "{} to {}: {most}", case["width"], case["to"]);
        };
        held(&image.resized(width, height), &case["scaled"], 1);
        // Halves may be rounded otherwise, as weights are of other precision; of the nearest pixel nothing is.
        held(&image.resized_by(width, height, Filter::Bilinear), &case["scaled"], 1);
        let others = &case["others"];
        held(&image.resized_by(width, height, Filter::Nearest), &others["NEAREST"], 0);
        held(&image.resized_by(width, height, Filter::Bicubic), &others["BICUBIC"], 1);
        held(&image.resized_by(width, height, Filter::Lanczos), &others["LANCZOS"], 1);
    }
}

#[test]
fn greys_are_those_of_pillow() {
    let golden = golden();
    let colour = bytes(&golden["colour"]);
    let image = Image::of_pixels(u32::try_from(colour.len() / 3).unwrap(), 1, 3, colour).unwrap();
    let theirs = bytes(&golden["grey"]);
    let grey = image.with_channels(1);
    assert!(
        grey.pixels().iter().zip(&theirs).all(|(a, b)| a.abs_diff(*b) <= 1),
        "{:?} {theirs:?}",
        grey.pixels()
    );
}
