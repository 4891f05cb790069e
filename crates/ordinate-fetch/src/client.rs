//! Requests to the hub: who gets the token, which redirects are followed, and what a refusal means.

use std::sync::Once;
use std::time::Duration;

use ordinate_hub::{ModelName, is_commit};
use reqwest::header::{
    ACCEPT_ENCODING, AUTHORIZATION, CONTENT_LENGTH, ETAG, HeaderMap, HeaderValue, LOCATION, RANGE,
};
use reqwest::{Method, Response, Url};
use serde::Deserialize;

use crate::error::{FetchError, quoted};
use crate::settings::Settings;
use crate::token::Token;

/// The most bytes of a list of files, or of an error, that are read.
const MAX_BYTES: usize = 32 << 20;
/// How often the same is asked, where a try fails for a reason that may pass.
const TRIES: u32 = 3;

/// A client of one hub.
#[derive(Debug)]
pub(crate) struct Client {
    http: reqwest::Client,
    endpoint: Url,
    token: Option<Token>,
    bearer: Option<HeaderValue>,
}

/// What a hub says of a revision.
#[derive(Debug, Deserialize)]
pub(crate) struct Info {
    /// The commit.
    pub(crate) sha: String,
    siblings: Vec<Sibling>,
}

#[derive(Debug, Deserialize)]
struct Sibling {
    rfilename: String,
}

impl Info {
    /// The files of the revision.
    pub(crate) fn files(&self) -> Vec<String> {
        self.siblings.iter().map(|one| one.rfilename.clone()).collect()
    }
}

/// What a hub says of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Meta {
    /// The hub's name of the content: its SHA-256 for large files, that of git for others.
    pub(crate) etag: String,
    pub(crate) size: u64,
}

impl Meta {
    /// Whether the name of the content is its SHA-256.
    pub(crate) fn is_digest(&self) -> bool {
        self.etag.len() == 64 && self.etag.bytes().all(|byte| byte.is_ascii_hexdigit())
    }
}

