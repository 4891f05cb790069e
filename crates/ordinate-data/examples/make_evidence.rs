//! Makes a large evidence table for benchmarks, and a task file beside it.
//!
//!     cargo run --release -p ordinate-data --example make_evidence -- ITEMS CANDIDATES OUT [SEED]
//!
//! OUT ends in `.parquet`, `.csv` or `.csv.gz`. The table is what a real one is like: 40 slices of unequal size,
//! items of unequal difficulty (so that candidates are right and wrong on the same items), candidates that are
//! good everywhere or in some slices only, dear and cheap ones, answers of unequal length (so that costs and
//! latencies differ), and an error in a thousand. The same arguments give the same table.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::types::Int32Type;
use arrow_array::{ArrayRef, DictionaryArray, Float64Array, Int32Array, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;

type Failure = Box<dyn std::error::Error>;

const SLICES: usize = 40;

fn main() -> Result<(), Failure> {
    let usage = "usage: make_evidence ITEMS CANDIDATES OUT.parquet|OUT.csv|OUT.csv.gz [SEED]";
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [items, candidates, out, rest @ ..] = arguments.as_slice() else { return Err(usage.into()) };
    let (items, candidates): (usize, usize) = (items.parse()?, candidates.parse()?);
    let seed = rest.first().map_or(Ok(1), |seed| seed.parse())?;
    let out = PathBuf::from(out);
    let name = out.to_string_lossy().into_owned();
    let world = World::new(candidates, seed);
    if name.ends_with(".parquet") {
        write_parquet(&out, world, items)?;
    } else if name.ends_with(".csv.gz") {
        let file = BufWriter::new(File::create(&out)?);
        let mut packed = flate2::write::GzEncoder::new(file, flate2::Compression::fast());
        write_csv(&mut packed, world, items)?;
        packed.finish()?.flush()?;
    } else if name.ends_with(".csv") {
        let mut file = BufWriter::new(File::create(&out)?);
        write_csv(&mut file, world, items)?;
        file.flush()?;
    } else {
        return Err(usage.into());
    }
    write_task(&out, candidates)
}

/// What decides the answers.
struct World {
    random: fastrand::Rng,
    /// Skill of each candidate in each slice.
    skill: Vec<[f64; SLICES]>,
    /// USD per million tokens of each candidate.
    price: Vec<f64>,
}

struct Cell {
    score: Option<f64>,
    cost_usd: f64,
    latency_ms: f64,
}

impl World {
    fn new(candidates: usize, seed: u64) -> Self {
        let mut random = fastrand::Rng::with_seed(seed);
        let skill = (0..candidates)
            .map(|candidate| {
                let general = 1.2 - 1.6 * candidate as f64 / candidates as f64;
                std::array::from_fn(|_| {
                    // Odd candidates are vertical: strong in a sixth of the slices.
                    let vertical = if candidate % 2 == 1 && random.f64() < 1.0 / 6.0 { 1.8 } else { 0.0 };
                    general + vertical + 0.3 * normal(&mut random)
                })
            })
            .collect();
        let price = (0..candidates).map(|candidate| 30.0 * 0.7_f64.powi(candidate as i32)).collect();
        Self { random, skill, price }
    }

    /// One item: its slice, and a cell for each candidate.
    fn item(&mut self, cells: &mut Vec<Cell>) -> usize {
        let random = &mut self.random;
        let slice = (random.f64() * random.f64() * SLICES as f64) as usize;
        let difficulty = normal(random);
        let length = (0.6 * normal(random)).exp();
        cells.clear();
        for (skill, price) in self.skill.iter().zip(&self.price) {
            let right = 1.0 / (1.0 + (-1.7 * (skill[slice] - difficulty)).exp());
            let tokens = (400.0 * length * (0.2 * normal(random)).exp()).round();
            let score = if random.f64() < right { 1.0 } else { (random.f64() * 4.0).floor() / 8.0 };
            cells.push(Cell {
                score: (random.u32(0..1_000) > 0).then_some(score),
                cost_usd: (tokens * price).round() / 1e6,
                latency_ms: (300.0 + tokens * (1.0 + price / 10.0)).round(),
            });
        }
        slice
    }
}

/// Box-Muller.
fn normal(random: &mut fastrand::Rng) -> f64 {
    (-2.0 * (1.0 - random.f64()).ln()).sqrt() * (std::f64::consts::TAU * random.f64()).cos()
}

fn id(item: usize) -> String {
    format!("item-{item:07}")
}

fn candidate_name(candidate: usize) -> String {
    format!("candidate-{candidate:02}")
}

fn slice_name(slice: usize) -> String {
    format!("topic-{slice:02}")
}

fn write_csv(out: &mut impl Write, mut world: World, items: usize) -> Result<(), Failure> {
    writeln!(out, "id,slice,candidate,score,cost_usd,latency_ms,error")?;
    let mut cells = Vec::new();
    for item in 0..items {
        let slice = slice_name(world.item(&mut cells));
        for (candidate, cell) in cells.iter().enumerate() {
            let (id, name) = (id(item), candidate_name(candidate));
            let Cell { score, cost_usd, latency_ms } = cell;
            match score {
                Some(score) => writeln!(out, "{id},{slice},{name},{score},{cost_usd},{latency_ms},")?,
                None => writeln!(out, "{id},{slice},{name},,{cost_usd},{latency_ms},timeout")?,
            }
        }
    }
    Ok(())
}

fn write_parquet(out: &Path, mut world: World, items: usize) -> Result<(), Failure> {
    const ITEMS_A_BATCH: usize = 4096;
    let candidates = world.skill.len();
    let names: ArrayRef = Arc::new(StringArray::from_iter_values((0..candidates).map(candidate_name)));
    let slices: ArrayRef = Arc::new(StringArray::from_iter_values((0..SLICES).map(slice_name)));
    let mut writer = None;
    let mut cells = Vec::new();
    let mut next = 0;
    while next < items {
        let batch = next..items.min(next + ITEMS_A_BATCH);
        next = batch.end;
        let ids: ArrayRef = Arc::new(StringArray::from_iter_values(batch.clone().map(id)));
        let (mut id_keys, mut slice_keys, mut name_keys) = (Vec::new(), Vec::new(), Vec::new());
        let (mut score, mut cost, mut latency, mut error) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for item in 0..batch.len() {
            let slice = world.item(&mut cells);
            for (candidate, cell) in cells.iter().enumerate() {
                id_keys.push(item as i32);
                slice_keys.push(slice as i32);
                name_keys.push(candidate as i32);
                score.push(cell.score);
                cost.push(cell.cost_usd);
                latency.push(cell.latency_ms);
                error.push(cell.score.is_none().then_some("timeout"));
            }
        }
        let texts = |keys: Vec<i32>, texts: &ArrayRef| -> Result<ArrayRef, Failure> {
            Ok(Arc::new(DictionaryArray::<Int32Type>::try_new(Int32Array::from(keys), Arc::clone(texts))?))
        };
        let batch = RecordBatch::try_from_iter([
            ("id", texts(id_keys, &ids)?),
            ("slice", texts(slice_keys, &slices)?),
            ("candidate", texts(name_keys, &names)?),
            ("score", Arc::new(Float64Array::from(score)) as ArrayRef),
            ("cost_usd", Arc::new(Float64Array::from(cost))),
            ("latency_ms", Arc::new(Float64Array::from(latency))),
            ("error", Arc::new(StringArray::from(error))),
        ])?;
        if writer.is_none() {
            let properties = WriterProperties::builder().set_compression(Compression::SNAPPY).build();
            writer = Some(ArrowWriter::try_new(File::create(out)?, batch.schema(), Some(properties))?);
        }
        if let Some(writer) = &mut writer {
            writer.write(&batch)?;
        }
    }
    if let Some(writer) = writer {
        writer.close()?;
    }
    Ok(())
}

/// A task file for the table: the odd candidates are vertical.
fn write_task(out: &Path, candidates: usize) -> Result<(), Failure> {
    let name = out.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let mut text =
        format!("[task]\nname = \"benchmark\"\nkind = \"scored\"\n\n[data]\nevidence = \"{name}\"\n");
    for candidate in 0..candidates {
        let lineage = if candidate % 2 == 1 { "vertical" } else { "general" };
        let name = candidate_name(candidate);
        text.push_str(&format!("\n[[candidate]]\nname = \"{name}\"\nlineage = \"{lineage}\"\n"));
    }
    std::fs::write(out.with_file_name(format!("{name}.toml")), text)?;
    Ok(())
}
