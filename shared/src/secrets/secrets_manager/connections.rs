//! The connections of the SDK, and for how long they are trusted.
//!
//! The SDK's own HTTP client trusts an idle connection by a clock that may stand still while
//! the process is frozen, and asks no proxy
//! (<https://github.com/awslabs/aws-sdk-rust/issues/169>).

use std::{
    sync::{Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use aws_smithy_http_client::{
    Connector,
    proxy::ProxyConfig,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::{
    http::{HttpClient, HttpConnectorSettings, SharedHttpConnector},
    runtime_components::RuntimeComponents,
};

use super::ONE_ATTEMPT;

/// Leaves time for a second attempt within a request's patience.
const CONNECT: Duration = Duration::from_secs(1);
/// The next call of one fetch comes at once. Longer ago, as after a freeze, the other side
/// may have gone without a word.
const TRUSTED_IDLE: Duration = Duration::from_secs(1);

/// An HTTP client for the SDK and its sources of credentials. It makes its first connection,
/// and reads the system's CAs (`SSL_CERT_FILE` and `SSL_CERT_DIR` name others), at the first
/// call. One limit for all calls: those of the sources of credentials are no longer.
#[derive(Debug, Default)]
pub(super) struct Connections(Mutex<Option<Recent>>);

/// A pool of connections, and when it was last asked for one.
#[derive(Debug)]
struct Recent {
    asked: SystemTime,
    connector: SharedHttpConnector,
}

impl Connections {
    /// The connections of the last call, if that was within a second before; else new ones.
    fn at(&self, now: SystemTime) -> SharedHttpConnector {
        let mut slot = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = slot
            .take()
            .filter(|recent| now.duration_since(recent.asked).is_ok_and(|age| age < TRUSTED_IDLE));
        let connector = kept.map_or_else(new_connector, |recent| recent.connector);
        *slot = Some(Recent { asked: now, connector: connector.clone() });
        connector
    }
}

impl HttpClient for Connections {
    fn http_connector(
        &self,
        _: &HttpConnectorSettings,
        _: &RuntimeComponents,
    ) -> SharedHttpConnector {
        self.at(SystemTime::now())
    }
}

fn new_connector() -> SharedHttpConnector {
    let limits =
        HttpConnectorSettings::builder().connect_timeout(CONNECT).read_timeout(ONE_ATTEMPT);
    let connector = Connector::builder()
        .connector_settings(limits.build())
        .pool_idle_timeout(TRUSTED_IDLE)
        .proxy_config(ProxyConfig::from_env())
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc));
    SharedHttpConnector::new(connector.build())
}

#[cfg(test)]
mod tests {
    use std::{
        io::{BufRead, BufReader, Write},
        net::{TcpListener, TcpStream},
        thread,
    };

    use aws_smithy_runtime_api::client::{http::HttpConnector, orchestrator::HttpRequest};
    use http_body_util::BodyExt;

    use super::*;

    /// Answers with the port of the client, which tells its connections apart. `None` once it has
    /// gone.
    fn answer(mut stream: &TcpStream) -> Option<()> {
        let mut lines = BufReader::new(stream).lines();
        while !lines.next()?.ok()?.is_empty() {}
        let port = stream.peer_addr().ok()?.port();
        write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{port:05}").ok()
    }

    #[tokio::test]
    async fn calls_that_follow_at_once_share_a_connection_that_is_not_trusted_a_second_later() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                thread::spawn(move || while answer(&stream).is_some() {});
            }
        });
        let (client, start, mut last) = (Connections::default(), SystemTime::now(), None);
        for (seconds, same) in
            [(0.0, false), (0.9, true), (1.8, true), (2.8, false), (2.0, false), (9000.0, false)]
        {
            let connector = client.at(start + Duration::from_secs_f64(seconds));
            let answer = connector.call(HttpRequest::get(&url).unwrap()).await.unwrap();
            let port = Some(answer.into_body().collect().await.unwrap().to_bytes());
            assert_eq!(port == last, same, "after {seconds} s");
            last = port;
            // Until the connection is at rest.
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}
