//! One request on one connection: all that a fetched secret needs of HTTP.

use std::{
    io,
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::{
    body::Bytes,
    http::{
        HeaderValue, Request, Response, Uri,
        header::{HOST, InvalidHeaderValue},
        uri::{PathAndQuery, Scheme},
    },
};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use reqsign_core::HttpSend;
use rustls_pki_types::ServerName;
use thiserror::Error;
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::TcpStream,
    time::timeout,
};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, RootCertStore, crypto::aws_lc_rs},
};

use super::failure::causes;

/// Leaves time for a second attempt within a request's patience.
const CONNECT: Duration = Duration::from_secs(1);
/// A secret has 64 KiB at most; as JSON it may grow.
const MAX_ANSWER_BYTES: usize = 512 * 1024;

/// HTTP/1.1 over TLS, with the CAs of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` name
/// others), or without TLS for an `http` URL.
#[derive(Debug, Clone, Default)]
pub(super) struct Https {
    /// Made at the first connection that needs it: reading all CAs takes milliseconds.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
}

/// There is no answer.
#[derive(Debug, Error)]
pub(super) enum NoAnswer {
    #[error("the URL has no host")]
    Url,
    #[error("the URL has an unusable host")]
    Host(#[from] InvalidHeaderValue),
    #[error("cannot connect to {0}")]
    Connect(String, #[source] io::Error),
    #[error("no CA certificates were found; install ca-certificates or set SSL_CERT_FILE")]
    Authorities,
    #[error("TLS")]
    Tls(#[from] rustls::Error),
    #[error("HTTP")]
    Http(#[from] hyper::Error),
    #[error("the answer cannot be read")]
    Body(#[source] Box<dyn std::error::Error + Send + Sync>),
}

impl Https {
    /// Sends `request`, whose URI is absolute, and reads all of the answer.
    pub(super) async fn send(
        &self,
        mut request: Request<Bytes>,
    ) -> Result<Response<Bytes>, NoAnswer> {
        let uri = std::mem::take(request.uri_mut());
        let authority = uri.authority().ok_or(NoAnswer::Url)?.as_str();
        request.headers_mut().insert(HOST, HeaderValue::try_from(authority)?);
        let target = uri.path_and_query().cloned();
        *request.uri_mut() = target.unwrap_or(PathAndQuery::from_static("/")).into();

        let stream = connect(&uri).await?;
        if uri.scheme() == Some(&Scheme::HTTP) {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host(&uri)?.to_owned()).map_err(|_| NoAnswer::Url)?;
        let stream = TlsConnector::from(self.tls()?).connect(name, stream).await;
        let stream = stream.map_err(|error| NoAnswer::Connect(authority.to_owned(), error))?;
        exchange(stream, request).await
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, NoAnswer> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let mut authorities = RootCertStore::empty();
        authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if authorities.is_empty() {
            return Err(NoAnswer::Authorities);
        }
        let config = ClientConfig::builder_with_provider(Arc::new(aws_lc_rs::default_provider()))
            .with_safe_default_protocol_versions()?
            .with_root_certificates(authorities)
            .with_no_client_auth();
        Ok(Arc::clone(self.tls.get_or_init(|| Arc::new(config))))
    }
}

/// The host without the brackets of an IPv6 address.
fn host(uri: &Uri) -> Result<&str, NoAnswer> {
    let host = uri.host().ok_or(NoAnswer::Url)?;
    Ok(host.trim_start_matches('[').trim_end_matches(']'))
}

async fn connect(uri: &Uri) -> Result<TcpStream, NoAnswer> {
    let standard = if uri.scheme() == Some(&Scheme::HTTP) { 80 } else { 443 };
    let address = (host(uri)?, uri.port_u16().unwrap_or(standard));
    let connected = timeout(CONNECT, TcpStream::connect(address)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = connected
        .map_err(|error| NoAnswer::Connect(format!("{}:{}", address.0, address.1), error))?;
    // A request goes out in one piece; that it waits for nothing is a matter of speed alone.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> Result<Response<Bytes>, NoAnswer> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // It ends with the sender. What goes wrong with it, the sender is told.
    tokio::spawn(connection);
    let (head, body) = sender.send_request(request.map(Full::new)).await?.into_parts();
    let body = Limited::new(body, MAX_ANSWER_BYTES).collect().await.map_err(NoAnswer::Body)?;
    Ok(Response::from_parts(head, body.to_bytes()))
}

/// For what gives out credentials, such as the metadata service of an instance.
impl HttpSend for Https {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        self.send(request)
            .await
            .map_err(|error| reqsign_core::Error::unexpected(causes(&error)).set_retryable(true))
    }
}
