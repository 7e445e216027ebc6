//! `Seller`: those who sell as well.

use jobapp_auth::Account;
use jobapp_directory::SellerId;
use jobapp_kernel::{Money, ObjectId};
use jobapp_users::{Certificate, Education, Experience, Item, Language, Profile, SellerV1, Work};

use super::buyer::email;
use super::ratings::ratings;
use super::stored_name;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// The seller of `account`, which is the one of his name. His number is still to be given.
pub(crate) fn seller(row: &OldRow, account: Option<&Account>) -> Result<Translated<SellerV1>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.object_id("_id")?;
    let name = fields.text("username")?;
    let account = account.filter(|account| account.username().as_str() == stored_name(name));
    let account = account.ok_or_else(|| Refusal::new(format!("no account here is called {:?}", shown(name))))?;
    let email = email(fields, account, &mut notes)?;
    let profile = profile(fields, &mut notes)?;
    let state = SellerV1 {
        id: SellerId(id),
        number: 0,
        username: account.username().to_string(),
        email,
        profile,
        work: work(fields, &mut notes)?,
        ratings: ratings(fields, &mut notes)?,
        created_at: fields.made_at("createdAt", id, &mut notes),
    };
    Ok(Translated::new(state, notes))
}

fn profile(fields: Fields<'_>, notes: &mut Notes) -> Result<Profile, Refusal> {
    Ok(Profile {
        full_name: fields.text("fullName")?.to_owned(),
        picture: fields.address("profilePicture", notes)?,
        picture_id: fields.words("profilePublicId")?,
        description: fields.words("description")?,
        country: fields.words("country")?,
        oneliner: fields.words("oneliner")?,
        skills: fields.texts("skills")?,
        languages: items(fields, "languages", |of| {
            Ok(Language { language: of.words("language")?, level: of.words("level")? })
        })?,
        response_time: fields.number("responseTime")?.unwrap_or_default().max(0.0),
        experience: items(fields, "experience", |of| {
            Ok(Experience {
                company: of.words("company")?,
                title: of.words("title")?,
                start_date: of.words("startDate")?,
                end_date: of.words("endDate")?,
                description: of.words("description")?,
                currently_working_here: of.flag("currentlyWorkingHere")?.unwrap_or_default(),
            })
        })?,
        education: items(fields, "education", |of| {
            Ok(Education {
                country: of.words("country")?,
                university: of.words("university")?,
                title: of.words("title")?,
                major: of.words("major")?,
                year: of.words("year")?,
            })
        })?,
        social_links: fields.texts("socialLinks")?,
        certificates: items(fields, "certificates", |of| {
            Ok(Certificate { name: of.words("name")?, from: of.words("from")?, year: of.number("year")? })
        })?,
    })
}

/// The parts of a profile with the ids they have; one without gets one when its profile is written next.
fn items<T>(
    fields: Fields<'_>,
    name: &str,
    read: impl Fn(Fields<'_>) -> Result<T, Refusal>,
) -> Result<Vec<Item<T>>, Refusal> {
    let within = |refusal: Refusal| Refusal::new(format!("{name}: {refusal}"));
    let item = |of: Fields<'_>| {
        let id: Option<ObjectId> = of.object_id_if_any("_id").map_err(within)?;
        Ok(Item { id, content: read(of).map_err(within)? })
    };
    fields.documents(name)?.into_iter().map(item).collect()
}

/// What was counted there. Counters below zero were counted wrongly.
fn work(fields: Fields<'_>, notes: &mut Notes) -> Result<Work, Refusal> {
    let mut counter = |name: &str| {
        let said = fields.whole(name)?.unwrap_or_default();
        if said < 0 {
            notes.add(format!("{name} is {said}: it is 0"));
        }
        Ok::<_, Refusal>(said.max(0))
    };
    let (ongoing, completed) = (counter("ongoingJobs")?, counter("completedJobs")?);
    let (cancelled, gigs) = (counter("cancelledJobs")?, counter("totalGigs")?);
    let earnings = fields.money("totalEarnings")?.unwrap_or_default();
    if earnings < Money::ZERO {
        notes.add(format!("totalEarnings is {earnings}: it is {}", Money::ZERO));
    }
    let recent = fields.date("recentDelivery")?;
    Ok(Work::restored(ongoing, completed, cancelled, earnings.max(Money::ZERO), gigs, recent))
}

#[cfg(test)]
mod tests {
    use jobapp_kernel::{Aggregate, Stars};
    use jobapp_users::{Seller, SellerState};
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{IRIA_SELLER, at, old_account, row, with};

    fn iria() -> Account {
        let row = with(old_account(8), &[("username", json!("Iria")), ("email", json!("iria@example.org"))]);
        Account::taken_over(crate::translate::account(&row).unwrap().value).unwrap()
    }

