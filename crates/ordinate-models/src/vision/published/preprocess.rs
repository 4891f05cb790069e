//! How images become what a published network reads: scaled, cut out of the middle, and standardised.

use ordinate_images::{Filter, Image};
use serde_json::Value;

/// The longest side that is scaled to.
const LONGEST: u32 = 4_096;
/// What values are divided by.
const BYTE: f64 = 255.0;
/// Mean and deviation of ImageNet, which torchvision and timm take where nothing is said.
const MEAN: [f64; 3] = [0.485, 0.456, 0.406];
const DEVIATION: [f64; 3] = [0.229, 0.224, 0.225];

/// What an image is scaled to.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Resize {
    /// Nothing else.
    No,
    /// These sides, whatever its ratio.
    To { width: u32, height: u32 },
    /// A shorter side of so many pixels, in its own ratio.
    Shorter(u32),
}

/// How images are read.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Preprocess {
    resize: Resize,
    filter: Filter,
    /// Width and height of what is cut out of the middle.
    crop: Option<(u32, u32)>,
    /// Whether half a pixel is rounded to an even number where something is cut out, as torchvision has it, and not down.
    rounds: bool,
    /// What values are multiplied with.
    scale: f32,
    /// What is taken off the values of each channel then, and what they are divided by.
    mean: Vec<f32>,
    deviation: Vec<f32>,
}

impl Preprocess {
    /// What `preprocessor_config.json` of `transformers` says.
    pub(super) fn hub(said: &Value) -> Result<Self, String> {
        let is = |key: &str, default: bool| said[key].as_bool().unwrap_or(default);
        let kind = ["image_processor_type", "feature_extractor_type"];
        let kind = kind.iter().find_map(|key| said[*key].as_str()).unwrap_or_default();
        // The one that published ResNets have.
        let is_convnext = kind.starts_with("ConvNext");
        let default = if is_convnext { 3 } else { 2 };
        let filter = match said["resample"].as_u64().unwrap_or(default) {
            0 => Filter::Nearest,
            1 => Filter::Lanczos,
            2 => Filter::Bilinear,
            3 => Filter::Bicubic,
            other => {
                return Err(format!(
                    "resample {other} is not read; 0, 1, 2 and 3 are (nearest, Lanczos, bilinear, bicubic)"
                ));
            }
        };
        let mut resize = if is("do_resize", true) { sides(&said["size"])? } else { Resize::No };
        let mut crop = match is("do_center_crop", false) {
            false => None,
            true => {
                match sides(if said["crop_size"].is_null() { &said["size"] } else { &said["crop_size"] })? {
                    Resize::To { width, height } => Some((width, height)),
                    Resize::Shorter(side) => Some((side, side)),
                    Resize::No => None,
                }
            }
        };
        if let Resize::Shorter(side) = resize
            && is_convnext
        {
            // Large ones are warped.
            let share = said["crop_pct"].as_f64().unwrap_or(224.0 / 256.0);
            (resize, crop) = match side < 384 {
                true => (Resize::Shorter(side_of(f64::from(side) / share)?), Some((side, side))),
                false => (Resize::To { width: side, height: side }, crop),
            };
        }
        let scale = match is("do_rescale", true) {
            true => said["rescale_factor"].as_f64().unwrap_or(1.0 / BYTE),
            false => 1.0,
        };
        let normalises = is("do_normalize", true);
        let of = |key: &str, plain: f64| match normalises {
            true => list(&said[key]).unwrap_or_else(|| vec![0.5; 3]),
            false => vec![plain; 3],
        };
        let (mean, deviation) = (of("image_mean", 0.0), of("image_std", 1.0));
        Self { resize, filter, crop, rounds: false, scale: scale as f32, mean: vec![], deviation: vec![] }
            .with(mean, deviation)
    }

    /// What timm says: `pretrained_cfg`, or the same one level above. Without it, what torchvision takes for its own ResNets.
    pub(super) fn timm(config: &Value) -> Result<Self, String> {
        let said = if config["pretrained_cfg"].is_object() { &config["pretrained_cfg"] } else { config };
        let filter = match said["interpolation"].as_str().unwrap_or("bilinear") {
            "nearest" => Filter::Nearest,
            "bilinear" => Filter::Bilinear,
            "bicubic" => Filter::Bicubic,
            "lanczos" => Filter::Lanczos,
            other => {
                return Err(format!(
                    "interpolation {other:?} is not read; nearest, bilinear, bicubic and lanczos are"
                ));
            }
        };
        let side = |at: usize| said["input_size"][at].as_f64().map_or(Ok(224), side_of);
        let (height, width) = (side(1)?, side(2)?);
        let share = said["crop_pct"].as_f64().unwrap_or(0.875);
        let scaled = |side: u32| side_of(f64::from(side) / share);
        let resize = match said["crop_mode"].as_str().unwrap_or("center") {
            "squash" => Resize::To { width: scaled(width)?, height: scaled(height)? },
            "center" if width == height => Resize::Shorter(scaled(width)?),
            other => {
                return Err(format!(
                    "crop_mode {other:?} of {width} x {height} is not read; center of a square is, and squash"
                ));
            }
        };
        let of = |key: &str, plain: [f64; 3]| list(&said[key]).unwrap_or_else(|| plain.to_vec());
        let (mean, deviation) = (of("mean", MEAN), of("std", DEVIATION));
        let (crop, scale) = (Some((width, height)), (1.0 / BYTE) as f32);
        Self { resize, filter, crop, rounds: true, scale, mean: vec![], deviation: vec![] }
            .with(mean, deviation)
    }

