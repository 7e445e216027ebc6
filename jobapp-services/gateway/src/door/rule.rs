//! A rule of the door as a tower layer: it looks at each request on its way in and at the answer on its way out.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::extract::Request;
use axum::response::Response;
use futures::future::{Either, Ready, ready};
use pin_project_lite::pin_project;
use tower::{Layer, Service};

/// One rule. Rules are nested: the outer ones see the answers of the inner ones, refusals too.
pub(crate) trait Rule: Send + Sync + 'static {
    /// What it keeps of a request until the answer.
    type Memory: Send + 'static;

    /// Looks at a request. An answer ends the matter: nobody further in sees the request.
    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Self::Memory>;

    /// Looks at the answer from further in.
    fn leave(&self, memory: Self::Memory, response: &mut Response);

    /// This rule with another one further in, as one rule: a request and its answer are looked at where they are, and not
    /// handed on from layer to layer.
    fn around<R: Rule>(self, inner: R) -> Nested<Self, R>
    where
        Self: Sized,
    {
        Nested { outer: self, inner }
    }
}

/// Two rules as one.
#[derive(Debug)]
pub(crate) struct Nested<O, I> {
    outer: O,
    inner: I,
}

impl<O: Rule, I: Rule> Rule for Nested<O, I> {
    type Memory = (O::Memory, I::Memory);

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, Self::Memory> {
        let outer = self.outer.enter(request)?;
        match self.inner.enter(request) {
            ControlFlow::Continue(inner) => ControlFlow::Continue((outer, inner)),
            ControlFlow::Break(mut refusal) => {
                self.outer.leave(outer, &mut refusal);
                ControlFlow::Break(refusal)
            }
        }
    }

    fn leave(&self, (outer, inner): Self::Memory, response: &mut Response) {
        self.inner.leave(inner, response);
        self.outer.leave(outer, response);
    }
}

/// The layer of a rule.
#[derive(Debug)]
pub(crate) struct RuleLayer<R>(Arc<R>);

impl<R: Rule> RuleLayer<R> {
    /// For this rule.
    pub(crate) fn new(rule: R) -> Self {
        Self(Arc::new(rule))
    }
}

impl<R: Rule, S> Layer<S> for RuleLayer<R> {
    type Service = Ruled<R, S>;

    fn layer(&self, inner: S) -> Self::Service {
        Ruled { rule: Arc::clone(&self.0), inner }
    }
}

/// A service behind a rule.
#[derive(Debug)]
pub(crate) struct Ruled<R, S> {
    rule: Arc<R>,
    inner: S,
}

impl<R, S: Clone> Clone for Ruled<R, S> {
    fn clone(&self) -> Self {
        Self { rule: Arc::clone(&self.rule), inner: self.inner.clone() }
    }
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
            ControlFlow::Continue(memory) => {
                Either::Left(Leaving { inner: self.inner.call(request), rest: Some((Arc::clone(&self.rule), memory)) })
            }
            ControlFlow::Break(response) => Either::Right(ready(Ok(response))),
        }
    }
}

pin_project! {
    /// An answer on its way out.
    pub(crate) struct Leaving<R: Rule, F> {
        #[pin]
        inner: F,
        rest: Option<(Arc<R>, R::Memory)>,
    }
}

impl<R: Rule, F: Future<Output = Result<Response, E>>, E> Future for Leaving<R, F> {
    type Output = Result<Response, E>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let mut outcome = ready!(this.inner.poll(cx));
        if let (Ok(response), Some((rule, memory))) = (&mut outcome, this.rest.take()) {
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
        match tower::ServiceExt::oneshot(RuleLayer::new(rule).layer(inner), request).await {
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

#[cfg(test)]
mod tests {
    use super::testing::{fine, request, through};
    use super::*;
    use axum::body::Body;
    use http::StatusCode;

    /// Notes in the answer that it has passed; `true` refuses everything.
    struct Noting(&'static str, bool);

    impl Rule for Noting {
        type Memory = ();

        fn enter(&self, _: &mut Request) -> ControlFlow<Response, ()> {
            if self.1 {
                let mut refusal = Response::new(Body::empty());
                *refusal.status_mut() = StatusCode::FORBIDDEN;
                return ControlFlow::Break(refusal);
            }
            ControlFlow::Continue(())
        }

        fn leave(&self, (): (), response: &mut Response) {
            response.headers_mut().append("passed", self.0.parse().unwrap());
        }
    }

    async fn passed(rule: impl Rule) -> (u16, Vec<String>) {
        let response = through(rule, request("GET", "/", &[]), fine).await;
        let names = response.headers().get_all("passed").iter().map(|name| name.to_str().unwrap().to_owned());
        (response.status().as_u16(), names.collect())
    }

    #[tokio::test]
    async fn answers_and_refusals_pass_the_outer_rules_from_within() {
        let three = |refusing| Noting("a", false).around(Noting("b", refusing)).around(Noting("c", false));
        assert_eq!(passed(three(false)).await, (200, vec!["c".to_owned(), "b".to_owned(), "a".to_owned()]));
        assert_eq!(passed(three(true)).await, (403, vec!["a".to_owned()]));
    }
}
