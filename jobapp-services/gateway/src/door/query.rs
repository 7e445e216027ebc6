//! A query key that comes several times keeps its last value, so that nobody further in can be told two things at once; and
//! there are not more keys than anybody needs, so that nobody further in has to look through thousands.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::ControlFlow;

use axum::extract::Request;
use axum::response::{IntoResponse, Response};
use foldhash::quality::RandomState;
use http::Uri;
use http::uri::PathAndQuery;
use jobapp_http::ApiError;

use super::rule::Rule;

/// The most keys of a query, repeated ones too. The longest query of a client has seven.
const MOST: usize = 100;

/// Rewrites the query of a request whose keys repeat; refuses one that has too many.
#[derive(Debug, Clone)]
pub(crate) struct LastValues;

impl Rule for LastValues {
    type Memory = ();

    fn enter(&self, request: &mut Request) -> ControlFlow<Response, ()> {
        if has_too_many(request.uri()) {
            let text = format!("The query has more than {MOST} keys.");
            return ControlFlow::Break(ApiError::bad_request(text).at("Gateway: query").into_response());
        }
        if let Some(uri) = without_repeats(request.uri()) {
            *request.uri_mut() = uri;
        }
        ControlFlow::Continue(())
    }

    fn leave(&self, (): (), _: &mut Response) {}
}

fn has_too_many(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| query.bytes().filter(|byte| *byte == b'&').count() >= MOST)
}

/// The same address with each key once; `None` when it is so already.
fn without_repeats(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    query.contains('&').then_some(())?;
    let mut places: HashMap<Cow<'_, str>, usize, RandomState> = HashMap::default();
    let mut pairs: Vec<(Cow<'_, str>, Cow<'_, str>)> = Vec::new();
    let mut repeated = false;
    for (key, value) in form_urlencoded::parse(query.as_bytes()) {
        let place = *places.entry(key.clone()).or_insert(pairs.len());
        match pairs.get_mut(place) {
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
    use std::time::{Duration, Instant};

    use super::super::rule::testing::{fine, request, through};
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

    /// A query with as many three-letter keys, all different.
    fn distinct(keys: usize) -> String {
        let letter = |number: usize| char::from(b"abcdefghijklmnopqrstuvwxyz"[number % 26]);
        let key = |at: usize| format!("{}{}{}", letter(at / 676), letter(at / 26), letter(at));
        (0..keys).map(key).collect::<Vec<_>>().join("&")
    }

    #[tokio::test]
    async fn more_keys_than_anybody_needs_are_refused_whether_or_not_they_repeat() {
        for (query, status) in [
            (distinct(MOST), 200),
            (distinct(MOST + 1), 400),
            (distinct(16_000), 400),
            (vec!["a=1"; MOST].join("&"), 200),
            (vec!["a=1"; 16_000].join("&"), 400),
            ("&".repeat(60_000), 400),
        ] {
            let answer = through(LastValues, request("GET", &format!("/livez?{query}"), &[]), fine).await;
            assert_eq!(answer.status(), status, "{}", query.len());
        }
    }

    #[test]
    fn the_time_it_takes_grows_with_the_query_and_not_with_its_square() {
        let time = |keys: usize| {
            let uri: Uri = format!("/?{}", distinct(keys)).parse().unwrap();
            let once = || {
                let start = Instant::now();
                assert_eq!(without_repeats(&uri), None);
                start.elapsed()
            };
            (0..20).map(|_| once()).min().unwrap_or(Duration::MAX)
        };
        // Sixteen times the keys took 250 times as long when each was looked for among all.
        assert!(time(16_000) < 80 * time(1000));
    }
}
