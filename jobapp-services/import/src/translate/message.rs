//! `Message`: what was written.

use jobapp_chat::{Attachment, Content, Conversation, Offer, OfferState, OfferTerms, Pair, Participant};
use jobapp_kernel::{ObjectId, Timestamp, file_label, file_name};

use super::{People, Person};
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated};

/// A message without its place, which the messages before it decide.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Written {
    pub(crate) id: ObjectId,
    pub(crate) at: Timestamp,
    pub(crate) content: Content,
    pub(crate) offer: Option<Offer>,
    pub(crate) is_read: bool,
}

/// A message in `conversation`, which is the one of its two users.
pub(crate) fn message(
    row: &OldRow,
    people: &People,
    conversation: Option<&Conversation>,
) -> Result<Translated<Written>, Refusal> {
    let (fields, mut notes) = (Fields::of(&row.fields)?, Notes::default());
    let id = fields.object_id("_id")?;
    let named = fields.text("conversationId")?;
    let sender = people.named(fields.text("senderUsername")?)?;
    let receiver = people.named(fields.text("receiverUsername")?)?;
    if sender.username == receiver.username {
        return Err(Refusal::new(format!("{:?} writes to himself", sender.username)));
    }
    let pair = Pair::of(&sender.username, &receiver.username);
    let conversation = conversation.filter(|one| one.pair() == pair).ok_or_else(|| {
        Refusal::new(format!("{:?} and {:?} have no conversation here", sender.username, receiver.username))
    })?;
    if conversation.conversation_id().as_str() != named {
        notes.add(format!("conversationId is {named:?}: the two have one, {}", conversation.conversation_id()));
    }
    let attachment = Attachment {
        url: fields.address("file", &mut notes)?,
        file_type: label(&fields.words("fileType")?),
        size: label(&fields.words("fileSize")?),
        name: named_file(&fields.words("fileName")?),
    };
    let content = Content {
        sender: Participant {
            username: sender.username.clone(),
            picture: fields.address("senderPicture", &mut notes)?,
        },
        receiver: Participant {
            username: receiver.username.clone(),
            picture: fields.address("receiverPicture", &mut notes)?,
        },
        seller_id: fields.words("sellerId")?,
        buyer_id: fields.words("buyerId")?,
        body: fields.words("body")?,
        attachment,
        gig_id: fields.words("gigId")?,
    };
    let offer = if fields.flag("hasOffer")?.unwrap_or_default() { offer(fields, sender, &mut notes)? } else { None };
    let at = fields.made_at("createdAt", id, &mut notes);
    let is_read = fields.flag("isRead")?.unwrap_or_default();
    Ok(Translated::new(Written { id, at, content, offer, is_read }, notes))
}

/// The offer, unless nobody could accept it.
fn offer(fields: Fields<'_>, sender: &Person, notes: &mut Notes) -> Result<Option<Offer>, Refusal> {
    let Some(said) = fields.document("offer")? else {
        notes.add("its offer is missing, and left out");
        return Ok(None);
    };
    let seller = sender.seller.map(|seller| seller.to_string());
    if seller.as_deref() != fields.text_if_any("sellerId")? {
        notes.add(format!("its offer is left out: {:?} is not its seller", sender.username));
        return Ok(None);
    }
    let terms = OfferTerms {
        gig_title: said.words("gigTitle")?,
        price: said.money("price")?.unwrap_or_default(),
        description: said.words("description")?,
        delivery_in_days: said.whole("deliveryInDays")?.unwrap_or_default(),
        old_delivery_date: said.words("oldDeliveryDate")?,
        new_delivery_date: said.words("newDeliveryDate")?,
    };
    let (accepted, cancelled) =
        (said.flag("accepted")?.unwrap_or_default(), said.flag("cancelled")?.unwrap_or_default());
    let state = match (accepted, cancelled) {
        (_, true) => OfferState::Cancelled,
        (true, false) => OfferState::Accepted,
        (false, false) => OfferState::Open,
    };
    if accepted && cancelled {
        notes.add("its offer is accepted and cancelled: it is cancelled");
    }
    match Offer::taken_over(terms, state) {
        Ok(offer) => Ok(Some(offer)),
        Err(error) => {
            notes.add(format!("its offer is left out: {error}"));
            Ok(None)
        }
    }
}

fn label(text: &str) -> String {
    if text.is_empty() { String::new() } else { file_label(text) }
}

fn named_file(text: &str) -> String {
    if text.is_empty() { String::new() } else { file_name(text) }
}

#[cfg(test)]
mod tests {
    use jobapp_chat::ConversationId;
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{GIG, IRIA_SELLER, MARTA_BUYER, at, people, row, with};

    const ID: &str = "66f0c0ffee0000000000d001";

    fn theirs() -> Conversation {
        let id = "66f0c0ffee0000000000e001".parse().unwrap();
        Conversation::between(id, ConversationId::proposed("123456789012345").unwrap(), "Marta", "Iria")
    }

