//! `POST /api/v1/order`

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use jobapp_directory::Card;
use jobapp_http::{ApiError, Caller, ErrorBody, JsonBody};
use jobapp_kernel::{Aggregate, MediaStore};
use jobapp_orders::{Agreement, GigCard, Order, OrderRequest, OrdersError, Party, Placed};
use jobapp_runtime::until_found;
use jobapp_wire::orders::OrderBody;

use super::answers::OrderAnswer;
use crate::OrderService;

const FROM: &str = "Create order() method";
const ROUTE: &str = "POST /order";

/// Places an order with a payment that was made. The buyer is the caller; amounts, states and the seller's data are ours.
///
/// An order whose payment is on its way, whose offer is not accepted yet, or of whose gig or offer nothing can be known at the
/// moment, waits: its `state` is `AwaitingPayment`. What is paid for a gig that does not exist, at a price it never had, or
/// for the same order and number a second time, is refused and goes back. The same payment, gig and price again answer with
/// the first order, which then goes by both numbers.
#[utoipa::path(post, path = "/api/v1/order", tag = "order",
    request_body = OrderBody,
    responses(
        (status = 201, description = "The order.", body = OrderAnswer),
        (status = 400, description = "A rule is broken.", body = ErrorBody),
        (status = 403, description = "The buyer is somebody else.", body = ErrorBody),
        (status = 409, description = "It is not paid, its number is in use, or what it claims is not so; then what was paid goes back.", body = ErrorBody),
        (status = 503, description = "The payment provider is away.", body = ErrorBody),
    ))]
pub(crate) async fn create(
    State(service): State<OrderService>,
    caller: Caller,
    body: JsonBody,
) -> Result<(StatusCode, Json<OrderAnswer>), ApiError> {
    let cause = body.cause_of(&caller, ROUTE);
    let order = OrderBody::parse(&body.value).map_err(|invalid| ApiError::invalid(invalid, FROM))?;
    let failed = |error: OrdersError| ApiError::from(error).at(FROM);
    if let Some(cause) = &cause
        && let Some(placed) = service.orders.placed_before(cause).await.map_err(failed)?
    {
        return answer(&service, placed).await.map_err(failed);
    }
    let buyer = own_buyer(&service, &caller, &order).await?;
    let request = request(order, buyer, &*service.shared.media).map_err(|invalid| invalid.at(FROM))?;
    let placed = service.orders.place(&request, cause).await.map_err(failed)?;
    answer(&service, placed).await.map_err(failed)
}

/// The order once what it asked is answered, with a moment's patience: the gig or the acceptance of an offer may have happened
/// a second ago. One that was refused is told as if it had been refused at once.
async fn answer(service: &OrderService, placed: Placed) -> Result<(StatusCode, Json<OrderAnswer>), OrdersError> {
    let id = *placed.order.id();
    let decided = until_found(service.config.fact_wait, || service.orders.awaited(id)).await?;
    let order: Order = decided.unwrap_or(placed.order);
    if let Some(refusal) = &order.record().refusal {
        return Err(OrdersError::RefusedBefore(refusal.clone()));
    }
    Ok((StatusCode::CREATED, Json(OrderAnswer::new(service, "Order created successfully.", &order))))
}

/// The caller as a buyer. The body may name nobody else.
async fn own_buyer(
    service: &OrderService,
    caller: &Caller,
    order: &OrderBody,
) -> Result<Party<jobapp_orders::BuyerId>, ApiError> {
    let look = async || {
        let card: Option<Card> = service.directory.of_user(caller.username()).await?;
        Ok::<_, jobapp_kernel::RepositoryError>(card.and_then(|card| Some((card.buyer_id?, card))))
    };
    let (id, card) = until_found(service.config.fact_wait, look)
        .await?
        .ok_or_else(|| ApiError::unavailable("Your profile is not ready yet. Please try again in a moment.", 2))?;
    if order.buyer_id != id.to_string() || !caller.is(&order.buyer_username) {
        return Err(ApiError::forbidden("You can only order for yourself.").at(FROM));
    }
    Ok(Party { id: id.0.into(), username: caller.username().to_owned(), email: card.email, picture: card.picture })
}

/// What the body asks for. It has addresses at which pictures were shown to the buyer; what is kept says which pictures they are.
fn request(
    order: OrderBody,
    buyer: Party<jobapp_orders::BuyerId>,
    media: &dyn MediaStore,
) -> Result<OrderRequest, ApiError> {
    let wrong = |name: &str, what: &str| ApiError::bad_request(format!("\"{name}\" must be {what}"));
    Ok(OrderRequest {
        number: order.order_id.parse().map_err(|_| wrong("orderId", "1 to 64 letters, digits, - or _"))?,
        invoice: order.invoice_id,
        named_payment: order.payment_intent,
        gig: GigCard {
            id: order.gig_id.parse().map_err(|_| wrong("gigId", "a valid id"))?,
            cover_image: media.reference(&order.gig_cover_image),
            title: order.gig_main_title,
            basic_title: order.gig_basic_title,
            basic_description: order.gig_basic_description,
        },
        seller: Party {
            id: order.seller_id.parse().map_err(|_| wrong("sellerId", "a valid id"))?,
            username: order.seller_username,
            email: order.seller_email,
            picture: media.reference(&order.seller_image),
        },
        buyer,
        price: order.price,
        agreement: Agreement {
            title: order.offer.gig_title,
            description: order.offer.description,
            delivery_in_days: order.offer.delivery_in_days,
            first_due: order.offer.old_delivery_date,
            due: order.offer.new_delivery_date,
            reason: String::new(),
        },
        requirements: order.requirements,
    })
}
