//! `PUT /api/v1/gig/seed/{count}`

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody};
use jobapp_kernel::{Message, MessageId};
use jobapp_wire::gigs::GigMessageAnswer;
use jobapp_wire::messages::GetSellers;
use jobapp_wire::queues::{GIG, USER_GIG};

use super::{Segments, segments};
use crate::GigService;

/// The most sample gigs that are made at once.
const MOST: usize = 1000;

/// Asks for sellers to make a sample gig each for. Exists only where the configuration says so.
#[utoipa::path(put, path = "/api/v1/gig/seed/{count}", tag = "gig",
    params(("count" = usize, Path, minimum = 1, maximum = 1000, description = "How many.")),
    responses(
        (status = 201, description = "They will be there in a moment: one for each of as many sellers as there are.", body = GigMessageAnswer),
        (status = 400, description = "The count is none.", body = ErrorBody),
        (status = 503, description = "The message bus is away.", body = ErrorBody),
    ))]
pub(crate) async fn seed(
    State(service): State<GigService>,
    _: Caller,
    count: Segments,
) -> Result<(StatusCode, Json<GigMessageAnswer>), ApiError> {
    let count = match segments(count)?.parse::<usize>() {
        Ok(count @ 1..=MOST) => count,
        _ => return Err(ApiError::bad_request(format!("The count must be a whole number from 1 to {MOST}."))),
    };
    let failed = |error: &(dyn std::error::Error + 'static)| {
        tracing::error!(error = jobapp_runtime::error_text(error), "sellers for sample gigs could not be asked for");
        ApiError::unavailable("The service is busy. Please try again in a moment.", 1)
    };
    let asked = GetSellers { kind: "getSellers".to_owned(), count: count.to_string() };
    let message = Message {
        id: Some(MessageId(format!("get-sellers/{}", service.shared.ids.object_id()))),
        kind: asked.kind.clone(),
        exchange: GIG.name.to_owned(),
        routing_key: USER_GIG.routing_key.to_owned(),
        timestamp: service.shared.clock.now(),
        headers: BTreeMap::new(),
        body: serde_json::to_vec(&asked).map_err(|error| failed(&error))?,
    };
    service.shared.publisher.publish_one(&message).await.map_err(|error| failed(&error))?;
    Ok((StatusCode::CREATED, Json(GigMessageAnswer { message: "Gig created successfully".to_owned() })))
}
