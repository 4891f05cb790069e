//! What hosting a model takes: how long it loads, how fast it answers, and how much memory its process ever held. Meant
//! to be run in a process of its own ([`gauge`]), so that the memory is that of this model alone.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use ordinate_core::Series;
use ordinate_core::task::Engine;
use ordinate_core::verdict::Percentiles;
use ordinate_forecast::Method;
use ordinate_score::quantile::quantile;
use ordinate_sentences::Picker;
use serde::{Deserialize, Serialize};

use crate::decoder::{Sampling, Writer, find, open};
use crate::encoders::Encoders;
use crate::error::ModelError;
use crate::methods::Methods;
use crate::model::Sample;

/// The batches that are tried, besides one at a time.
const BATCHES: [usize; 4] = [8, 32, 128, 512];
/// The longest that latency is measured, and the longest that a batch may take. What was begun is finished.
const LONGEST: Duration = Duration::from_secs(1);
/// The same for a model that writes, which takes longer for an item.
const LONGEST_WRITING: Duration = Duration::from_secs(3);
/// How long a batch is asked again and again.
const BATCH_TIME: Duration = Duration::from_millis(200);

/// What is to be gauged.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Order {
    /// A model that [`crate::save`] wrote.
    Model {
        /// Its folder.
        saved: PathBuf,
        /// What it is to answer.
        inputs: Vec<String>,
        /// The passages that the inputs are about, where its answers stand in passages; else none.
        #[serde(default)]
        passages: Vec<String>,
    },
    /// A method of forecasting.
    Forecaster {
        /// Its name.
        method: String,
        /// What it is to continue: texts of [`Series`].
        series: Vec<String>,
    },
    /// Sentences that are picked.
    Sentences {
        /// How: the name of a [`Picker`].
        picked: String,
        /// Inputs, and the passages that they are about.
        texts: Vec<(String, Option<String>)>,
    },
    /// A decoder.
    Writer {
        /// Its folder or `.gguf` file.
        model: String,
        /// What it is to answer.
        asked: Vec<Asked>,
        /// As in [`Sampling`].
        temperature: f64,
        /// As in [`Sampling`].
        top_p: f64,
        /// As in [`Sampling`].
        seed: u64,
        /// What runs it.
        engine: Engine,
    },
}

/// What a decoder is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Asked {
    /// Which of the options continues the text.
    Choose {
        /// The text, as [`Writer::prompt`] makes it.
        text: String,
        /// The options.
        options: Vec<String>,
    },
    /// To continue the text.
    Write {
        /// The text, as [`Writer::prompt`] makes it.
        text: String,
        /// The most tokens.
        most: usize,
    },
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Gauged {
    /// Milliseconds from its files to a model that can answer.
    pub load_ms: f64,
    /// Latency of one item alone.
    pub latency_ms: Percentiles,
    /// Items that the latency was measured on.
    pub items: u64,
    /// Items per second, one at a time.
    pub per_second: f64,
    /// The batch with the most items per second; 1 for a model that takes one at a time.
    pub best_batch: u64,
    /// Items per second at that batch.
    pub best_per_second: f64,
    /// Threads that it could use.
    pub threads: u64,
    /// The most memory that this process ever held, bytes; `None` where the system does not say.
    pub peak_memory_bytes: Option<u64>,
}

/// Loads a model, lets it answer for a few seconds, and says what that took.
///
/// # Errors
/// [`ModelError`] where the model cannot be opened, or answers nothing.
pub fn gauge(methods: &Methods, order: &Order) -> Result<Gauged, ModelError> {
    let started = Instant::now();
    match order {
        Order::Model { saved, inputs, passages } => {
            let model = methods.load(saved, &Encoders::new())?;
            let load = started.elapsed();
            gauged(load, inputs.len(), &BATCHES, LONGEST, &mut |places| {
                let sample = |&place: &usize| Sample {
                    context: passages.get(place).map(String::as_str),
                    ..Sample::text(&inputs[place])
                };
                let batch: Vec<Sample<'_>> = places.iter().map(sample).collect();
                model.answer(&batch).map(drop)
            })
        }
        Order::Forecaster { method, series } => {
            let method = Method::named(method).ok_or_else(|| ModelError::Unknown(method.clone()))?;
            let read: Vec<Option<Series>> = series.iter().map(|text| Series::read(text)).collect();
            // A series is continued alone.
            gauged(started.elapsed(), read.len(), &[], LONGEST, &mut |places| {
                places.iter().try_for_each(|&place| {
                    let series = read[place].as_ref();
                    let series = series.ok_or_else(|| ModelError::Failed("it is no series".to_owned()))?;
                    method.forecast(series).map(drop).map_err(|error| ModelError::Failed(error.to_string()))
                })
            })
        }
        Order::Sentences { picked, texts } => {
            let picker = Picker::named(picked).ok_or_else(|| ModelError::Unknown(picked.clone()))?;
            gauged(started.elapsed(), texts.len(), &[], LONGEST, &mut |places| {
                places.iter().try_for_each(|&place| {
                    let (input, passage) = &texts[place];
                    let picked = picker.pick(input, passage.as_deref());
                    picked.map(drop).map_err(|error| ModelError::Failed(error.to_string()))
                })
            })
        }
        Order::Writer { model, asked, temperature, top_p, seed, engine } => {
            let place = find(model, Path::new(""))?.ok_or_else(|| ModelError::Unknown(model.clone()))?;
            let writer = open(&place.by(*engine)?)?;
            let load = started.elapsed();
            let sampling = Sampling { temperature: *temperature, top_p: *top_p, seed: *seed };
            // A decoder reads one text at a time, with all threads.
            gauged(load, asked.len(), &[], LONGEST_WRITING, &mut |places| {
                places.iter().try_for_each(|&place| answer(&writer, &asked[place], sampling))
            })
        }
    }
}

