//! `GET /api/v1/gig/seller/{sellerId}` and `GET /api/v1/gig/seller/pause/{sellerId}`

use axum::Json;
use axum::extract::State;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_wire::gigs::GigsAnswer;

use super::{Segments, segments};
use crate::GigService;
use crate::documents::all_shown;
use crate::metrics::Searched;

/// A seller's gigs that can be found: the newest hundred, newest first.
#[utoipa::path(get, path = "/api/v1/gig/seller/{sellerId}", tag = "gig",
    params(("sellerId" = String, Path, description = "The seller's document id.")),
    responses(
        (status = 200, description = "The gigs.", body = GigsAnswer),
        (status = 404, description = "There is no such seller.", body = ErrorBody),
    ))]
pub(crate) async fn listed(
    State(service): State<GigService>,
    _: Caller,
    seller: Segments,
) -> Result<Json<GigsAnswer>, ApiError> {
    let no_seller = || ApiError::not_found("There is no such seller.");
    let seller = segments(seller)?.parse().map_err(|_| no_seller())?;
    let gigs = service.gigs.listed_of(seller).await?;
    if gigs.is_empty() && !service.is_seller(seller).await? {
        return Err(no_seller());
    }
    service.metrics.searched(Searched::OfSeller);
    Ok(Json(GigsAnswer { message: "Seller gigs".to_owned(), gigs: all_shown(&*service.shared.media, gigs) }))
}

/// The caller's own paused gigs: the newest hundred, newest first.
#[utoipa::path(get, path = "/api/v1/gig/seller/pause/{sellerId}", tag = "gig",
    params(("sellerId" = String, Path, description = "The caller's own seller document id.")),
    responses(
        (status = 200, description = "The gigs.", body = GigsAnswer),
        (status = 403, description = "The seller is somebody else.", body = ErrorBody),
    ))]
pub(crate) async fn paused(
    State(service): State<GigService>,
    caller: Caller,
    seller: Segments,
) -> Result<Json<GigsAnswer>, ApiError> {
    let (seller, _) = service.caller_as(&caller, &segments(seller)?).await?;
    let gigs = service.gigs.paused_of(seller).await?;
    service.metrics.searched(Searched::PausedOfSeller);
    Ok(Json(GigsAnswer { message: "Seller gigs".to_owned(), gigs: all_shown(&*service.shared.media, gigs) }))
}
