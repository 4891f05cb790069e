//! Where the library's asynchronous work runs, and what signals do to it.

use std::future::Future;
use std::time::Duration;

use ordinate::{CancellationToken, Error, raise_open_files};

/// Waits for work of the library. The first Ctrl-C, SIGTERM or SIGHUP calls `cancel`; the second ends the program.
pub(crate) fn wait<T, E>(
    work: impl Future<Output = Result<T, E>>,
    cancel: CancellationToken,
) -> Result<T, Error>
where
    Error: From<E>,
{
    run(work, cancel, true, 2)
}

/// The same for a server, on so many threads: it has a use of its own for SIGHUP.
pub(crate) fn wait_to_serve<T, E>(
    work: impl Future<Output = Result<T, E>>,
    cancel: CancellationToken,
    threads: usize,
) -> Result<T, Error>
where
    Error: From<E>,
{
    run(work, cancel, false, threads)
}

fn run<T, E>(
    work: impl Future<Output = Result<T, E>>,
    cancel: CancellationToken,
    hangup_ends: bool,
    threads: usize,
) -> Result<T, Error>
where
    Error: From<E>,
{
    raise_open_files();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(threads)
        .enable_all()
        .build()
        .map_err(|error| Error::Broken(format!("the work cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        tokio::spawn(heed_signals(cancel, hangup_ends));
        work.await
    });
    // A program that does not end of itself, or a training that was stopped, must not hold the end up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(done?)
}

async fn heed_signals(cancel: CancellationToken, hangup_ends: bool) {
    signal(hangup_ends).await;
    cancel.cancel();
    signal(hangup_ends).await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal(hangup_ends: bool) {
    use tokio::signal::unix::{SignalKind, signal};
    let came = async |kind| match signal(kind) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = came(SignalKind::interrupt()) => {}
        () = came(SignalKind::terminate()) => {}
        () = came(SignalKind::hangup()), if hangup_ends && !is_nohup() => {}
    }
}

/// Whether whoever started this program wants it to survive the end of the terminal (`nohup`): the signal is ignored.
#[cfg(unix)]
fn is_nohup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // Where that cannot be looked at, what the system does with the signal is left alone.
    mask.is_none_or(|mask| mask & 1 == 1)
}

#[cfg(not(unix))]
async fn signal(_: bool) {
    let _ = tokio::signal::ctrl_c().await;
}
