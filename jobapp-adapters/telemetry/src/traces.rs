//! The traces of a process, and the spans they are made of.

use std::borrow::Cow;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context as Waking, Poll};

use opentelemetry::trace::{
    Link, SpanBuilder, SpanContext, SpanKind, Status, TraceContextExt, TraceId, TracerProvider,
};
use opentelemetry::{Context, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{Sampler, SdkTracer, SdkTracerProvider};
use pin_project_lite::pin_project;

use crate::export::{Exporting, Queueing};
use crate::{Lost, Sampling, TracesConfig, TracesError, parent};

/// The traces of a process: off, unless they are started. A clone is another handle.
///
/// It is needed where something begins or comes from outside: a request, a message. What happens on the way from there finds its
/// trace by itself, see [`child`].
#[derive(Clone, Default)]
pub struct Traces(Option<Arc<Inner>>);

struct Inner {
    /// Of no span yet, but with what makes them.
    base: Context,
    maker: Maker,
}

/// Makes spans. It lies in the context of each, so that those further in find it.
#[derive(Clone)]
struct Maker(SdkTracer);

/// Traces are told while this lives. What waits is told when it ends.
#[derive(Debug)]
#[must_use = "spans that wait to be told are lost without it"]
pub struct Telling {
    exporting: Option<Exporting>,
    provider: Option<SdkTracerProvider>,
}

impl fmt::Debug for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Traces").field(&self.is_on()).finish()
    }
}

impl Traces {
    /// No traces: nothing is made, kept or told.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Begins to tell traces. What is lost is also told to `lost`, such as to a metric.
    ///
    /// # Errors
    /// [`TracesError`] when the collector could never be told anything.
    pub fn start(config: TracesConfig, lost: Lost) -> Result<(Self, Telling), TracesError> {
        let about = config.about.iter().map(|(name, value)| KeyValue::new(name.clone(), value.clone()));
        let resource = Resource::builder_empty()
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_attributes(about)
            .with_attributes([
                KeyValue::new("service.name", config.service.clone()),
                KeyValue::new("telemetry.sdk.language", "rust"),
                KeyValue::new("telemetry.sdk.name", "opentelemetry"),
            ])
            .build();
        let sampler = sampler(config.sampling);
        let (queueing, exporting) = Queueing::start(config, &resource, lost)?;
        let provider = SdkTracerProvider::builder()
            .with_resource(resource)
            .with_sampler(sampler)
            .with_span_processor(queueing)
            .build();
        let scope = InstrumentationScope::builder("jobapp").with_version(env!("CARGO_PKG_VERSION")).build();
        let maker = Maker(provider.tracer_with_scope(scope));
        let traces = Self(Some(Arc::new(Inner { base: Context::new().with_value(maker.clone()), maker })));
        Ok((traces, Telling { exporting: Some(exporting), provider: Some(provider) }))
    }

    /// Whether there are any.
    pub const fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A span of something that goes on with what came as this `traceparent`, if that is told.
    pub fn continued(&self, kind: SpanKind, from: &str, name: impl FnOnce() -> Cow<'static, str>) -> Option<Span> {
        self.0.as_ref()?;
        let from = parent::read(from).filter(SpanContext::is_sampled)?;
        self.begun(kind, Some(&from), name())
    }

    /// A span of something that comes from outside. `parent` is what it came with; what is malformed says nothing.
    pub(crate) fn begun(&self, kind: SpanKind, parent: Option<&SpanContext>, name: Cow<'static, str>) -> Option<Span> {
        self.linked(kind, parent, None, name)
    }

    /// The same, beside which something else is named that led to it.
    pub(crate) fn linked(
        &self,
        kind: SpanKind,
        parent: Option<&SpanContext>,
        link: Option<&SpanContext>,
        name: Cow<'static, str>,
    ) -> Option<Span> {
        let Inner { base, maker } = &**self.0.as_ref()?;
        let mut builder = SpanBuilder::from_name(name).with_kind(kind);
        if let Some(link) = link {
            builder = builder.with_links(vec![Link::with_context(link.clone())]);
        }
        Some(match parent {
            Some(parent) => Span::of(maker, builder, &base.with_remote_span_context(parent.clone())),
            None => Span::of(maker, builder, base),
        })
    }
}

fn sampler(Sampling { ratio, heeds_parents }: Sampling) -> Sampler {
    let of_ratio = Sampler::TraceIdRatioBased(ratio);
    if heeds_parents { Sampler::ParentBased(Box::new(of_ratio)) } else { of_ratio }
}

impl Telling {
    /// Nothing is told.
    pub const fn nothing() -> Self {
        Self { exporting: None, provider: None }
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        // What begins from now on is not told.
        if let Some(provider) = self.provider.take()
            && let Err(error) = provider.shutdown()
        {
            tracing::debug!(%error, "the making of spans did not end");
        }
        drop(self.exporting.take());
    }
}