impl Client {
    pub(crate) fn new(settings: &Settings) -> Result<Self, FetchError> {
        // reqwest is built without a TLS provider of its own choosing: ring builds without cmake.
        static PROVIDER: Once = Once::new();
        PROVIDER.call_once(|| {
            // An error means that the program has installed one already, which is as good.
            let _ = rustls::crypto::ring::default_provider().install_default();
        });
        let setting = |variable, problem: &str| FetchError::Setting { variable, problem: problem.to_owned() };
        let bearer = match &settings.token {
            None => None,
            Some(token) => Some(token.header().ok_or_else(|| {
                setting("HF_TOKEN", "it holds characters that no token has; copy it from the hub again")
            })?),
        };
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(15))
            .read_timeout(Duration::from_secs(60))
            // Redirects are followed here, since the token must not go where they lead.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("ordinate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| {
                setting("SSL_CERT_FILE", &format!("the HTTPS client cannot be set up: {}", chain(&error)))
            })?;
        Ok(Self { http, endpoint: settings.endpoint.clone(), token: settings.token.clone(), bearer })
    }

    /// The commit and the files of a revision.
    pub(crate) async fn info(&self, name: &ModelName) -> Result<Info, FetchError> {
        let mut url = self.url(["api", "models"].into_iter().chain(name.repository().split('/')));
        extend(&mut url, ["revision", name.revision()]);
        let what = name.to_string();
        let mut response = self.send(Method::GET, url.clone(), 0, &what).await?;
        if !response.status().is_success() {
            return Err(self.refused(response, name, &what).await);
        }
        let body = self.body(&mut response, &what).await?;
        let info: Info = serde_json::from_slice(&body).map_err(|error| {
            protocol(&url, &format!("its list of a model's files cannot be read ({error})"))
        })?;
        if !is_commit(&info.sha) || (name.is_commit() && name.revision() != info.sha) {
            return Err(protocol(&url, &format!("it says that the commit is {:?}", shortened(&info.sha))));
        }
        Ok(info)
    }

    /// What the hub says of a file.
    pub(crate) async fn meta(&self, name: &ModelName, commit: &str, file: &str) -> Result<Meta, FetchError> {
        let url = self.resolve(name, commit, file);
        let response = self.send(Method::HEAD, url.clone(), 0, file).await?;
        if !response.status().is_success() && !response.status().is_redirection() {
            return Err(self.refused(response, name, file).await);
        }
        meta_of(response.headers()).map_err(|problem| protocol(&url, &format!("{file}: {problem}")))
    }

    /// A file, from this byte on.
    pub(crate) async fn get(
        &self,
        name: &ModelName,
        commit: &str,
        file: &str,
        from: u64,
    ) -> Result<Response, FetchError> {
        let response = self.send(Method::GET, self.resolve(name, commit, file), from, file).await?;
        match response.status().as_u16() {
            200 | 206 | 416 => Ok(response),
            _ => Err(self.refused(response, name, file).await),
        }
    }

    /// Where a file of a commit is.
    fn resolve(&self, name: &ModelName, commit: &str, file: &str) -> Url {
        let mut url = self.url(name.repository().split('/'));
        extend(&mut url, ["resolve", commit].into_iter().chain(file.split('/')));
        url
    }

    fn url<'a>(&self, parts: impl IntoIterator<Item = &'a str>) -> Url {
        let mut url = self.endpoint.clone();
        extend(&mut url, parts);
        url
    }

    /// Sends a request and follows redirects. The token goes to the hub's own origin alone; the answer of a HEAD that
    /// leads away from there is the hub's own, which says what the file is.
    async fn send(&self, method: Method, url: Url, from: u64, what: &str) -> Result<Response, FetchError> {
        let mut url = url;
        for _ in 0..10 {
            let mut request =
                self.http.request(method.clone(), url.clone()).header(ACCEPT_ENCODING, "identity");
            if let Some(bearer) = self.bearer.as_ref().filter(|_| self.is_own(&url)) {
                request = request.header(AUTHORIZATION, bearer.clone());
            }
            if from > 0 {
                request = request.header(RANGE, format!("bytes={from}-"));
            }
            let response = request.send().await.map_err(|error| transport(&error, &url, what))?;
            if !response.status().is_redirection() {
                return Ok(response);
            }
            let next = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = next.and_then(|next| url.join(next).ok()).filter(Url::has_host);
            let next = next.ok_or_else(|| protocol(&url, "it redirects to no address"))?;
            if method == Method::HEAD && !self.is_own(&next) {
                return Ok(response);
            }
            if next.scheme() != "https" && (url.scheme() == "https" || next.scheme() != "http") {
                return Err(protocol(&url, "it redirects to an address that is not encrypted"));
            }
            url = next;
        }
        Err(protocol(&url, "it redirects without end"))
    }

    fn is_own(&self, url: &Url) -> bool {
        url.origin() == self.endpoint.origin()
    }

    async fn body(&self, response: &mut Response, what: &str) -> Result<Vec<u8>, FetchError> {
        let (url, mut body) = (response.url().clone(), Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(|error| transport(&error, &url, what))? {
            body.extend_from_slice(&chunk);
            if body.len() > MAX_BYTES {
                return Err(protocol(&url, "its answer is too long"));
            }
        }
        Ok(body)
    }

    /// What an error status means (`X-Error-Code` is the hub's own word for it).
    async fn refused(&self, mut response: Response, name: &ModelName, what: &str) -> FetchError {
        let (status, host) = (response.status().as_u16(), host(response.url()));
        let header = |key: &str| response.headers().get(key).and_then(|value| value.to_str().ok());
        let code = header("x-error-code").unwrap_or_default().to_owned();
        let said = header("x-error-message").map(str::to_owned);
        let said = match said {
            Some(said) => said,
            None => {
                let body = self.body(&mut response, what).await.unwrap_or_default();
                let value: serde_json::Value = serde_json::from_slice(&body).unwrap_or_default();
                value["error"].as_str().unwrap_or_default().to_owned()
            }
        };
        let said = quoted(&self.token.as_ref().map_or_else(|| said.clone(), |token| token.clear(&said)));
        let (page, shown) = (self.page(name), name.to_string());
        let absent = |what: String, next: &str| FetchError::NotFound {
            name: shown.clone(),
            what,
            next: next.to_owned(),
        };
        let no_model = || {
            let own = if self.token.is_some() {
                "if it is private, HF_TOKEN has to be of an account that may read it"
            } else {
                "if it is private, set HF_TOKEN"
            };
            absent(format!("{host} has no such model"), &format!("check its name ({page}); {own}"))
        };
        let revision = name.revision();
        match (status, code.as_str()) {
            (401 | 403 | 404, "RepoNotFound") => no_model(),
            (404, "RevisionNotFound") => {
                absent(format!("the model has no revision {revision:?}"), &format!("see {page}/commits"))
            }
            (404, "EntryNotFound") => {
                absent(format!("the model has no file {what:?}"), &format!("see {page}/tree"))
            }
            (404, _) => absent(
                format!("{host} has no such model, or no revision {revision:?} of it"),
                &format!("check both ({page})"),
            ),
            (401 | 403, _) => {
                let next = match &self.token {
                    None => format!(
                        "where it is gated, accept its licence at {page}, and set HF_TOKEN to a token of that account \
                         ({}settings/tokens); where it is private, set HF_TOKEN too; else check its name",
                        self.shown()
                    ),
                    Some(_) => format!(
                        "the token of HF_TOKEN (or of `hf auth login`) may not read it: accept the licence at {page} \
                         with the token's account, or take another token"
                    ),
                };
                FetchError::Denied { name: shown, status, said, next }
            }
            (408 | 429 | 500..=599, _) => FetchError::Busy { host, status, said },
            _ => FetchError::Protocol { host, problem: format!("HTTP {status}{said}") },
        }
    }

    /// The page of a model, for people.
    fn page(&self, name: &ModelName) -> String {
        format!("{}{}", self.shown(), name.repository())
    }

    /// The hub's address without a user and a password, which it may hold.
    fn shown(&self) -> String {
        let path = self.endpoint.path().trim_end_matches('/');
        format!("{}{path}/", self.endpoint.origin().ascii_serialization())
    }
}

