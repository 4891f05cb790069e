//! How a server is set up.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use crate::telemetry::Telemetry;

/// How a server is set up, besides the runs that it serves and the keys that it knows.
#[derive(Debug, Clone)]
pub struct Config {
    /// Where it listens.
    pub bind: SocketAddr,
    /// Whether it may listen where others can reach it although it wants no keys.
    pub open: bool,
    /// Whether clients may ask for one candidate by name.
    pub candidates: bool,
    /// Whether the next best candidate answers where the chosen one is out of order.
    pub stand_in: bool,
    /// The folder of its record; `None` for none.
    pub record: Option<PathBuf>,
    /// Whether a line for each answer goes to standard error as well.
    pub log: bool,
    /// Where spans of requests are sent; `None` for nowhere.
    pub telemetry: Option<Telemetry>,
    /// The most bytes of a request's body.
    pub max_body: usize,
    /// The most connections at one time.
    pub max_connections: usize,
    /// The time for the head of a request, from when its connection is free for it.
    pub head_time: Duration,
    /// The time for each part of a body.
    pub body_idle: Duration,
    /// The time for a whole body.
    pub body_time: Duration,
    /// The time that a client may leave a part of a stream untaken.
    pub write_time: Duration,
    /// The time for what is being answered when the server is told to end.
    pub drain: Duration,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            bind: SocketAddr::from(([127, 0, 0, 1], 8_080)),
            open: false,
            candidates: false,
            stand_in: true,
            record: None,
            log: false,
            telemetry: None,
            max_body: 8 << 20,
            max_connections: 4_096,
            head_time: Duration::from_secs(15),
            body_idle: Duration::from_secs(15),
            body_time: Duration::from_secs(60),
            write_time: Duration::from_secs(60),
            drain: Duration::from_secs(30),
        }
    }
}
