//! The SDK's client.

use std::time::Duration;

use aws_config::{BehaviorVersion, timeout::TimeoutConfig};
use aws_sdk_secretsmanager::Client;
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};

/// An attempt that hangs leaves time for another one while a request waits.
const CONNECT: Duration = Duration::from_secs(1);
const ONE_ATTEMPT: Duration = Duration::from_millis(1_500);
const ALL_ATTEMPTS: Duration = Duration::from_secs(8);

/// A client with the region, credentials and endpoint of the standard AWS variables and
/// files, and with our limits of time.
pub async fn connect() -> Client {
    let limits = TimeoutConfig::builder()
        .connect_timeout(CONNECT)
        .operation_attempt_timeout(ONE_ATTEMPT)
        .operation_timeout(ALL_ATTEMPTS)
        .build();
    // No connection is kept: minutes lie between two fetches, and one that died while the
    // process was frozen would be trusted, and waited for.
    let http = Builder::new()
        .pool_max_idle_per_host(0)
        .tls_provider(Provider::Rustls(CryptoMode::AwsLc))
        .build_https();
    let config = aws_config::defaults(BehaviorVersion::latest());
    Client::new(&config.timeout_config(limits).http_client(http).load().await)
}
