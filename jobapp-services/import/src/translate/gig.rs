//! `Gig`: what sellers offer.

use jobapp_gigs::{Content, GigId, Listing, Seller as Offering};
use jobapp_kernel::Money;
use jobapp_users::Seller;

use super::ratings::ratings;
use super::stored_name;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated};

/// The gig of `seller`, who is the one it names. Its place among all gigs is still to be given.
pub(crate) fn gig(row: &OldRow, seller: Option<&Seller>) -> Result<Translated<Listing>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.object_id("_id")?;
    let seller_id = fields.object_id("sellerId")?;
    let seller = seller.filter(|seller| seller.seller_id().0 == seller_id);
    let seller = seller.ok_or_else(|| Refusal::new(format!("its seller {seller_id} is not here")))?;
    let name = fields.words("username")?;
    if stored_name(&name) != seller.username() {
        notes.add(format!("username is {name:?}: it is {:?}, its seller's", seller.username()));
    }
    let price = fields.money("price")?.ok_or_else(|| Refusal::new("price is missing"))?;
    if price <= Money::ZERO {
        return Err(Refusal::new(format!("price is {price}")));
    }
    let content = Content {
        title: fields.text("title")?.to_owned(),
        description: fields.words("description")?,
        category: fields.text("categories")?.to_owned(),
        sub_categories: fields.texts("subCategories")?,
        tags: fields.texts("tags")?,
        price,
        cover_image: fields.address("coverImage", &mut notes)?,
        expected_delivery: fields.words("expectedDelivery")?,
        basic_title: fields.words("basicTitle")?,
        basic_description: fields.words("basicDescription")?,
    };
    let listing = Listing {
        id: GigId(id),
        sort_id: 0,
        seller: Offering {
            id: *seller.seller_id(),
            username: seller.username().to_owned(),
            email: seller.email().to_owned(),
            picture: fields.address("profilePicture", &mut notes)?,
        },
        content,
        active: fields.flag("active")?.unwrap_or(true),
        ratings: ratings(fields, &mut notes)?,
        created_at: fields.made_at("createdAt", id, &mut notes),
    };
    Ok(Translated::new(listing, notes))
}

#[cfg(test)]
mod tests {
    use jobapp_gigs::{FIRST_SORT_ID, Gig, GigState};
    use jobapp_kernel::Aggregate;
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{GIG, IRIA_SELLER, at, row, seller as iria, with};

    fn old_gig() -> OldRow {
        let fields = json!({"_id": GIG, "sellerId": IRIA_SELLER, "username": "Iria", "email": "iria@example.org",
            "profilePicture": "https://res.cloudinary.com/demo/iria.png", "title": "I will draw", "description": "<p>a</p>",
            "basicTitle": "Basic", "basicDescription": "One drawing", "categories": "Graphics & Design",
            "subCategories": ["Drawing"], "tags": ["art"], "active": false, "expectedDelivery": "3 Days Delivery",
            "ratingsCount": 1, "ratingSum": 5, "ratingCategories": {"five": {"value": 5, "count": 1}}, "price": 20,
            "sortId": 4, "coverImage": "https://res.cloudinary.com/demo/cover.png", "createdAt": "2024-05-03T10:00:00.000Z"});
        row(GIG, fields)
    }

    fn stored(listing: Listing) -> Result<Gig, jobapp_kernel::InvalidState> {
        Gig::from_state(GigState::V1(Box::new(Listing { sort_id: FIRST_SORT_ID, ..listing })))
    }

    #[test]
    fn everything_survives() {
        let taken = gig(&old_gig(), Some(&iria())).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let gig = stored(taken.value).unwrap().into_listing();
        assert_eq!((gig.id.to_string().as_str(), gig.seller.username.as_str()), (GIG, "Iria"));
        assert_eq!(gig.seller.id.to_string(), IRIA_SELLER);
        assert_eq!((gig.content.price.cents(), gig.active, gig.ratings.sum()), (2000, false, 5));
        assert_eq!(gig.content.cover_image, "https://res.cloudinary.com/demo/cover.png");
        assert_eq!(
            (gig.content.category.as_str(), gig.content.tags.as_slice()),
            ("Graphics & Design", &["art".to_owned()][..])
        );
        assert_eq!(gig.created_at, at("2024-05-03T10:00:00.000Z"));
    }

    #[test]
    fn broken_gigs_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!(null), "_id is missing"),
            ("sellerId", json!("66f0c0ffee0000000000a999"), "its seller 66f0c0ffee0000000000a999 is not here"),
            ("sellerId", json!(null), "sellerId is missing"),
            ("title", json!(""), "title is empty"),
            ("categories", json!(null), "categories is missing"),
            ("categories", json!(["a"]), "categories is no text"),
            ("tags", json!("a"), "tags is no list"),
            ("price", json!(null), "price is missing"),
            ("price", json!(-20), "price is -20"),
            ("price", json!(0), "price is 0"),
            ("price", json!("dear"), "price is no number"),
            ("price", json!("NaN"), "price is no number"),
            ("active", json!("yes"), "active is neither"),
            ("description", json!("a\0b"), "description has the character U+0000"),
        ] {
            let refusal = gig(&with(old_gig(), &[(field, value.clone())]), Some(&iria())).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
        assert!(gig(&old_gig(), None).is_err());
    }

    #[test]
    fn what_breaks_a_rule_of_gigs_is_no_gig() {
        for fields in [[("price", json!(4.99))], [("subCategories", json!([]))], [("tags", json!(null))]] {
            assert!(stored(gig(&with(old_gig(), &fields), Some(&iria())).unwrap().value).is_err(), "{fields:?}");
        }
    }
}
