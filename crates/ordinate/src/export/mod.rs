//! A run as files for other programs: every table and chart of its report, a summary, and the verdict.

mod answers;
mod picture;
mod shared;
mod tables;

use std::fs;
use std::path::{Path, PathBuf};

use ordinate_core::verdict::Verdict;
use ordinate_data::read_evidence;
use ordinate_judge::{kept, scores_of};

use crate::error::{Error, Fault};
use crate::folder::{EVIDENCE, Folder, TRIALS};
use crate::work::aside;

use picture::Painter;

pub use shared::share_answers;

/// How tables are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum TableFormat {
    /// Comma-separated values.
    #[default]
    Csv,
    /// Parquet.
    Parquet,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Exported {
    /// The folder.
    pub folder: PathBuf,
    /// The files in it, and what they hold.
    pub files: Vec<(String, String)>,
}

/// Writes the tables and charts of the run in `run` into the folder `to`, which is made, and in which nothing may be: whole or not
/// at all. The same run gives the same bytes.
///
/// # Errors
/// [`Error`] where `run` holds no run, `to` holds anything or lies in the run folder, or something cannot be written.
pub async fn export(run: &Path, to: &Path, format: TableFormat) -> Result<Exported, Error> {
    let (run, to) = (run.to_owned(), to.to_owned());
    let cancel = ordinate_measure::CancellationToken::new();
    aside(&cancel, move || exported(&run, &to, format)).await
}

fn exported(run: &Path, to: &Path, format: TableFormat) -> Result<Exported, Error> {
    let folder = Folder::open(run)?;
    let verdict = folder.verdict()?;
    let place = Place::new(&folder, to)?;
    let desk = place.desk()?;
    let part = desk.path().join("whole");
    fs::create_dir(&part).map_err(|error| place.failed(&error))?;

    let mut files = vec![
        ("verdict.json".to_owned(), "the verdict, as the run wrote it".to_owned()),
        ("summary.md".to_owned(), "the verdict as Markdown, for the record of a decision".to_owned()),
    ];
    fs::copy(folder.path("verdict.json"), part.join("verdict.json")).map_err(|error| place.failed(&error))?;
    place.put(&part, "summary.md", ordinate_report::markdown(&verdict).as_bytes())?;
    let painter = Painter::new();
    for drawing in ordinate_report::drawings(&verdict)? {
        let (svg, png) = (format!("{}.svg", drawing.name), format!("{}.png", drawing.name));
        place.put(&part, &svg, drawing.svg.as_bytes())?;
        let picture =
            painter.png(&drawing.svg).map_err(|problem| Error::broken(format!("{svg}: {problem}")))?;
        place.put(&part, &png, &picture)?;
        files.push((svg, drawing.about.clone()));
        files.push((png, format!("{}, as pixels", drawing.about)));
    }
    let mut tables = tables::tables(&verdict);
    tables.extend(of_items(&folder, &verdict)?);
    for (name, about, sheet) in tables.into_iter().filter(|(.., sheet)| sheet.rows() > 0) {
        let (suffix, path) = match format {
            TableFormat::Csv => ("csv", part.join(format!("{name}.csv"))),
            TableFormat::Parquet => ("parquet", part.join(format!("{name}.parquet"))),
        };
        let written = match format {
            TableFormat::Csv => sheet.write_csv(&path),
            TableFormat::Parquet => sheet.write_parquet(&path),
        };
        written.map_err(|error| place.failed(&error))?;
        files.push((format!("{name}.{suffix}"), about.to_owned()));
    }
    place.take(&part)?;
    Ok(Exported { folder: to.to_owned(), files })
}

/// The tables that the evidence fills.
fn of_items(folder: &Folder, verdict: &Verdict) -> Result<Vec<tables::Named>, Error> {
    let evidence = read_evidence(&folder.path(EVIDENCE))?;
    // A run of an older version may have no trials.
    let recommended = verdict.recommended.as_ref().filter(|_| folder.path(TRIALS).is_file());
    let scores = match recommended {
        None => None,
        Some(recommended) => {
            let (mut trials, setting) = kept(&folder.unpack(TRIALS)?)
                .map_err(|error| Error::file(&folder.path(TRIALS), Fault::Input, error))?;
            // An item has the grade of its own answer; what corrects the mean is no score of it.
            trials.rectified = None;
            scores_of(&trials, &verdict.needs, &setting, &recommended.name)
        }
    };
    Ok(vec![
        (
            "items",
            "the items, with the score of what is recommended",
            answers::items(&evidence, verdict, scores.as_deref()),
        ),
        (
            "answers",
            "a row for each item and candidate: its score, cost, latency and answer",
            answers::answers(&evidence),
        ),
        ("spend", "what the answers of each candidate cost, and how they came", answers::spend(&evidence)),
    ])
}

/// Where an export goes.
struct Place<'a> {
    to: &'a Path,
    beside: PathBuf,
}

impl<'a> Place<'a> {
    fn new(run: &Folder, to: &'a Path) -> Result<Self, Error> {
        let is_empty = || fs::read_dir(to).is_ok_and(|mut entries| entries.next().is_none());
        if fs::symlink_metadata(to).is_ok() && !is_empty() {
            let problem = "it is there already, and nothing is overwritten; give another folder with --to";
            return Err(Error::file(to, Fault::Input, problem));
        }
        let whole = std::path::absolute(to).unwrap_or_else(|_| to.to_owned());
        let beside = whole.parent().map_or_else(|| PathBuf::from("."), Path::to_owned);
        // What is to be made lies where the last folder is that there is.
        let there = beside.ancestors().find_map(|folder| fs::canonicalize(folder).ok());
        if there.zip(fs::canonicalize(run.path("")).ok()).is_some_and(|(there, run)| there.starts_with(run)) {
            let problem =
                "it lies in the run folder, which the next run replaces; give another folder with --to";
            return Err(Error::file(to, Fault::Input, problem));
        }
        let place = Self { to, beside };
        fs::create_dir_all(&place.beside).map_err(|error| place.failed(&error))?;
        Ok(place)
    }

    /// A folder beside, on the same disk.
    fn desk(&self) -> Result<tempfile::TempDir, Error> {
        tempfile::Builder::new()
            .prefix(".ordinate-export-")
            .tempdir_in(&self.beside)
            .map_err(|error| self.failed(&error))
    }

    fn put(&self, part: &Path, name: &str, bytes: &[u8]) -> Result<(), Error> {
        fs::write(part.join(name), bytes).map_err(|error| self.failed(&error))
    }

    /// Gives a whole export its name.
    fn take(&self, part: &Path) -> Result<(), Error> {
        // Only where nothing is in it, which was seen before.
        let _ = fs::remove_dir(self.to);
        fs::rename(part, self.to).map_err(|error| self.failed(&error))
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> Error {
        let problem = format!("cannot be written: {error}; give another folder with --to");
        Error::file(self.to, Fault::Run, problem)
    }
}
