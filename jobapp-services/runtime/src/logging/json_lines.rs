//! Log lines for machines: the shape of `tracing-subscriber`'s own JSON lines with flattened fields, written straight into
//! the line. A gateway writes a line for each request, and this takes a quarter of the time.

use std::cell::{Cell, RefCell};
use std::fmt::{self, Debug, Write};

use jiff::Timestamp;
use tracing::field::{Field, Visit};
use tracing::span::Record;
use tracing::{Event, Subscriber};
use tracing_subscriber::field::RecordFields;
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::{FmtContext, FormatEvent, FormatFields, FormattedFields};
use tracing_subscriber::registry::{LookupSpan, SpanRef};

/// `{"timestamp":…,"level":…,` the event's fields, `"service":…,"target":…,"request_id":…,"trace_id":…,"span":{…},"spans":[…]}`. A span has its
/// fields and its `name`; the last of `spans` is `span`.
///
/// No name is there twice, which servers would refuse: a field of an event that is called like one of these has a `_` behind its name. But
/// an event may say itself which service it is about, and which request.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonLine {
    /// What the process is called.
    pub(super) service: &'static str,
}

/// Names that an event's fields cannot have, and that a span's cannot.
const OF_LINES: [&str; 6] = ["timestamp", "level", "target", "span", "spans", "instance"];
const OF_SPANS: [&str; 1] = ["name"];
const SERVICE: &str = "service";
const REQUEST_ID: &str = "request_id";

/// Fields as the members of a JSON object, without its braces.
#[derive(Debug, Clone, Copy)]
pub(super) struct JsonMembers;

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonMembers> for JsonLine {
    fn format_event(&self, at: &FmtContext<'_, S, JsonMembers>, mut out: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        thread_local! {
            static LINE: Cell<String> = const { Cell::new(String::new()) };
        }
        // Taken and not borrowed: what is logged may log while it is formatted.
        let mut line = LINE.take();
        line.clear();
        write_line(&mut line, self.service, at, event)?;
        let outcome = out.write_str(&line);
        LINE.set(line);
        outcome
    }
}

fn write_line<S>(
    line: &mut String,
    service: &str,
    at: &FmtContext<'_, S, JsonMembers>,
    event: &Event<'_>,
) -> fmt::Result
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    line.push_str("{\"timestamp\":\"");
    now(line);
    line.push_str("\",\"level\":\"");
    line.push_str(event.metadata().level().as_str());
    line.push('"');
    let mut members = Members::of(line, &OF_LINES, false);
    event.record(&mut members);
    members.outcome?;
    let has = |name| event.metadata().fields().field(name).is_some();
    if !has(SERVICE) {
        line.push_str(",\"service\":");
        text(line, service);
    }
    line.push_str(",\"target\":");
    text(line, event.metadata().target());
    if !has(REQUEST_ID) {
        request_id(line, at);
    }
    if let Some(id) = jobapp_telemetry::trace_id() {
        line.push_str(",\"trace_id\":\"");
        line.push_str(&id);
        line.push('"');
    }
    if let Some(span) = at.event_scope().and_then(|mut scope| scope.next()) {
        line.push_str(",\"span\":");
        span_object(line, &span);
        line.push_str(",\"spans\":[");
        for (place, span) in span.scope().from_root().enumerate() {
            line.push_str(if place == 0 { "" } else { "," });
            span_object(line, &span);
        }
        line.push(']');
    }
    line.push_str("}\n");
    Ok(())
}

/// The request that it happened in, as the innermost span tells that knows: so that all lines of a request are found by one name.
fn request_id<S>(line: &mut String, at: &FmtContext<'_, S, JsonMembers>)
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    // Within a text the quotes would be escaped.
    const BEGINNING: &str = "\"request_id\":\"";
    for span in at.event_scope().into_iter().flatten() {
        if let Some(members) = span.extensions().get::<FormattedFields<JsonMembers>>()
            && let Some(begin) = members.find(BEGINNING)
        {
            let rest = &members[begin + BEGINNING.len()..];
            // An id that needs escaping is none of ours.
            let id = rest.split('"').next().filter(|id| !id.contains('\\'));
            if let Some(id) = id {
                line.push_str(",\"request_id\":\"");
                line.push_str(id);
                line.push('"');
            }
            return;
        }
    }
}

