//! A rule of the door as a tower layer: it looks at each request on its way in and at the answer on its way out.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use futures::future::{Either, Ready, ready};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// One rule. Rules are nested: the outer ones see the answers of the inner ones, refusals too.
pub(crate) trait Rule: Clone + Send + Sync + 'static {
    /// What it keeps of a request until the answer.
    type Memory: Send + 'static;

    /// Looks at a request. An answer ends the matter: nobody further in sees the request.
    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Self::Memory>;

    /// Looks at the answer from further in.
    fn leave(&self, memory: Self::Memory, response: &mut Response);
}

/// The layer of a rule.
#[derive(Debug, Clone)]
pub(crate) struct RuleLayer<R>(pub(crate) R);

impl<R: Rule, S> Layer<S> for RuleLayer<R> {
    type Service = Ruled<R, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Ruled { rule: self.0.clone(), inner }
    }
}

/// A service behind a rule.
#[derive(Debug, Clone)]
pub(crate) struct Ruled<R, S> {
    rule: R,
    inner: S,
}

impl<R: Rule, S: Service<Request, Response = Response>> Service<Request> for Ruled<R, S> {
    type Response = Response;
    type Error = S::Error;
    type Future = Either<Leaving<R, S::Future>, Ready<Result<Response, S::Error>>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.rule.enter(&mut request) {
            ControlFlow::Continue(memory) => Either::Left(Leaving {
                inner: self.inner.call(request),
                rest: Some(Rest { rule: self.rule.clone(), memory }),
            }),
            ControlFlow::Break(response) => Either::Right(ready(Ok(response))),
        }
    }
}

struct Rest<R: Rule> {
    rule: R,
    memory: R::Memory,
}

pin_project! {
    /// An answer on its way out.
    pub(crate) struct Leaving<R: Rule, F> {
        #[pin]
        inner: F,
        rest: Option<Rest<R>>,
    }
}

impl<R: Rule, F: Future<Output = Result<Response, E>>, E> Future for Leaving<R, F> {
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut outcome = ready!(this.inner.poll(cx));
        if let (Ok(response), Some(Rest { rule, memory })) = (&mut outcome, this.rest.take()) {
            rule.leave(memory, response);
        }
        Poll::Ready(outcome)
    }
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use axum::body::Body;

    /// Sends a request through one rule to a service that answers what `answer` makes of it.
    pub(crate) async fn through<R: Rule>(rule: R, request: Request, answer: impl Fn(Request) -> Response) -> Response {
        let inner = tower::service_fn(|request: Request| {
            let response = answer(request);
            async move { Ok::<_, std::convert::Infallible>(response) }
        });
        match tower::ServiceExt::oneshot(RuleLayer(rule).layer(inner), request).await {
            Ok(response) => response,
            Err(never) => match never {},
        }
    }

    /// An empty request.
    pub(crate) fn request(method: &str, uri: &str, headers: &[(&str, &str)]) -> Request {
        let mut builder = Request::builder().method(method).uri(uri);
        for (name, value) in headers {
            builder = builder.header(*name, *value);
        }
        builder.body(Body::empty()).unwrap()
    }

    /// An empty answer.
    pub(crate) fn fine(_: Request) -> Response {
        Response::new(Body::empty())
    }
}
