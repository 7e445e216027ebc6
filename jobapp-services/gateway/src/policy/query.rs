//! A query key that comes several times keeps its last value, so that nobody further in can be told two things at once.

use std::ops::ControlFlow;

use axum::extract::Request;
use axum::response::Response;
use http::Uri;
use http::uri::PathAndQuery;

use super::rule::Rule;

/// Rewrites the query of a request whose keys repeat.
#[derive(Debug, Clone)]
pub(crate) struct LastValues;

impl Rule for LastValues {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        if let Some(uri) = without_repeats(request.uri()) {
            *request.uri_mut() = uri;
        }
        ControlFlow::Continue(())
    }

    fn leave(&self, (): (), _: &mut Response) {}
}

/// The same address with each key once; `None` when it is so already.
fn without_repeats(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    query.contains('&').then_some(())?;
    let mut repeated = false;
    let mut pairs: Vec<(std::borrow::Cow<'_, str>, std::borrow::Cow<'_, str>)> = Vec::new();
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        match pairs.iter_mut().find(|(known, _)| *known == key) {
            Some((_, last)) => {
                *last = value;
                repeated = true;
            }
            None => pairs.push((key, value)),
        }
    }
    repeated.then_some(())?;
    let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(format!("{}?{query}", uri.path())).ok()?);
    Uri::from_parts(parts).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(uri: &str) -> Option<String> {
        without_repeats(&uri.parse().unwrap()).map(|uri| uri.to_string())
    }

    #[test]
    fn a_repeated_query_key_keeps_its_last_value() {
        assert_eq!(rewritten("/a%20b?a=1&b=x%26y&a=2&c").unwrap(), "/a%20b?a=2&b=x%26y&c=");
        assert_eq!(rewritten("/?a=1&%61=2").unwrap(), "/?a=2");
        assert_eq!(rewritten("/?a=1&a").unwrap(), "/?a=");
    }

    #[test]
    fn any_other_query_stays_as_it_is() {
        for uri in ["/", "/?", "/?a=1", "/?a=1&b=%20+&c", "/?a&b&"] {
            assert_eq!(rewritten(uri), None, "{uri}");
        }
    }
}
