//! `GET /api/v1/gig/category/{username}` and `GET /api/v1/gig/top/{username}`: of the category the caller looked at last.

use axum::Json;
use axum::extract::State;
use jobapp_gigs::{SearchPage, words};
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::gigs::GigSearchAnswer;

use super::{Segments, found, segments};
use crate::GigService;
use crate::metrics::Searched;

/// The newest ten gigs of the category the caller looked at last; none when the caller looked at none yet.
#[utoipa::path(get, path = "/api/v1/gig/category/{username}", tag = "gig",
    params(("username" = String, Path, description = "The caller's own name.")),
    responses(
        (status = 200, description = "The gigs.", body = GigSearchAnswer),
        (status = 403, description = "The name is somebody else's.", body = ErrorBody),
    ))]
pub(crate) async fn by_category(
    State(service): State<GigService>,
    caller: Caller,
    username: Segments,
) -> Result<Json<GigSearchAnswer>, ApiError> {
    caller.must_be(&segments(username)?)?;
    let page = match category_of(&service, &caller).await {
        Some(category) => service.finder.by_category(Some(&category)).await?,
        None => SearchPage::empty(),
    };
    Ok(Json(found(&service, Some(&caller), "Search gigs category results", page)))
}

/// Ten gigs that got five stars from everybody, of the category the caller looked at last; none when the caller looked at none
/// yet.
#[utoipa::path(get, path = "/api/v1/gig/top/{username}", tag = "gig",
    params(("username" = String, Path, description = "The caller's own name.")),
    responses(
        (status = 200, description = "The gigs.", body = GigSearchAnswer),
        (status = 403, description = "The name is somebody else's.", body = ErrorBody),
    ))]
pub(crate) async fn top_rated(
    State(service): State<GigService>,
    caller: Caller,
    username: Segments,
) -> Result<Json<GigSearchAnswer>, ApiError> {
    caller.must_be(&segments(username)?)?;
    let page = match category_of(&service, &caller).await {
        Some(category) => service.finder.top_rated(Some(&category)).await?,
        None => SearchPage::empty(),
    };
    service.metrics.searched(Searched::TopRated);
    Ok(Json(found(&service, Some(&caller), "Search top gigs results", page)))
}

/// What the caller looked at last. The lists are shown as what one looked at: without a category, or with one that has no words,
/// they are empty, and so they are when it cannot be known just now.
async fn category_of(service: &GigService, caller: &Caller) -> Option<String> {
    let chosen = service.categories.of(caller.username()).await.unwrap_or_else(|error| {
        tracing::warn!(error = jobapp_runtime::error_text(&error), "the category a user looked at is not known");
        None
    });
    chosen.filter(|category| !words(category).is_empty())
}
