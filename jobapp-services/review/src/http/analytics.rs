//! `GET /api/v1/review/analytics/…`

use axum::Json;
use axum::extract::{RawQuery, State};
use axum::http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, Segments, segments};
use jobapp_kernel::{InvalidId, RepositoryError};
use jobapp_reviews::{Day, Period, RatingCounts, Subject, Unit};
use jobapp_wire::reviews::AnalyticsDocument;
use serde::Serialize;
use utoipa::ToSchema;

use crate::ReviewService;
use crate::documents::analytics_document;

const HERE: &str = "Review analytics() method";

/// How a seller or a gig was rated.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct AnalyticsAnswer {
    /// For people.
    message: &'static str,
    /// In all, and in the days, weeks or months that were asked for.
    analytics: AnalyticsDocument,
}

/// How the orders of a gig were rated by their buyers: in all, and in each day, week or month from a day to a day.
#[utoipa::path(get, path = "/api/v1/review/analytics/gig/{gigId}", tag = "review",
    params(
        ("gigId" = String, Path, description = "The gig."),
        ("from" = Option<String>, Query, description = "The first day, in UTC; the last 30 days, 12 weeks or 12 months when it is left out.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "The last day, in UTC; today when it is left out.", example = "2026-12-31"),
        ("by" = Option<String>, Query, description = "`day`, `week` (from Monday on) or `month`, which it is when it is left out.", example = "month"),
    ),
    responses(
        (status = 200, description = "All ratings, and those of the days that were asked for.", body = AnalyticsAnswer),
        (status = 400, description = "No such days: more than 366 days or weeks, more than ten years, or backwards.", body = ErrorBody),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        (status = 503, description = "The analytics are away; reviews are not.", body = ErrorBody),
    ))]
pub(crate) async fn of_gig(
    State(service): State<ReviewService>,
    _: Caller,
    gig_id: Segments,
    RawQuery(query): RawQuery,
) -> Result<Json<AnalyticsAnswer>, ApiError> {
    let analytics = told(&service, Subject::gig(&segments(gig_id)?), query).await?;
    Ok(Json(AnalyticsAnswer { message: "Review analytics by gig id", analytics }))
}

/// How a seller was rated by buyers: in all, and in each day, week or month from a day to a day.
#[utoipa::path(get, path = "/api/v1/review/analytics/seller/{sellerId}", tag = "review",
    params(
        ("sellerId" = String, Path, description = "The seller."),
        ("from" = Option<String>, Query, description = "The first day, in UTC; the last 30 days, 12 weeks or 12 months when it is left out.", example = "2026-01-01"),
        ("to" = Option<String>, Query, description = "The last day, in UTC; today when it is left out.", example = "2026-12-31"),
        ("by" = Option<String>, Query, description = "`day`, `week` (from Monday on) or `month`, which it is when it is left out.", example = "month"),
    ),
    responses(
        (status = 200, description = "All ratings, and those of the days that were asked for.", body = AnalyticsAnswer),
        (status = 400, description = "No such days: more than 366 days or weeks, more than ten years, or backwards.", body = ErrorBody),
        (status = 401, description = "Nobody is signed in.", body = ErrorBody),
        (status = 503, description = "The analytics are away; reviews are not.", body = ErrorBody),
    ))]
pub(crate) async fn of_seller(
    State(service): State<ReviewService>,
    _: Caller,
    seller_id: Segments,
    RawQuery(query): RawQuery,
) -> Result<Json<AnalyticsAnswer>, ApiError> {
    let analytics = told(&service, Subject::seller(&segments(seller_id)?), query).await?;
    Ok(Json(AnalyticsAnswer { message: "Review analytics by seller id", analytics }))
}

async fn told(
    service: &ReviewService,
    subject: Result<Subject, InvalidId>,
    query: Option<String>,
) -> Result<AnalyticsDocument, ApiError> {
    let today = Day::of(service.ports.shared.clock.now());
    let period = period(query.as_deref().unwrap_or_default(), today).map_err(|error| error.at(HERE))?;
    let counts = match subject {
        Ok(subject) => counts(service, &subject, &period).await?,
        // An id that nothing can have was never rated.
        Err(_) => RatingCounts::default(),
    };
    Ok(analytics_document(&counts, &period))
}

fn period(query: &str, today: Day) -> Result<Period, ApiError> {
    let asked = |name: &str| {
        let found = form_urlencoded::parse(query.as_bytes()).find(|(key, _)| key == name);
        found.map(|(_, value)| value.into_owned())
    };
    let day = |name: &str| -> Result<Option<Day>, ApiError> {
        let wrong = |_| ApiError::bad_request(format!("\"{name}\" must be a date such as 2026-11-24"));
        asked(name).map(|text| text.parse().map_err(wrong)).transpose()
    };
    let by = asked("by").map(|text| text.parse::<Unit>()).transpose();
    let by = by.map_err(|_| ApiError::bad_request("\"by\" must be one of [day, week, month]"))?.unwrap_or_default();
    Period::asked(day("from")?, day("to")?, by, today).map_err(|error| ApiError::bad_request(error.to_string()))
}

/// What the read model says. While it is away that is told at once, and by the service itself: its other answers do not suffer.
async fn counts(service: &ReviewService, subject: &Subject, period: &Period) -> Result<RatingCounts, ApiError> {
    let asking = service.ports.analytics.counts(subject, period.days());
    let told = match tokio::time::timeout(service.config.analytics_wait, asking).await {
        Ok(told) => told,
        Err(_) => Err(RepositoryError::unavailable("ask the analytics of reviews", "they do not answer in time")),
    };
    told.map_err(|error| match ApiError::from(error) {
        away if away.status() == StatusCode::SERVICE_UNAVAILABLE => {
            ApiError::unavailable("The analytics of reviews are away. Please try again in a moment.", 5).at(HERE)
        }
        other => other.at(HERE),
    })
}
