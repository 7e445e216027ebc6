//! Finds the route of a path: literals in any case, a trailing slash or not, parameters percent-decoded.

use http::Method;
use percent_encoding::percent_decode_str;

use crate::routes::Route;

/// A route and the values of its parameters, in the order they stand in its path.
#[derive(Debug)]
pub(crate) struct Match<'r> {
    /// The route.
    pub(crate) route: &'r Route,
    /// Name, without the colon, and decoded value.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

/// What became of the search for a route.
#[derive(Debug)]
pub(crate) enum Found<'r> {
    /// This one.
    Route(Match<'r>),
    /// None.
    Nothing,
    /// A segment that is not UTF-8 once decoded.
    NotText,
}

/// Finds the route of `path`, which is below the base path. Literals win over parameters, from the left.
pub(crate) fn find<'r>(routes: &'r [Route], method: &Method, path: &str) -> Found<'r> {
    let path = path.strip_suffix('/').unwrap_or(path);
    let mut segments = Vec::with_capacity(6);
    for raw in path.split('/').skip(1) {
        match percent_decode_str(raw).decode_utf8() {
            Ok(text) => segments.push(text),
            Err(_) => return Found::NotText,
        }
    }
    let method = if *method == Method::HEAD { &Method::GET } else { method };
    let mut best: Option<(u32, &Route)> = None;
    for route in routes.iter().filter(|route| route.method == *method) {
        if let Some(score) = score(route.path, &segments)
            && best.is_none_or(|(highest, _)| score > highest)
        {
            best = Some((score, route));
        }
    }
    let Some((_, route)) = best else { return Found::Nothing };
    let parameters = route
        .path
        .split('/')
        .skip(1)
        .zip(&segments)
        .filter_map(|(part, value)| part.strip_prefix(':').map(|name| (name, value.clone().into_owned())))
        .collect();
    Found::Route(Match { route, parameters })
}

/// How well a pattern fits: a bit for each literal, the leftmost the highest; `None` if it does not.
fn score(pattern: &str, segments: &[std::borrow::Cow<'_, str>]) -> Option<u32> {
    let mut score = 1;
    let mut parts = pattern.split('/').skip(1);
    for segment in segments {
        let part = parts.next()?;
        let literal = !part.starts_with(':');
        if literal && !part.eq_ignore_ascii_case(segment) || segment.is_empty() {
            return None;
        }
        score = score << 1 | u32::from(literal);
    }
    parts.next().is_none().then_some(score)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::routes::all;

    fn path_of(method: Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        let routes = all();
        match find(&routes, &method, path) {
            Found::Route(found) => {
                Some((found.route.path, found.parameters.into_iter().map(|(_, value)| value).collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn literals_win_over_parameters() {
        assert_eq!(path_of(Method::GET, "/buyer/email").unwrap().0, "/buyer/email");
        assert_eq!(path_of(Method::GET, "/buyer/anna").unwrap().0, "/buyer/:username");
        assert_eq!(path_of(Method::GET, "/message/conversations/x").unwrap().0, "/message/conversations/:username");
        assert_eq!(path_of(Method::GET, "/gig/seller/1").unwrap().0, "/gig/seller/:sellerId");
        assert_eq!(
            path_of(Method::PUT, "/order/notification/mark-as-read").unwrap().0,
            "/order/notification/mark-as-read"
        );
    }

    #[test]
    fn case_and_a_trailing_slash_do_not_matter_but_parameters_keep_theirs() {
        assert_eq!(
            path_of(Method::GET, "/BUYER/Anna%20Bo/").unwrap(),
            ("/buyer/:username", vec!["Anna Bo".to_owned()])
        );
    }

    #[test]
    fn an_encoded_slash_stays_within_its_segment() {
        assert_eq!(path_of(Method::GET, "/gig/..%2Fmetrics").unwrap(), ("/gig/:gigId", vec!["../metrics".to_owned()]));
    }

    #[test]
    fn other_methods_depths_and_bytes_find_nothing() {
        assert!(path_of(Method::PATCH, "/buyer/email").is_none());
        assert!(path_of(Method::GET, "/buyer").is_none());
        assert!(path_of(Method::GET, "/order/buyer//").is_none());
        assert!(matches!(find(&all(), &Method::GET, "/buyer/%ff"), Found::NotText));
    }

    #[test]
    fn head_is_served_by_get() {
        assert_eq!(path_of(Method::HEAD, "/buyer/email").unwrap().0, "/buyer/email");
    }
}
