//! Everything that a server has, as it is read when it starts and whenever it is told to read again.

use std::path::PathBuf;

use ordinate_serve::{Keys, Served, Settings};

use crate::error::Error;
use crate::options::Options;
use crate::serve::{Serving, serve};

/// What a server is told of.
#[derive(Debug, Clone, Default)]
pub struct Offer {
    /// The run folders.
    pub runs: Vec<PathBuf>,
    /// Another policy of the runs than the recommended ones.
    pub policy: Option<String>,
    /// As in [`Serving::upstreams`].
    pub upstreams: Option<PathBuf>,
    /// The file of the server's settings.
    pub settings: Option<PathBuf>,
    /// The file of the keys of those who may ask.
    pub keys: Option<PathBuf>,
    /// Whether candidates beside those of the policies are opened too, to stand in for them or be asked for by name.
    pub with_others: bool,
}

/// Reads runs, keys and settings. What was left out and why is told as lines beside it.
///
/// # Errors
/// [`Error`] where a folder holds no run, a candidate of a policy cannot be asked, or keys or settings cannot be used.
pub async fn offer(offer: &Offer, options: &Options) -> Result<(Served, Vec<String>), Error> {
    let keys = offer.keys.as_deref().map(Keys::read).transpose()?;
    let settings = offer.settings.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
    let (mut runs, mut told) = (Vec::with_capacity(offer.runs.len()), Vec::new());
    for run in &offer.runs {
        let serving = Serving {
            run: run.clone(),
            policy: offer.policy.clone(),
            upstreams: offer.upstreams.clone(),
            with_others: offer.with_others || settings.shadow.is_some(),
            also: settings.shadow.iter().flat_map(|shadow| shadow.runner_up.values()).cloned().collect(),
            scored: settings.shadow.is_some(),
            drift: settings.drift.watch,
        };
        let (run, notes) = serve(&serving, options).await?;
        told.extend(notes);
        runs.push(run);
    }
    Ok((Served::new(runs, keys, settings)?, told))
}
