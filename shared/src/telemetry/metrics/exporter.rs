//! The two ways in which metrics leave a process.

use std::{
    io::{self, Write},
    net::SocketAddr,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use metrics_cloudwatch_embedded::{Builder, Collector};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use metrics_util::MetricKindMask;

use super::{BUCKETS, RequestCounter, describe};
use crate::config::MetricsConfig;

/// Namespace of the metrics in CloudWatch.
const NAMESPACE: &str = "AuthFunctions";
/// The dimension that AWS's own metrics of a function have.
const FUNCTION: &str = "FunctionName";
/// All gauges are set right before they are read. One that was not, such as that of a key
/// which is gone, was set before the last time, and vanishes.
const GAUGE_LIFE: Duration = Duration::from_millis(1);

/// Where metrics go.
pub(crate) enum Exporter {
    /// Nowhere.
    Off,
    /// To the clients of a port.
    Prometheus(SocketAddr, Scrape),
    /// To standard output, for CloudWatch.
    Embedded(&'static Collector),
}

impl Exporter {
    /// Installs what `config` says for this process. Fails if one is installed already.
    pub(crate) fn install(config: MetricsConfig, requests: RequestCounter) -> Result<Self, String> {
        let exporter = match config {
            MetricsConfig::Off => return Ok(Self::Off),
            MetricsConfig::Prometheus(address) => Self::Prometheus(address, Scrape::install()?),
            MetricsConfig::Embedded(function) => {
                let builder = Builder::new().cloudwatch_namespace(NAMESPACE);
                let builder = builder.with_dimension(FUNCTION, function);
                Self::Embedded(builder.init().map_err(|error| error.to_string())?)
            }
        };
        describe(requests);
        Ok(exporter)
    }

    /// Writes what has come together since the last time, where it goes to standard output.
    /// To be called before an invocation is answered: behind the answer Lambda freezes the
    /// process.
    ///
    /// Before that it sets the gauges: not one for each key, since as a dimension each would be a
    /// metric that is paid for.
    pub(crate) fn flush(&self, set_gauges: impl FnOnce()) {
        let Self::Embedded(collector) = self else { return };
        set_gauges();
        // Written at once, so that lines of requests that end together stay whole.
        let mut lines = Vec::new();
        let written = collector.flush(&mut lines).and_then(|()| io::stdout().write_all(&lines));
        if let Err(error) = written {
            tracing::warn!(%error, "metrics were not written");
        }
    }
}

/// What Prometheus is answered with.
pub(crate) struct Scrape {
    handle: PrometheusHandle,
    /// Gauges are set and read by one at a time.
    turn: Mutex<()>,
}

impl Scrape {
    fn install() -> Result<Self, String> {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS);
        let builder = builder.map_err(|error| error.to_string())?;
        let builder = builder.idle_timeout(MetricKindMask::GAUGE, Some(GAUGE_LIFE));
        let recorder = builder.build_recorder();
        let handle = recorder.handle();
        metrics::set_global_recorder(recorder).map_err(|error| error.to_string())?;
        Ok(Self { handle, turn: Mutex::default() })
    }

    /// All metrics, once the gauges are set, in Prometheus' text format 0.0.4.
    pub(crate) fn text(&self, set_gauges: impl FnOnce()) -> String {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        set_gauges();
        self.handle.render()
    }

    /// Sums up what was measured since the last time, so that it does not pile up in memory
    /// between two scrapes. To be called every few seconds.
    pub(crate) fn sum_up(&self) {
        self.handle.run_upkeep();
    }
}
