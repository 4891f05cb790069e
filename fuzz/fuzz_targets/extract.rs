//! Any text as a model's reply: the label, letter, span, number, list or JSON in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use ordinate_core::{Choice, Item};
use ordinate_tasks::{Kinds, Reader};

fuzz_target!(|data: &[u8]| {
    let text = String::from_utf8_lossy(data);
    // The first line, cut up, serves as the task's own words, so that replies can name them.
    let (head, reply) = text.split_once('\n').unwrap_or(("up,down,上涨,C++", &text));
    let words: Vec<String> = head.split(',').take(30).map(str::to_owned).collect();
    let half = (reply.len() / 2..=reply.len()).find(|at| reply.is_char_boundary(*at));
    let contexts = [None, half.map(|at| reply[at..].to_owned())];
    for context in contexts {
        let item = Item { context, options: Choice::lettered(words.clone()), ..Item::default() };
        for kind in Kinds::builtin().iter() {
            if let Ok(found) = Reader::new(kind, &words).read(&item, reply) {
                assert!(found.span.start <= found.span.end && found.span.end <= reply.len(), "{found:?}");
            }
        }
    }
});
