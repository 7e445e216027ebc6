//! `GET /api/v1/gig/search/{from}/{size}/{type}`

use axum::Json;
use axum::extract::{RawQuery, State};
use jobapp_gigs::SearchQuery;
use jobapp_http::{ApiError, MaybeCaller};
use jobapp_wire::gigs::GigSearchAnswer;

use super::{Segments, found, segments};
use crate::GigService;
use crate::metrics::Searched;

/// Gigs that can be found, by text, days of work and price: in the order of their sort ids.
///
/// A gig must have all words of the text; if none has, any of them. A `from` below 10⁹ is an offset, a larger one the sort id
/// that the page lies behind (`forward`) or before (`backward`). The sellers' addresses are
/// shown to signed-in users only.
#[utoipa::path(get, path = "/api/v1/gig/search/{from}/{size}/{type}", tag = "gig",
    params(
        ("from" = String, Path, description = "An offset, or the sort id of the gig at the page's edge.", example = "0"),
        ("size" = String, Path, description = "1 to 100; 10 when it is no number.", example = "10"),
        ("type" = String, Path, description = "`backward`; anything else is forward.", example = "forward"),
        ("query" = Option<String>, Query, description = "Words.", example = "logo"),
        ("delivery_time" = Option<String>, Query, description = "Days of work; `Anytime` for any."),
        ("minPrice" = Option<String>, Query, description = "The least price. Keys are read in any case."),
        ("maxPrice" = Option<String>, Query, description = "The highest price."),
    ),
    responses((status = 200, description = "What was found.", body = GigSearchAnswer)))]
pub(crate) async fn search(
    State(service): State<GigService>,
    MaybeCaller(caller): MaybeCaller,
    path: Segments<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<Json<GigSearchAnswer>, ApiError> {
    let (from, size, kind) = segments(path)?;
    let pairs: Vec<_> = form_urlencoded::parse(query.unwrap_or_default().as_bytes()).into_owned().collect();
    let pairs = pairs.iter().map(|(key, value)| (key.as_str(), value.as_str()));
    let page = service.finder.search(&SearchQuery::parse(&from, &size, &kind, pairs)).await?;
    service.metrics.searched(Searched::Text);
    Ok(Json(found(&service, caller.as_ref(), "Search gigs results", page)))
}
