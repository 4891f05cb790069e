//! An answer whose bytes are taken as they come.

use reqwest::{Response, Url};
use tokio::time::{Instant, timeout_at};

use super::{Http, seconds, unpackable};
use crate::failure::{Failure, FailureKind};
use crate::packed::Unpacking;
use crate::reply::Signature;

/// An answer whose bytes are taken as they come. Dropped, it ends the request.
pub(crate) struct Answering {
    pub(super) http: Http,
    pub(super) url: Url,
    pub(super) response: Response,
    pub(super) unpacking: Unpacking,
    pub(super) total: Instant,
    pub(super) due: Instant,
    pub(super) begun: bool,
    pub(super) ended: bool,
    pub(super) bytes: usize,
    pub(super) most: usize,
}

impl Answering {
    /// The next bytes, unpacked; `None` at the end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Vec<u8>>, Failure> {
        if self.ended {
            return Ok(None);
        }
        let packed = match timeout_at(self.due, self.response.chunk()).await {
            Err(_) if self.begun && self.due < self.total => {
                let idle = seconds(self.http.idle);
                let message = format!("the answer stopped half-way and nothing came for {idle} s");
                return Err(Failure::new(FailureKind::IdleTimeout, message));
            }
            Err(_) => return Err(self.http.late(self.due, self.total)),
            Ok(Err(error)) => return Err(self.http.transport(&error, &self.url)),
            Ok(Ok(None)) => {
                self.ended = true;
                let rest = self.unpacking.end().map_err(unpackable)?;
                return Ok((!rest.is_empty()).then_some(rest));
            }
            Ok(Ok(Some(packed))) => packed,
        };
        let chunk = self.unpacking.unpack(&packed).map_err(unpackable)?;
        self.bytes += chunk.len();
        if self.bytes > self.most {
            let most = self.most >> 20;
            let message = format!("the answer has more than {most} MiB, far more than was asked for");
            return Err(Failure::new(FailureKind::TooLarge, message));
        }
        Ok(Some(chunk))
    }

    /// A part of the answer came: the next is due within the idle time.
    pub(crate) fn told(&mut self) {
        self.begun = true;
        self.due = self.total.min(Instant::now() + self.http.idle);
    }

    /// The text of an answer without the key, which servers repeat; `None` where it is not in it.
    pub(crate) fn without_key(&self, text: &str) -> Option<String> {
        let key = self.http.key.as_ref().filter(|key| key.is_in(text))?;
        Some(key.clear_answer(text))
    }

    /// What an answer says of who gave it, fit to be kept.
    pub(crate) fn signed(&self, signature: Signature) -> Signature {
        self.http.signed(signature)
    }

    /// A failure as it may be told: without the key, in one line.
    pub(crate) fn tidy(&self, failure: Failure) -> Failure {
        self.http.tidied(failure)
    }
}
