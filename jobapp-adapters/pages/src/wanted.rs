//! Whether somebody would rather have a page or JSON.

use http::{HeaderMap, header};

/// What a request asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A page.
    Page,
    /// JSON.
    Json,
    /// It names neither: `*/*`, something else, or nothing at all.
    Either,
}

/// What the `Accept` headers ask for: the kind they weigh more, and the one named first of two that weigh the same.
pub fn wanted(headers: &HeaderMap) -> Wanted {
    let values = headers.get_all(header::ACCEPT).iter().filter_map(|value| value.to_str().ok());
    let (mut page, mut json) = (0.0_f32, 0.0_f32);
    for range in values.flat_map(|text| text.split(',')) {
        let mut parts = range.split(';').map(str::trim);
        let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
        let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
        let weight = weight.map_or(1.0, |text| text.parse().unwrap_or(0.0));
        match kind.as_str() {
            "text/html" | "application/xhtml+xml" if weight > page && weight > json => page = weight,
            "application/json" if weight > json && weight > page => json = weight,
            _ => {}
        }
    }
    // Only what beats all before it was noted, so the larger one was named first with its weight.
    if page > json {
        Wanted::Page
    } else if json > page {
        Wanted::Json
    } else {
        Wanted::Either
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn asked(accept: &[&'static str]) -> Wanted {
        let mut headers = HeaderMap::new();
        for value in accept {
            headers.append(header::ACCEPT, HeaderValue::from_static(value));
        }
        wanted(&headers)
    }

    #[test]
    fn the_heavier_kind_counts_and_of_two_as_heavy_the_first() {
        for page in [
            "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
            "Text/HTML, application/json",
            "application/json;q=0.5, text/html",
            "application/json; charset=utf-8; q=0.2, text/html;q=0.3",
            "application/json;q=0, text/html;q=0.1",
        ] {
            assert_eq!(asked(&[page]), Wanted::Page, "{page}");
        }
        for json in ["application/json", "application/json, text/html", "text/html;q=0.9, APPLICATION/JSON"] {
            assert_eq!(asked(&[json]), Wanted::Json, "{json}");
        }
        for either in ["*/*", "", "image/png", "application/json;q=0", "text/html;q=x", "application/jsonp"] {
            assert_eq!(asked(&[either]), Wanted::Either, "{either}");
        }
        assert_eq!(asked(&[]), Wanted::Either);
        assert_eq!(asked(&["image/png", "application/json"]), Wanted::Json, "headers may come in several lines");
    }
}
