//! Work on long answers, done where it holds up nobody else's time.

use crate::failure::{Failure, FailureKind};

/// A longer answer is worked on elsewhere: a shorter one takes less than handing it over.
const SHORT: usize = 32 << 10;

/// Does `work` on an answer of this many bytes.
///
/// # Errors
/// What `work` gives; a broken answer where it panics.
pub(crate) async fn aside<T: Send + 'static>(
    bytes: usize,
    work: impl FnOnce() -> Result<T, Failure> + Send + 'static,
) -> Result<T, Failure> {
    if bytes <= SHORT {
        return work();
    }
    let broken = |error: tokio::task::JoinError| {
        Err(Failure::new(FailureKind::BrokenJson, format!("the answer cannot be read: {error}")))
    };
    tokio::task::spawn_blocking(work).await.unwrap_or_else(broken)
}
