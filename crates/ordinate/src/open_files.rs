//! How many files and connections a program may have open.

/// Lets this program have as many files and connections open as the system allows it; the limit that it is started with is
/// made for programs that ask one server at a time.
#[cfg(unix)]
pub fn raise_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// More would only slow down what is started from here: some programs close every number there is.
    const ENOUGH: u64 = 65_536;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let wanted = maximum.map_or(ENOUGH, |most| most.min(ENOUGH));
    if current.is_some_and(|current| current < wanted) {
        // Where that is refused, fewer are used.
        let _ = setrlimit(Resource::Nofile, Rlimit { current: Some(wanted), maximum });
    }
}

/// There is no such limit here.
#[cfg(not(unix))]
pub fn raise_open_files() {}
