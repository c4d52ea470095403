//! What Prometheus makes of the metrics, and of the files in `examples/observability`.

mod alerts;
mod dashboard;
mod promtool;
mod server;
