//! `Conversation`: two users who write to each other.

use jobapp_chat::{Conversation, ConversationId};

use super::People;
use crate::OldRow;
use crate::fields::{Fields, Notes, Refusal, Translated};

pub(crate) fn conversation(row: &OldRow, people: &People) -> Result<Translated<Conversation>, Refusal> {
    let fields = Fields::of(&row.fields)?;
    let id = fields.object_id("_id")?;
    let public: ConversationId =
        fields.text("conversationId")?.parse().map_err(|error| Refusal::new(format!("conversationId: {error}")))?;
    let starter = people.named(fields.text("senderUsername")?)?;
    let partner = people.named(fields.text("receiverUsername")?)?;
    let conversation = Conversation::between(id, public, &starter.username, &partner.username);
    if conversation.pair().is_one_user() {
        return Err(Refusal::new(format!("{:?} talks to himself", starter.username)));
    }
    Ok(Translated::new(conversation, Notes::default()))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::translate::testing::{people, row, with};

    fn old_conversation() -> OldRow {
        let fields = json!({"_id": "66f0c0ffee0000000000e001", "conversationId": "123456789012345",
            "senderUsername": "Marta", "receiverUsername": "iria", "__v": 0});
        row("66f0c0ffee0000000000e001", fields)
    }

    #[test]
    fn everything_survives() {
        let conversation = conversation(&old_conversation(), &people()).unwrap().value;
        assert_eq!(conversation.conversation_id().as_str(), "123456789012345");
        assert_eq!((conversation.starter(), conversation.partner()), ("Marta", "Iria"));
        assert!(conversation.newest().is_none());
    }

    #[test]
    fn broken_conversations_are_refused_with_the_reason() {
        for (field, value, reason) in [
            ("_id", json!("1"), "_id: \"1\" is not"),
            ("conversationId", json!(null), "conversationId is missing"),
            ("conversationId", json!("1".repeat(200)), "conversationId: "),
            ("conversationId", json!(123), "conversationId is no text: 123"),
            ("senderUsername", json!("Nobody"), "nobody here is called \"Nobody\""),
            ("receiverUsername", json!(null), "receiverUsername is missing"),
            ("receiverUsername", json!("MARTA"), "\"Marta\" talks to himself"),
        ] {
            let refusal =
                conversation(&with(old_conversation(), &[(field, value)]), &people()).unwrap_err().to_string();
            assert!(refusal.starts_with(reason), "{field}: {refusal}");
        }
    }
}
