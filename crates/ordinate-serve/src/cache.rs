//! Answers that are given again to the very same request: within entries, bytes and a lifetime, and not across keys unless that is
//! allowed. It is of what is served: a reload begins an empty one.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use hyper::header::{HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::keys::Key;
use crate::settings::Caching;

/// Bytes that an entry takes beside its body.
const ENTRY: usize = 1_024;

/// What an answer hangs on: the route, the whole request, and who asks.
pub(crate) type Request = [u8; 32];

/// An answer that was given.
#[derive(Debug, Clone)]
pub(crate) struct Given {
    pub(crate) task: String,
    pub(crate) policy: String,
    pub(crate) body: Bytes,
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    pub(crate) at: Instant,
}

impl Given {
    fn bytes(&self) -> usize {
        ENTRY + self.body.len()
    }
}

/// Answers that may be given again.
#[derive(Debug)]
pub(crate) struct Cache {
    settings: Caching,
    held: Mutex<Held>,
}

#[derive(Debug, Default)]
struct Held {
    by_request: HashMap<Request, Given>,
    /// The oldest first; of an entry that was put anew, its time tells which is meant.
    order: VecDeque<(Request, Instant)>,
    bytes: usize,
}

impl Cache {
    pub(crate) fn new(settings: Caching) -> Self {
        Self { settings, held: Mutex::default() }
    }

    /// What the answer to this request hangs on.
    pub(crate) fn request(&self, route: &str, key: Option<&Key>, body: &[u8]) -> Request {
        let mut hash = Sha256::new();
        let mut add = |part: &[u8]| {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        };
        add(route.as_bytes());
        add(body);
        if let Some(key) = key {
            // Whoever may not name candidates gets no answer of somebody who may.
            add(&[u8::from(key.candidates)]);
            if !self.settings.across_keys {
                add(key.name.as_bytes());
            }
        }
        hash.finalize().into()
    }

    /// The answer to this request, if it was given before and not too long ago.
    pub(crate) fn get(&self, request: &Request) -> Option<Given> {
        let held = self.lock();
        let given = held.by_request.get(request)?;
        (given.at.elapsed() < self.lifetime()).then(|| given.clone())
    }

    /// Keeps an answer, if there is room for it; the oldest make room.
    pub(crate) fn put(&self, request: Request, given: Given) {
        let most = usize::try_from(self.settings.bytes.get()).unwrap_or(usize::MAX);
        if given.bytes() > most {
            return;
        }
        let mut held = self.lock();
        held.bytes += given.bytes();
        held.order.push_back((request, given.at));
        if let Some(before) = held.by_request.insert(request, given) {
            held.bytes -= before.bytes();
        }
        let (entries, lifetime) = (self.settings.entries.get() as usize, self.lifetime());
        while let Some(&(oldest, at)) = held.order.front() {
            let is_current = held.by_request.get(&oldest).is_some_and(|given| given.at == at);
            let is_too_much = held.by_request.len() > entries || held.bytes > most;
            if is_current && !is_too_much && at.elapsed() < lifetime {
                break;
            }
            held.order.pop_front();
            if is_current && let Some(gone) = held.by_request.remove(&oldest) {
                held.bytes -= gone.bytes();
            }
        }
    }

    fn lifetime(&self) -> Duration {
        Duration::from_secs(self.settings.seconds.get())
    }

    fn lock(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cache(text: &str) -> Cache {
        Cache::new(toml::from_str(text).unwrap())
    }

    fn given(bytes: usize) -> Given {
        Given {
            task: "t".to_owned(),
            policy: "p".to_owned(),
            body: Bytes::from(vec![b'x'; bytes]),
            headers: Vec::new(),
            at: Instant::now(),
        }
    }

    #[test]
    fn it_holds_no_more_and_no_longer_than_was_said() {
        let cache = cache("entries = 3\nbytes = 100_000\nseconds = 60\n");
        let key = |at: u8| [at; 32];
        for at in 0..5 {
            cache.put(key(at), given(10));
        }
        assert!(cache.get(&key(1)).is_none() && cache.get(&key(2)).is_some());
        // Put anew, it is the youngest.
        cache.put(key(2), given(20));
        cache.put(key(9), given(20));
        assert!(cache.get(&key(2)).is_some() && cache.get(&key(3)).is_none());
        cache.put(key(7), given(98_000));
        assert!(cache.get(&key(7)).is_some() && cache.get(&key(9)).is_none());
        cache.put(key(8), given(100_000));
        assert!(cache.get(&key(8)).is_none() && cache.get(&key(7)).is_some(), "it has no room at all");
        let held = cache.lock();
        assert_eq!(held.bytes, held.by_request.values().map(Given::bytes).sum::<usize>());
        drop(held);
        let old = Given { at: Instant::now().checked_sub(Duration::from_secs(61)).unwrap(), ..given(1) };
        cache.put(key(1), old);
        assert!(cache.get(&key(1)).is_none());
    }

    #[test]
    fn another_request_is_another() {
        let own = cache("seconds = 60\n");
        let of = |route, body: &str| own.request(route, None, body.as_bytes());
        assert_eq!(of("chat", "a"), of("chat", "a"));
        for (route, body) in [("chat", "b"), ("completions", "a"), ("chat", "a "), ("cha", "ta")] {
            assert_ne!(of(route, body), of("chat", "a"));
        }
    }
}
