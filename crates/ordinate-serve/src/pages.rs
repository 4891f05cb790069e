//! Pages for a person at this machine: a server on loopback alone, that answers nobody who came by another name.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::body::Reply;

/// Connections at one time: a browser opens six.
const MAX_CONNECTIONS: usize = 64;
/// For the head of a request, and for what is being answered at the end.
const PATIENCE: Duration = Duration::from_secs(10);
/// The pause after a connection could not be accepted.
const NO_ROOM: Duration = Duration::from_millis(50);

/// What a page is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The status: 200, 404, 500.
    pub status: u16,
    /// HTML.
    pub html: String,
    /// The content policy.
    pub policy: &'static str,
}

/// Makes the page of a path and a query, both as they were asked.
pub type Pages = dyn Fn(&str, Option<&str>) -> Page + Send + Sync;

/// Why pages are not served.
#[derive(Debug, thiserror::Error)]
pub enum PagesError {
    /// Others could reach it.
    #[error(
        "{0} can be reached from other machines, and pages are for whoever sits at this one; give 127.0.0.1:PORT"
    )]
    NotLoopback(SocketAddr),
    /// The address cannot be had.
    #[error("{0} cannot be listened at: {1}; give another port, or 0 for a free one")]
    Bind(SocketAddr, std::io::Error),
}

/// A server of pages that listens.
pub struct PageServer {
    listener: TcpListener,
    address: SocketAddr,
}

impl PageServer {
    /// Begins to listen, on loopback.
    ///
    /// # Errors
    /// [`PagesError`].
    pub async fn start(bind: SocketAddr) -> Result<Self, PagesError> {
        if !bind.ip().is_loopback() {
            return Err(PagesError::NotLoopback(bind));
        }
        let failed = |error| PagesError::Bind(bind, error);
        let listener = TcpListener::bind(bind).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers until `stop` is called. Pages are made on threads of their own.
    pub async fn run(self, pages: Arc<Pages>, stop: CancellationToken) {
        let room = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => break,
                Some(_) = connections.join_next() => {}
                accepted = self.listener.accept() => match accepted {
                    Err(_) => tokio::time::sleep(NO_ROOM).await,
                    // Who finds no room is let go.
                    Ok((stream, _)) => if let Ok(place) = Arc::clone(&room).try_acquire_owned() {
                        let (pages, stop, address) = (Arc::clone(&pages), stop.clone(), self.address);
                        connections.spawn(async move {
                            let _place = place;
                            connection(stream, address, pages, stop).await;
                        });
                    },
                },
            }
        }
        let all = async { while connections.join_next().await.is_some() {} };
        let _ = tokio::time::timeout(PATIENCE, all).await;
    }
}

async fn connection(stream: TcpStream, address: SocketAddr, pages: Arc<Pages>, stop: CancellationToken) {
    let service = service_fn(|request| {
        let pages = Arc::clone(&pages);
        async move { Ok::<_, Infallible>(answer(request, address, pages).await) }
    });
    let connection = Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    tokio::select! {
        _ = connection.as_mut() => {}
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            let _ = connection.await;
        }
    }
}

async fn answer(request: Request<Incoming>, address: SocketAddr, pages: Arc<Pages>) -> Response<Reply> {
    if !is_ours(request.headers(), request.uri().host(), address) {
        let said = format!("this server answers to http://{address} alone");
        return plain(StatusCode::MISDIRECTED_REQUEST, &said);
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "pages are read with GET");
        response.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
        return response;
    }
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().map(str::to_owned));
    let made = tokio::task::spawn_blocking(move || pages(&path, query.as_deref())).await;
    let Ok(Page { status, html, policy }) = made else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made");
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with_headers(status, "text/html; charset=utf-8", Reply::whole(html));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    response
}

/// Whether a request came by the name of this server: a page elsewhere whose name was made to lead here (DNS rebinding) asks by
/// its own.
pub(crate) fn is_ours(headers: &HeaderMap, authority: Option<&str>, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    let port = address.port();
    let bare = |name: &str| {
        let named = name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]";
        named || name == address.ip().to_string()
    };
    let is_here = match host.strip_suffix(&format!(":{port}")) {
        Some(name) => bare(name),
        // A browser leaves the port out where it is that of HTTP.
        None => port == 80 && bare(host),
    };
    is_here && authority.is_none_or(bare)
}

fn plain(status: StatusCode, text: &str) -> Response<Reply> {
    let mut response = with_headers(status, "text/plain; charset=utf-8", Reply::whole(format!("{text}\n")));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'"));
    response
}

/// A response with the headers that no page is without.
pub(crate) fn with_headers(status: StatusCode, kind: &'static str, body: Reply) -> Response<Reply> {
    let mut response = Response::new(body);
    *response.status_mut() = status;
    for (name, value) in [
        (CONTENT_TYPE, kind),
        (CACHE_CONTROL, "no-store"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    ] {
        response.headers_mut().insert(name, HeaderValue::from_static(value));
    }
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_whoever_asks_by_the_name_of_this_server_is_answered() {
        let address: SocketAddr = "127.0.0.1:8090".parse().unwrap();
        let of = |hosts: &[&str]| {
            let mut headers = HeaderMap::new();
            for host in hosts {
                headers.append(HOST, HeaderValue::from_str(host).unwrap());
            }
            headers
        };
        for host in ["127.0.0.1:8090", "localhost:8090", "LocalHost:8090", "[::1]:8090"] {
            assert!(is_ours(&of(&[host]), None, address), "{host}");
        }
        for hosts in [
            &["evil.example:8090"][..],
            &["127.0.0.1.evil.example:8090"],
            &["127.0.0.1"],
            &["127.0.0.1:80"],
            &["localhost:8090", "evil.example"],
            &["localhost:8090@evil.example"],
            &[""],
            &[],
        ] {
            assert!(!is_ours(&of(hosts), None, address), "{hosts:?}");
        }
        assert!(!is_ours(&of(&["localhost:8090"]), Some("evil.example"), address));
        assert!(is_ours(&of(&["localhost"]), None, "127.0.0.1:80".parse().unwrap()));
    }

    #[tokio::test]
    async fn pages_are_for_this_machine_alone() {
        let refused = PageServer::start("0.0.0.0:0".parse().unwrap()).await.err().unwrap();
        assert!(refused.to_string().starts_with("0.0.0.0:0 can be reached from other machines"), "{refused}");
    }
}