    fn old_message() -> OldRow {
        let fields = json!({"_id": ID, "conversationId": "123456789012345", "senderUsername": "Iria",
            "receiverUsername": "Marta", "senderPicture": "https://res.cloudinary.com/demo/iria.png",
            "receiverPicture": "https://res.cloudinary.com/demo/marta.png", "body": "Hello", "isRead": true,
            "file": "https://res.cloudinary.com/demo/draft.pdf", "fileType": "pdf", "fileSize": "10 KB", "fileName": "draft.pdf",
            "gigId": GIG, "buyerId": MARTA_BUYER, "sellerId": IRIA_SELLER, "hasOffer": true,
            "offer": {"gigTitle": "Logo", "price": 75.5, "description": "Three drafts", "deliveryInDays": 4,
                "oldDeliveryDate": "Tue Nov 24 2026", "newDeliveryDate": "Sat Nov 28 2026", "accepted": true, "cancelled": false},
            "createdAt": "2024-05-03T10:00:00.123Z"});
        row(ID, fields)
    }

    fn take(row: &OldRow) -> Result<Translated<Written>, Refusal> {
        message(row, &people(), Some(&theirs()))
    }

    #[test]
    fn everything_survives() {
        let taken = take(&old_message()).unwrap();
        assert_eq!(taken.notes, Vec::<String>::new());
        let Written { id, at: when, content, offer, is_read } = taken.value;
        assert_eq!((id.to_string().as_str(), when, is_read), (ID, at("2024-05-03T10:00:00.123Z"), true));
        assert_eq!((content.sender.username.as_str(), content.body.as_str()), ("Iria", "Hello"));
        assert_eq!(content.attachment.url, "https://res.cloudinary.com/demo/draft.pdf");
        assert_eq!(
            (content.seller_id.as_str(), content.buyer_id.as_str(), content.gig_id.as_str()),
            (IRIA_SELLER, MARTA_BUYER, GIG)
        );
        let offer = offer.unwrap();
        assert_eq!((offer.state(), offer.terms().price.cents()), (OfferState::Accepted, 7550));
        assert_eq!(offer.terms().old_delivery_date, "Tue Nov 24 2026");
    }

    #[test]
    fn broken_messages_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!(7), "_id is no text: 7"),
            ("conversationId", json!(null), "conversationId is missing"),
            ("senderUsername", json!("Nobody"), "nobody here is called \"Nobody\""),
            ("receiverUsername", json!("Iria"), "\"Iria\" writes to himself"),
            ("body", json!({"$gt": ""}), "body is no text"),
            ("body", json!("a\0"), "body has the character U+0000"),
            ("isRead", json!("no"), "isRead is neither"),
            ("offer", json!("cheap"), "offer is no document"),
        ] {
            let refusal = take(&with(old_message(), &[(field, value.clone())])).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field} {value}: {refusal}");
        }
        let refusal = message(&old_message(), &people(), None).unwrap_err().to_string();
        assert_eq!(refusal, "\"Iria\" and \"Marta\" have no conversation here");
    }

    #[test]
    fn a_message_of_another_conversation_of_the_two_goes_into_the_one_they_have() {
        let taken = take(&with(old_message(), &[("conversationId", json!("999"))])).unwrap();
        assert_eq!(taken.notes, ["conversationId is \"999\": the two have one, 123456789012345"]);
    }

    #[test]
    fn an_offer_that_nobody_could_accept_is_left_out_and_the_words_stay() {
        let offer = |price: f64, days: i64| json!({"price": price, "deliveryInDays": days});
        for fields in [
            vec![("offer", offer(-5.0, 3))],
            vec![("offer", offer(0.0, 3))],
            vec![("offer", offer(5.0, 0))],
            vec![("offer", json!(null))],
            vec![("sellerId", json!(MARTA_BUYER))],
            vec![("senderUsername", json!("Marta")), ("receiverUsername", json!("Iria"))],
        ] {
            let taken = take(&with(old_message(), &fields)).unwrap();
            assert!(taken.value.offer.is_none() && taken.notes.len() == 1, "{fields:?}: {:?}", taken.notes);
            assert_eq!(taken.value.content.body, "Hello");
        }
        let plain = take(&with(old_message(), &[("hasOffer", json!(false))])).unwrap();
        assert!(plain.value.offer.is_none() && plain.notes.is_empty(), "its offer holds nothing but defaults");
    }

    #[test]
    fn an_offer_that_is_accepted_and_cancelled_is_cancelled() {
        let both = json!({"price": 5, "deliveryInDays": 3, "accepted": true, "cancelled": true});
        let taken = take(&with(old_message(), &[("offer", both)])).unwrap();
        assert_eq!((taken.value.offer.unwrap().state(), taken.notes.len()), (OfferState::Cancelled, 1));
    }
}
