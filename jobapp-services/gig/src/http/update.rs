//! `PUT /api/v1/gig/{gigId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_wire::gigs::{GigAnswer, GigContentBody};

use super::{Segments, gig_id, picture, segments};
use crate::GigService;
use crate::documents::{content, shown};

const FROM: &str = "Update gig() method";

/// Describes a gig of the caller's anew. A cover picture that is the current one is kept.
#[utoipa::path(put, path = "/api/v1/gig/{gigId}", tag = "gig",
    params(("gigId" = String, Path, description = "The gig.")),
    request_body = GigContentBody,
    responses(
        (status = 200, description = "The gig as it is now.", body = GigAnswer),
        (status = 400, description = "A rule is broken, or the picture is none.", body = ErrorBody),
        (status = 403, description = "The gig is another seller's.", body = ErrorBody),
        (status = 404, description = "There is no such gig.", body = ErrorBody),
        (status = 413, description = "The picture is too large.", body = ErrorBody),
    ))]
pub(crate) async fn update(
    State(service): State<GigService>,
    caller: Caller,
    id: Segments,
    body: JsonBody,
) -> Result<Json<GigAnswer>, ApiError> {
    let id = gig_id(&segments(id)?)?;
    // Whose it is comes first: nobody uploads pictures for somebody else's gig.
    service.gigs.find_own(&id, caller.username()).await.map_err(|error| ApiError::from(error).at(FROM))?;
    let body = GigContentBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    let cover = picture::store(&service, body.cover_image.clone()).await.map_err(|error| error.at(FROM))?;
    let content = content(body, cover);
    let gig = service.gigs.update(&id, caller.username(), &content).await;
    let gig = gig.map_err(|error| ApiError::from(error).at(FROM))?;
    service.metrics.gig_updated();
    Ok(Json(GigAnswer { message: "Gig updated successfully.".to_owned(), gig: shown(&*service.shared.media, gig) }))
}
