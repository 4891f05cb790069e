//! A streamed answer: server-sent events, put together from bytes that may be cut anywhere.

use std::time::Duration;

use super::raw::{Bounds, Raw, too_long};
use super::wire::{Wire, add_logprobs, broken_text, parse};
use crate::failure::{Failure, FailureKind};

/// Takes bytes as they come, and gives the answer when they have all come.
#[derive(Debug, Default)]
pub(super) struct StreamReader {
    /// Bytes of a line that is not yet whole.
    rest: Vec<u8>,
    /// The data lines of an event that is not yet whole.
    data: String,
    raw: Raw,
    done: bool,
    events: usize,
    /// Whether any event was one of a chat stream.
    begun: bool,
    /// Whether the server names finish reasons at all.
    says_why: bool,
    /// The most that the answer can be.
    bounds: Option<Bounds>,
}

impl StreamReader {
    pub(super) fn new(bounds: Bounds) -> Self {
        Self { bounds: Some(bounds), ..Self::default() }
    }

    /// A failure, with the tokens that it took all the same.
    fn failed(&self, kind: FailureKind, message: impl Into<String>) -> Failure {
        let usage = self.bounds.and_then(|bounds| self.raw.believed(bounds.tokens));
        Failure { usage, ..Failure::new(kind, message) }
    }

    /// Takes the next bytes, which came `since` after the request was sent. Says whether they were more than comments
    /// and empty lines.
    pub(super) fn take(&mut self, bytes: &[u8], since: Duration) -> Result<bool, Failure> {
        let says = |line: &[u8]| line.first().is_some_and(|first| !b":\r\n".contains(first));
        // Only what is new can end a line: a long line is not searched again with every part of it.
        let mut searched = self.rest.len();
        self.rest.extend_from_slice(bytes);
        let (mut from, mut told) = (0, false);
        while let Some(length) = self.rest[searched..].iter().position(|byte| *byte == b'\n') {
            let line = self.rest[from..searched + length].to_vec();
            from = searched + length + 1;
            searched = from;
            told |= says(&line);
            self.line(&line, since)?;
        }
        self.rest.drain(..from);
        Ok(told || says(&self.rest))
    }

    /// Whether the server has said that nothing more comes.
    pub(super) fn is_done(&self) -> bool {
        self.done
    }

    fn line(&mut self, line: &[u8], since: Duration) -> Result<(), Failure> {
        let line = std::str::from_utf8(line).map_err(|error| broken_text(error.valid_up_to()))?;
        let line = line.trim_end_matches('\r');
        if line.is_empty() {
            return self.event(since);
        }
        if let Some(data) = line.strip_prefix("data:") {
            if !self.data.is_empty() {
                self.data.push('\n');
            }
            self.data.push_str(data.strip_prefix(' ').unwrap_or(data));
        } else if line.starts_with(['{', '<']) && self.events == 0 {
            // Not a stream at all: an error or a page, sent with status 200.
            self.data.push_str(line);
        }
        Ok(()) // comments, `event:`, `id:` and `retry:` say nothing about the answer
    }

    fn event(&mut self, since: Duration) -> Result<(), Failure> {
        let data = std::mem::take(&mut self.data);
        if data.is_empty() || self.done {
            return Ok(());
        }
        if data.trim() == "[DONE]" {
            self.done = true;
            return Ok(());
        }
        self.events += 1;
        self.add(&parse(&data)?, since);
        let length = self.raw.reply.text.len();
        if self.bounds.is_some_and(|bounds| length > bounds.text) {
            return Err(self.failed(FailureKind::TooLarge, too_long(length)));
        }
        Ok(())
    }

    fn add(&mut self, wire: &Wire, since: Duration) {
        self.raw.meter(wire);
        self.begun |= wire.choices.is_some();
        for choice in wire.choices.iter().flatten().take(1) {
            let before = self.raw.reply.text.len();
            if let Some(message) = choice.delta.as_ref().or(choice.message.as_ref()) {
                self.raw.take(message);
            } else if let Some(serde_json::Value::String(text)) = &choice.text {
                self.raw.reply.text.push_str(text);
            }
            if self.raw.reply.text.len() > before && self.raw.reply.first_token.is_none() {
                self.raw.reply.first_token = Some(since);
            }
            if let Some(logprobs) = &choice.logprobs {
                add_logprobs(logprobs, &mut self.raw.reply.logprobs);
            }
            self.says_why |= choice.finish_reason.is_some();
            self.raw.finish = wire.ended(choice).or(self.raw.finish.take());
        }
    }

