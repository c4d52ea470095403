//! Metrics: what is counted, and who gets to see it.

mod counters;
mod port;
mod secrets;
