//! Log lines as JSON objects.
//!
//! In the form of tracing-subscriber's flattened events, but each line is put together in
//! one buffer: its own layer checks every piece for UTF-8 again on the way through
//! `fmt::Write`, which costs more than a token's signature.

use std::time::SystemTime;

use jiff::Timestamp;
use serde::ser::{SerializeMap, Serializer};
use tracing::{Event, Subscriber};
use tracing_serde::SerdeMapVisitor;
use tracing_subscriber::{Layer, layer::Context};

use super::{
    request_log::FREQUENT,
    standard_error::{write_line, write_line_soon},
};

/// Longer than nearly all lines, in bytes.
const USUAL_BYTES: usize = 512;

/// Writes each event as a line.
pub(super) struct JsonLines;

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let Ok(line) = line(event, SystemTime::now()) else { return };
        if event.metadata().target() == FREQUENT {
            write_line_soon(&line);
        } else {
            write_line(&line);
        }
    }
}

fn line(event: &Event<'_>, now: SystemTime) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = Vec::with_capacity(USUAL_BYTES);
    let mut serializer = serde_json::Serializer::new(&mut line);
    let mut object = serializer.serialize_map(None)?;
    let timestamp = Timestamp::try_from(now).unwrap_or_default();
    object.serialize_entry("timestamp", &format_args!("{timestamp:.6}"))?;
    object.serialize_entry("level", event.metadata().level().as_str())?;
    let mut fields = SerdeMapVisitor::new(object);
    event.record(&mut fields);
    fields.finish()?;
    line.push(b'\n');
    Ok(line)
}