fn answer(writer: &Writer, asked: &Asked, sampling: Sampling) -> Result<(), ModelError> {
    match asked {
        Asked::Choose { text, options } => {
            let options: Vec<&str> = options.iter().map(String::as_str).collect();
            writer.choose(text, &options).map(drop)
        }
        Asked::Write { text, most } => {
            writer.write(text, *most, sampling, &mut |_| ControlFlow::Continue(())).map(drop)
        }
    }
}

/// Answers the items in these places.
type Answer<'a> = dyn FnMut(&[usize]) -> Result<(), ModelError> + 'a;

fn gauged(
    load: Duration,
    items: usize,
    batches: &[usize],
    longest: Duration,
    answer: &mut Answer<'_>,
) -> Result<Gauged, ModelError> {
    let (answered, took) = alone(items, longest, answer)?;
    let percentile = |q| 1e3 * quantile(&took, q).unwrap_or_default();
    let per_second = took.len() as f64 / took.iter().sum::<f64>().max(f64::MIN_POSITIVE);
    let mut best = (1, per_second);
    for &batch in batches {
        if batch as f64 / best.1 > longest.as_secs_f64() {
            break;
        }
        let mut places = answered.iter().copied().cycle();
        let (started, mut done) = (Instant::now(), 0);
        while done == 0 || started.elapsed() < BATCH_TIME {
            answer(&places.by_ref().take(batch).collect::<Vec<_>>())?;
            done += batch;
        }
        let rate = done as f64 / started.elapsed().as_secs_f64().max(f64::MIN_POSITIVE);
        if rate > best.1 {
            best = (batch, rate);
        }
    }
    Ok(Gauged {
        load_ms: load.as_secs_f64() * 1e3,
        latency_ms: Percentiles { p50: percentile(0.5), p95: percentile(0.95), p99: percentile(0.99) },
        items: took.len() as u64,
        per_second,
        best_batch: best.0 as u64,
        best_per_second: best.1,
        threads: rayon::current_num_threads() as u64,
        peak_memory_bytes: peak_memory(),
    })
}

/// The places that were answered, one at a time, and the seconds that each took. A text that the model cannot answer
/// (it is too long) is passed over.
fn alone(
    items: usize,
    longest: Duration,
    answer: &mut Answer<'_>,
) -> Result<(Vec<usize>, Vec<f64>), ModelError> {
    let (mut answered, mut took) = (Vec::new(), Vec::new());
    let mut failed = ModelError::Failed("there is nothing to answer".to_owned());
    let begun = Instant::now();
    for place in 0..items {
        let mut started = Instant::now();
        if let Err(error) = answer(&[place]) {
            failed = error;
            continue;
        }
        // The first answer pays for what is made once, and is asked for again, where that does not take too long.
        if took.is_empty() && started.elapsed() < longest / 2 {
            started = Instant::now();
            answer(&[place])?;
        }
        took.push(started.elapsed().as_secs_f64());
        answered.push(place);
        if begun.elapsed() >= longest {
            break;
        }
    }
    if took.is_empty() { Err(failed) } else { Ok((answered, took)) }
}

/// The most memory that this process ever held, resident (Linux; within some hundred kB), else `None`.
fn peak_memory() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A model whose batches take as long as one item, up to 32.
    #[test]
    fn the_best_batch() {
        let mut asked = Vec::new();
        let gauged = gauged(Duration::ZERO, 40, &BATCHES, LONGEST, &mut |places| {
            asked.push(places.len());
            if places == [3] {
                return Err(ModelError::Failed("too long".to_owned()));
            }
            std::thread::sleep(Duration::from_millis(4) * u32::try_from(places.len().div_ceil(32)).unwrap());
            Ok(())
        })
        .unwrap();
        assert_eq!(gauged.items, 39, "one is passed over");
        assert_eq!(asked.iter().filter(|&&batch| batch == 1).count(), 41, "the first is asked twice");
        assert!(gauged.best_batch >= 32 && gauged.best_per_second > 8.0 * gauged.per_second, "{gauged:?}");
        assert!(
            (4.0..40.0).contains(&gauged.latency_ms.p50) && gauged.latency_ms.p50 <= gauged.latency_ms.p99
        );
        assert!(gauged.per_second <= 250.0);
    }

    #[test]
    fn slow_models_are_asked_little() {
        let mut asked = 0;
        let slow = gauged(Duration::ZERO, 40, &BATCHES, Duration::from_millis(50), &mut |places| {
            asked += places.len();
            std::thread::sleep(Duration::from_millis(30));
            Ok(())
        })
        .unwrap();
        assert!(asked <= 3 && slow.best_batch == 1, "{asked} {slow:?}");
        let fail = &mut |_: &[usize]| Err(ModelError::Failed("no".to_owned()));
        assert!(gauged(Duration::ZERO, 3, &[], LONGEST, fail).unwrap_err().to_string().contains("no"));
        assert!(gauged(Duration::ZERO, 0, &[], LONGEST, fail).is_err());
    }

    #[test]
    fn a_peak_stays() {
        if cfg!(target_os = "linux") {
            let before = peak_memory().unwrap();
            let held = std::hint::black_box(vec![1_u8; 64 << 20]);
            let most = peak_memory().unwrap();
            drop(held);
            let after = peak_memory().unwrap();
            // The system counts some pages late.
            assert!(most >= before + (32 << 20) && after + (2 << 20) >= most, "{before} {most} {after}");
        }
    }
}
