//! Evidence as Every Eval Ever: per candidate an aggregate and a file of single answers, as its schema 0.3.0 has them.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use ordinate_core::{Evidence, Hosting, Status};
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use crate::align::hex;
use crate::answer_row::write_line;
use crate::error::ImportError;
use crate::formats::SCHEMA_VERSION;
use crate::names;

/// What an export says besides the evidence.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ExportOptions {
    /// The task's name: the evaluation's name where items have no slice.
    pub task: String,
    /// Who ran the evaluation. Default `unknown`.
    pub organisation: Option<String>,
    /// Seconds since 1970 that stand as the time of the export. Default now.
    pub timestamp: Option<u64>,
}

/// What an export wrote.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// Per candidate: the aggregate, and the file of single answers beside it.
    pub files: Vec<(PathBuf, PathBuf)>,
    /// Answers written.
    pub answers: u64,
}

/// Writes evidence into the folder `out` in the layout of the shared database, a pair of files per candidate:
/// `data/<task>/<developer>/<model>/<uuid>.json` and `<uuid>_samples.jsonl`. The schema has no place for cost and confidence: they stand in `metadata`, from where
/// [`crate::import`] takes them back. An error has the score 0, as the schema requires a number, and its text in `error`.
///
/// # Errors
/// [`ImportError::Write`].
pub fn export_every_eval_ever(
    evidence: &Evidence,
    out: &Path,
    options: &ExportOptions,
) -> Result<Exported, ImportError> {
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let time = options.timestamp.unwrap_or_else(now);
    let mut exported = Exported { files: Vec::new(), answers: 0 };
    for column in 0..evidence.candidates().len() {
        let run = Run { evidence, column, options, time };
        let stem = run.stem();
        let samples = out.join(format!("{stem}_samples.jsonl"));
        let folder = samples.parent().unwrap_or(out);
        fs::create_dir_all(folder).map_err(ImportError::write(folder))?;
        let (written, digest) = run.write_samples(&samples)?;
        let aggregate = out.join(format!("{stem}.json"));
        let text = format!("{:#}\n", run.aggregate(&format!("{stem}_samples.jsonl"), written, &digest));
        fs::write(&aggregate, text).map_err(ImportError::write(&aggregate))?;
        exported.answers += written;
        exported.files.push((aggregate, samples));
    }
    Ok(exported)
}

/// One candidate's answers.
struct Run<'a> {
    evidence: &'a Evidence,
    column: usize,
    options: &'a ExportOptions,
    time: u64,
}

/// Passes bytes on and digests them.
struct Digesting<W> {
    inner: W,
    digest: Sha256,
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        let written = self.inner.write(bytes)?;
        self.digest.update(&bytes[..written]);
        Ok(written)
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

impl Run<'_> {
    fn model(&self) -> &str {
        self.evidence.candidates()[self.column].name.as_str()
    }

    fn developer_and_model(&self) -> (&str, &str) {
        self.model().split_once('/').unwrap_or(("unknown", self.model()))
    }

    /// The files' path without their endings. The UUID is made from the evaluation's id, so that an export can be
    /// repeated.
    fn stem(&self) -> String {
        let (developer, model) = self.developer_and_model();
        let parts = [self.options.task.as_str(), developer, model].map(names::path_part);
        let mut uuid = Sha256::digest(self.evaluation_id());
        uuid[6] = uuid[6] & 0x0f | 0x40; // version 4
        uuid[8] = uuid[8] & 0x3f | 0x80; // variant 1
        let at = |range: std::ops::Range<usize>| hex(&uuid[range]);
        let uuid = [at(0..4), at(4..6), at(6..8), at(8..10), at(10..16)].join("-");
        format!("data/{}/{uuid}", parts.join("/"))
    }

    fn evaluation_id(&self) -> String {
        format!("{}/{}/{}", self.options.task, self.model(), self.time)
    }

    fn evaluation_name(&self, row: usize) -> &str {
        self.evidence.items().slices().get(row).unwrap_or(&self.options.task)
    }

    fn write_samples(&self, path: &Path) -> Result<(u64, String), ImportError> {
        let file = BufWriter::new(File::create(path).map_err(ImportError::write(path))?);
        let mut writer = Digesting { inner: file, digest: Sha256::new() };
        let mut written = 0;
        for row in 0..self.evidence.len() {
            if self.evidence.answers(self.column).status(row) != Status::Missing {
                write_line(&mut writer, &self.sample(row), path)?;
                written += 1;
            }
        }
        writer.flush().map_err(ImportError::write(path))?;
        Ok((written, hex(&writer.digest.finalize())))
    }