fn span_object<S>(line: &mut String, span: &SpanRef<'_, S>)
where
    S: for<'a> LookupSpan<'a>,
{
    line.push('{');
    if let Some(members) = span.extensions().get::<FormattedFields<JsonMembers>>()
        && !members.is_empty()
    {
        line.push_str(members);
        line.push(',');
    }
    line.push_str("\"name\":");
    text(line, span.name());
    line.push('}');
}

impl<'w> FormatFields<'w> for JsonMembers {
    fn format_fields<R: RecordFields>(&self, mut out: Writer<'w>, fields: R) -> fmt::Result {
        let mut line = String::new();
        let mut members = Members::of(&mut line, &OF_SPANS, true);
        fields.record(&mut members);
        members.outcome?;
        out.write_str(&line)
    }

    fn add_fields(&self, current: &'w mut FormattedFields<Self>, fields: &Record<'_>) -> fmt::Result {
        let first = current.is_empty();
        let mut members = Members::of(&mut current.fields, &OF_SPANS, first);
        fields.record(&mut members);
        members.outcome
    }
}

/// Writes members, each after a comma but the first.
struct Members<'l> {
    line: &'l mut String,
    /// Names that are in use.
    taken: &'static [&'static str],
    first: bool,
    outcome: fmt::Result,
}