    fn old_seller() -> OldRow {
        let fields = json!({
            "_id": IRIA_SELLER, "fullName": "Iria Costa", "username": "Iria", "email": "iria@example.org",
            "profilePicture": "https://res.cloudinary.com/demo/iria.png", "description": "I draw.",
            "profilePublicId": "p-1", "oneliner": "Drawings", "country": "Spain",
            "languages": [{"_id": "66f0c0ffee0000000000c001", "language": "English", "level": "Fluent"}],
            "skills": ["drawing"], "ratingsCount": 3, "ratingSum": 14,
            "ratingCategories": {"five": {"value": 10, "count": 2}, "four": {"value": 4, "count": 1},
                "three": {"value": 0, "count": 0}, "two": {"value": 0, "count": 0}, "one": {"value": 0, "count": 0}},
            "responseTime": 2, "recentDelivery": "2024-07-01T09:30:00.125Z",
            "experience": [{"_id": "66f0c0ffee0000000000c002", "company": "A", "title": "B", "startDate": "2019",
                "endDate": "Present", "description": "C", "currentlyWorkingHere": true}],
            "education": [{"_id": "66f0c0ffee0000000000c003", "country": "Spain", "university": "U", "title": "T",
                "major": "M", "year": "2018"}],
            "socialLinks": ["https://example.org/iria"],
            "certificates": [{"_id": "66f0c0ffee0000000000c004", "name": "N", "from": "F", "year": 2017}],
            "ongoingJobs": 1, "completedJobs": 3, "cancelledJobs": 1, "totalEarnings": 240.5, "totalGigs": 2,
            "createdAt": "2024-05-02T10:00:00.000Z"
        });
        row(IRIA_SELLER, fields)
    }

    #[test]
    fn everything_survives() {
        let taken = seller(&old_seller(), Some(&iria())).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let seller = Seller::from_state(SellerState::V1(Box::new(taken.value))).unwrap();
        assert_eq!((seller.seller_id().to_string().as_str(), seller.username()), (IRIA_SELLER, "Iria"));
        let (profile, work) = (seller.profile(), seller.work());
        assert_eq!((profile.full_name.as_str(), profile.oneliner.as_str()), ("Iria Costa", "Drawings"));
        assert_eq!(profile.picture, "https://res.cloudinary.com/demo/iria.png");
        assert_eq!(profile.languages[0].content.level, "Fluent");
        assert_eq!(profile.languages[0].id.unwrap().to_string(), "66f0c0ffee0000000000c001");
        assert!(profile.experience[0].content.currently_working_here);
        assert_eq!(profile.education[0].content.university, "U");
        assert_eq!((profile.certificates[0].content.year, profile.response_time), (Some(2017.0), 2.0));
        assert_eq!((work.ongoing(), work.completed(), work.cancelled(), work.gigs()), (1, 3, 1, 2));
        assert_eq!((work.earnings().cents(), work.recent_delivery()), (24_050, Some(at("2024-07-01T09:30:00.125Z"))));
        assert_eq!((seller.ratings().count(), seller.ratings().count_of(Stars::MAX)), (3, 2));
        assert_eq!(seller.created_at(), at("2024-05-02T10:00:00.000Z"));
    }

    #[test]
    fn broken_sellers_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!("a"), "_id: \"a\" is not"),
            ("username", json!("Marta"), "no account here is called \"Marta\""),
            ("fullName", json!(null), "fullName is missing"),
            ("languages", json!({"a": 1}), "languages is no list"),
            ("languages", json!(["English"]), "languages is no document"),
            ("languages", json!([{"_id": "1", "language": "x"}]), "languages: _id: \"1\" is not"),
            ("experience", json!([{"title": {}}]), "experience: title is no text: {}"),
            ("skills", json!([1]), "skills is no text: 1"),
            ("ongoingJobs", json!("many"), "ongoingJobs is no number"),
            ("totalEarnings", json!(1e300), "totalEarnings: "),
            ("recentDelivery", json!("later"), "recentDelivery is no date"),
            ("ratingCategories", json!({"five": 3}), "five is no document"),
            ("description", json!("\0"), "description has the character U+0000"),
        ] {
            let refusal =
                seller(&with(old_seller(), &[(field, value.clone())]), Some(&iria())).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
    }

    #[test]
    fn what_was_counted_wrongly_is_noted_and_put_right() {
        let wrong = with(
            old_seller(),
            &[
                ("totalGigs", json!(-1)),
                ("totalEarnings", json!(-5)),
                ("ratingSum", json!(99)),
                ("email", json!("marta@example.org")),
            ],
        );
        let taken = seller(&wrong, Some(&iria())).unwrap();
        assert_eq!(taken.notes.len(), 4, "{:?}", taken.notes);
        assert_eq!((taken.value.work.gigs(), taken.value.work.earnings()), (0, Money::ZERO));
        assert_eq!((taken.value.email.as_str(), taken.value.ratings.sum()), ("iria@example.org", 14));
    }
}
