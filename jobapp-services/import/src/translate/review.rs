//! `reviews`: what the two sides of an order said of each other.

use jobapp_kernel::Stars;
use jobapp_orders::Order;
use jobapp_reviews::{FormerReview, OrderNumber, Review, ReviewId, ReviewSide, Reviewer};

use super::stored_name;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// A review of `order`, which is the one it names.
pub(crate) fn review(row: &OldRow, order: Option<&Order>) -> Result<Translated<FormerReview>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.whole("id")?.filter(|id| *id > 0).ok_or_else(|| Refusal::new("id is no positive number"))?;
    let named = fields.text("orderId")?;
    let order = order.map(Order::record).filter(|order| order.number.as_str() == named);
    let order = order.ok_or_else(|| Refusal::new(format!("its order {:?} is not here", shown(named))))?;
    let number: OrderNumber = named.parse().map_err(|error| Refusal::new(format!("orderId: {error}")))?;
    let kind = fields.text("reviewType")?;
    let (side, own_id, own_name) = match kind {
        "buyer-review" => (ReviewSide::Buyer, order.buyer.id.to_string(), &order.buyer.username),
        "seller-review" => (ReviewSide::Seller, order.seller.id.to_string(), &order.seller.username),
        _ => return Err(Refusal::new(format!("reviewType is none that is known: {:?}", shown(kind)))),
    };
    let name = fields.text("reviewerUsername")?;
    if stored_name(name) != *own_name {
        return Err(Refusal::new(format!("{:?} did not take part in the order on that side", shown(name))));
    }
    let rating = fields.whole("rating")?.ok_or_else(|| Refusal::new("rating is missing"))?;
    let rating = Stars::new(rating).map_err(|error| Refusal::new(error.to_string()))?;
    let text = fields.text("review")?.to_owned();
    if text.chars().count() > Review::MAX_CHARACTERS {
        notes.add(format!("review is longer than the {} characters of new ones", Review::MAX_CHARACTERS));
    }
    for (field, known) in [("gigId", order.gig.id.to_string()), ("sellerId", order.seller.id.to_string())] {
        let said = fields.words(field)?;
        if said != known {
            notes.add(format!("{field} is {:?}: it is {known}, the order's", shown(&said)));
        }
    }
    let created_at = fields.date("createdAt")?.unwrap_or_else(|| {
        notes.add("createdAt is missing: it was written when the order ended");
        order.approved_at()
    });
    let reviewer = Reviewer {
        id: own_id,
        username: own_name.clone(),
        image: fields.address("reviewerImage", &mut notes)?,
        country: fields.words("country")?,
    };
    let review = FormerReview {
        id: ReviewId(id),
        order: number,
        side,
        gig_id: order.gig.id.to_string(),
        seller_id: order.seller.id.to_string(),
        reviewer,
        rating,
        text,
        created_at,
    };
    Ok(Translated::new(review, notes))
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::Aggregate;
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{GIG, IRIA_SELLER, MARTA_BUYER, at, order, row, with};

    fn old_review() -> OldRow {
        let fields = json!({"id": 3, "gigId": GIG, "reviewerId": MARTA_BUYER, "orderId": "JO12345678901",
            "sellerId": IRIA_SELLER, "review": "Great", "reviewerImage": "https://res.cloudinary.com/demo/marta.png",
            "rating": 5, "country": "Portugal", "reviewType": "buyer-review", "reviewerUsername": "Marta",
            "createdAt": "2024-06-07T10:00:00.456Z"});
        row("3", fields)
    }

    #[test]
    fn everything_survives() {
        let taken = review(&old_review(), Some(&order())).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let review = Review::taken_over(taken.value);
        assert_eq!((*review.id(), review.rating().get(), review.text()), (ReviewId(3), 5, "Great"));
        assert_eq!((review.order().as_str(), review.side()), ("JO12345678901", ReviewSide::Buyer));
        assert_eq!((review.gig_id(), review.seller_id()), (GIG, IRIA_SELLER));
        assert_eq!((review.reviewer().id.as_str(), review.reviewer().country.as_str()), (MARTA_BUYER, "Portugal"));
        assert_eq!(review.reviewer().image, "https://res.cloudinary.com/demo/marta.png");
        assert_eq!(review.created_at(), at("2024-06-07T10:00:00.456Z"));
    }

    #[test]
    fn broken_reviews_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("id", json!(-1), "id is no positive number"),
            ("orderId", json!("JO1"), "its order \"JO1\" is not here"),
            ("reviewType", json!("review"), "reviewType is none that is known: \"review\""),
            ("reviewType", json!("seller-review"), "\"Marta\" did not take part in the order on that side"),
            ("reviewerUsername", json!("Mallory"), "\"Mallory\" did not take part"),
            ("rating", json!(99), "99 is not a rating from 1 to 5"),
            ("rating", json!(0), "0 is not a rating"),
            ("rating", json!(4.5), "rating: 4.5 is no whole number"),
            ("review", json!("   "), "review is empty"),
            ("createdAt", json!("once"), "createdAt is no date"),
        ] {
            let refusal =
                review(&with(old_review(), &[(field, value.clone())]), Some(&order())).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
        assert!(review(&old_review(), None).is_err());
    }

    #[test]
    fn what_it_says_of_the_order_is_the_orders_to_say() {
        let other = with(old_review(), &[("sellerId", json!("undefined")), ("createdAt", json!(null))]);
        let taken = review(&other, Some(&order())).unwrap();
        assert_eq!((taken.value.seller_id.as_str(), taken.notes.len()), (IRIA_SELLER, 2));
        assert_eq!(taken.value.created_at, at("2024-06-06T10:00:00Z"));
    }
}
