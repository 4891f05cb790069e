//! Server-sent events out of bytes that may be cut anywhere (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

/// One event that carries data, or a block without any (comments that keep a connection open).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Event {
    /// Its bytes as they came, the empty line at its end included.
    pub(crate) raw: Vec<u8>,
    /// Its data lines, joined by line feeds; `None` where it has none. `Err` with the place of the first byte that is not
    /// UTF-8.
    pub(crate) data: Result<Option<String>, usize>,
}

/// Cuts bytes into events. Lines end in LF, CRLF or CR.
#[derive(Debug, Default)]
pub(crate) struct Events {
    bytes: Vec<u8>,
    /// Where the line begins that is not yet whole.
    line: usize,
    /// What was searched for the end of that line.
    searched: usize,
    /// Whether nothing was read yet: a byte order mark may come.
    begun: bool,
}

impl Events {
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// The next whole event.
    pub(crate) fn next(&mut self) -> Option<Event> {
        loop {
            let found = self.bytes[self.searched..].iter().position(|byte| matches!(byte, b'\n' | b'\r'));
            let Some(at) = found.map(|at| at + self.searched) else {
                self.searched = self.bytes.len();
                return None;
            };
            let mut end = at + 1;
            if self.bytes[at] == b'\r' {
                match self.bytes.get(end) {
                    Some(b'\n') => end += 1,
                    Some(_) => {}
                    // A line feed may follow, which is of the same end.
                    None => {
                        self.searched = at;
                        return None;
                    }
                }
            }
            let is_empty = at == self.line;
            self.line = end;
            self.searched = end;
            if is_empty {
                return Some(self.take(end));
            }
        }
    }

    /// What is left when no more bytes come. The specification drops it; servers forget the last empty line.
    pub(crate) fn rest(&mut self) -> Option<Event> {
        let end = self.bytes.len();
        (end > 0).then(|| self.take(end))
    }

    fn take(&mut self, end: usize) -> Event {
        let raw: Vec<u8> = self.bytes.drain(..end).collect();
        (self.line, self.searched) = (0, 0);
        let mark = !std::mem::replace(&mut self.begun, true) && raw.starts_with(b"\xef\xbb\xbf");
        let data = match std::str::from_utf8(&raw[if mark { 3 } else { 0 }..]) {
            Ok(text) => Ok(data_of(text)),
            Err(error) => Err(error.valid_up_to()),
        };
        Event { raw, data }
    }
}

fn data_of(block: &str) -> Option<String> {
    let mut data: Option<String> = None;
    for line in block.split(['\n', '\r']) {
        let Some(rest) = line.strip_prefix("data") else { continue };
        let value = match rest.strip_prefix(':') {
            Some(value) => value.strip_prefix(' ').unwrap_or(value),
            None if rest.is_empty() => "",
            None => continue,
        };
        match &mut data {
            Some(data) => {
                data.push('\n');
                data.push_str(value);
            }
            None => data = Some(value.to_owned()),
        }
    }
    data
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn all(parts: &[&[u8]]) -> Vec<Event> {
        let mut events = Events::default();
        let mut found = Vec::new();
        for part in parts {
            events.push(part);
            found.extend(std::iter::from_fn(|| events.next()));
        }
        found.extend(events.rest());
        found
    }

    fn texts(bytes: &[u8]) -> Vec<Option<String>> {
        all(&[bytes]).into_iter().map(|event| event.data.unwrap()).collect()
    }

    #[test]
    fn events_of_the_specification() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(texts(b"data: a\n\ndata:b\ndata: c\n\n"), [some("a"), some("b\nc")]);
        assert_eq!(texts(b": ping\n\nevent: x\nid: 1\ndata\n\n"), [None, some("")]);
        assert_eq!(
            texts(b"\xef\xbb\xbfdata: a\r\n\r\ndata:  b\r\rdata: c"),
            [some("a"), some(" b"), some("c")]
        );
        assert_eq!(texts(b"database: no\n\n"), [None]);
        assert_eq!(all(&[b"data: \xc3\x28\n\n"])[0].data, Err(6));
    }

    proptest! {
        #[test]
        fn cuts_between_bytes_change_nothing(
            bytes in prop::collection::vec(prop::sample::select(b"data: x\n\r\n\r\n:\xc3\xa9".to_vec()), 0..200),
            cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        ) {
            let whole = all(&[&bytes]);
            let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
            cuts.sort_unstable();
            let (mut parts, mut from) = (Vec::new(), 0);
            for cut in cuts {
                parts.push(&bytes[from..cut]);
                from = cut;
            }
            parts.push(&bytes[from..]);
            prop_assert_eq!(all(&parts), whole.clone());
            let raw: Vec<u8> = whole.iter().flat_map(|event| event.raw.clone()).collect();
            prop_assert_eq!(raw, bytes);
        }
    }
}
