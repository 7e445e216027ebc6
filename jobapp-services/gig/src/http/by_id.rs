//! `GET /api/v1/gig/{gigId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, ErrorBody, MaybeCaller};
use jobapp_wire::gigs::GigAnswer;

use super::{Segments, gig_id, not_found, segments};
use crate::GigService;
use crate::documents::shown_for;

/// A gig. A paused one is shown to signed-in users only: somebody may have ordered it.
/// So is the seller's address.
#[utoipa::path(get, path = "/api/v1/gig/{gigId}", tag = "gig",
    params(("gigId" = String, Path, description = "The gig.")),
    responses(
        (status = 200, description = "The gig.", body = GigAnswer),
        (status = 404, description = "There is no such gig.", body = ErrorBody),
    ))]
pub(crate) async fn by_id(
    State(service): State<GigService>,
    MaybeCaller(caller): MaybeCaller,
    id: Segments,
) -> Result<Json<GigAnswer>, ApiError> {
    let gig = service.gigs.find(&gig_id(&segments(id)?)?).await?;
    if !gig.active && caller.is_none() {
        return Err(not_found());
    }
    service.metrics.gig_viewed();
    Ok(Json(GigAnswer {
        message: "Get gig by id".to_owned(),
        gig: shown_for(caller.is_some(), &*service.shared.media, gig),
    }))
}