/// Asks again where a try failed for a reason that may pass, a moment later.
pub(crate) async fn patiently<T, F: Future<Output = Result<T, FetchError>>>(
    mut ask: impl FnMut() -> F,
) -> Result<T, FetchError> {
    for again in 1..TRIES {
        match ask().await {
            Err(error) if error.is_passing() => {
                tokio::time::sleep(Duration::from_millis(500) * again * again).await;
            }
            done => return done,
        }
    }
    ask().await
}

fn extend<'a>(url: &mut Url, parts: impl IntoIterator<Item = &'a str>) {
    // An address with a host can be extended: `settings` has seen to it.
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(parts);
    }
}

fn shortened(text: &str) -> String {
    text.chars().take(60).collect()
}

/// Name and size of a file's content.
fn meta_of(headers: &HeaderMap) -> Result<Meta, String> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let etag = text("x-linked-etag").or_else(|| text(ETAG.as_str())).ok_or("no ETag names its content")?;
    let etag = etag.trim_start_matches("W/").trim_matches('"');
    // It becomes the name of a file.
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if etag.is_empty() || etag.len() > 128 || !etag.chars().all(fine) {
        return Err(format!("its ETag {:?} is no name of a content", shortened(etag)));
    }
    let size = text("x-linked-size").or_else(|| text(CONTENT_LENGTH.as_str()));
    let size = size.and_then(|size| size.parse().ok()).ok_or("no Content-Length says its size")?;
    Ok(Meta { etag: etag.to_owned(), size })
}

pub(crate) fn transport(error: &reqwest::Error, url: &Url, what: &str) -> FetchError {
    let host = host(url);
    if error.is_connect() {
        return FetchError::Unreachable { host, why: chain(error) };
    }
    FetchError::Cut { file: what.to_owned(), host, why: chain(error) }
}

pub(crate) fn protocol(url: &Url, problem: &str) -> FetchError {
    FetchError::Protocol { host: host(url), problem: problem.to_owned() }
}

pub(crate) fn host(url: &Url) -> String {
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}{port}", url.host_str().unwrap_or_default())
}

/// An error's causes, without the address (which may hold a signature).
fn chain(error: &reqwest::Error) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        let text = error.to_string();
        if !parts.iter().any(|part| part.contains(&text)) {
            parts.push(text);
        }
        cause = error.source();
    }
    if parts.is_empty() { "no reason is known".to_owned() } else { parts.join(": ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(pairs: &[(&'static str, &str)]) -> Result<Meta, String> {
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.insert(*name, HeaderValue::from_str(value).unwrap());
        }
        meta_of(&headers)
    }

    #[test]
    fn a_large_files_own_digest_comes_first() {
        let digest = "a".repeat(64);
        let quoted = format!("\"{digest}\"");
        let large = [
            ("etag", "\"short\""),
            ("x-linked-etag", &quoted),
            ("x-linked-size", "7"),
            ("content-length", "1"),
        ];
        let meta = read(&large).unwrap();
        assert_eq!((meta.etag.as_str(), meta.size, meta.is_digest()), (digest.as_str(), 7, true));
        let small = read(&[("etag", "W/\"ab12\""), ("content-length", "3")]).unwrap();
        assert_eq!((small.etag.as_str(), small.size, small.is_digest()), ("ab12", 3, false));
    }

    #[test]
    fn a_content_without_a_name_or_with_one_that_leads_elsewhere_is_refused() {
        for etag in ["", "\"../../x\"", "a/b", "..", "a b"] {
            assert!(read(&[("etag", etag), ("content-length", "3")]).is_err(), "{etag}");
        }
        assert!(read(&[("content-length", "3")]).is_err() && read(&[("etag", "a")]).is_err());
    }
}