/// Something that is under way, until this is dropped.
pub struct Span {
    context: Context,
    ids: SpanContext,
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Span").field(&self.traceparent()).finish()
    }
}

impl Span {
    fn of(Maker(tracer): &Maker, builder: SpanBuilder, parent: &Context) -> Self {
        let context = parent.with_span(builder.start_with_context(tracer, parent));
        let ids = context.span().span_context().clone();
        Self { context, ids }
    }

    /// Says something of it. Never what somebody sent: no body, no address, no code, no path that could hold one.
    pub fn says(&self, name: &'static str, value: impl Into<Value>) {
        self.context.span().set_attribute(KeyValue::new(name, value));
    }

    /// It failed; `kind` is a word out of a few, and no text that could tell a secret.
    pub fn failed(&self, kind: impl Into<StringValue>) {
        failed(&self.context, kind.into());
    }

    /// What others need to go on from here.
    pub fn traceparent(&self) -> String {
        parent::written(&self.ids)
    }

    /// Whether it is going to be told.
    pub(crate) fn is_sampled(&self) -> bool {
        self.ids.is_sampled()
    }

    /// Does this within it, and ends it.
    pub fn around<F: Future>(self, work: F) -> Within<F> {
        Within { work, span: Some(self) }
    }

    /// Does this within it.
    pub fn within<F: Future>(&self, work: F) -> impl Future<Output = F::Output> {
        opentelemetry::context::FutureExt::with_context(work, self.context.clone())
    }

    /// Does this within it, at once.
    pub fn at_once<T>(&self, work: impl FnOnce() -> T) -> T {
        let _within = self.context.clone().attach();
        work()
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        // Somebody may still hold its context.
        self.context.span().end();
    }
}

fn failed(context: &Context, kind: StringValue) {
    let span = context.span();
    span.set_attribute(KeyValue::new("error.type", kind));
    span.set_status(Status::error(""));
}

/// A span of something within what is under way, if that is going to be told. Where nothing is, this costs a look.
pub fn child(kind: SpanKind, name: impl FnOnce() -> Cow<'static, str>) -> Option<Span> {
    Context::map_current(|parent| {
        let maker = parent.get::<Maker>()?;
        let is_told = parent.span().span_context().is_sampled();
        is_told.then(|| Span::of(maker, SpanBuilder::from_name(name()).with_kind(kind), parent))
    })
}

/// Says something of what is under way, if that is going to be told: its name, and what else `say` tells.
pub fn under_way(say: impl FnOnce(&mut UnderWay<'_>)) {
    Context::map_current(|context| {
        if context.get::<Maker>().is_some() && context.span().span_context().is_sampled() {
            say(&mut UnderWay(context));
        }
    });
}

/// What is under way.
pub struct UnderWay<'c>(&'c Context);

impl UnderWay<'_> {
    /// Gives it a name, of which there are few.
    pub fn named(&mut self, name: impl Into<Cow<'static, str>>) {
        self.0.span().update_name(name);
    }

    /// As [`Span::says`].
    pub fn says(&mut self, name: &'static str, value: impl Into<Value>) {
        self.0.span().set_attribute(KeyValue::new(name, value));
    }

    /// As [`Span::failed`].
    pub fn failed(&mut self, kind: impl Into<StringValue>) {
        failed(self.0, kind.into());
    }
}

fn now<T>(of: impl FnOnce(&SpanContext) -> T) -> Option<T> {
    Context::map_current(|context| {
        if !context.has_active_span() {
            return None;
        }
        let span = context.span();
        let ids = span.span_context();
        ids.is_valid().then(|| of(ids))
    })
}

/// What others need to go on from what is under way; `None` when that is in no trace.
pub fn traceparent() -> Option<String> {
    now(parent::written)
}

/// The trace of what is under way, as 32 hexadecimal digits.
pub fn trace_id() -> Option<String> {
    now(|ids| ids.trace_id()).map(|id: TraceId| id.to_string())
}

/// The span of what is under way, for who goes on from there by himself.
pub(crate) fn current() -> Option<SpanContext> {
    now(SpanContext::clone)
}

pin_project! {
    /// Something that is done within a span.
    pub struct Within<F> {
        #[pin]
        work: F,
        span: Option<Span>,
    }
}

impl<F> Within<F> {
    /// Something that is done within no span.
    pub const fn none(work: F) -> Self {
        Self { work, span: None }
    }
}

impl<F: Future> Future for Within<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, waking: &mut Waking<'_>) -> Poll<F::Output> {
        let this = self.project();
        let Some(span) = this.span else { return this.work.poll(waking) };
        let within = span.context.clone().attach();
        let polled = this.work.poll(waking);
        drop(within);
        if polled.is_ready() {
            drop(this.span.take());
        }
        polled
    }
}
