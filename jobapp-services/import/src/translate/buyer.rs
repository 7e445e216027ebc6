//! `Buyer`: everybody.

use jobapp_auth::Account;
use jobapp_directory::BuyerId;
use jobapp_kernel::{Aggregate, ObjectId};
use jobapp_users::{Buyer, BuyerState, BuyerV1, Purchase};

use super::stored_name;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated, shown};

/// The buyer of `account`, which is the one of his name.
pub(crate) fn buyer(row: &OldRow, account: Option<&Account>) -> Result<Translated<Buyer>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.object_id("_id")?;
    let name = fields.text("username")?;
    let account = account.filter(|account| account.username().as_str() == stored_name(name));
    let account = account.ok_or_else(|| Refusal::new(format!("no account here is called {:?}", shown(name))))?;
    let email = email(fields, account, &mut notes)?;
    let purchase = |text: &String| {
        let gig_id = text.parse::<ObjectId>().map_err(|error| Refusal::new(format!("purchasedGigs: {error}")))?;
        Ok(Purchase { gig_id, order_id: None })
    };
    let purchases = fields.texts("purchasedGigs")?.iter().map(purchase).collect::<Result<_, Refusal>>()?;
    let state = BuyerState::V1(Box::new(BuyerV1 {
        id: BuyerId(id),
        username: account.username().to_string(),
        email,
        picture: fields.address("profilePicture", &mut notes)?,
        country: fields.words("country")?,
        is_seller: fields.flag("isSeller")?.unwrap_or_default(),
        purchases,
        cancelled_orders: Vec::new(),
        created_at: fields.made_at("createdAt", id, &mut notes),
    }));
    let buyer = Buyer::from_state(state).map_err(|error| Refusal::new(error.to_string()))?;
    Ok(Translated::new(buyer, notes))
}

/// The account's address: it is its owner's, whatever a copy of it says.
pub(super) fn email(fields: Fields<'_>, account: &Account, notes: &mut Notes) -> Result<String, Refusal> {
    let said = fields.text_if_any("email")?.unwrap_or_default().trim().to_lowercase();
    let own = account.email().to_string();
    if said != own {
        notes.add(format!("email is {:?}: it is {own:?}, the account's", shown(&said)));
    }
    Ok(own)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{GIG, MARTA_BUYER, at, old_account, row, with};

    pub(super) fn marta() -> Account {
        Account::taken_over(crate::translate::account(&old_account(7)).unwrap().value).unwrap()
    }

    fn old_buyer() -> OldRow {
        let fields = json!({"_id": MARTA_BUYER, "username": "Marta", "email": "marta@example.org", "country": "Portugal",
            "profilePicture": "https://res.cloudinary.com/demo/marta.png", "isSeller": true, "purchasedGigs": [GIG, GIG],
            "createdAt": "2024-05-01T10:00:01.250Z"});
        row(MARTA_BUYER, fields)
    }

    #[test]
    fn everything_survives() {
        let taken = buyer(&old_buyer(), Some(&marta())).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let buyer = taken.value;
        assert_eq!((buyer.buyer_id().to_string().as_str(), buyer.username()), (MARTA_BUYER, "Marta"));
        assert_eq!((buyer.email(), buyer.country()), ("marta@example.org", "Portugal"));
        assert_eq!(buyer.picture(), "https://res.cloudinary.com/demo/marta.png");
        assert!(buyer.is_seller());
        assert_eq!(buyer.purchased_gigs().map(|gig| gig.to_string()).collect::<Vec<_>>(), [GIG, GIG]);
        assert_eq!(buyer.created_at(), at("2024-05-01T10:00:01.250Z"));
    }

    #[test]
    fn broken_buyers_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!("x"), "_id: \"x\" is not 24 hexadecimal characters"),
            ("_id", json!(null), "_id is missing"),
            ("username", json!(null), "username is missing"),
            ("username", json!("Mallory"), "no account here is called \"Mallory\""),
            ("username", json!({"$ne": 1}), "username is no text"),
            ("purchasedGigs", json!("all"), "purchasedGigs is no list: \"all\""),
            ("purchasedGigs", json!(["undefined"]), "purchasedGigs: \"undefined\" is not"),
            ("isSeller", json!("yes"), "isSeller is neither"),
            ("country", json!("\0"), "country has the character U+0000"),
        ] {
            let refusal = buyer(&with(old_buyer(), &[(field, value.clone())]), Some(&marta())).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
        assert_eq!(buyer(&old_buyer(), None).unwrap_err().to_string(), "no account here is called \"Marta\"");
    }

    #[test]
    fn a_copy_of_an_address_does_not_win_over_the_accounts_and_a_missing_date_is_that_of_the_id() {
        let other = with(old_buyer(), &[("email", json!("eve@example.org")), ("createdAt", json!("soon"))]);
        let taken = buyer(&other, Some(&marta())).unwrap();
        assert_eq!(taken.value.email(), "marta@example.org");
        assert_eq!(taken.value.created_at(), MARTA_BUYER.parse::<ObjectId>().unwrap().made_at());
        assert_eq!(taken.notes.len(), 2, "{:?}", taken.notes);
    }
}
