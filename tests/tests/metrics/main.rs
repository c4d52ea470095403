//! Metrics: what is counted, and who gets to see it.

mod counters;
mod embedded;
mod port;
mod secrets;
