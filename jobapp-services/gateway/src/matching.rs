//! Finds where a request leads: literals in any case, a trailing slash or not, parameters percent-decoded.

use std::borrow::Cow;
use std::sync::LazyLock;

use http::Method;
use percent_encoding::percent_decode_str;

use crate::policy::rate_limit::RateClass;
use crate::routes::{self, BASE_PATH, Route};

/// Every route there may be.
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(routes::all);

/// The most segments a route has.
const DEEPEST: usize = 8;

/// A route and the values of its parameters, in the order they stand in its path.
#[derive(Debug, Clone)]
pub(crate) struct Match {
    /// The route.
    pub(crate) route: &'static Route,
    /// Name, without the colon, and decoded value.
    pub(crate) parameters: Vec<(&'static str, String)>,
}

impl Match {
    /// The value of a parameter; empty when the route has none of this name.
    pub(crate) fn parameter(&self, name: &str) -> &str {
        self.parameters.iter().find(|(own, _)| *own == name).map_or("", |(_, value)| value)
    }
}

/// Where a request leads.
#[derive(Debug, Clone)]
pub(crate) enum Place {
    /// To this route of the API.
    Route(Match),
    /// Below the base path, where nothing is.
    Nowhere,
    /// Below the base path, with a segment that is not UTF-8 once decoded.
    NotText,
    /// Beside the API: pages, files, sockets, health.
    Elsewhere(RateClass),
}

impl Place {
    /// How dear it is.
    pub(crate) fn class(&self) -> RateClass {
        match self {
            Self::Route(found) => found.route.class,
            Self::Nowhere | Self::NotText => RateClass::General,
            Self::Elsewhere(class) => *class,
        }
    }
}

/// The routes of a gateway, by method and depth.
#[derive(Debug)]
pub(crate) struct Table {
    routes: Vec<&'static Route>,
    by_shape: Vec<(Method, [Vec<Pattern>; DEEPEST])>,
}

/// A route whose path is taken apart.
#[derive(Debug)]
struct Pattern {
    route: &'static Route,
    parts: Vec<Part>,
}

#[derive(Debug)]
enum Part {
    Literal(&'static str),
    Parameter(&'static str),
}

impl Pattern {
    fn of(route: &'static Route) -> Self {
        let part = |part: &'static str| part.strip_prefix(':').map_or(Part::Literal(part), Part::Parameter);
        Self { route, parts: route.path.split('/').skip(1).map(part).collect() }
    }

    /// How well it fits as many segments: a bit for each literal, the leftmost the highest; `None` if it does not.
    fn score(&self, segments: &[Cow<'_, str>]) -> Option<u32> {
        self.parts.iter().zip(segments).try_fold(1, |score, (part, segment)| match part {
            Part::Literal(literal) => literal.eq_ignore_ascii_case(segment).then_some(score << 1 | 1),
            Part::Parameter(_) => (!segment.is_empty()).then_some(score << 1),
        })
    }

    /// The parameters' names and values.
    fn parameters(&self, segments: &[Cow<'_, str>]) -> Vec<(&'static str, String)> {
        let parameter = |(part, value): (&Part, &Cow<'_, str>)| match *part {
            Part::Parameter(name) => Some((name, value.clone().into_owned())),
            Part::Literal(_) => None,
        };
        self.parts.iter().zip(segments).filter_map(parameter).collect()
    }
}

impl Table {
    /// All routes; those that seed only if they are wanted.
    pub(crate) fn new(seed: bool) -> Self {
        let routes: Vec<&'static Route> = ROUTES.iter().filter(|route| seed || !route.seed).collect();
        let mut by_shape: Vec<(Method, [Vec<Pattern>; DEEPEST])> = Vec::new();
        for &route in &routes {
            let at = by_shape.iter().position(|(method, _)| *method == route.method).unwrap_or_else(|| {
                by_shape.push((route.method.clone(), Default::default()));
                by_shape.len() - 1
            });
            let pattern = Pattern::of(route);
            if let Some(shape) = by_shape[at].1.get_mut(pattern.parts.len()) {
                shape.push(pattern);
            }
        }
        Self { routes, by_shape }
    }

    /// The routes, in the order of the contract.
    pub(crate) fn routes(&self) -> &[&'static Route] {
        &self.routes
    }

    /// Where a request leads.
    pub(crate) fn place(&self, method: &Method, path: &str) -> Place {
        match below_base(path) {
            Some(rest) => self.find(method, rest),
            None => Place::Elsewhere(class_of(path)),
        }
    }

    /// Finds the route of `path`, which is below the base path. Literals win over parameters, from the left.
    fn find(&self, method: &Method, path: &str) -> Place {
        let path = path.strip_suffix('/').unwrap_or(path);
        let plain = !path.contains('%');
        let mut segments: [Cow<'_, str>; DEEPEST] = [const { Cow::Borrowed("") }; DEEPEST];
        let mut depth = 0;
        for raw in path.split('/').skip(1) {
            let text = if plain { Ok(Cow::Borrowed(raw)) } else { percent_decode_str(raw).decode_utf8() };
            let Ok(text) = text else { return Place::NotText };
            if let Some(slot) = segments.get_mut(depth) {
                *slot = text;
            }
            depth += 1;
        }
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let shapes = self.by_shape.iter().find(|(own, _)| own == method).map(|(_, shapes)| shapes);
        let Some(candidates) = shapes.and_then(|shapes| shapes.get(depth)) else { return Place::Nowhere };
        let segments = &segments[..depth];
        let mut best: Option<(u32, &Pattern)> = None;
        for pattern in candidates {
            if let Some(score) = pattern.score(segments)
                && best.is_none_or(|(highest, _)| score > highest)
            {
                best = Some((score, pattern));
            }
        }
        let Some((_, pattern)) = best else { return Place::Nowhere };
        Place::Route(Match { route: pattern.route, parameters: pattern.parameters(segments) })
    }
}

/// The part of a path below the base path, whatever its case.
fn below_base(path: &str) -> Option<&str> {
    let (head, rest) = path.split_at_checked(BASE_PATH.len())?;
    (head.eq_ignore_ascii_case(BASE_PATH) && (rest.is_empty() || rest.starts_with('/'))).then_some(rest)
}

/// Probes ask as often as they like, and a page opens dozens of sockets at once, which have limits of their own.
fn class_of(path: &str) -> RateClass {
    let free = matches!(path, "/" | "/gateway-health" | "/livez" | "/readyz" | "/socket.io")
        || path.starts_with("/socket.io/");
    if free { RateClass::Never } else { RateClass::General }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path_of(method: Method, path: &str) -> Option<(&'static str, Vec<String>)> {
        match Table::new(false).find(&method, path) {
            Place::Route(found) => {
                Some((found.route.path, found.parameters.into_iter().map(|(_, value)| value).collect()))
            }
            _ => None,
        }
    }

    #[test]
    fn every_route_is_found_by_its_own_path() {
        let table = Table::new(true);
        for route in table.routes() {
            match table.find(&route.method, route.path) {
                Place::Route(found) => assert_eq!(found.route.path, route.path),
                other => panic!("{}: {other:?}", route.path),
            }
        }
        assert!(path_of(Method::PUT, "/gig/seed/3").is_none(), "seed routes are only where they are wanted");
    }

    #[test]
    fn probes_and_sockets_are_never_limited() {
        let class = |path: &str| Table::new(false).place(&Method::GET, path).class();
        for path in ["/livez", "/readyz", "/gateway-health", "/socket.io/", "/api/gateway/v1/auth/currentuser"] {
            assert_eq!(class(path), RateClass::Never, "{path}");
        }
        assert_eq!(class("/docs"), RateClass::General);
        assert_eq!(class("/api/gateway/v1/nothing"), RateClass::General);
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
        assert!(matches!(Table::new(false).find(&Method::GET, "/buyer/%ff"), Place::NotText));
    }

    #[test]
    fn head_is_served_by_get() {
        assert_eq!(path_of(Method::HEAD, "/buyer/email").unwrap().0, "/buyer/email");
    }
}
