//! What a trace travels in: the header `traceparent` of W3C Trace Context.

use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

/// The header, in requests and in messages.
pub const TRACEPARENT: &str = "traceparent";

/// How long the value is, in the version everybody speaks: `00-<32 digits>-<16 digits>-<2 digits>`.
const LENGTH: usize = 55;

/// What a value says; `None` when it is none. Later versions may have more behind a dash, and flags that we do not know.
pub(crate) fn read(value: &str) -> Option<SpanContext> {
    let known = value.get(..LENGTH)?;
    let mut parts = known.split('-');
    let (version, trace, span, flags) = (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let lengths = [version.len(), trace.len(), span.len(), flags.len()];
    // A plus sign is a digit to who reads numbers, and a capital letter to nobody who speaks this.
    let is_hex = |part: &str| part.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if lengths != [2, 32, 16, 2] || ![version, trace, span, flags].into_iter().all(is_hex) || version == "ff" {
        return None;
    }
    let goes_on = value.len() > LENGTH;
    if goes_on && (version == "00" || !value[LENGTH..].starts_with('-')) {
        return None;
    }
    let flags = TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED;
    let (trace, span) = (TraceId::from_hex(trace).ok()?, SpanId::from_hex(span).ok()?);
    let context = SpanContext::new(trace, span, flags, true, TraceState::default());
    context.is_valid().then_some(context)
}

/// The value that says this.
pub(crate) fn written(context: &SpanContext) -> String {
    let flags = if context.is_sampled() { "01" } else { "00" };
    format!("00-{}-{}-{flags}", context.trace_id(), context.span_id())
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn what_is_written_is_read() {
        assert_eq!(written(&read(GOOD).unwrap()), GOOD);
        let unsampled = GOOD.replace("-01", "-00");
        assert!(!read(&unsampled).unwrap().is_sampled());
        assert_eq!(written(&read(&unsampled).unwrap()), unsampled);
    }

    #[test]
    fn flags_and_versions_that_are_to_come_are_read() {
        for value in [
            GOOD.replace("-01", "-03"),
            GOOD.replace("-01", "-ff"),
            GOOD.replace("00-", "01-"),
            format!("{}-more", GOOD.replace("00-", "cc-")),
        ] {
            assert_eq!(written(&read(&value).unwrap()), GOOD, "{value}");
        }
    }

    #[test]
    fn what_is_malformed_is_no_parent() {
        for value in [
            "",
            "00",
            "00-1-2-01",
            "00-00000000000000000000000000000000-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-+af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "ff-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-more",
            "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01more",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
            "00_0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331_01",
            "00-0af7651916cd43dd8448eb211c80319-cb7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319é-b7ad6b7169203331-1",
        ] {
            assert!(read(value).is_none(), "{value}");
        }
    }
}
