//! Labels, given by a person in the browser: on loopback, item by item, each on the disk at once. Where a judge grades, what is asked for
//! are grades of answers, which it is held to.

mod answers;
mod desk;
mod grades;
mod queue;
mod sheet;
mod store;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ordinate_core::task::JudgeSection;
use ordinate_data::Task;
use ordinate_measure::CancellationToken;
use ordinate_serve::{FormToken, PageServer, PagesError};

use crate::error::{Error, Fault};
use crate::folder::default_folder;
use crate::grading::judge_of;
use crate::options::Options;
use crate::work::aside;
use answers::Grading;
use desk::{Asked, Desk};
use grades::GradeFile;
use queue::{Queue, task_of};
use sheet::Sheet;
use store::Store;

pub use queue::{LabelOrder, Labelling};

/// A server on which a person labels items, which listens.
pub struct Label {
    server: PageServer,
    desk: Arc<Desk>,
    notes: Vec<String>,
}

/// What came of labelling.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Labelled {
    /// The file of labels.
    pub file: PathBuf,
    /// How many items have a label in it.
    pub labels: usize,
    /// How many were given since the start, less those that were taken back.
    pub given: usize,
    /// What the task file is to say, so that they are its targets, or hold its judge.
    pub toml: String,
    /// Whether they are grades of answers.
    pub are_grades: bool,
}

impl Label {
    /// Reads and ranks the items, opens the file of labels, and begins to listen on loopback.
    ///
    /// # Errors
    /// [`Error`] where nothing is to be labelled, the file of labels is another file, or the address cannot be had or is not this
    /// machine's alone.
    pub async fn start(labelling: &Labelling, bind: SocketAddr, options: &Options) -> Result<Self, Error> {
        let (labelling, how) = (labelling.clone(), options.clone());
        let prepared = aside(&options.cancel, move || {
            let (task, folder) = task_of(&labelling.place, &how)?;
            let judge = judge_of(&task).filter(|_| folder.is_some() && labelling.items.is_none()).cloned();
            let out = out_of(&task, &labelling, judge.as_ref())?;
            let sheet = match judge {
                None => Sheet::Labels(Store::open(&out)?),
                Some(_) => Sheet::Grades(GradeFile::open(&out)?),
            };
            let asked = match judge {
                None => Asked::Labels { toml: lines_of(&task, &out, &labelling) },
                Some(judge) => {
                    let before = judge.human.clone().filter(|human| task.dir().join(human) != out);
                    let is_random = labelling.order != Some(LabelOrder::Settling);
                    Asked::Grades(Box::new(Grading { judge, is_random, named: named(&task, &out), before }))
                }
            };
            let Queue { task, items, labels, notes } = Queue::of(task, folder.as_ref(), &labelling, &how)?;
            let token = FormToken::new().map_err(Error::broken)?;
            Ok((Desk::new(&task, items, labels, sheet, token, asked), notes))
        });
        let (desk, notes) = prepared.await?;
        let server = PageServer::start(bind).await.map_err(|error| match error {
            PagesError::NotLoopback(_) => Error::Options(format!("--bind {error}")),
            PagesError::Bind(..) => Error::broken(format!("--bind {error}")),
        })?;
        Ok(Self { server, desk: Arc::new(desk), notes })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// How many items are to be labelled, or answers to be graded.
    #[must_use]
    pub fn left(&self) -> usize {
        self.desk.left()
    }

    /// Whether answers are graded, and no items labelled.
    #[must_use]
    pub fn are_grades(&self) -> bool {
        self.desk.are_grades()
    }

    /// What is to be known of the order of the items.
    #[must_use]
    pub fn notes(&self) -> &[String] {
        &self.notes
    }

    /// Takes labels until `stop` is called; what came of it.
    pub async fn run(self, stop: CancellationToken) -> Labelled {
        let desk = Arc::clone(&self.desk);
        self.server.run(desk, stop).await;
        self.desk.labelled()
    }
}

/// The file of labels, or of grades that a judge is held to: the one that was asked for, or that the task names, or one in this folder.
/// None of the data.
fn out_of(task: &Task, labelling: &Labelling, judge: Option<&JudgeSection>) -> Result<PathBuf, Error> {
    let (named, ending) = match judge {
        None => (task.file.data.targets.as_ref().filter(|_| labelling.items.is_none()), "labels.jsonl"),
        // Lines of JSON can be added to; of a pattern nobody knows which file.
        Some(judge) => {
            let is_lines = |human: &&String| human.ends_with(".jsonl") && !human.contains(['*', '?', '[']);
            (judge.human.as_ref().filter(is_lines), "grades.jsonl")
        }
    };
    let out = match (&labelling.out, named) {
        (Some(out), _) => out.clone(),
        (None, Some(named)) => task.dir().join(named),
        (None, None) => default_folder(&task.file.task.name).with_extension(ending),
    };
    let data = &task.file.data;
    let texts = [&data.evidence, &data.items, &data.train, &data.test].into_iter().flatten();
    let files = texts.map(|text| task.dir().join(text)).chain(labelling.items.clone());
    let whole = |path: &Path| std::fs::canonicalize(path).ok();
    if whole(&out).is_some_and(|own| files.into_iter().any(|file| whole(&file) == Some(own.clone()))) {
        let problem = "it is data of the task, and labels are written to the end of a file of their own; give another --out";
        return Err(Error::file(&out, Fault::Input, problem));
    }
    Ok(out)
}

/// What the task file is to say.
fn lines_of(task: &Task, out: &Path, labelling: &Labelling) -> String {
    let items = labelling.items.as_ref().map_or_else(String::new, |items| {
        format!("# with {} among the items to learn from (train takes a pattern)\n", named(task, items))
    });
    format!("[data]\n{items}targets = {}\n", named(task, out))
}

/// A file as the task file names it.
fn named(task: &Task, path: &Path) -> String {
    let absolute = |path: &Path| std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    let path = absolute(path);
    let shown = path.strip_prefix(absolute(task.dir())).unwrap_or(&path).to_string_lossy().into_owned();
    toml::Value::from(shown).to_string()
}
