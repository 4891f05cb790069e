//! Why a run, or a part of it, fails.

use std::fmt::Display;
use std::path::{Path, PathBuf};

use ordinate_core::CandidateName;
use ordinate_data::{DataError, Task};
use ordinate_fetch::FetchError;
use ordinate_import::ImportError;
use ordinate_measure::{MeasureError, Summary};
use ordinate_serve::{KeysError, ServeError, SettingsError, TelemetryError, Unservable};

/// Who has to act.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// What was given is wrong: the task file, the data, the folder.
    Input,
    /// What was given may be right, and the run failed.
    Run,
}

/// Why a run, or a part of it, fails: one paragraph that says what to do next.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The task file or the data is wrong.
    #[error(transparent)]
    Data(#[from] DataError),
    /// A part of the task file cannot be carried out.
    #[error("{}: {problem}", .task.display())]
    Task {
        /// The task file.
        task: PathBuf,
        /// The section and key, what is wrong, and what to do.
        problem: String,
    },
    /// A candidate cannot be asked, trained or opened.
    #[error("{}: [[candidate]] {candidate}: {problem}", .task.display())]
    Candidate {
        /// The task file.
        task: PathBuf,
        /// Which one.
        candidate: CandidateName,
        /// What is wrong, and what to do.
        problem: String,
        /// Who has to act.
        fault: Fault,
    },
    /// What was asked for does not fit the task or the run.
    #[error("{0}")]
    Options(String),
    /// A file or folder cannot be used.
    #[error("{}: {problem}", .path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// What is wrong, and what to do.
        problem: String,
        /// Who has to act.
        fault: Fault,
    },
    /// Another tool's logs cannot be read, or what was made of them not be written.
    #[error(transparent)]
    Import(#[from] ImportError),
    /// A model cannot be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// What a server is told, its keys and settings, or its address cannot be used.
    #[error("{problem}")]
    Serve {
        /// What is wrong, and what to do.
        problem: String,
        /// Who has to act.
        fault: Fault,
    },
    /// Asking broke off.
    #[error(transparent)]
    Measure(#[from] MeasureError),
    /// A candidate was not asked about everything, so that there can be no verdict yet. Every answer is kept.
    #[error("{message}")]
    Unfinished {
        /// Which, why, and what to do.
        message: String,
        /// How each candidate came through.
        summaries: Vec<Summary>,
    },
    /// The run was cancelled while nothing was being asked.
    #[error(
        "the run was stopped; every answer until then is kept, and so is every model that was trained to the end: run the same \
         command again and it goes on from there (a training that was going on begins anew)"
    )]
    Stopped,
    /// The time that a run was given is over.
    #[error("--max-minutes {minutes}: the time is over. {error}")]
    OutOfTime {
        /// How many minutes it had.
        minutes: f64,
        /// What was not done, and what to do.
        error: Box<Self>,
    },
    /// The items cannot be folded, or a policy cannot be read or written.
    #[error("{error}")]
    Policies {
        /// What is wrong.
        error: String,
        /// Who has to act.
        fault: Fault,
    },
    /// A part of this program, or what it runs on, broke.
    #[error("{0}")]
    Broken(String),
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub fn fault(&self) -> Fault {
        match self {
            Self::Data(_) | Self::Task { .. } | Self::Options(_) => Fault::Input,
            Self::Candidate { fault, .. }
            | Self::File { fault, .. }
            | Self::Serve { fault, .. }
            | Self::Policies { fault, .. } => *fault,
            Self::Import(ImportError::Write { .. }) => Fault::Run,
            Self::Import(ImportError::Log(_) | ImportError::Options(_)) => Fault::Input,
            Self::Fetch(error) if error.is_input() => Fault::Input,
            Self::Fetch(_) => Fault::Run,
            Self::Measure(
                MeasureError::Plan(_) | MeasureError::Prompt { .. } | MeasureError::Candidate { .. },
            ) => Fault::Input,
            Self::Measure(MeasureError::Store(_) | MeasureError::Broken(_)) => Fault::Run,
            Self::Unfinished { .. } | Self::Stopped | Self::OutOfTime { .. } | Self::Broken(_) => Fault::Run,
        }
    }

    pub(crate) fn task(task: &Task, problem: impl Display) -> Self {
        Self::Task { task: task.path.clone(), problem: problem.to_string() }
    }

    pub(crate) fn candidate(task: &Task, candidate: &CandidateName, problem: impl Display) -> Self {
        Self::Candidate {
            task: task.path.clone(),
            candidate: candidate.clone(),
            problem: problem.to_string(),
            fault: Fault::Input,
        }
    }

    /// A file or folder that cannot be used.
    pub fn file(path: &Path, fault: Fault, problem: impl Display) -> Self {
        Self::File { path: path.to_owned(), problem: problem.to_string(), fault }
    }

    pub(crate) fn broken(error: impl Display) -> Self {
        Self::Broken(error.to_string())
    }
}

impl From<ordinate_combine::CombineError> for Error {
    fn from(error: ordinate_combine::CombineError) -> Self {
        let fault = match error {
            ordinate_combine::CombineError::Json(_) => Fault::Run,
            _ => Fault::Input,
        };
        Self::Policies { error: error.to_string(), fault }
    }
}

impl From<ordinate_report::ReportError> for Error {
    fn from(error: ordinate_report::ReportError) -> Self {
        Self::broken(error)
    }
}

/// What a server is told is input; whether it can listen and write its record hangs on the machine.
impl From<ServeError> for Error {
    fn from(error: ServeError) -> Self {
        let fault = match error {
            ServeError::Open(_) | ServeError::Telemetry(_) => Fault::Input,
            ServeError::Bind(..) | ServeError::Record(..) => Fault::Run,
        };
        Self::Serve { problem: error.to_string(), fault }
    }
}

/// What a server reads before it starts.
macro_rules! given_to_a_server {
    ($($error:ty),*) => {$(
        impl From<$error> for Error {
            fn from(error: $error) -> Self {
                Self::Serve { problem: error.to_string(), fault: Fault::Input }
            }
        }
    )*};
}

given_to_a_server!(KeysError, SettingsError, TelemetryError, Unservable);
