//! Pages for a person at this machine: a server on loopback alone, that answers nobody who came by another name, and takes what a
//! form sends from its own pages alone.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue,
    LOCATION, ORIGIN, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use subtle::ConstantTimeEq as _;
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

/// What a form may send, bytes.
const MAX_FORM: usize = 4 << 20;

/// What a page is answered with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    status: u16,
    body: Vec<u8>,
    kind: &'static str,
    policy: &'static str,
    /// Where else to look.
    location: Option<String>,
}

impl Page {
    /// A page of HTML under this content policy, with its status: 200, 404, 500.
    #[must_use]
    pub fn html(status: u16, html: String, policy: &'static str) -> Self {
        Self { status, body: html.into_bytes(), kind: "text/html; charset=utf-8", policy, location: None }
    }

    /// A picture, of a kind that runs nothing: `image/png`, `image/jpeg`.
    #[must_use]
    pub fn picture(bytes: Vec<u8>, kind: &'static str) -> Self {
        Self { status: 200, body: bytes, kind, policy: NOTHING, location: None }
    }

    /// What was sent is done; the page at this path, which is of this server's making, shows it.
    #[must_use]
    pub fn see(path: &str) -> Self {
        let location = Some(path.to_owned());
        Self { status: 303, body: Vec::new(), kind: "text/plain; charset=utf-8", policy: NOTHING, location }
    }
}

/// A policy that lets nothing in.
const NOTHING: &str = "default-src 'none'";

/// What makes the pages.
pub trait Pages: Send + Sync {
    /// The page of a path and a query, both as they were asked.
    fn page(&self, path: &str, query: Option<&str>) -> Page;

    /// Whether any of the pages has a form that sends something.
    fn takes_forms(&self) -> bool {
        false
    }

    /// What comes of a form (`application/x-www-form-urlencoded`) that one of these pages sent to a path. Asked only where
    /// [`Self::takes_forms`].
    fn sent(&self, path: &str, _form: &str) -> Page {
        self.page(path, None)
    }
}

/// What shows that a form is of this server's making: by chance anew at every start, and in no address.
#[derive(Debug)]
pub struct FormToken(String);

impl FormToken {
    /// A new one.
    ///
    /// # Errors
    /// Where the system has no random numbers.
    pub fn new() -> Result<Self, String> {
        let mut random = [0_u8; 16];
        getrandom::fill(&mut random)
            .map_err(|error| format!("the system gives no random numbers: {error}"))?;
        Ok(Self(random.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// As a form carries it.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.0
    }

    /// Whether this is it, in a time that does not tell how much of it is.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.0.as_bytes().ct_eq(text.as_bytes()).into()
    }
}

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
    pub async fn run(self, pages: Arc<dyn Pages>, stop: CancellationToken) {
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

async fn connection(stream: TcpStream, address: SocketAddr, pages: Arc<dyn Pages>, stop: CancellationToken) {
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

async fn answer(request: Request<Incoming>, address: SocketAddr, pages: Arc<dyn Pages>) -> Response<Reply> {
    if !is_ours(request.headers(), request.uri().host(), address) {
        let said = format!("this server answers to http://{address} alone");
        return plain(StatusCode::MISDIRECTED_REQUEST, &said);
    }
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().map(str::to_owned));
    let made = match *request.method() {
        Method::GET | Method::HEAD => {
            tokio::task::spawn_blocking(move || pages.page(&path, query.as_deref())).await
        }
        Method::POST if pages.takes_forms() => {
            if !is_from_here(request.headers(), address) {
                return plain(StatusCode::FORBIDDEN, "forms are taken from the pages of this server alone");
            }
            let form = Limited::new(request.into_body(), MAX_FORM).collect();
            let form = match tokio::time::timeout(PATIENCE, form).await {
                Ok(Ok(form)) => form.to_bytes(),
                Ok(Err(_)) => {
                    return plain(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long, or was cut");
                }
                Err(_) => return plain(StatusCode::REQUEST_TIMEOUT, "the form did not come"),
            };
            let Ok(form) = String::from_utf8(form.to_vec()) else {
                return plain(StatusCode::BAD_REQUEST, "the form is no text");
            };
            tokio::task::spawn_blocking(move || pages.sent(&path, &form)).await
        }
        _ => {
            let allowed = if pages.takes_forms() { "GET, HEAD, POST" } else { "GET, HEAD" };
            let mut response = plain(StatusCode::METHOD_NOT_ALLOWED, "pages are read with GET");
            response.headers_mut().insert(ALLOW, HeaderValue::from_static(allowed));
            return response;
        }
    };
    let Ok(Page { status, body, kind, policy, location }) = made else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR, "the page could not be made");
    };
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = with_headers(status, kind, Reply::whole(body));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(policy));
    if let Some(location) = location.and_then(|path| HeaderValue::from_str(&path).ok()) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Whether a form was sent by a page of this server: a browser says where what it sends comes from, and nobody else may write
/// through it. Who sends no origin is no browser of today.
fn is_from_here(headers: &HeaderMap, address: SocketAddr) -> bool {
    let mut origins = headers.get_all(ORIGIN).iter();
    let (Some(origin), None) = (origins.next(), origins.next()) else { return false };
    let Some(host) = origin.to_str().ok().and_then(|origin| origin.strip_prefix("http://")) else {
        return false;
    };
    let is_own = headers.get(HOST).is_some_and(|own| own.as_bytes().eq_ignore_ascii_case(host.as_bytes()));
    let site = headers.get("sec-fetch-site").map(HeaderValue::as_bytes);
    is_own && is_host(host, address) && site.is_none_or(|site| site == b"same-origin")
}

/// Whether a request came by the name of this server: a page elsewhere whose name was made to lead here (DNS rebinding) asks by
/// its own.
pub(crate) fn is_ours(headers: &HeaderMap, authority: Option<&str>, address: SocketAddr) -> bool {
    let mut hosts = headers.get_all(HOST).iter();
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return false };
    let Ok(host) = host.to_str() else { return false };
    is_host(host, address) && authority.is_none_or(|name| is_name(name, address))
}

