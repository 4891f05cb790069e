//! `ordinate run --on ray`: what runs in the process is made on a cluster first, by the Python package, which knows Ray. The run
//! then finds it kept, as if it had been made here.

use std::path::Path;
use std::process::Command;

use ordinate::Error;

/// Has what the task trains made on the cluster.
///
/// # Errors
/// [`Error::Broken`] where there is no such package, or the cluster cannot be joined.
pub(crate) fn prepare(task: &Path, on: &str, quiet: bool) -> Result<(), Error> {
    let python = std::env::var_os("ORDINATE_PYTHON").unwrap_or_else(|| "python3".into());
    let mut command = Command::new(&python);
    command.args(["-m", "ordinate.on_ray"]).arg(task).args(["--on", on]);
    if quiet {
        command.arg("--quiet");
    }
    let shown = python.display();
    let advice = "install Ordinate's wheel and Ray for it, or name another Python in ORDINATE_PYTHON";
    match command.status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(Error::Broken(format!(
            "--on {on}: {shown} -m ordinate.on_ray ended with {status}; where it has no module ordinate, {advice}"
        ))),
        Err(error) => Err(Error::Broken(format!("--on {on}: {shown} cannot be started: {error}; {advice}"))),
    }
}
