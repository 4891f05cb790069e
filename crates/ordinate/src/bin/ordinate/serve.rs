//! `ordinate serve`.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::time::Duration;

use ordinate::{Error, Fault, Offer, Options, tell};
use ordinate_cli::ServeArgs;
use ordinate_serve::{Config, Handle, Keys, Listening, Served, Telemetry};

use crate::output::print;
use crate::runtime::wait_to_serve;

pub(crate) fn serve(args: &ServeArgs) -> Result<(), Error> {
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

async fn run(args: &ServeArgs, options: &Options) -> Result<(), Error> {
    let telemetry = Telemetry::from_variables(|name| std::env::var(name).ok())?;
    let served = opened(args, options).await?;
    let listening = Listening::start(served, Config { telemetry, ..config(args) }).await?;
    let address = listening.address().map_err(|error| Error::Broken(error.to_string()))?;
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
        false => {
            let problem = "the time for what was being answered was over; raise --drain".to_owned();
            Err(Error::Serve { problem, fault: Fault::Run })
        }
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
async fn opened(args: &ServeArgs, options: &Options) -> Result<Served, Error> {
    let offer = Offer {
        runs: args.runs.clone(),
        policy: args.policy.clone(),
        upstreams: args.upstreams.clone(),
        settings: args.settings.clone(),
        keys: args.keys.clone(),
        with_others: !args.no_stand_in || args.allow_candidates,
    };
    let (served, notes) = ordinate::offer(&offer, options).await?;
    notes.iter().for_each(|note| tell(note));
    Ok(served)
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