/// Whether this, with its port, is a name of this server.
fn is_host(host: &str, address: SocketAddr) -> bool {
    let port = address.port();
    match host.strip_suffix(&format!(":{port}")) {
        Some(name) => is_name(name, address),
        // A browser leaves the port out where it is that of HTTP.
        None => port == 80 && is_name(host, address),
    }
}

fn is_name(name: &str, address: SocketAddr) -> bool {
    let named = name.eq_ignore_ascii_case("localhost") || name == "127.0.0.1" || name == "[::1]";
    named || name == address.ip().to_string()
}

fn plain(status: StatusCode, text: &str) -> Response<Reply> {
    let mut response = with_headers(status, "text/plain; charset=utf-8", Reply::whole(format!("{text}\n")));
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(NOTHING));
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
        // With no referrer at all a form would be sent from nowhere.
        (REFERRER_POLICY, "same-origin"),
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

    #[test]
    fn forms_come_from_pages_of_this_server() {
        let address: SocketAddr = "127.0.0.1:8090".parse().unwrap();
        let of = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            map.append(HOST, HeaderValue::from_static("localhost:8090"));
            for (name, value) in headers {
                map.append(*name, HeaderValue::from_str(value).unwrap());
            }
            map
        };
        let own = ("origin", "http://localhost:8090");
        assert!(is_from_here(&of(&[own]), address));
        assert!(is_from_here(&of(&[own, ("sec-fetch-site", "same-origin")]), address));
        for headers in [
            &[][..],
            &[("origin", "null")],
            &[("origin", "http://evil.example")],
            &[("origin", "http://localhost:8091")],
            &[("origin", "https://localhost:8090")],
            &[("origin", "http://127.0.0.1:8090")],
            &[own, ("origin", "http://evil.example")],
            &[own, ("sec-fetch-site", "cross-site")],
            &[own, ("sec-fetch-site", "same-site")],
        ] {
            assert!(!is_from_here(&of(headers), address), "{headers:?}");
        }
    }

    #[tokio::test]
    async fn pages_are_for_this_machine_alone() {
        let refused = PageServer::start("0.0.0.0:0".parse().unwrap()).await.err().unwrap();
        assert!(refused.to_string().starts_with("0.0.0.0:0 can be reached from other machines"), "{refused}");
    }
}