    fn sample(&self, row: usize) -> Value {
        let (items, answers) = (self.evidence.items(), self.evidence.answers(self.column));
        let input = items.input(row).unwrap_or_default();
        let target = items.target(row);
        let output = answers.output(row).unwrap_or_default();
        let error = (answers.status(row) == Status::Error).then(|| answers.error(row).unwrap_or("error"));
        let score = answers.score(row).unwrap_or(0.0);
        let count = |number: f64| number as u64;
        let tokens = answers.input_tokens(row).zip(answers.output_tokens(row)).map(|(read, wrote)| {
            json!({"input_tokens": count(read), "output_tokens": count(wrote), "total_tokens": count(read + wrote)})
        });
        let mut metadata = Map::new();
        for (key, value) in [("cost_usd", answers.cost_usd(row)), ("confidence", answers.confidence(row))] {
            metadata.extend(value.map(|value| (key.to_owned(), Value::String(value.to_string()))));
        }
        json!({
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": self.evaluation_id(),
            "model_id": self.model(),
            "evaluation_name": self.evaluation_name(row),
            "sample_id": items.id(row),
            "sample_hash": hex(&Sha256::digest(format!("{input}{}", target.unwrap_or_default()))),
            "interaction_type": "single_turn",
            "input": {"raw": input, "reference": target.into_iter().collect::<Vec<_>>()},
            "output": {"raw": [output]},
            "answer_attribution": [{
                "turn_idx": 0, "source": "output.raw", "extracted_value": output,
                "extraction_method": "recorded", "is_terminal": true,
            }],
            "evaluation": {"score": score, "is_correct": error.is_none() && score >= 1.0},
            "token_usage": tokens,
            "performance": answers.latency_ms(row).map(|latency_ms| json!({"latency_ms": latency_ms})),
            "error": error,
            "metadata": metadata,
        })
    }

    /// The aggregate that the single answers belong to: a result per evaluation, errors left out.
    fn aggregate(&self, samples: &str, written: u64, digest: &str) -> Value {
        let answers = self.evidence.answers(self.column);
        let mut sums: Vec<(&str, f64, u64)> = Vec::new();
        for row in 0..self.evidence.len() {
            let Some(score) = answers.score(row) else { continue };
            let name = self.evaluation_name(row);
            match sums.iter_mut().find(|(known, ..)| *known == name) {
                Some((_, sum, count)) => (*sum, *count) = (*sum + score, *count + 1),
                None => sums.push((name, score, 1)),
            }
        }
        let results: Vec<Value> = sums
            .iter()
            .map(|(name, sum, count)| {
                json!({
                    "evaluation_name": name,
                    "source_data": {"dataset_name": name, "source_type": "other"},
                    "metric_config": {"lower_is_better": false, "score_type": "continuous", "min_score": 0.0, "max_score": 1.0},
                    "score_details": {"score": sum / *count as f64},
                })
            })
            .collect();
        let deployment = match self.evidence.candidates()[self.column].hosting {
            Some(Hosting::Local) => "self_deployed",
            Some(Hosting::Remote) => "externally_managed",
            None => "unknown",
        };
        json!({
            "schema_version": SCHEMA_VERSION,
            "evaluation_id": self.evaluation_id(),
            "retrieved_timestamp": self.time.to_string(),
            "source_metadata": {
                "source_name": "ordinate",
                "source_type": "evaluation_run",
                "source_organization_name": self.options.organisation.as_deref().unwrap_or("unknown"),
                "evaluator_relationship": "other",
            },
            "eval_library": {"name": "ordinate", "version": env!("CARGO_PKG_VERSION")},
            "model_info": {
                "name": self.model(),
                "id": self.model(),
                "developer": self.developer_and_model().0,
                "additional_details": {"deployment_type": deployment, "model_availability": "unknown"},
            },
            "evaluation_results": results,
            "detailed_evaluation_results": {
                "format": "jsonl", "file_path": samples, "hash_algorithm": "sha256",
                "checksum": digest, "total_rows": written,
            },
        })
    }
}
