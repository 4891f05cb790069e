//! A server of PostgreSQL that is thrown away: of this system's own programs, in a temporary folder, on a socket there. It can be
//! stopped in the middle, as by a crash, and started again.

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Who runs the server where this process is root's, whom it refuses: somebody else in a namespace of users,
const NOBODY: [&str; 4] = ["unshare", "--user", "--map-user=1000", "--map-group=1000"];
/// and where there are none, the user of Debian's package.
const USER: [&str; 6] = ["setpriv", "--reuid", "postgres", "--regid", "postgres", "--clear-groups"];
/// The password of the one user that it has; it must appear nowhere.
pub const PASSWORD: &str = "xK9/vq@7:T#w2-never-shown";

/// A server of PostgreSQL. It ends when it is dropped.
#[derive(Debug)]
pub struct Postgres {
    programs: PathBuf,
    folder: PathBuf,
    /// What is put before its programs.
    user: &'static [&'static str],
}

impl Postgres {
    /// Makes a database and starts a server for it; `None` where this system has none (Debian: `postgresql`).
    ///
    /// # Errors
    /// What the system or its programs say.
    pub fn start() -> io::Result<Option<Self>> {
        let Some(programs) = programs() else { return Ok(None) };
        let id = Command::new("id").arg("-u").output()?;
        let is_root = id.stdout.trim_ascii() == b"0";
        // A socket's path is short.
        let mut random = [0; 8];
        io::Read::read_exact(&mut std::fs::File::open("/dev/urandom")?, &mut random)?;
        let folder = std::env::temp_dir().join(format!("pg-{:016x}", u64::from_le_bytes(random)));
        std::fs::create_dir(&folder)?;
        let has_namespaces = || {
            Command::new(NOBODY[0])
                .args(&NOBODY[1..])
                .arg("true")
                .output()
                .is_ok_and(|ran| ran.status.success())
        };
        let user: &[&str] = match () {
            () if !is_root => &[],
            () if has_namespaces() => &NOBODY,
            () => &USER,
        };
        let server = Self { programs, folder, user };
        std::fs::write(server.folder.join("password"), PASSWORD)?;
        if server.user == USER {
            let owned = Command::new("chown").args(["-R", USER[2]]).arg(&server.folder).status()?;
            if !owned.success() {
                return Ok(None);
            }
        }
        let password = format!("--pwfile={}", server.folder.join("password").display());
        server.does(
            "initdb",
            &["-U", "ordinate", "-A", "scram-sha-256", "--no-sync", "--no-locale", "-E", "UTF8", &password],
        )?;
        server.resume()?;
        Ok(Some(server))
    }

    /// Where the database is, with the password.
    #[must_use]
    pub fn url(&self) -> String {
        let encoded = |text: &str| -> String { text.bytes().map(|byte| format!("%{byte:02X}")).collect() };
        let (password, socket) = (encoded(PASSWORD), encoded(&self.folder.to_string_lossy()));
        format!("postgres://ordinate:{password}@{socket}/postgres")
    }

    /// Ends every connection and the server, as by a crash: what was committed is there afterwards.
    ///
    /// # Errors
    /// What `pg_ctl` says.
    pub fn crash(&self) -> io::Result<()> {
        self.does("pg_ctl", &["stop", "-m", "immediate", "-w"])
    }

    /// Starts the server again.
    ///
    /// # Errors
    /// What `pg_ctl` says.
    pub fn resume(&self) -> io::Result<()> {
        let log = self.folder.join("log").display().to_string();
        // No power cut is tested.
        let options = format!("-k {} -c listen_addresses= -c fsync=off", self.folder.display());
        self.does("pg_ctl", &["start", "-w", "-l", &log, "-o", &options])
    }

    /// What the server wrote down of its work.
    ///
    /// # Errors
    /// [`io::Error`] where that cannot be read.
    pub fn log(&self) -> io::Result<String> {
        std::fs::read_to_string(self.folder.join("log"))
    }

    fn does(&self, program: &str, arguments: &[&str]) -> io::Result<()> {
        let path = self.programs.join(program);
        let mut command = match self.user {
            [] => Command::new(&path),
            [user, arguments @ ..] => {
                let mut command = Command::new(user);
                command.args(arguments).arg(&path);
                command
            }
        };
        command.arg("-D").arg(self.folder.join("data")).args(arguments).current_dir(&self.folder);
        // The server inherits what it is given here, and would hold a pipe open.
        let said = self.folder.join(format!("{program}.said"));
        let to = std::fs::File::create(&said)?;
        let status = command.stdin(Stdio::null()).stdout(to.try_clone()?).stderr(to).status()?;
        if status.success() {
            return Ok(());
        }
        let said = std::fs::read_to_string(&said).unwrap_or_default();
        let log = self.log().unwrap_or_default();
        Err(io::Error::other(format!("{program} ended with {status}: {said}{log}")))
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let _ = self.crash();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// The folder of `initdb` and `pg_ctl`: Debian's of the newest version, else one of `PATH`.
fn programs() -> Option<PathBuf> {
    let has_all =
        |folder: &Path| ["initdb", "pg_ctl", "postgres"].iter().all(|name| folder.join(name).is_file());
    let debian = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut versions: Vec<PathBuf> = debian.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    let in_path = std::env::var_os("PATH").unwrap_or_default();
    versions.into_iter().rev().chain(std::env::split_paths(&in_path)).find(|folder| has_all(folder))
}
