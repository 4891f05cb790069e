//! Work that takes the processor or the disk, done where it holds up no other task.

use ordinate_measure::CancellationToken;

use crate::error::Error;

/// Does `work` on a thread of its own. When `cancel` is called, it is no longer waited for.
///
/// # Errors
/// What `work` gives; [`Error::Stopped`]; [`Error::Broken`] where it panics.
pub(crate) async fn aside<T: Send + 'static>(
    cancel: &CancellationToken,
    work: impl FnOnce() -> Result<T, Error> + Send + 'static,
) -> Result<T, Error> {
    let working = tokio::task::spawn_blocking(work);
    tokio::select! {
        biased;
        () = cancel.cancelled() => Err(Error::Stopped),
        done = working => done.unwrap_or_else(|error| Err(Error::broken(error))),
    }
}
