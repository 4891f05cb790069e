//! How a command fails, and with which exit status.

use std::fmt;

use ordinate::Fault;

/// A failed command: one paragraph that says what to do next.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The run failed: exit status 1.
    Run(String),
    /// The task file or the data is wrong: exit status 2.
    Input(String),
}

impl Failure {
    pub(crate) fn exit_status(&self) -> u8 {
        match self {
            Self::Run(_) => 1,
            Self::Input(_) => 2,
        }
    }

    pub(crate) fn of(fault: Fault, error: &dyn fmt::Display) -> Self {
        match fault {
            Fault::Run => Self::Run(error.to_string()),
            Fault::Input => Self::Input(error.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Run(message) | Self::Input(message) => f.write_str(message),
        }
    }
}

impl From<ordinate::Error> for Failure {
    fn from(error: ordinate::Error) -> Self {
        Self::of(error.fault(), &error)
    }
}

impl From<ordinate_data::DataError> for Failure {
    fn from(error: ordinate_data::DataError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<ordinate_import::ImportError> for Failure {
    fn from(error: ordinate_import::ImportError) -> Self {
        match error {
            ordinate_import::ImportError::Write { .. } => Self::Run(error.to_string()),
            ordinate_import::ImportError::Log(_) | ordinate_import::ImportError::Options(_) => {
                Self::Input(error.to_string())
            }
        }
    }
}

impl From<ordinate_fetch::FetchError> for Failure {
    fn from(error: ordinate_fetch::FetchError) -> Self {
        let fault = if error.is_input() { Fault::Input } else { Fault::Run };
        Self::of(fault, &error)
    }
}
