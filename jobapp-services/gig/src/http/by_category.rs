//! `GET /api/v1/gig/category/{username}` and `GET /api/v1/gig/top/{username}`: of the category the caller looked at last.

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::gigs::GigSearchAnswer;

use super::{Segments, found, segments};
use crate::GigService;
use crate::metrics::Searched;

/// The newest ten gigs of the category the caller looked at last; of all categories when there is none.
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
    let category = category_of(&service, &caller).await;
    let page = service.finder.by_category(category.as_deref()).await?;
    Ok(Json(found(&service, Some(&caller), "Search gigs category results", page)))
}

/// Ten gigs that got five stars from everybody, of the category the caller looked at last; of all when there is none.
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
    let category = category_of(&service, &caller).await;
    let page = service.finder.top_rated(category.as_deref()).await?;
    service.metrics.searched(Searched::TopRated);
    Ok(Json(found(&service, Some(&caller), "Search top gigs results", page)))
}

/// A category is a hint: without it there is still something to show.
async fn category_of(service: &GigService, caller: &Caller) -> Option<String> {
    service.categories.of(caller.username()).await.unwrap_or_else(|error| {
        tracing::warn!(error = jobapp_runtime::error_text(&error), "the category a user looked at is not known");
        None
    })
}