    /// The answer, when no more bytes come.
    pub(super) fn finish(mut self) -> Result<Raw, Failure> {
        let rest = std::mem::take(&mut self.rest);
        self.line(&rest, Duration::ZERO)?;
        self.event(Duration::ZERO)?;
        // `[DONE]` or a finish reason: some servers send only one of them. llama-cpp-python gives a stream up when another
        // request comes, and says `[DONE]` all the same: whoever says null on the way has to say a reason at the end.
        if self.done && self.says_why && self.raw.finish.is_none() {
            let message = "the server gave the answer up before it was whole (`[DONE]` without a finish reason); where it \
                           does so when another request comes, write `concurrency = 1` for this candidate, or start \
                           llama-cpp-python with `--interrupt_requests false`";
            return Err(self.failed(FailureKind::Cut, message));
        }
        if !self.done && self.raw.finish.is_none() {
            let kind = if self.begun { FailureKind::Cut } else { FailureKind::Shape };
            let message = if self.begun {
                "the stream ended before the answer was whole"
            } else {
                "the stream ended before the answer began: the server's log may say why (without `stream` it may say it \
                 here)"
            };
            return Err(self.failed(kind, message));
        }
        Ok(self.raw)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::reply::Usage;

    const STREAM: &str = ": ping\r\n\r\ndata: {\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}\r\n\r\n\
        data:{\"choices\":[{\"delta\":{\"content\":\"金价\"},\"logprobs\":{\"content\":[{\"token\":\"金价\",\"logprob\":-0.5}]}}]}\n\n\
        event: x\ndata: {\"choices\":[{\"delta\":{\"content\":\" up\"},\n\
        data: \"finish_reason\":\"stop\"}]}\n\n\
        data: {\"choices\":[],\"usage\":{\"prompt_tokens\":5,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n";

    fn read(parts: &[&[u8]]) -> Result<Raw, Failure> {
        let mut reader = StreamReader::default();
        for (at, part) in parts.iter().enumerate() {
            reader.take(part, Duration::from_millis(at as u64 + 1))?;
        }
        reader.finish()
    }

    proptest! {
        #[test]
        fn cuts_between_bytes_change_nothing(cuts in prop::collection::vec(0..STREAM.len(), 0..20)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let mut parts = Vec::new();
            let mut from = 0;
            for cut in cuts {
                parts.push(&STREAM.as_bytes()[from..cut]);
                from = cut;
            }
            parts.push(&STREAM.as_bytes()[from..]);
            let raw = read(&parts).unwrap();
            prop_assert_eq!(&raw.reply.text, "金价 up");
            prop_assert_eq!(raw.reply.logprobs.len(), 1);
            prop_assert_eq!(raw.finish.as_deref(), Some("stop"));
            let most = Usage { input_tokens: 64, output_tokens: 64, ..Usage::default() };
            prop_assert_eq!(raw.believed(most).map(|u| u.output_tokens), Some(2));
            prop_assert!(raw.reply.first_token.is_some());
        }

        #[test]
        fn nothing_makes_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let _ = read(&[&bytes]);
        }
    }

    #[test]
    fn an_answer_that_is_given_up_is_a_cut_and_no_answer() {
        let event =
            |rest: &str| format!("data: {{\"choices\":[{{\"delta\":{{\"content\":\"up\"}}{rest}}}]}}\n\n");
        let ends = |rest| read(&[event(rest).as_bytes(), b"data: [DONE]\n\n"]);
        let failure = ends(",\"finish_reason\":null").unwrap_err();
        assert_eq!(failure.kind, FailureKind::Cut);
        assert!(failure.message.contains("concurrency = 1"), "{failure}");
        // A server that never names a reason ends with `[DONE]` alone.
        assert_eq!(ends("").unwrap().reply.text, "up");
    }

    #[test]
    fn an_end_without_end_is_a_cut() {
        let cut = &STREAM.as_bytes()[..STREAM.find("event").unwrap()];
        assert_eq!(read(&[cut]).unwrap_err().kind, FailureKind::Cut);
        assert_eq!(read(&[b""]).unwrap_err().kind, FailureKind::Shape);
        let error = read(&[b"{\"error\":{\"message\":\"busy\"}}"]).unwrap_err();
        assert_eq!(error.kind, FailureKind::Overloaded);
    }
}
