//! What ends programs when this process cannot: after a kill, a second Ctrl-C or a crash nobody is left to do it.
//!
//! A shell waits for the end of a pipe that this process holds, and then ends the process groups that it was told of. It is in
//! a group of its own, so that a signal from the terminal passes it by.

use std::io::Write;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::{Mutex, PoisonError};

const SCRIPT: &str = r#"trap '' INT TERM HUP
all=
while read -r what id; do
  case $what in
    +) all="$all $id";;
    -) rest=; for one in $all; do [ "$one" = "$id" ] || rest="$rest $one"; done; all=$rest;;
  esac
done
for one in $all; do kill -KILL "-$one" 2>/dev/null; done"#;

/// The shell, once it is needed.
#[derive(Debug, Default)]
pub(super) struct Guard(Mutex<Option<Shell>>);

#[derive(Debug)]
struct Shell {
    child: Child,
    pipe: Option<ChildStdin>,
}

impl Guard {
    /// Ends this process group when this process ends, however it does. Where there is no shell, nothing watches.
    pub(super) fn watch(&self, group: u32) {
        let mut shell = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if shell.is_none() {
            *shell = Shell::start().ok();
        }
        tell(shell.as_mut(), '+', group);
    }

    /// The process group has been ended.
    pub(super) fn forget(&self, group: u32) {
        tell(self.0.lock().unwrap_or_else(PoisonError::into_inner).as_mut(), '-', group);
    }
}

fn tell(shell: Option<&mut Shell>, what: char, group: u32) {
    if let Some(pipe) = shell.and_then(|shell| shell.pipe.as_mut()) {
        let _ = writeln!(pipe, "{what} {group}"); // a shell that is gone watches nothing
    }
}

impl Shell {
    fn start() -> std::io::Result<Self> {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", SCRIPT]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn()?;
        let pipe = child.stdin.take();
        Ok(Self { child, pipe })
    }
}

impl Drop for Shell {
    fn drop(&mut self) {
        drop(self.pipe.take());
        let _ = self.child.wait();
    }
}
