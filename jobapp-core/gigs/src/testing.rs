//! Builders for this crate's own tests.

use jobapp_kernel::{Money, Timestamp};

use crate::gig::{Content, FIRST_SORT_ID, Gig, GigEvent, Listing, Seller};

/// What a seller wrote.
pub(crate) fn a_content() -> Content {
    Content {
        title: "I will draw your logo".into(),
        description: "A logo for your shop, drawn by hand.".into(),
        category: "Graphics & Design".into(),
        sub_categories: vec!["Logo Design".into()],
        tags: vec!["logo".into(), "shop".into()],
        price: Money::from_cents(2000),
        cover_image: "https://img.example.org/c/1.png".into(),
        expected_delivery: "3 Days Delivery".into(),
        basic_title: "One logo".into(),
        basic_description: "One draft, two revisions".into(),
    }
}

/// A new gig of Iria's.
pub(crate) fn a_gig() -> (Gig, Vec<GigEvent>) {
    let seller = Seller {
        id: "66f0c0ffee0000000000a001".parse().unwrap(),
        username: "Iria".into(),
        email: "iria@example.org".into(),
        picture: "https://img.example.org/p/2.png".into(),
    };
    let id = "66f0c0ffee00000000009001".parse().unwrap();
    Gig::create(id, FIRST_SORT_ID, seller, a_content(), Timestamp::EPOCH).unwrap()
}

/// What everybody may know of it.
pub(crate) fn a_listing() -> Listing {
    a_gig().0.into_listing()
}
