//! Writes log lines to standard error, as text for people or as one JSON document each.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::fmt::format::{DefaultFields, Writer, debug_fn};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{EnvFilter, Layer};

use super::context::Context;

/// The format of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Format {
    #[default]
    Text,
    /// One JSON document per line.
    Json,
}

/// Which lines are logged, and in which format.
#[derive(Debug)]
pub struct Log {
    filter: EnvFilter,
    format: Format,
    color: bool,
}

impl Log {
    /// Returns settings with a filter that names levels, such as `info` or
    /// `warn,cortex_scheduler=debug`. `default` is used if `filter` is missing or invalid.
    #[must_use]
    pub fn new(filter: Option<&str>, default: &str, format: Format) -> Self {
        let named = filter.and_then(|filter| EnvFilter::try_new(filter).ok());
        Self {
            filter: named.unwrap_or_else(|| EnvFilter::new(default)),
            format,
            color: io::stderr().is_terminal(),
        }
    }

    /// Sets whether text has colours. By default it has them on a terminal.
    #[must_use]
    pub fn with_color(self, color: bool) -> Self {
        Self { color, ..self }
    }

    pub(super) fn layer<S>(self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        tracing_subscriber::fmt::layer()
            .with_writer(io::stderr)
            .with_ansi(self.format == Format::Text && self.color)
            // A line takes the ids of its spans from their `Context`.
            .fmt_fields(debug_fn(|_, _, _| Ok(())))
            .event_format(LogLine(self.format))
            .with_filter(self.filter)
            .boxed()
    }
}

/// Writes an event as one line, with the `job` and `trace_id` of the spans around it.
struct LogLine(Format);

impl<S, N> FormatEvent<S, N> for LogLine
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    N: for<'writer> FormatFields<'writer> + 'static,
{
    fn format_event(
        &self,
        spans: &FmtContext<'_, S, N>,
        writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut ids = Context::default();
        for span in spans.event_scope().into_iter().flatten() {
            let extensions = span.extensions();
            if let Some(outer) = extensions.get::<Context>() {
                ids.fill(outer);
            }
        }
        for field in event.fields() {
            ids.leave_out(field.name());
        }
        match self.0 {
            Format::Text => text(writer, event, &ids),
            Format::Json => json(writer, event, &ids),
        }
    }
}

/// Writes a line such as `2026-01-02T03:04:05.678901Z  WARN the message field=value job=...
/// trace_id=...`.
fn text(mut writer: Writer<'_>, event: &Event<'_>, ids: &Context) -> fmt::Result {
    let level = *event.metadata().level();
    if writer.has_ansi_escapes() {
        write!(writer, "\x1b[2m")?;
        SystemTime.format_time(&mut writer)?;
        write!(writer, "\x1b[0m \x1b[{}m{level:>5}\x1b[0m ", colour(level))?;
    } else {
        SystemTime.format_time(&mut writer)?;
        write!(writer, " {level:>5} ")?;
    }
    DefaultFields::new().format_fields(writer.by_ref(), event)?;
    for (name, value) in ids.pairs() {
        write!(writer, " {name}={value}")?;
    }
    writeln!(writer)
}

/// Returns the terminal code for the colour of a level.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}

/// Writes a document with `timestamp`, `level`, `target`, `message`, the event's fields and the
/// ids.
fn json(mut writer: Writer<'_>, event: &Event<'_>, ids: &Context) -> fmt::Result {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    let metadata = event.metadata();
    let mut line = Map::new();
    line.insert("timestamp".into(), time.into());
    line.insert("level".into(), metadata.level().as_str().into());
    line.insert("target".into(), metadata.target().into());
    event.record(&mut Fields(&mut line));
    for (name, value) in ids.pairs() {
        line.insert(name.into(), value.into());
    }
    writeln!(writer, "{}", Value::Object(line))
}

/// Collects the fields of an event.
struct Fields<'a>(&'a mut Map<String, Value>);

impl Fields<'_> {
    fn add(&mut self, field: &Field, value: impl Into<Value>) {
        self.0.insert(field.name().to_owned(), value.into());
    }
}

impl Visit for Fields<'_> {
    fn record_bool(&mut self, field: &Field, value: bool) {
        self.add(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.add(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.add(field, value);
    }

    fn record_f64(&mut self, field: &Field, value: f64) {
        self.add(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.add(field, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        let mut text = String::new();
        let _ = write!(text, "{value:?}");
        self.add(field, text);
    }
}
