//! Writes log lines to standard error, as text for people or as one JSON document each.
//!
//! Fields can hold text of callers, models and other processes. Its control characters are escaped,
//! so that it can neither forge a line nor act on a terminal.

use std::fmt::{self, Write as _};
use std::io::{self, IsTerminal, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::FormatFields as _;
use tracing_subscriber::fmt::format::{DefaultFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::Context as Spans;
use tracing_subscriber::registry::LookupSpan;

use super::context::{Context, add_context, update_context};
use super::span::is_ours;
use crate::escape::{escape_json, escape_line};

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
    targets: Targets,
    format: Format,
    color: bool,
    /// The filter that was ignored because it is invalid.
    invalid: Option<String>,
}

impl Log {
    /// Returns settings with a filter that names levels, such as `info` or
    /// `warn,cortex_scheduler=debug`. `default` is used if `filter` is missing or invalid, and an
    /// invalid one is logged.
    #[must_use]
    pub fn new(filter: Option<&str>, default: Level, format: Format) -> Self {
        let usual = || Targets::new().with_default(default);
        let (targets, invalid) = match filter.map(|filter| (filter, filter.parse())) {
            Some((_, Ok(targets))) => (targets, None),
            Some((filter, Err(_))) => (usual(), Some(filter.to_owned())),
            None => (usual(), None),
        };
        Self { targets, format, color: io::stderr().is_terminal(), invalid }
    }

    /// Sets whether text has colours. By default it has them on a terminal.
    #[must_use]
    pub fn with_color(self, color: bool) -> Self {
        Self { color, ..self }
    }

    /// Returns the filter that was ignored because it is invalid.
    pub(super) fn invalid_filter(&mut self) -> Option<String> {
        self.invalid.take()
    }

    pub(super) fn layer(self) -> LogLayer<impl Fn(&str)> {
        let Self { targets, format, color, .. } = self;
        // There is nowhere to report that standard error can't be written.
        let write = |line: &str| drop(io::stderr().lock().write_all(line.as_bytes()));
        LogLayer { targets, format, color: color && format == Format::Text, write }
    }
}

/// Writes events as lines, with the `job` and `trace_id` of the spans around them.
///
/// This layer decides alone which events and spans exist, and it is cheaper than a formatting layer
/// with a filter of its own: that one would handle each step of a span too.
pub(super) struct LogLayer<W> {
    targets: Targets,
    format: Format,
    color: bool,
    write: W,
}

impl<W> LogLayer<W> {
    fn wants(&self, metadata: &Metadata<'_>) -> bool {
        if metadata.is_span() {
            is_ours(metadata)
        } else {
            self.targets.would_enable(metadata.target(), metadata.level())
        }
    }
}

impl<S, W> Layer<S> for LogLayer<W>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    W: Fn(&str) + 'static,
{
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.wants(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Spans<'_, S>) -> bool {
        self.wants(metadata)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        let events = self.targets.iter().map(|(_, level)| level).chain(self.targets.default_level());
        events.chain([LevelFilter::ERROR]).max()
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, spans: Spans<'_, S>) {
        add_context(attributes, id, &spans);
    }

    fn on_record(&self, id: &Id, record: &Record<'_>, spans: Spans<'_, S>) {
        update_context(id, record, &spans);
    }

    fn on_event(&self, event: &Event<'_>, spans: Spans<'_, S>) {
        let mut ids = Context::default();
        for span in spans.event_scope(event).into_iter().flatten() {
            if let Some(outer) = span.extensions().get::<Context>() {
                ids.fill(outer);
            }
        }
        for field in event.fields() {
            ids.leave_out(field.name());
        }
        let mut line = String::new();
        let written = match self.format {
            Format::Text => text(&mut line, event, &ids, self.color),
            Format::Json => json(&mut line, event, &ids),
        };
        // A value whose `Display` fails leaves a line without it.
        if written.is_err() {
            line.push('\n');
        }
        (self.write)(&line);
    }
}

/// Writes a line such as `2026-01-02T03:04:05.678901Z  WARN the message field=value job=...
/// trace_id=...`.
fn text(line: &mut String, event: &Event<'_>, ids: &Context, color: bool) -> fmt::Result {
    let level = *event.metadata().level();
    if color {
        line.push_str("\x1b[2m");
        SystemTime.format_time(&mut Writer::new(line))?;
        write!(line, "\x1b[0m \x1b[{}m{level:>5}\x1b[0m ", colour(level))?;
    } else {
        SystemTime.format_time(&mut Writer::new(line))?;
        write!(line, " {level:>5} ")?;
    }
    let mut fields = String::new();
    DefaultFields::new().format_fields(Writer::new(&mut fields), event)?;
    line.push_str(&escape_line(&fields));
    for (name, value) in ids.pairs() {
        write!(line, " {name}={value}")?;
    }
    writeln!(line)
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
fn json(line: &mut String, event: &Event<'_>, ids: &Context) -> fmt::Result {
    let mut time = String::new();
    SystemTime.format_time(&mut Writer::new(&mut time))?;
    let metadata = event.metadata();
    let mut document = Map::new();
    document.insert("timestamp".into(), time.into());
    document.insert("level".into(), metadata.level().as_str().into());
    document.insert("target".into(), metadata.target().into());
    event.record(&mut Fields(&mut document));
    for (name, value) in ids.pairs() {
        document.insert(name.into(), value.into());
    }
    writeln!(line, "{}", escape_json(&Value::Object(document).to_string()))
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

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_subscriber::layer::SubscriberExt as _;

    use super::super::span::{JOB, SpanKind, span};
    use super::*;

    const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

    fn logged(format: Format, log: impl FnOnce()) -> String {
        let lines = Arc::new(Mutex::new(String::new()));
        let write = {
            let lines = lines.clone();
            move |line: &str| lines.lock().unwrap().push_str(line)
        };
        let targets = Targets::new().with_default(Level::INFO);
        let layer = LogLayer { targets, format, color: false, write };
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), log);
        let lines = lines.lock().unwrap();
        lines.clone()
    }

    #[test]
    fn lines_have_the_ids_of_their_spans_once() {
        let log = || {
            let traceparent = format!("00-{TRACE}-00f067aa0ba902b7-01");
            let outer = span("outer", SpanKind::Server, Some(&traceparent));
            outer.record(JOB, "outer-job");
            outer.in_scope(|| {
                tracing::info!(count = 2, "first");
                tracing::warn!(job = "own", "second");
            });
            tracing::error!("third");
        };
        let text = logged(Format::Text, log);
        let ends = [
            &format!("INFO first count=2 job=outer-job trace_id={TRACE}"),
            &format!("WARN second job=\"own\" trace_id={TRACE}"),
            "ERROR third",
        ];
        assert_eq!(text.lines().count(), ends.len());
        for (line, end) in text.lines().zip(ends) {
            assert!(line.ends_with(end), "{line} does not end with {end}");
        }
        let json = logged(Format::Json, log);
        let lines: Vec<Value> = json.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&lines[0]["job"], &lines[0]["trace_id"]), (&"outer-job".into(), &TRACE.into()));
        assert_eq!((&lines[0]["message"], &lines[0]["count"]), (&"first".into(), &2.into()));
        assert_eq!((&lines[1]["job"], &lines[1]["level"]), (&"own".into(), &"WARN".into()));
        assert_eq!(lines[2].get("job"), None);
    }

    #[test]
    fn what_no_filter_selects_is_disabled_at_its_source() {
        let log = Log::new(Some("info,quiet=warn"), Level::WARN, Format::Text);
        let subscriber = tracing_subscriber::registry().with(log.layer());
        tracing::subscriber::with_default(subscriber, || {
            assert!(tracing::enabled!(Level::INFO));
            assert!(!tracing::enabled!(Level::DEBUG));
            assert!(!tracing::enabled!(target: "quiet", Level::INFO));
            assert!(!tracing::span_enabled!(target: "library", Level::ERROR, "a library's span"));
            assert!(!tracing::span_enabled!(target: "h2", Level::TRACE, "a library's span"));
            assert!(!span("ours", SpanKind::Server, None).is_disabled());
        });
    }

    #[test]
    fn an_invalid_filter_is_replaced_by_the_default() {
        let mut log = Log::new(Some("info,cortex=loud"), Level::WARN, Format::Text);
        assert_eq!(log.invalid_filter().as_deref(), Some("info,cortex=loud"));
        assert_eq!(log.targets, Targets::new().with_default(Level::WARN));
    }

    #[test]
    fn text_of_others_can_neither_forge_a_line_nor_act_on_a_terminal() {
        let hostile = "a\n2026-01-01T00:00:00Z ERROR forged\r\u{1b}[2J\u{9b}2J\u{202e}x\u{2028}y\u{7f}";
        for format in [Format::Text, Format::Json] {
            let line = logged(format, || {
                tracing::warn!(error = %hostile, quoted = hostile, debug = ?hostile, "{hostile}");
            });
            assert_eq!(line.lines().count(), 1, "{line}");
            let unsafe_ = |c: char| c.is_control() || matches!(c, '\u{2028}'..='\u{202e}');
            assert!(!line.trim_end_matches('\n').contains(unsafe_), "{line:?}");
            if format == Format::Json {
                let document: Value = serde_json::from_str(&line).unwrap();
                assert_eq!((&document["message"], &document["error"]), (&hostile.into(), &hostile.into()));
            }
        }
    }
}
