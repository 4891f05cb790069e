//! The cases that people reported, where they lie beside the repository: a folder each, copied to where it can be written.
#![allow(dead_code, unreachable_pub)]

use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::support::{Desk, is_clone, root};

/// A desk with the files of a case, or `None` after saying that the test is skipped.
pub fn case(name: &str) -> Option<Desk> {
    let from = root().join("../shared/cases").join(name);
    if !from.exists() || is_clone() {
        eprintln!("skipped: {} is not here", from.display());
        return None;
    }
    let desk = Desk::new();
    copy(&from, &desk, "");
    Some(desk)
}

fn copy(from: &Path, desk: &Desk, at: &str) {
    for entry in std::fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = format!("{at}{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            copy(&entry.path(), desk, &format!("{name}/"));
        } else {
            desk.write(&name, std::fs::read(entry.path()).unwrap());
        }
    }
}

/// Puts `new` for `old` into a file of the desk.
pub fn replace(desk: &Desk, file: &str, old: &str, new: &str) {
    let text = std::fs::read_to_string(desk.path(file)).unwrap();
    assert!(text.contains(old), "{file}: {text}");
    desk.write(file, text.replace(old, new));
}

/// A script of a case that serves at a port, ended with the test.
pub struct Served {
    child: Child,
    pub port: u16,
}

impl Served {
    /// `python3 SCRIPT PORT FURTHER...` in the desk's folder, from when it answers.
    pub fn start(desk: &Desk, script: &str, further: &[&str]) -> Self {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut command = Command::new("python3");
        command.arg(script).arg(port.to_string()).args(further).current_dir(desk.path(""));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let begun = Instant::now();
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(begun.elapsed() < Duration::from_secs(30), "{script} does not answer");
            std::thread::sleep(Duration::from_millis(20));
        }
        Self { child, port }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
