//! What a program sees of the environment: what every program needs to run, and what the task file names.

use std::ffi::OsString;

use crate::failure::SetupError;
use crate::leak;
use crate::said::{excerpt, shorten};
use crate::secret::ApiKey;

/// What programs need to be found, to find their files and to write text.
const BASICS: [&str; 28] = [
    "PATH",
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "TMPDIR",
    "TMP",
    "TEMP",
    "LANG",
    "LANGUAGE",
    "TZ",
    "TERM",
    "LD_LIBRARY_PATH",
    "DYLD_LIBRARY_PATH",
    "VIRTUAL_ENV",
    "CONDA_PREFIX",
    // Windows.
    "SYSTEMROOT",
    "SYSTEMDRIVE",
    "WINDIR",
    "COMSPEC",
    "PATHEXT",
    "USERPROFILE",
    "USERNAME",
    "APPDATA",
    "LOCALAPPDATA",
    "PROGRAMDATA",
    "PROGRAMFILES",
    "NUMBER_OF_PROCESSORS",
];
/// Names of variables whose values must not be seen.
const SECRET: [&str; 6] = ["KEY", "TOKEN", "SECRET", "PASS", "CREDENTIAL", "AUTH"];

/// The environment of a program.
#[derive(Debug, Clone, Default)]
pub(super) struct Environment {
    pub(super) variables: Vec<(OsString, OsString)>,
    /// The values that a program may repeat and nobody may read.
    secrets: Vec<ApiKey>,
}

impl Environment {
    /// The basics, and these variables.
    ///
    /// # Errors
    /// [`SetupError`] where one of them is no variable, or, where all `must_be_set`, is not set.
    pub(super) fn of(names: &[String], must_be_set: bool) -> Result<Self, SetupError> {
        let is_basic = |name: &str| {
            let is_locale = name.starts_with("LC_");
            is_locale
                || BASICS
                    .iter()
                    .any(|basic| name == *basic || (cfg!(windows) && name.eq_ignore_ascii_case(basic)))
        };
        let mut environment = Self::default();
        environment.variables =
            std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_basic)).collect();
        for name in names {
            match std::env::var_os(name) {
                Some(value) => {
                    if SECRET.iter().any(|part| name.to_ascii_uppercase().contains(part)) {
                        environment.secrets.extend(ApiKey::from_env(name));
                    }
                    environment.variables.push((name.into(), value));
                }
                None if !leak::is_variable(name) => return Err(SetupError::NoName("command.env")),
                None if must_be_set => return Err(SetupError::NoVariable(name.clone())),
                None => {}
            }
        }
        Ok(environment)
    }

    /// What a program said, for a message: one short line without secrets.
    pub(super) fn said(&self, text: &str) -> String {
        let clear = |text: String, secret: &ApiKey| secret.clear(&text);
        shorten(&self.secrets.iter().fold(excerpt(text).to_owned(), clear))
    }

    /// What a program answered, without secrets.
    pub(super) fn clear_answer(&self, text: &str) -> String {
        self.secrets.iter().fold(text.to_owned(), |text, secret| secret.clear_answer(&text))
    }
}
