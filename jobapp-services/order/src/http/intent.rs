//! `POST /api/v1/order/create-payment-intent`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_orders::Customer;
use jobapp_wire::orders::PaymentIntentBody;

use super::answers::IntentAnswer;
use crate::OrderService;

const FROM: &str = "Create intent() method";
const ROUTE: &str = "POST /order/create-payment-intent";

/// Plans the payment of something that costs `price`; the service fee comes on top.
#[utoipa::path(post, path = "/api/v1/order/create-payment-intent", tag = "order",
    request_body = PaymentIntentBody,
    responses(
        (status = 201, description = "What the browser pays with.", body = IntentAnswer),
        (status = 400, description = "The price is no positive number, or more than a payment carries.", body = ErrorBody),
        (status = 503, description = "The payment provider is away.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(service): State<OrderService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<IntentAnswer>), ApiError> {
    let price = PaymentIntentBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?.price;
    let customer = Customer { username: caller.username().to_owned(), email: caller.email().to_owned() };
    let payment = service.orders.plan_payment(&customer, price, body.cause_of(&caller, ROUTE)).await?;
    let answer = IntentAnswer {
        message: "Order intent created successfully.",
        client_secret: payment.client_secret,
        payment_intent_id: payment.intent,
    };
    Ok((StatusCode::CREATED, Json(answer)))
}
