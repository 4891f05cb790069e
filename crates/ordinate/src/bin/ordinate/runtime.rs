//! Where the library's asynchronous work runs, and what signals do to it.

use std::future::Future;
use std::time::Duration;

use ordinate::CancellationToken;

use crate::failure::Failure;

/// Waits for work of the library. The first Ctrl-C or SIGTERM calls `cancel`; the second ends the program.
pub(crate) fn wait<T, E>(
    work: impl Future<Output = Result<T, E>>,
    cancel: CancellationToken,
) -> Result<T, Failure>
where
    Failure: From<E>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| Failure::Run(format!("the work cannot be started: {error}")))?;
    let done = runtime.block_on(async {
        tokio::spawn(heed_signals(cancel));
        work.await
    });
    // A program that does not end of itself, or a training that was stopped, must not hold the end up.
    runtime.shutdown_timeout(Duration::from_millis(500));
    Ok(done?)
}

async fn heed_signals(cancel: CancellationToken) {
    signal().await;
    cancel.cancel();
    signal().await;
    std::process::exit(130);
}

#[cfg(unix)]
async fn signal() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut terminate) => tokio::select! {
            _ = tokio::signal::ctrl_c() => {}
            _ = terminate.recv() => {}
        },
        Err(_) => {
            let _ = tokio::signal::ctrl_c().await;
        }
    }
}

#[cfg(not(unix))]
async fn signal() {
    let _ = tokio::signal::ctrl_c().await;
}
