//! How a task is to be run, besides what the task file says.

use std::path::{Path, PathBuf};

use ordinate_data::Task;
use ordinate_measure::{CancellationToken, SharedPlace, StorePlace};
use ordinate_models::Methods;
use ordinate_tasks::Kinds;

use crate::error::Error;
use crate::folder::default_folder;
use crate::kinds::CandidateKinds;

/// How a task is to be run, besides what the task file says.
#[derive(Clone)]
pub struct Options {
    /// The run folder. Default: the task's name with `.ordinate`, in the current folder.
    pub folder: Option<PathBuf>,
    /// Fail where the folder holds no answers of an earlier run to go on with.
    pub resume: bool,
    /// Ask live candidates again about items whose error was recorded.
    pub retry_errors: bool,
    /// Ask nobody: read the answers that the folder holds anew, with the extraction and the metric of now, and say what that
    /// changed.
    pub rescore: bool,
    /// The program that measures what hosting a model takes: it is started as `PROGRAM gauge ORDER.json` and writes the
    /// figures as JSON to its standard output, as `ordinate` does. Without one, hosting is noted as not measured.
    pub hosting_helper: Option<PathBuf>,
    /// The database or folder in which answers are kept that several runs share. Without one they are in a file of the run folder.
    pub store: Option<SharedPlace>,
    /// Where answers of models in this process are kept for the next run on the same data. Default: `ORDINATE_CACHE`, else
    /// the user's cache folder.
    pub cache: Option<PathBuf>,
    /// The kinds of candidate that there are.
    pub kinds: CandidateKinds,
    /// The methods of training that there are.
    pub methods: Methods,
    /// The kinds of task that there are; [`crate::read_task_of`] wants them too.
    pub task_kinds: Kinds,
    /// Cancelled, the run stops: nothing more is sent, what is in flight has ten seconds to arrive, and every answer is
    /// kept.
    pub cancel: CancellationToken,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            folder: None,
            resume: false,
            retry_errors: false,
            rescore: false,
            hosting_helper: None,
            store: None,
            cache: None,
            kinds: CandidateKinds::default(),
            methods: ordinate_adapt::methods(),
            task_kinds: Kinds::default(),
            cancel: CancellationToken::default(),
        }
    }
}

impl Options {
    /// The run folder of this task.
    #[must_use]
    pub fn folder_of(&self, task: &Task) -> PathBuf {
        self.folder.clone().unwrap_or_else(|| default_folder(&task.file.task.name))
    }

    /// The shared database or folder that a text names, else the one in `ORDINATE_STORE`; `None` where there is neither.
    ///
    /// # Errors
    /// [`Error::Options`] where that is no such URL. It does not repeat the text.
    pub fn shared_store(named: Option<&str>) -> Result<Option<SharedPlace>, Error> {
        let in_environment = std::env::var("ORDINATE_STORE").ok();
        let (from, url) = match (named, in_environment.as_deref()) {
            (Some(url), _) => ("--store", url),
            (None, Some(url)) if !url.is_empty() => ("ORDINATE_STORE", url),
            _ => return Ok(None),
        };
        SharedPlace::parse(url).map(Some).map_err(|error| Error::Options(format!("{from}: {error}")))
    }

    /// Where the answers of a run into this folder are kept.
    pub(crate) fn store_of(&self, folder: &Path) -> StorePlace {
        StorePlace::of(self.store.as_ref(), folder)
    }
}
