//! A long log passes through: what stays in memory is a digest and an id per item. Alone in its process, because
//! the peak is the process's.
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stdout)] // helpers of tests

mod common;

use std::fs;
use std::io::Write;

#[test]
fn memory_does_not_grow_with_the_texts() {
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("samples_long.jsonl");
    let mut writer = std::io::BufWriter::new(fs::File::create(&path).unwrap());
    let filler = "word ".repeat(500);
    for doc in 0..80_000 {
        let row = format!(
            r#"{{"doc_id":{doc},"doc":{{}},"target":"a","arguments":{{"gen_args_0":{{"arg_0":"{doc} {filler}","arg_1":{{}}}}}},"resps":[["a"]],"filtered_resps":["{filler}"],"filter":"none","metrics":["acc"],"doc_hash":"h{doc}","acc":1.0}}"#
        );
        writeln!(writer, "{row}").unwrap();
    }
    drop(writer);
    let size = fs::metadata(&path).unwrap().len();
    assert!(size > 400_000_000);
    let Some(before) = peak() else {
        println!("skipped: this system does not tell the peak of memory");
        return;
    };
    let done = common::run(&[path]);
    assert_eq!(done.imported.items, 80_000);
    let grown = peak().unwrap() - before;
    println!("{} MB passed through, {} MB of memory", size >> 20, grown >> 10);
    assert!(grown < 64 << 10, "{grown} kB");
}

/// Peak memory of this process in kB, on Linux.
fn peak() -> Option<u64> {
    let text = fs::read_to_string("/proc/self/status").ok()?;
    text.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().split(' ').next()?.parse().ok()
}
