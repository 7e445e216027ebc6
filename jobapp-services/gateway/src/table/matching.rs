//! Finds where a request leads: literals in any case, a trailing slash or not, parameters percent-decoded.

use std::borrow::Cow;
use std::sync::LazyLock;

use http::{HeaderValue, Method};
use matchit::Router;
use percent_encoding::percent_decode_str;

use super::methods::{allow, is_usual};
use super::route::{RateClass, Route};
use super::routes::{self, BASE_PATH};

/// Every route there may be.
static ROUTES: LazyLock<Vec<Route>> = LazyLock::new(routes::all);

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
    /// To a route of the API that has other methods: these, as `Allow` tells them.
    OtherMethod(HeaderValue),
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
            Self::Nowhere | Self::OtherMethod(_) | Self::NotText => RateClass::General,
            Self::Elsewhere(class) => *class,
        }
    }
}

/// The routes of a gateway.
#[derive(Debug)]
pub(crate) struct Table {
    routes: Vec<&'static Route>,
    seed: bool,
    /// By method. Those that seed as well: where they are not wanted, nothing is in their places.
    by_method: Vec<(Method, Router<Pattern>)>,
}

/// A route, and in which segments of its path its parameters are.
#[derive(Debug)]
struct Pattern {
    route: &'static Route,
    parameters: Vec<(&'static str, usize)>,
}

impl Pattern {
    fn of(route: &'static Route) -> Self {
        let parts = route.path.split('/').skip(1).enumerate();
        Self { route, parameters: parts.filter_map(|(at, part)| Some((part.strip_prefix(':')?, at))).collect() }
    }

    /// As the router writes it, with literals in lower case.
    fn path(&self) -> String {
        let parts = self.route.path.split('/').skip(1).enumerate();
        parts.fold(String::new(), |path, (at, part)| match part.starts_with(':') {
            true => format!("{path}/{{p{at}}}"),
            false => format!("{path}/{}", part.to_ascii_lowercase()),
        })
    }
}

/// A path below the base path as the router looks for it: in lower case, and with no slash for one that stands within a
/// segment. The segments themselves keep their case.
struct Wanted<'p> {
    raw: &'p str,
    key: Cow<'p, str>,
    /// Percent-decoded, where there is anything to decode.
    decoded: Option<Vec<Cow<'p, str>>>,
}

impl<'p> Wanted<'p> {
    /// `None` for one that is not UTF-8 once decoded.
    fn of(path: &'p str) -> Option<Self> {
        let raw = path.strip_suffix('/').unwrap_or(path);
        if !raw.contains('%') {
            let is_lower = !raw.bytes().any(|byte| byte.is_ascii_uppercase());
            let key = if is_lower { Cow::Borrowed(raw) } else { Cow::Owned(raw.to_ascii_lowercase()) };
            return Some(Self { raw, key, decoded: None });
        }
        let mut key = String::with_capacity(raw.len());
        let mut segments = Vec::with_capacity(8);
        for segment in raw.split('/').skip(1) {
            let segment = percent_decode_str(segment).decode_utf8().ok()?;
            key.push('/');
            key.extend(segment.chars().map(|sign| if sign == '/' { '\0' } else { sign.to_ascii_lowercase() }));
            segments.push(segment);
        }
        Some(Self { raw, key: Cow::Owned(key), decoded: Some(segments) })
    }

    /// The segment that is here in the key, or that has this number.
    fn segment(&self, in_key: &str, number: usize) -> &str {
        match &self.decoded {
            // The key is as long as the path.
            None => {
                let start = in_key.as_ptr().addr() - self.key.as_ptr().addr();
                self.raw.get(start..start + in_key.len()).unwrap_or_default()
            }
            Some(segments) => segments.get(number).map_or("", |segment| segment),
        }
    }
}

impl Table {
    /// All routes; those that seed only if they are wanted.
    pub(crate) fn new(seed: bool) -> Self {
        let routes: Vec<&'static Route> = ROUTES.iter().filter(|route| seed || !route.seed).collect();
        let mut by_method: Vec<(Method, Router<Pattern>)> = Vec::new();
        for route in ROUTES.iter() {
            let at = by_method.iter().position(|(method, _)| *method == route.method).unwrap_or_else(|| {
                by_method.push((route.method.clone(), Router::new()));
                by_method.len() - 1
            });
            let pattern = Pattern::of(route);
            if let Err(error) = by_method[at].1.insert(pattern.path(), pattern) {
                tracing::error!(%error, path = route.path, "a route is in another one's place");
            }
        }
        Self { routes, seed, by_method }
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
        let Some(wanted) = Wanted::of(path) else { return Place::NotText };
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let router = self.by_method.iter().find(|(own, _)| own == method);
        match router.and_then(|(_, router)| router.at(&wanted.key).ok()) {
            Some(found) if !self.has(found.value) => Place::Nowhere,
            Some(found) => {
                let Pattern { route, parameters } = found.value;
                let values = found.params.iter().map(|(_, value)| value);
                let parameter = |(&(name, number), value)| (name, wanted.segment(value, number).to_owned());
                Place::Route(Match { route, parameters: parameters.iter().zip(values).map(parameter).collect() })
            }
            None => self.other_method(method, &wanted.key),
        }
    }

    /// Whether a route is wanted here.
    fn has(&self, pattern: &Pattern) -> bool {
        self.seed || !pattern.route.seed
    }

    /// Where nothing is by this method: other methods may have something there. One that no route has is refused anywhere.
    fn other_method(&self, method: &Method, key: &str) -> Place {
        let leads = |router: &Router<Pattern>| router.at(key).is_ok_and(|found| self.has(found.value));
        let others = self.by_method.iter().filter(|(_, router)| leads(router));
        let mut allowed: Vec<&Method> = others.map(|(other, _)| other).collect();
        allowed.sort_unstable_by_key(|method| method.as_str());
        if allowed.is_empty() && is_usual(method) {
            return Place::Nowhere;
        }
        Place::OtherMethod(allow(&allowed))
    }
}

