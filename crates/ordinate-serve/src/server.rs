//! Connections: accepted within limits, answered, and let go in order.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::body::Reply;
use crate::config::Config;
use crate::record::Record;
use crate::routes;
use crate::state::{Served, Server, tell};
use crate::telemetry::Exporter;

/// Bytes of the head of a request.
const MAX_HEAD: usize = 32 << 10;
/// Lines of the head of a request.
const MAX_HEADERS: usize = 100;
/// The pause after a connection could not be accepted: this process has no room for one more open file.
const NO_ROOM: Duration = Duration::from_millis(50);

/// How often what was seen is written beside the record.
const KEPT_EVERY: Duration = Duration::from_secs(5);

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// It would be open to others.
    #[error(
        "{0} can be reached from other machines, and no keys are wanted: give --keys FILE, or say --open if that is meant"
    )]
    Open(std::net::SocketAddr),
    /// The address cannot be had.
    #[error("{0} cannot be listened at: {1}")]
    Bind(std::net::SocketAddr, std::io::Error),
    /// The record cannot be written.
    #[error("{0}: the record cannot be written: {1}; give another folder with --record, or say --no-record")]
    Record(std::path::PathBuf, std::io::Error),
    /// Telemetry cannot be sent.
    #[error(transparent)]
    Telemetry(#[from] ordinate_remote::SetupError),
}

/// A server that listens.
pub struct Listening {
    listener: TcpListener,
    server: Arc<Server>,
}

/// Changes what a server serves while it runs.
#[derive(Clone)]
pub struct Handle(Arc<Server>);

impl Handle {
    /// Serves these from the next request on.
    pub fn swap(&self, served: Served) {
        self.0.swap(served);
    }
}

impl Listening {
    /// Begins to listen.
    ///
    /// # Errors
    /// [`ServeError`].
    pub async fn start(served: Served, mut config: Config) -> Result<Self, ServeError> {
        if !config.bind.ip().is_loopback() && served.keys().is_none() && !config.open {
            return Err(ServeError::Open(config.bind));
        }
        let record = match &config.record {
            None => None,
            Some(folder) => Some(
                Record::open(folder, served.keys())
                    .map_err(|error| ServeError::Record(folder.clone(), error))?,
            ),
        };
        let bind = config.bind;
        let failed = |error| ServeError::Bind(bind, error);
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        config.bind = listener.local_addr().map_err(failed)?;
        let telemetry = config.telemetry.as_ref().map(Exporter::start).transpose()?.map(Arc::new);
        Ok(Self { listener, server: Arc::new(Server::new(served, config, record, telemetry)) })
    }

    /// Where it listens.
    ///
    /// # Errors
    /// Where the system does not say.
    pub fn address(&self) -> std::io::Result<std::net::SocketAddr> {
        self.listener.local_addr()
    }

    /// Changes what is served.
    #[must_use]
    pub fn handle(&self) -> Handle {
        Handle(Arc::clone(&self.server))
    }

    /// Answers until `stop` is called; then accepts nothing more, and finishes what was begun within the time for it. Says
    /// whether all of it was finished.
    pub async fn run(self, stop: CancellationToken) -> bool {
        let Self { listener, server } = self;
        let room = Arc::new(Semaphore::new(server.config.max_connections));
        let mut connections = JoinSet::new();
        let mut kept = tokio::time::interval(KEPT_EVERY);
        kept.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                _ = kept.tick() => {
                    let server = Arc::clone(&server);
                    drop(tokio::task::spawn_blocking(move || server.keep_seen()));
                }
                Some(_) = connections.join_next() => {}
                accepted = listener.accept() => match accepted {
                    Err(_) => tokio::time::sleep(NO_ROOM).await,
                    Ok((stream, _)) => match Arc::clone(&room).try_acquire_owned() {
                        Err(_) => drop(tokio::spawn(turn_away(stream))),
                        Ok(place) => {
                            let (server, stop) = (Arc::clone(&server), stop.clone());
                            connections.spawn(async move {
                                let _place = place;
                                server.metrics.opened(1);
                                connection(stream, &server, stop).await;
                                server.metrics.opened(-1);
                            });
                        }
                    },
                },
            }
        }
        drop(listener);
        server.shadows.end();
        server.draining.store(true, Ordering::Relaxed);
        let all = async { while connections.join_next().await.is_some() {} };
        let finished = tokio::time::timeout(server.config.drain, all).await.is_ok();
        if !finished {
            tell(&format!("{} connections were not finished in time", connections.len()));
        }
        server.keep_seen();
        if let Some(telemetry) = &server.telemetry {
            telemetry.end().await;
        }
        finished
    }
}

/// Tells a connection that there is no room for it, without waiting for what it wants.
async fn turn_away(mut stream: TcpStream) {
    let busy = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 1\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";
    let _ = tokio::time::timeout(Duration::from_secs(1), stream.write_all(busy.as_bytes())).await;
}

async fn connection(stream: TcpStream, server: &Arc<Server>, stop: CancellationToken) {
    // Events of a stream are small, and must not wait for one another.
    let _ = stream.set_nodelay(true);
    let service = service_fn(|request| {
        let server = Arc::clone(server);
        async move { Ok::<_, Infallible>(answer(request, server).await) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(server.config.head_time)
        .max_headers(MAX_HEADERS)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        // What is wrong with a connection is told to whoever is at its other end, and is of no interest here.
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(request: Request<Incoming>, server: Arc<Server>) -> Response<Reply> {
    let draining = server.draining.load(Ordering::Relaxed);
    let mut response = routes::answer(request, server).await;
    if draining || response.status() == StatusCode::PAYLOAD_TOO_LARGE {
        // The rest of a body that is too large is not read.
        response
            .headers_mut()
            .insert(hyper::header::CONNECTION, hyper::header::HeaderValue::from_static("close"));
    }
    response
}
