//! Waiting for the library without the interpreter, and for Ctrl-C with it.

use std::future::Future;
use std::time::Duration;

use ordinate::{CancellationToken, Error};
use pyo3::prelude::*;

use crate::{RunError, raised};

/// How often the interpreter is asked whether somebody pressed Ctrl-C.
const LOOK: Duration = Duration::from_millis(100);
/// What is left on threads when the work is done (a callable that hangs, a training that was stopped) is not waited for.
const LEAVE: Duration = Duration::from_millis(500);

/// Carries out work of the library. Ctrl-C calls `cancel`, waits until everything that was paid for is kept, and is raised.
pub(crate) fn wait<T: Send>(
    py: Python<'_>,
    cancel: &CancellationToken,
    work: impl Future<Output = Result<T, Error>> + Send,
) -> PyResult<T> {
    let build = || tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime =
        build().map_err(|error| RunError::new_err(format!("the work cannot be started: {error}")))?;
    let done = py.detach(|| {
        runtime.block_on(async {
            let mut work = std::pin::pin!(work);
            let mut interrupted = None;
            loop {
                tokio::select! {
                    done = work.as_mut() => break interrupted.map_or(Ok(done), Err),
                    () = tokio::time::sleep(LOOK) => {}
                }
                if interrupted.is_none() {
                    // The method itself is of one lifetime, and no function of every.
                    #[allow(clippy::redundant_closure_for_method_calls)]
                    let looked = Python::attach(|py| py.check_signals());
                    interrupted = looked.err();
                    if interrupted.is_some() {
                        cancel.cancel();
                    }
                }
            }
        })
    });
    py.detach(|| runtime.shutdown_timeout(LEAVE));
    done?.map_err(|error| raised(&error))
}
