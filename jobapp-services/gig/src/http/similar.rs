//! `GET /api/v1/gig/similar/{gigId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::gigs::GigSearchAnswer;

use super::{Segments, found, gig_id, segments};
use crate::GigService;
use crate::metrics::Searched;

/// Up to five gigs like this one.
#[utoipa::path(get, path = "/api/v1/gig/similar/{gigId}", tag = "gig",
    params(("gigId" = String, Path, description = "The gig.")),
    responses(
        (status = 200, description = "The gigs.", body = GigSearchAnswer),
        (status = 404, description = "There is no such gig.", body = ErrorBody),
    ))]
pub(crate) async fn similar(
    State(service): State<GigService>,
    caller: Caller,
    id: Segments,
) -> Result<Json<GigSearchAnswer>, ApiError> {
    let gig = service.gigs.find(&gig_id(&segments(id)?)?).await?;
    let page = service.finder.similar(&gig).await?;
    service.metrics.searched(Searched::Similar);
    Ok(Json(found(&service, Some(&caller), "More gigs like this result", page)))
}
