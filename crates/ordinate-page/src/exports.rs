//! What the page's script calls. Bytes are passed in the memory of the module: the script asks for room, fills it, and calls;
//! what a call returns is the length of an answer that lies at `answer`.

#![allow(unsafe_code)] // the attribute that keeps a name; there is no unsafe block

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::Bench;

#[derive(Debug)]
struct Desk {
    input: Vec<u8>,
    answer: Vec<u8>,
    bench: Option<Bench>,
}

static DESK: Mutex<Desk> = Mutex::new(Desk { input: Vec::new(), answer: Vec::new(), bench: None });

fn desk() -> MutexGuard<'static, Desk> {
    DESK.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where to write so many bytes of input.
#[unsafe(no_mangle)]
extern "C" fn room(length: usize) -> usize {
    let mut desk = desk();
    desk.input = vec![0; length];
    desk.input.as_mut_ptr() as usize
}

/// Where the last answer lies.
#[unsafe(no_mangle)]
extern "C" fn answer() -> usize {
    desk().answer.as_ptr() as usize
}

/// Takes what the judge kept of a run; answers what is wrong with it, or nothing.
#[unsafe(no_mangle)]
extern "C" fn open() -> usize {
    let mut desk = desk();
    let input = std::mem::take(&mut desk.input);
    let opened = Bench::open(&input);
    desk.answer = opened.as_ref().err().map_or_else(Vec::new, |error| error.to_string().into_bytes());
    desk.bench = opened.ok();
    desk.answer.len()
}

/// Takes lines of `KEY=VALUE`; answers JSON.
#[unsafe(no_mangle)]
extern "C" fn decide() -> usize {
    let mut desk = desk();
    let needs = String::from_utf8_lossy(&std::mem::take(&mut desk.input)).into_owned();
    let reply = desk.bench.as_mut().map(|bench| bench.shown(&needs));
    desk.answer = serde_json::to_vec(&reply).unwrap_or_default();
    desk.answer.len()
}
