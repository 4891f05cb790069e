//! What is tried again where the connection to a shared store is lost.

use std::future::Future;
use std::time::{Duration, Instant};

/// The longest pause between two tries.
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// What takes longer than this does not come back: the network is gone, and nobody said so.
const ATTEMPT: Duration = Duration::from_secs(60);

/// What is left of the time to wait for a server.
#[derive(Debug)]
pub(super) struct Patience {
    begun: Instant,
    limit: Duration,
    pause: Duration,
}

/// Why nothing more is tried.
#[derive(Debug)]
pub struct Lost {
    /// How long it was tried; `None` where trying again is of no use.
    pub(super) after: Option<Duration>,
    /// What the server said, or the system.
    pub(super) error: sqlx::Error,
}

impl Patience {
    pub(super) fn new(limit: Duration) -> Self {
        Self { begun: Instant::now(), limit, pause: Duration::from_millis(50) }
    }

    /// Waits until it can be tried again.
    ///
    /// # Errors
    /// [`Lost`] where that is of no use, or no longer.
    pub(super) async fn after(&mut self, error: sqlx::Error) -> Result<(), Lost> {
        if !may_pass(&error) {
            return Err(Lost { after: None, error });
        }
        let elapsed = self.begun.elapsed();
        if elapsed >= self.limit {
            return Err(Lost { after: Some(elapsed), error });
        }
        tokio::time::sleep(self.pause.min(self.limit - elapsed)).await;
        self.pause = (2 * self.pause).min(MAX_PAUSE);
        Ok(())
    }
}

/// A try that hangs counts as one that failed.
pub(super) async fn in_time<T>(work: impl Future<Output = Result<T, sqlx::Error>>) -> Result<T, sqlx::Error> {
    let late =
        |_| sqlx::Error::Io(std::io::Error::new(std::io::ErrorKind::TimedOut, "no answer within 60 s"));
    tokio::time::timeout(ATTEMPT, work).await.map_err(late)?
}

/// Whether the next try may succeed: the connection broke, the server ends, starts or has too many connections, or two
/// transactions stood in each other's way.
fn may_pass(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::PoolTimedOut | sqlx::Error::Protocol(_) | sqlx::Error::Tls(_) => {
            true
        }
        sqlx::Error::Database(error) => error.code().is_some_and(|code| {
            code.starts_with("08")
                || code.starts_with("57P")
                || ["25006", "40001", "40P01", "53300"].contains(&&*code)
        }),
        _ => false,
    }
}
