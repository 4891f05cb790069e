//! What a stream that broke off has used up: its server says that at the end alone, and bills what it wrote all the same.
//!
//! Estimated by the streams of the same candidate that were whole: the tokens that were read by a byte of the request, and written
//! by a byte of what was told. Without such a stream nothing is known.

use std::sync::{Mutex, PoisonError};

use ordinate_remote::Usage;

/// After so many streams older ones count half: what is asked changes.
const LATELY: u64 = 1_000;

/// What whole streams of a candidate used up.
#[derive(Debug, Default)]
pub(crate) struct Metered(Mutex<Sums>);

#[derive(Debug, Default)]
struct Sums {
    streams: u64,
    /// Bytes of requests, and the tokens that they were.
    sent: f64,
    read: f64,
    /// Bytes of what was told, and the tokens that they were.
    told: f64,
    written: f64,
}

/// Bytes of a request whose length says how many tokens it is: of pictures and sound it does not.
pub(crate) fn sent(body: &str) -> Option<usize> {
    Some(body.len()).filter(|_| !body.contains(";base64,") && !body.contains("\"input_audio\""))
}

impl Metered {
    /// Takes what a whole stream used up, which told so many bytes.
    pub(crate) fn whole(&self, sent: Option<usize>, told: u64, usage: Usage) {
        let Some(sent) = sent.filter(|_| told > 0 && usage.input_tokens > 0 && usage.output_tokens > 0)
        else {
            return;
        };
        let mut sums = self.lock();
        sums.streams += 1;
        sums.sent += sent as f64;
        sums.read += usage.input_tokens as f64;
        sums.told += told as f64;
        sums.written += usage.output_tokens as f64;
        if sums.streams >= LATELY {
            let Sums { streams, sent, read, told, written } = *sums;
            let half = |sum: f64| sum / 2.0;
            *sums = Sums {
                streams: streams / 2,
                sent: half(sent),
                read: half(read),
                told: half(told),
                written: half(written),
            };
        }
    }

    /// What a stream has used up that broke off when it had told so many bytes; `None` where that cannot be known.
    pub(crate) fn broken(&self, sent: Option<usize>, told: u64) -> Option<Usage> {
        let (sent, sums) = (sent?, self.lock());
        let of = |bytes: f64, tokens: f64, all: f64| (bytes * tokens / all).round() as u64;
        (sums.streams > 0).then(|| Usage {
            input_tokens: of(sent as f64, sums.read, sums.sent),
            output_tokens: of(told as f64, sums.written, sums.told),
            ..Usage::default()
        })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Sums> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn usage(input_tokens: u64, output_tokens: u64) -> Usage {
        Usage { input_tokens, output_tokens, ..Usage::default() }
    }

    #[test]
    fn what_broke_off_is_counted_as_what_was_whole() {
        let metered = Metered::default();
        assert_eq!(metered.broken(Some(100), 40), None, "nothing is known yet");
        metered.whole(Some(200), 80, usage(50, 10));
        assert_eq!(metered.broken(Some(100), 40), Some(usage(25, 5)));
        assert_eq!(metered.broken(Some(100), 0), Some(usage(25, 0)), "what was read is paid for");
        // What says nothing changes nothing.
        metered.whole(None, 80, usage(5_000, 10));
        metered.whole(Some(200), 0, usage(50, 10));
        metered.whole(Some(200), 80, usage(0, 10));
        assert_eq!(metered.broken(Some(100), 40), Some(usage(25, 5)));
        assert_eq!(metered.broken(None, 40), None, "how many tokens a picture is is not known");
        // What is asked now counts more than what was.
        for _ in 0..20 * LATELY {
            metered.whole(Some(200), 80, usage(100, 40));
        }
        assert_eq!(metered.broken(Some(100), 40), Some(usage(50, 20)));
    }

    #[test]
    fn pictures_are_not_counted_by_their_bytes() {
        assert_eq!(sent("{}"), Some(2));
        for body in ["data:image/png;base64,AA", "{\"type\":\"input_audio\"}"] {
            assert_eq!(sent(body), None);
        }
    }
}
