//! Buyers and sellers as the wire shows them, and bodies as the core takes them.

use jobapp_kernel::MediaStore;
use jobapp_users::{Buyer, Certificate, Education, Experience, Item, Language, Profile, Seller};
use jobapp_wire::users::{
    BuyerDocument, CertificateItem, EducationItem, ExperienceItem, LanguageItem, SellerBody, SellerDocument,
    rating_categories,
};

/// A buyer as `viewer` may see him.
pub(crate) fn buyer_for(viewer: &str, media: &dyn MediaStore, buyer: &Buyer) -> BuyerDocument {
    let own = viewer == buyer.username();
    BuyerDocument {
        id: buyer.buyer_id().to_string(),
        username: buyer.username().to_owned(),
        email: own.then(|| buyer.email().to_owned()),
        profile_picture: media.picture(buyer.picture()),
        country: buyer.country().to_owned(),
        is_seller: buyer.is_seller(),
        purchased_gigs: own.then(|| buyer.purchased_gigs().map(|gig| gig.to_string()).collect()),
        created_at: own.then(|| buyer.created_at()),
    }
}

/// A seller as `viewer` may see him.
pub(crate) fn seller_for(viewer: &str, media: &dyn MediaStore, seller: &Seller) -> SellerDocument {
    let own = viewer == seller.username();
    let (profile, work, ratings) = (seller.profile(), seller.work(), seller.ratings());
    SellerDocument {
        id: seller.seller_id().to_string(),
        full_name: profile.full_name.clone(),
        username: seller.username().to_owned(),
        email: own.then(|| seller.email().to_owned()),
        profile_picture: media.picture(&profile.picture),
        profile_public_id: profile.picture_id.clone(),
        description: profile.description.clone(),
        country: profile.country.clone(),
        oneliner: profile.oneliner.clone(),
        skills: profile.skills.clone(),
        languages: profile.languages.iter().map(language).collect(),
        ratings_count: ratings.count(),
        rating_sum: ratings.sum(),
        rating_categories: rating_categories(ratings),
        response_time: profile.response_time,
        recent_delivery: work.recent_delivery(),
        experience: profile.experience.iter().map(experience).collect(),
        education: profile.education.iter().map(education).collect(),
        social_links: profile.social_links.clone(),
        certificates: profile.certificates.iter().map(certificate).collect(),
        ongoing_jobs: work.ongoing(),
        completed_jobs: work.completed(),
        cancelled_jobs: own.then(|| work.cancelled()),
        total_earnings: own.then(|| work.earnings().to_decimal()),
        total_gigs: work.gigs(),
        created_at: seller.created_at(),
    }
}

fn language(Item { id, content }: &Item<Language>) -> LanguageItem {
    LanguageItem { id: id.map(|id| id.to_string()), language: content.language.clone(), level: content.level.clone() }
}

fn experience(Item { id, content }: &Item<Experience>) -> ExperienceItem {
    ExperienceItem {
        id: id.map(|id| id.to_string()),
        company: content.company.clone(),
        title: content.title.clone(),
        start_date: content.start_date.clone(),
        end_date: content.end_date.clone(),
        description: content.description.clone(),
        currently_working_here: content.currently_working_here,
    }
}

fn education(Item { id, content }: &Item<Education>) -> EducationItem {
    EducationItem {
        id: id.map(|id| id.to_string()),
        country: content.country.clone(),
        university: content.university.clone(),
        title: content.title.clone(),
        major: content.major.clone(),
        year: content.year.clone(),
    }
}

fn certificate(Item { id, content }: &Item<Certificate>) -> CertificateItem {
    CertificateItem {
        id: id.map(|id| id.to_string()),
        name: content.name.clone(),
        from: content.from.clone(),
        year: content.year,
    }
}

/// What a body says of a seller. Ids that are none are as good as absent: the parts get new ones.
pub(crate) fn profile_of(body: SellerBody) -> Profile {
    Profile {
        full_name: body.full_name,
        picture: body.profile_picture,
        picture_id: body.profile_public_id,
        description: body.description,
        country: body.country,
        oneliner: body.oneliner,
        skills: body.skills,
        languages: items(body.languages, |item| (item.id, Language { language: item.language, level: item.level })),
        response_time: body.response_time,
        experience: items(body.experience, |item| {
            let content = Experience {
                company: item.company,
                title: item.title,
                start_date: item.start_date,
                end_date: item.end_date,
                description: item.description,
                currently_working_here: item.currently_working_here,
            };
            (item.id, content)
        }),
        education: items(body.education, |item| {
            let content = Education {
                country: item.country,
                university: item.university,
                title: item.title,
                major: item.major,
                year: item.year,
            };
            (item.id, content)
        }),
        social_links: body.social_links,
        certificates: items(body.certificates, |item| {
            (item.id, Certificate { name: item.name, from: item.from, year: item.year })
        }),
    }
}

fn items<W, T>(sent: Vec<W>, read: impl Fn(W) -> (Option<String>, T)) -> Vec<Item<T>> {
    let item = |sent| {
        let (id, content) = read(sent);
        Item { id: id.and_then(|id| id.parse().ok()), content }
    };
    sent.into_iter().map(item).collect()
}
