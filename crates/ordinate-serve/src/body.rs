//! Bodies of responses: whole, or as they come.

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::sync::mpsc;

/// The body of a response.
#[derive(Debug)]
pub(crate) enum Reply {
    /// All of it.
    Whole(Option<Bytes>),
    /// Part by part. Dropped, the sender learns that nobody reads any more.
    Parts(mpsc::Receiver<Bytes>),
    /// All of it, and what is done once it went out.
    Then(Option<Bytes>, #[expect(dead_code, reason = "it is there to be dropped")] Later),
}

/// What is done when this is dropped.
pub(crate) struct Later(Option<Box<dyn FnOnce() + Send + Sync>>);

impl Later {
    pub(crate) fn new(work: impl FnOnce() + Send + Sync + 'static) -> Self {
        Self(Some(Box::new(work)))
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work();
        }
    }
}

impl std::fmt::Debug for Later {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Later").finish_non_exhaustive()
    }
}

impl Reply {
    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))
    }

    /// All of it, where it is there.
    pub(crate) fn bytes(&self) -> Option<&Bytes> {
        match self {
            Self::Whole(bytes) | Self::Then(bytes, _) => bytes.as_ref(),
            Self::Parts(_) => None,
        }
    }

    /// The same, and then this; of what comes part by part at once.
    pub(crate) fn then(self, later: Later) -> Self {
        match self {
            Self::Whole(bytes) | Self::Then(bytes, _) => Self::Then(bytes, later),
            Self::Parts(parts) => Self::Parts(parts),
        }
    }
}

impl Body for Reply {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let part = match &mut *self {
            Self::Whole(bytes) | Self::Then(bytes, _) => Poll::Ready(bytes.take()),
            Self::Parts(parts) => parts.poll_recv(cx),
        };
        part.map(|part| part.map(|bytes| Ok(Frame::data(bytes))))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None) | Self::Then(None, _))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(bytes) | Self::Then(bytes, _) => {
                SizeHint::with_exact(bytes.as_ref().map_or(0, Bytes::len) as u64)
            }
            Self::Parts(_) => SizeHint::default(),
        }
    }
}
