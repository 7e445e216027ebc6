//! `PUT /api/v1/gig/active/{gigId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::gigs::{GigActiveBody, GigAnswer};

use super::{Segments, gig_id, segments};
use crate::GigService;
use crate::documents::shown;

const FROM: &str = "Update gig() method";

/// Pauses a gig of the caller's, or lets it be found again.
#[utoipa::path(put, path = "/api/v1/gig/active/{gigId}", tag = "gig",
    params(("gigId" = String, Path, description = "The gig.")),
    request_body = GigActiveBody,
    responses(
        (status = 200, description = "The gig as it is now.", body = GigAnswer),
        (status = 400, description = "`active` is no boolean.", body = ErrorBody),
        (status = 403, description = "The gig is another seller's.", body = ErrorBody),
        (status = 404, description = "There is no such gig.", body = ErrorBody),
    ))]
pub(crate) async fn set_active(
    State(service): State<GigService>,
    caller: Caller,
    id: Segments,
    body: JsonBody,
) -> Result<Json<GigAnswer>, ApiError> {
    let id = gig_id(&segments(id)?)?;
    let GigActiveBody { active } =
        GigActiveBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    let gig = service.gigs.set_active(&id, caller.username(), active).await;
    let gig = gig.map_err(|error| ApiError::from(error).at(FROM))?;
    service.metrics.gig_activated();
    Ok(Json(GigAnswer { message: "Gig updated successfully.".to_owned(), gig: shown(&*service.shared.media, gig) }))
}