    fn with(mut self, mean: Vec<f64>, deviation: Vec<f64>) -> Result<Self, String> {
        let fits = mean.len() == deviation.len()
            && mean.iter().all(|mean| mean.is_finite())
            && deviation.iter().all(|deviation| *deviation > 0.0 && deviation.is_finite())
            && self.scale.is_finite();
        if !fits {
            return Err("its means and deviations are no numbers that go together".to_owned());
        }
        let single = |values: Vec<f64>| values.into_iter().map(|value| value as f32).collect();
        (self.mean, self.deviation) = (single(mean), single(deviation));
        if self.sides().is_none() {
            return Err("it scales images to no fixed size, which is not read".to_owned());
        }
        Ok(self)
    }

    /// Width and height of what comes of it.
    pub(super) fn sides(&self) -> Option<(u32, u32)> {
        self.crop.or(match self.resize {
            Resize::To { width, height } => Some((width, height)),
            Resize::No | Resize::Shorter(_) => None,
        })
    }

    /// The same without scaling.
    #[cfg(test)]
    pub(super) fn unscaled(&self) -> Self {
        Self { resize: Resize::No, crop: None, ..self.clone() }
    }

    /// What one step of a pixel is, at most.
    #[cfg(test)]
    pub(super) fn step(&self) -> f32 {
        self.deviation.iter().fold(0.0, |most, deviation| (self.scale / deviation).max(most))
    }

    /// Whether it reads images of so many channels.
    pub(super) fn fits(&self, channels: usize) -> bool {
        self.mean.len() == channels || self.mean.len() == 1
    }

    /// An image scaled and cut.
    pub(super) fn scaled(&self, image: Image, channels: usize) -> Image {
        let image = image.with_channels(channels);
        let image = match self.resize {
            Resize::No => image,
            Resize::To { width, height } => image.resized_by(width, height, self.filter),
            Resize::Shorter(side) => {
                let (width, height) = (image.width(), image.height());
                let longer = |longer: u32, shorter: u32| {
                    let scaled = u64::from(side) * u64::from(longer) / u64::from(shorter.max(1));
                    u32::try_from(scaled).unwrap_or(u32::MAX)
                };
                let (width, height) = match width < height {
                    true => (side, longer(height, width)),
                    false => (longer(width, height), side),
                };
                image.resized_by(width, height, self.filter)
            }
        };
        match self.crop {
            Some((width, height)) => image.middle(width, height, self.rounds),
            None => image,
        }
    }

    /// What is taken off the bytes of each channel, and what they are divided by.
    pub(super) fn of_bytes(&self, channels: usize) -> (Vec<f32>, Vec<f32>) {
        let at = |list: &[f32], channel: usize| list[if list.len() == 1 { 0 } else { channel }] / self.scale;
        let of = |list: &[f32]| (0..channels).map(|channel| at(list, channel)).collect();
        (of(&self.mean), of(&self.deviation))
    }

    /// The values of an image, pixel by pixel.
    pub(super) fn values(&self, image: Image, channels: usize) -> Vec<f32> {
        let (mean, deviation) = self.of_bytes(channels);
        let of =
            |(at, value): (usize, &u8)| (f32::from(*value) - mean[at % channels]) / deviation[at % channels];
        self.scaled(image, channels).pixels().iter().enumerate().map(of).collect()
    }
}

fn side_of(side: f64) -> Result<u32, String> {
    match (1.0..=f64::from(LONGEST)).contains(&side) {
        true => Ok(side as u32),
        false => Err(format!("a side of {side} pixels is not read; 1 to {LONGEST} are")),
    }
}

/// A size: a number (in old files of both sides), or an object.
fn sides(size: &Value) -> Result<Resize, String> {
    let side = |key: &str| size[key].as_f64().map(side_of).transpose();
    if let Some(both) = size.as_f64() {
        let both = side_of(both)?;
        return Ok(Resize::To { width: both, height: both });
    }
    match (side("width")?, side("height")?, side("shortest_edge")?) {
        (Some(width), Some(height), _) => Ok(Resize::To { width, height }),
        (.., Some(shorter)) => Ok(Resize::Shorter(shorter)),
        _ => Err(format!("size {size} is not read; a number, width and height, or shortest_edge are")),
    }
}

fn list(values: &Value) -> Option<Vec<f64>> {
    match values {
        Value::Array(values) => values.iter().map(Value::as_f64).collect(),
        Value::Number(value) => Some(vec![value.as_f64()?]),
        _ => None,
    }
}
