//! `DELETE /api/v1/gig/{gigId}/{sellerId}`

use axum::Json;
use axum::extract::{Path, State};
use jobapp_gigs::GigError;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::gigs::GigMessageAnswer;

use super::{Segments, gig_id, not_found};
use crate::GigService;

/// Deletes a gig of the caller's.
#[utoipa::path(delete, path = "/api/v1/gig/{gigId}/{sellerId}", tag = "gig",
    params(
        ("gigId" = String, Path, description = "The gig."),
        ("sellerId" = String, Path, description = "The gig's seller: the caller."),
    ),
    responses(
        (status = 200, description = "It is gone.", body = GigMessageAnswer),
        (status = 403, description = "The gig is another seller's.", body = ErrorBody),
        (status = 404, description = "There is no such gig, or no longer.", body = ErrorBody),
    ))]
pub(crate) async fn delete(
    State(service): State<GigService>,
    caller: Caller,
    path: Segments<(String, String)>,
) -> Result<Json<GigMessageAnswer>, ApiError> {
    let Path((gig, seller)) = path.map_err(|_| not_found())?;
    let gig = gig_id(&gig)?;
    let Ok(seller) = seller.parse() else {
        // What is no id is no seller of this gig.
        service.gigs.find(&gig).await?;
        return Err(GigError::NotYours.into());
    };
    service.gigs.delete(&gig, caller.username(), seller).await?;
    service.metrics.gig_deleted();
    Ok(Json(GigMessageAnswer { message: "Gig deleted successfully.".to_owned() }))
}