/// The usual form of a path beside the API, if it is another one: names of ours in lower case, without percent signs that
/// stand for plain letters, without a slash at the end where there need be none. What is a name of something else, such as a
/// file or a mail, stays as it is.
pub(crate) fn usual_form(path: &str) -> Option<String> {
    let ends_oddly = path.len() > 1 && path.ends_with('/') && !matches!(path, "/docs/" | "/socket.io/");
    let is_odd = ends_oddly || path == "/socket.io" || path.bytes().any(|b| b == b'%' || b.is_ascii_uppercase());
    if !is_odd {
        return None;
    }
    let mut form = String::with_capacity(path.len());
    let mut named = usize::MAX;
    for (place, raw) in path.split('/').skip(1).enumerate() {
        let segment = if place < named { usual_segment(raw) } else { Cow::Borrowed(raw) };
        if place == 0 {
            named = match &*segment {
                "api" => 3,
                "media" => 1,
                "_dev" => 2,
                _ => usize::MAX,
            };
        }
        form.push('/');
        form.push_str(&segment);
    }
    if form == "/socket.io" {
        form.push('/');
    } else if form != "/docs/"
        && form != "/socket.io/"
        && form.len() > 1
        && !form.ends_with("//")
        && form.ends_with('/')
    {
        form.pop();
    }
    (form != path).then_some(form)
}

/// A name of ours as we write it; anything else as it is.
fn usual_segment(raw: &str) -> Cow<'_, str> {
    let Ok(decoded) = percent_decode_str(raw).decode_utf8() else { return Cow::Borrowed(raw) };
    let is_plain = decoded.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~'));
    if is_plain && decoded != "." && decoded != ".." {
        Cow::Owned(decoded.to_ascii_lowercase())
    } else {
        Cow::Borrowed(raw)
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
        let unwanted = Table::new(false).find(&Method::PUT, "/gig/seed/3");
        assert!(matches!(unwanted, Place::Nowhere), "seed routes are only where they are wanted");
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
        assert!(matches!(Table::new(false).find(&Method::GET, "/buyer"), Place::Nowhere));
        assert!(matches!(Table::new(false).find(&Method::GET, "/a/b/c/d/e/f/g/h/i/j/k"), Place::Nowhere));
        assert!(path_of(Method::GET, "/order/buyer//").is_none());
        assert!(matches!(Table::new(false).find(&Method::GET, "/buyer/%ff"), Place::NotText));
    }

    #[test]
    fn head_is_served_by_get() {
        assert_eq!(path_of(Method::HEAD, "/buyer/email").unwrap().0, "/buyer/email");
    }

    #[test]
    fn a_route_by_another_method_says_which_it_has() {
        let allowed = |method: &str, path: &str| match Table::new(false).find(&method.parse().unwrap(), path) {
            Place::OtherMethod(allow) => allow.to_str().unwrap().to_owned(),
            other => panic!("{method} {path}: {other:?}"),
        };
        assert_eq!(allowed("PATCH", "/auth/currentuser"), "GET, HEAD, OPTIONS");
        assert_eq!(allowed("GET", "/AUTH/signin/"), "POST, OPTIONS");
        assert_eq!(allowed("OPTIONS", "/gig/66f0"), "GET, HEAD, PUT, OPTIONS");
        assert_eq!(allowed("GET", "/gig/seed/3"), "DELETE, OPTIONS");
        for method in ["TRACE", "CONNECT", "BREW"] {
            assert_eq!(allowed(method, "/auth/signin"), "POST, OPTIONS");
            assert_eq!(allowed(method, "/nothing/at/all"), "GET, HEAD, POST, PUT, DELETE, OPTIONS");
        }
        for method in ["GET", "PATCH", "OPTIONS", "DELETE"] {
            let found = Table::new(false).find(&method.parse().unwrap(), "/nothing/at/all");
            assert!(matches!(found, Place::Nowhere), "{method}");
        }
    }

    #[test]
    fn pages_are_found_in_any_case_and_with_a_slash_at_the_end() {
        for (path, form) in [
            ("/LIVEZ", "/livez"),
            ("/livez/", "/livez"),
            ("/Gateway-Health/", "/gateway-health"),
            ("/%6Civez", "/livez"),
            ("/OpenAPI.json", "/openapi.json"),
            ("/DOCS", "/docs"),
            ("/Docs/", "/docs/"),
            ("/docs/index.html/", "/docs/index.html"),
            ("/socket.io", "/socket.io/"),
            ("/Socket.IO/", "/socket.io/"),
            ("/Media/0aF.PNG", "/media/0aF.PNG"),
            ("/_DEV/Mail/", "/_dev/mail"),
            ("/_Dev/Mail/aB%2Fc", "/_dev/mail/aB%2Fc"),
            ("/_dev/PAYMENTS/pi_A/confirm", "/_dev/payments/pi_A/confirm"),
            ("/api/g%61teway/V1/buyer/Anna%20Bo", "/api/gateway/v1/buyer/Anna%20Bo"),
        ] {
            assert_eq!(usual_form(path).as_deref(), Some(form), "{path}");
            assert_eq!(usual_form(form), None, "{form} is usual");
        }
        for path in
            ["/", "", "//", "/livez", "/media/a%20b", "/media/..%2f", "/%2e%2e/livez", "/%ff", "/a//", "/livez%2f"]
        {
            assert_eq!(usual_form(path), None, "{path}");
        }
    }
}
