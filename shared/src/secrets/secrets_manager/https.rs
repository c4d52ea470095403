//! A request and its answer: all that a fetched secret needs of HTTP.

mod connection;
#[cfg(test)]
mod tests;

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
use reqsign_core::HttpSend;
use rustls_native_certs::{load_certs_from_paths, load_native_certs};
use rustls_pki_types::{CertificateDer, ServerName};
use thiserror::Error;
use tokio::{net::TcpStream, time::timeout};
use tokio_rustls::{
    TlsConnector,
    rustls::{self, ClientConfig, RootCertStore, crypto::aws_lc_rs},
};

use super::failure::causes;
use connection::{Connection, Kept};

/// Leaves time for a second attempt within a request's patience.
const CONNECT: Duration = Duration::from_secs(1);

/// HTTP/1.1 over TLS, with the CAs of the system (`SSL_CERT_FILE` and `SSL_CERT_DIR` name
/// others), or without TLS for an `http` URL.
#[derive(Debug, Clone, Default)]
pub(super) struct Https {
    /// Made at the first connection that needs it: reading all CAs takes milliseconds.
    tls: Arc<OnceLock<Arc<ClientConfig>>>,
    /// Of the last request, for one that follows at once: a handshake of TLS takes as long as
    /// an answer.
    kept: Kept,
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

        let mut connection = match self.kept.take(&uri).await {
            Some(connection) => connection,
            None => self.connect(&uri, authority).await?,
        };
        let answer = connection.exchange(request).await?;
        self.kept.keep(&uri, connection);
        Ok(answer)
    }

    async fn connect(&self, uri: &Uri, authority: &str) -> Result<Connection, NoAnswer> {
        if uri.scheme() == Some(&Scheme::HTTP) {
            return Connection::over(connect(uri).await?).await;
        }
        // The CAs are read while the server's address is looked up and a connection made.
        let (stream, tls) = tokio::join!(connect(uri), async { self.tls() });
        let name = ServerName::try_from(host(uri)?.to_owned()).map_err(|_| NoAnswer::Url)?;
        let stream = TlsConnector::from(tls?).connect(name, stream?).await;
        let stream = stream.map_err(|error| NoAnswer::Connect(authority.to_owned(), error))?;
        Connection::over(stream).await
    }

    fn tls(&self) -> Result<Arc<ClientConfig>, NoAnswer> {
        if let Some(tls) = self.tls.get() {
            return Ok(Arc::clone(tls));
        }
        let mut authorities = RootCertStore::empty();
        authorities.add_parsable_certificates(certificates());
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

/// The certificates of the CAs. Of the system's, those in one file where there is one: it has
/// directories as well, in which the same ones lie once more, in hundreds of files.
fn certificates() -> Vec<CertificateDer<'static>> {
    let named = openssl_probe::has_ssl_cert_env_vars();
    match openssl_probe::probe().cert_file.filter(|_| !named) {
        Some(file) => load_certs_from_paths(Some(&file), None).certs,
        None => load_native_certs().certs,
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

/// For what gives out credentials, such as the metadata service of an instance.
impl HttpSend for Https {
    async fn http_send(&self, request: Request<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        self.send(request)
            .await
            .map_err(|error| reqsign_core::Error::unexpected(causes(&error)).set_retryable(true))
    }
}
