//! Which items not every candidate has an answer to.

use std::collections::HashMap;
use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::Unaligned;
use crate::answer_row::write_line;
use crate::error::ImportError;

#[derive(Deserialize)]
struct Line {
    id: String,
    task: String,
}

#[derive(Serialize)]
struct Listed<'a> {
    id: &'a str,
    task: &'a str,
    missing: Vec<&'a str>,
}

/// Writes the file `path` with each item of `items` that one of the candidates has no answer to, if there is one, and
/// sums up by task and by who lacks them. `has` says whether a candidate, by its number, answered a row.
pub(crate) fn list(
    items: &Path,
    path: &Path,
    candidates: &[&str],
    has: &dyn Fn(usize, usize) -> bool,
) -> Result<Vec<Unaligned>, ImportError> {
    const EXAMPLES: usize = 5;
    if candidates.len() < 2 {
        return Ok(Vec::new());
    }
    let reader = BufReader::new(File::open(items).map_err(ImportError::write(items))?);
    let mut writer = None;
    let mut groups: HashMap<(String, Vec<usize>), Unaligned> = HashMap::new();
    for (row, line) in reader.lines().enumerate() {
        let missing: Vec<usize> = (0..candidates.len()).filter(|&at| !has(at, row)).collect();
        if missing.is_empty() {
            continue;
        }
        let line = line.map_err(ImportError::write(items))?;
        let item: Line =
            serde_json::from_str(&line).map_err(std::io::Error::from).map_err(ImportError::write(items))?;
        let names: Vec<&str> = missing.iter().map(|&at| candidates[at]).collect();
        if writer.is_none() {
            writer = Some(BufWriter::new(File::create_new(path).map_err(ImportError::write(path))?));
        }
        if let Some(writer) = &mut writer {
            write_line(writer, &Listed { id: &item.id, task: &item.task, missing: names.clone() }, path)?;
        }
        let group = groups.entry((item.task.clone(), missing)).or_insert_with(|| Unaligned {
            task: item.task.clone(),
            missing: names.iter().map(|&name| name.to_owned()).collect(),
            items: 0,
            examples: Vec::new(),
        });
        group.items += 1;
        if group.examples.len() < EXAMPLES {
            group.examples.push(item.id);
        }
    }
    if let Some(mut writer) = writer {
        writer.flush().map_err(ImportError::write(path))?;
    }
    let mut groups: Vec<Unaligned> = groups.into_values().collect();
    groups.sort_by(|a, b| (&a.task, &a.missing).cmp(&(&b.task, &b.missing)));
    Ok(groups)
}
