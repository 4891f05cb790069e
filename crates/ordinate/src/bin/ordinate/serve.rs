//! `ordinate serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ordinate::{Options, Serving};
use ordinate_serve::{
    Config, Handle, Keys, KeysError, Listening, ServeError, Served, Settings, SettingsError, Telemetry,
    TelemetryError, Unservable,
};

use crate::cli::ServeArgs;
use crate::failure::Failure;
use crate::output::{print, tell};
use crate::runtime::wait_to_serve;

pub(crate) fn serve(args: &ServeArgs) -> Result<(), Failure> {
    if let (Some(name), Some(keys)) = (&args.new_key, &args.keys) {
        let key = Keys::add(keys, name)?;
        return print(&format!("{key}\n"));
    }
    let options = Options::default();
    let stop = options.cancel.clone();
    wait_to_serve(run(args, &options), stop, args.threads.map_or_else(threads, NonZeroUsize::get))
}

/// A thread passes on twenty thousand requests a second (docs/benchmarks.md), and each further one wakes up for what the others
/// would do: half of the cores are left to whoever is asked here.
fn threads() -> usize {
    std::thread::available_parallelism().map_or(1, |cores| cores.get().div_ceil(2))
}

async fn run(args: &ServeArgs, options: &Options) -> Result<(), Failure> {
    let telemetry = Telemetry::from_variables(|name| std::env::var(name).ok())?;
    let served = opened(args, options).await?;
    let listening = Listening::start(served, Config { telemetry, ..config(args) }).await?;
    let address = listening.address().map_err(|error| Failure::Run(error.to_string()))?;
    // Heeded before anybody is told of the server: whoever asks at once to read again would end it.
    let hangups = Hangups::heed();
    tell(&format!("listening on http://{address}"));
    let handle = listening.handle();
    let finished = tokio::select! {
        finished = listening.run(options.cancel.clone()) => finished,
        () = reload(args, options, &handle, hangups) => false,
    };
    match finished {
        true => Ok(()),
        false => Err(Failure::Run("the time for what was being answered was over; raise --drain".to_owned())),
    }
}

/// What asks for the runs and keys to be read again: SIGHUP, where there is such.
struct Hangups(#[cfg(unix)] Option<tokio::signal::unix::Signal>);

#[cfg(unix)]
impl Hangups {
    /// From here on it no longer ends the program.
    fn heed() -> Self {
        Self(tokio::signal::unix::signal(tokio::signal::unix::SignalKind::hangup()).ok())
    }

    async fn next(&mut self) -> Option<()> {
        self.0.as_mut()?.recv().await
    }
}

#[cfg(not(unix))]
impl Hangups {
    fn heed() -> Self {
        Self()
    }

    async fn next(&mut self) -> Option<()> {
        None
    }
}

/// Reads runs and keys again whenever that is asked for. What cannot be read changes nothing; what is being answered is answered as
/// it was begun.
async fn reload(args: &ServeArgs, options: &Options, handle: &Handle, mut hangups: Hangups) {
    while hangups.next().await.is_some() {
        match opened(args, options).await {
            Ok(served) => {
                handle.swap(served);
                tell("reloaded");
            }
            Err(failure) => tell(&format!("not reloaded, so that what was served is served on: {failure}")),
        }
    }
    std::future::pending::<()>().await;
}

/// Reads the runs and the keys.
async fn opened(args: &ServeArgs, options: &Options) -> Result<Served, Failure> {
    let keys = args.keys.as_deref().map(Keys::read).transpose()?;
    let settings = args.settings.as_deref().map(Settings::read).transpose()?.unwrap_or_default();
    let mut runs = Vec::with_capacity(args.runs.len());
    for run in &args.runs {
        let serving = Serving {
            run: run.clone(),
            policy: args.policy.clone(),
            upstreams: args.upstreams.clone(),
            with_others: !args.no_stand_in || args.allow_candidates || settings.shadow.is_some(),
            also: settings.shadow.iter().flat_map(|shadow| shadow.runner_up.values()).cloned().collect(),
            scored: settings.shadow.is_some(),
            drift: settings.drift.watch,
        };
        let (run, notes) = ordinate::serve(&serving, options).await?;
        notes.iter().for_each(|note| tell(note));
        runs.push(run);
    }
    Ok(Served::new(runs, keys, settings)?)
}

fn config(args: &ServeArgs) -> Config {
    let beside = || args.runs.first().map(|run| run.join("served"));
    let record: Option<PathBuf> = args.record.clone().or_else(beside).filter(|_| !args.no_record);
    Config {
        bind: args.bind,
        open: args.open,
        candidates: args.allow_candidates,
        stand_in: !args.no_stand_in,
        record,
        log: args.log,
        max_body: args.max_body,
        max_connections: args.max_connections,
        head_time: Duration::from_secs(args.client_time.max(1)),
        body_idle: Duration::from_secs(args.client_time.max(1)),
        drain: Duration::from_secs(args.drain),
        ..Config::default()
    }
}

impl From<KeysError> for Failure {
    fn from(error: KeysError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<SettingsError> for Failure {
    fn from(error: SettingsError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<Unservable> for Failure {
    fn from(error: Unservable) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<TelemetryError> for Failure {
    fn from(error: TelemetryError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        match error {
            ServeError::Open(_) | ServeError::Telemetry(_) => Self::Input(error.to_string()),
            ServeError::Bind(..) | ServeError::Record(..) => Self::Run(error.to_string()),
        }
    }
}
