//! Server-sent events, cut anywhere: the same events come of the same bytes, and all of the bytes are in them.
#![no_main]
#![allow(dead_code)]

use libfuzzer_sys::fuzz_target;

#[path = "../../crates/ordinate-remote/src/sse.rs"]
mod sse;

use sse::{Event, Events};

fn read<'b>(parts: impl Iterator<Item = &'b [u8]>) -> Vec<Event> {
    let (mut events, mut read) = (Events::default(), Vec::new());
    for part in parts {
        events.push(part);
        while let Some(event) = events.next() {
            read.push(event);
        }
    }
    read.extend(events.rest());
    read
}

fuzz_target!(|data: (u8, &[u8])| {
    let (size, bytes) = (usize::from(data.0).max(1), data.1);
    let whole = read(std::iter::once(bytes));
    assert_eq!(whole, read(bytes.chunks(size)), "cut every {size} bytes");
    let raw: Vec<u8> = whole.into_iter().flat_map(|event| event.raw).collect();
    assert_eq!(raw, bytes);
});