impl<'l> Members<'l> {
    const fn of(line: &'l mut String, taken: &'static [&'static str], first: bool) -> Self {
        Self { line, taken, first, outcome: Ok(()) }
    }

    fn name(&mut self, field: &Field) {
        self.line.push_str(if std::mem::take(&mut self.first) { "\"" } else { ",\"" });
        self.line.push_str(field.name());
        self.line.push_str(if self.taken.contains(&field.name()) { "_\":" } else { "\":" });
    }

    fn number(&mut self, field: &Field, digits: &str) {
        self.name(field);
        self.line.push_str(digits);
    }
}

impl Visit for Members<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let mut digits = zmij::Buffer::new();
        // JSON has no word for the others.
        self.number(field, if value.is_finite() { digits.format_finite(value) } else { "null" });
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.number(field, itoa::Buffer::new().format(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.number(field, itoa::Buffer::new().format(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.number(field, if value { "true" } else { "false" });
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.name(field);
        text(self.line, value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.name(field);
        self.line.push('"');
        let written = write!(Escaping(self.line), "{value:?}");
        self.line.push('"');
        self.outcome = self.outcome.and(written);
    }
}

/// The time in UTC, with microseconds. All but these is made once a second.
fn now(line: &mut String) {
    thread_local! {
        static SECOND: RefCell<(i64, String)> = const { RefCell::new((i64::MIN, String::new())) };
    }
    let now = Timestamp::now();
    SECOND.with_borrow_mut(|(second, text)| {
        if *second != now.as_second() {
            *second = now.as_second();
            *text = Timestamp::from_second(*second).unwrap_or_default().strftime("%Y-%m-%dT%H:%M:%S.").to_string();
        }
        line.push_str(text);
    });
    // With a one before them, so that there are six digits behind it.
    line.push_str(&itoa::Buffer::new().format(now.subsec_microsecond() + 1_000_000)[1..]);
    line.push('Z');
}

/// A text in quotes.
fn text(line: &mut String, text: &str) {
    line.push('"');
    escape(line, text);
    line.push('"');
}

/// Escapes what may not stand in a JSON string (RFC 8259 §7).
fn escape(line: &mut String, text: &str) {
    let escaped = |byte: &u8| *byte < b' ' || *byte == b'"' || *byte == b'\\';
    let mut rest = text;
    // Without a way out of the loop it looks at many bytes at once; and mostly there is nothing.
    if text.as_bytes().iter().fold(false, |any, byte| any | escaped(byte)) {
        while let Some(at) = rest.as_bytes().iter().position(escaped) {
            line.push_str(&rest[..at]);
            match rest.as_bytes()[at] {
                b'\n' => line.push_str("\\n"),
                byte @ (b'"' | b'\\') => line.extend(['\\', char::from(byte)]),
                byte => line.push_str(&format!("\\u{byte:04x}")),
            }
            rest = &rest[at + 1..];
        }
    }
    line.push_str(rest);
}

/// Escapes what is formatted.
struct Escaping<'l>(&'l mut String);

impl Write for Escaping<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        escape(self.0, text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use parking_lot::Mutex;
    use serde_json::{Value, json};

    use super::*;

    /// What was written.
    #[derive(Clone)]
    struct Written(Arc<Mutex<Vec<u8>>>);

    impl std::io::Write for Written {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    /// The lines of what is logged in `work`.
    fn lines(work: impl FnOnce()) -> Vec<Value> {
        let written = Arc::new(Mutex::new(Vec::new()));
        let writer = Written(Arc::clone(&written));
        let lines = tracing_subscriber::fmt()
            .fmt_fields(JsonMembers)
            .event_format(JsonLine { service: "here" })
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(lines, work);
        let text = String::from_utf8(written.lock().clone()).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line}: {error}"))).collect()
    }

    #[test]
    fn every_kind_of_value_is_json() {
        let error = std::io::Error::other("it \"broke\"\n\tbadly \\ \u{1}");
        let lines = lines(|| {
            let text = "é \"q\" \\ \n \u{7}";
            tracing::warn!(
                target: "here",
                text,
                whole = -3_i64,
                count = u64::MAX,
                share = 1.5,
                nothing = f64::NAN,
                yes = true,
                gone = Option::<&str>::None,
                %error,
                debug = ?Some("x"),
                "a message with {} words",
                5
            );
        });
        let [line] = lines.as_slice() else { panic!("{lines:?}") };
        let mut line = line.clone();
        let timestamp = line.as_object_mut().unwrap().remove("timestamp").unwrap();
        assert!(timestamp.as_str().is_some_and(|time| time.ends_with('Z') && time.len() == 27), "{timestamp}");
        let expected = json!({
            "level": "WARN", "service": "here", "target": "here", "message": "a message with 5 words", "text": "é \"q\" \\ \n \u{7}", "whole": -3,
            "count": u64::MAX, "share": 1.5, "nothing": null, "yes": true, "error": "it \"broke\"\n\tbadly \\ \u{1}",
            "debug": "Some(\"x\")",
        });
        assert_eq!(line, expected);
    }

    #[test]
    fn lines_within_a_trace_have_its_id() {
        const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
        let parent = format!("00-{TRACE}-b7ad6b7169203331-01");
        let config = jobapp_telemetry::TracesConfig::to("http://[::1]:9".parse().unwrap(), "test");
        let config = jobapp_telemetry::TracesConfig { last_patience: std::time::Duration::ZERO, ..config };
        let (traces, telling) = jobapp_telemetry::Traces::start(config, Arc::new(|_| {})).unwrap();
        let span = traces.continued(jobapp_telemetry::SpanKind::Server, &parent, || "tea".into()).unwrap();
        let lines = lines(|| {
            span.at_once(|| tracing::info!("within"));
            tracing::info!("outside");
        });
        assert_eq!((&lines[0]["trace_id"], &lines[1]["trace_id"]), (&json!(TRACE), &Value::Null));
        drop(span);
        drop(telling);
    }

    #[test]
    fn spans_are_told_from_the_outermost_in() {
        let lines = lines(|| {
            let outer = tracing::info_span!("outer", id = 7, later = tracing::field::Empty).entered();
            let inner = tracing::info_span!("inner", later = tracing::field::Empty);
            outer.record("later", "now");
            inner.record("later", 1);
            inner.in_scope(|| tracing::info!("within"));
            tracing::info!("beside");
        });
        let outer = json!({ "name": "outer", "id": 7, "later": "now" });
        let inner = json!({ "name": "inner", "later": 1 });
        assert_eq!((&lines[0]["span"], &lines[0]["spans"]), (&inner, &json!([outer, inner])));
        assert_eq!((&lines[1]["span"], &lines[1]["spans"]), (&outer, &json!([outer])));
    }
    #[test]
    fn no_name_is_there_twice() {
        let lines = lines(|| {
            let span = tracing::info_span!("outer", name = "mine").entered();
            tracing::info!(level = 3, timestamp = "now", target = "there", span = 1, service = "gig", "one");
            drop(span);
        });
        let line = &lines[0];
        assert_eq!((&line["level"], &line["level_"], &line["target_"]), (&json!("INFO"), &json!(3), &json!("there")));
        assert_eq!((&line["service"], &line["span_"], &line["timestamp_"]), (&json!("gig"), &json!(1), &json!("now")));
        assert_eq!(line["span"], json!({ "name": "outer", "name_": "mine" }));
    }

    #[test]
    fn a_line_has_the_id_of_the_request_it_happened_in() {
        let lines = lines(|| {
            let outer = tracing::info_span!("request", note = "\"request_id\":\"other\"", request_id = "a-1").entered();
            tracing::info_span!("inner", n = 1).in_scope(|| tracing::info!("within"));
            tracing::info!(request_id = "its own", "one");
            drop(outer);
            tracing::info_span!("request", request_id = "a\"b").in_scope(|| tracing::info!("strange"));
            tracing::info!("outside");
        });
        let ids: Vec<&Value> = lines.iter().map(|line| &line["request_id"]).collect();
        assert_eq!(ids, [&json!("a-1"), &json!("its own"), &Value::Null, &Value::Null]);
    }
}
