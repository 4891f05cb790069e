//! Commits answers as they arrive: all that wait while one commit is written go into the next one.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use crate::key::Key;
use crate::saved::Saved;
use crate::store::{AnswerStore, StoreError};

/// The most batches of one commit.
const MAX: usize = 256;

struct Entry {
    answers: Vec<(Key, Saved)>,
    committed: oneshot::Sender<()>,
}

/// Hands answers to the task that commits them.
#[derive(Debug, Clone)]
pub(crate) struct Writer(mpsc::Sender<Entry>);

/// The writing task has ended; why, its own result says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct WriterGone;

impl Writer {
    /// A writer, and the work that somebody has to run until every writer is dropped.
    pub(crate) fn new(store: Arc<AnswerStore>) -> (Self, impl Future<Output = Result<(), StoreError>>) {
        let (sender, mut receiver) = mpsc::channel::<Entry>(MAX);
        let work = async move {
            let mut waiting = Vec::with_capacity(MAX);
            let mut failed = None;
            while receiver.recv_many(&mut waiting, MAX).await > 0 {
                let (answers, acknowledge): (Vec<_>, Vec<_>) =
                    waiting.drain(..).map(|entry| (entry.answers, entry.committed)).unzip();
                let answers = answers.concat();
                if failed.is_some() {
                    // It was paid for all the same. Nobody is told that it is committed.
                    store.set_aside(&answers).await;
                    continue;
                }
                match store.put(&answers).await {
                    Ok(()) => {
                        for committed in acknowledge {
                            let _ = committed.send(()); // whoever asked may have been told to stop
                        }
                    }
                    Err(error) => failed = Some(error),
                }
            }
            failed.map_or(Ok(()), Err)
        };
        (Self(sender), work)
    }

    /// Returns when the answers are committed.
    pub(crate) async fn commit(&self, answers: Vec<(Key, Saved)>) -> Result<(), WriterGone> {
        let (committed, done) = oneshot::channel();
        self.0.send(Entry { answers, committed }).await.map_err(|_| WriterGone)?;
        done.await.map_err(|_| WriterGone)
    }
}
