//! Gigs as the wire shows them, and bodies as the core takes them.

use jobapp_gigs::{Content, Listing};
use jobapp_kernel::MediaStore;
use jobapp_wire::gigs::{GigContentBody, GigDocument};
use jobapp_wire::users::rating_categories;

/// A gig as other services are told of it: pictures at the address they are stored with.
pub(crate) fn document(gig: Listing) -> GigDocument {
    let Listing { id, sort_id, seller, content, active, ratings, created_at } = gig;
    GigDocument {
        id: id.to_string(),
        seller_id: seller.id.to_string(),
        username: seller.username,
        profile_picture: seller.picture,
        email: seller.email,
        title: content.title,
        description: content.description,
        categories: content.category,
        sub_categories: content.sub_categories,
        tags: content.tags,
        active,
        expected_delivery: content.expected_delivery,
        basic_title: content.basic_title,
        basic_description: content.basic_description,
        ratings_count: ratings.count(),
        rating_sum: ratings.sum(),
        rating_categories: rating_categories(&ratings),
        price: content.price.to_decimal(),
        cover_image: content.cover_image,
        sort_id,
        created_at,
    }
}

/// A gig as somebody sees it: pictures at the address they have now.
pub(crate) fn shown(media: &dyn MediaStore, gig: Listing) -> GigDocument {
    let mut document = document(gig);
    for picture in [&mut document.profile_picture, &mut document.cover_image] {
        *picture = media.picture(picture);
    }
    document
}

/// A gig as people without a session see it: sellers' addresses are for those who may order.
pub(crate) fn shown_for(is_signed_in: bool, media: &dyn MediaStore, gig: Listing) -> GigDocument {
    let mut document = shown(media, gig);
    if !is_signed_in {
        document.email.clear();
    }
    document
}

pub(crate) fn all_shown(media: &dyn MediaStore, gigs: Vec<Listing>) -> Vec<GigDocument> {
    gigs.into_iter().map(|gig| shown(media, gig)).collect()
}

/// What a seller wrote, with the cover picture where it is stored.
pub(crate) fn content(body: GigContentBody, cover_image: String) -> Content {
    Content {
        title: body.title,
        description: body.description,
        category: body.categories,
        sub_categories: body.sub_categories,
        tags: body.tags,
        price: body.price.money(),
        cover_image,
        expected_delivery: body.expected_delivery,
        basic_title: body.basic_title,
        basic_description: body.basic_description,
    }
}
