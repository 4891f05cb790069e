//! A response body that follows a plan: bytes, pauses, a cut or a stall.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

use crate::count::Counter;

/// One step of a body.
#[derive(Debug)]
pub(crate) enum Step {
    Send(Bytes),
    Wait(Duration),
    /// The connection breaks here.
    Cut,
    /// Nothing more, ever.
    Stall,
}

/// Counts the answer as completed when its last byte went out, and the request as closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Receipt {
    pub(crate) counter: Arc<Counter>,
    /// Prompt and tokens of a good answer.
    pub(crate) good: Option<(String, (u64, u64))>,
    /// Tokens of a stream that breaks off after a part of the answer.
    pub(crate) broken: Option<(u64, u64)>,
}

impl Receipt {
    fn finish(&mut self) {
        if let Some((prompt, tokens)) = self.good.take() {
            self.counter.completed(&prompt, tokens);
        }
    }
}

impl Drop for Receipt {
    fn drop(&mut self) {
        if let Some(tokens) = self.broken.take() {
            self.counter.broke_off(tokens);
        }
        self.counter.closed();
    }
}

#[derive(Debug)]
pub(crate) struct Planned {
    steps: VecDeque<Step>,
    sleep: Option<Pin<Box<Sleep>>>,
    receipt: Receipt,
}

impl Planned {
    pub(crate) fn new(steps: impl IntoIterator<Item = Step>, receipt: Receipt) -> Self {
        Self { steps: steps.into_iter().collect(), sleep: None, receipt }
    }
}

impl Body for Planned {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, io::Error>>> {
        loop {
            if let Some(sleep) = &mut self.sleep {
                if sleep.as_mut().poll(cx).is_pending() {
                    return Poll::Pending;
                }
                self.sleep = None;
            }
            match self.steps.pop_front() {
                Some(Step::Send(bytes)) => {
                    if self.steps.is_empty() {
                        self.receipt.finish();
                    }
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Some(Step::Wait(time)) => self.sleep = Some(Box::pin(sleep(time))),
                Some(Step::Cut) => return Poll::Ready(Some(Err(io::Error::other("cut, as told")))),
                Some(Step::Stall) => {
                    self.steps.push_front(Step::Stall);
                    return Poll::Pending;
                }
                None => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        self.steps.is_empty()
    }

    fn size_hint(&self) -> SizeHint {
        match self.steps.front() {
            Some(Step::Send(bytes)) if self.steps.len() == 1 => SizeHint::with_exact(bytes.len() as u64),
            _ => SizeHint::default(),
        }
    }
}
