//! What was stored, as messages for the other services.

use jobapp_auth::{Account, AccountEvent, PendingSignIn, PendingSignInEvent, Session, SessionEvent};
use jobapp_kernel::{Aggregate, MediaStore, Message, OutboxEntry};
use jobapp_runtime::{TranslateError, event_of, message_of};
use jobapp_wire::messages::{AccountMail, BuyerCreated, BuyerUpdate, Realtime};
use jobapp_wire::queues;

/// Makes the messages of an outbox entry. Links in mails begin with `client_url`; where pictures are, `media` knows.
pub(crate) fn translate(
    client_url: &str,
    media: &dyn MediaStore,
    entry: &OutboxEntry,
) -> Result<Vec<Message>, TranslateError> {
    match entry.aggregate.as_str() {
        Account::NAME => account(client_url, media, entry, event_of(entry)?),
        PendingSignIn::NAME => pending(entry, event_of(entry)?),
        Session::NAME => session(entry, event_of(entry)?),
        other => Err(TranslateError::new(format!("{other} is no aggregate of the auth service"))),
    }
}

fn account(
    client_url: &str,
    media: &dyn MediaStore,
    entry: &OutboxEntry,
    event: AccountEvent,
) -> Result<Vec<Message>, TranslateError> {
    let verify_mail = |email: String, secret: &str| AccountMail {
        template: "verifyEmail".to_owned(),
        receiver_email: Some(email),
        verify_link: Some(format!("{client_url}/confirm_email?v_token={secret}")),
        ..AccountMail::default()
    };
    match event {
        AccountEvent::Registered { username, email, profile_picture, country, verification, at, .. } => {
            let created = BuyerUpdate::Created(BuyerCreated {
                username: username.to_string(),
                email: email.to_string(),
                // An address of today, for those who know nothing of our store.
                profile_picture: media.picture(&profile_picture),
                country,
                created_at: at,
            });
            let mut messages = vec![message_of(entry, queues::BUYER_UPDATE, "user-buyer", "auth", &created)?];
            if let Some(secret) = verification {
                messages.push(mail(entry, &verify_mail(email.to_string(), secret.expose()))?);
            }
            Ok(messages)
        }
        AccountEvent::VerificationRequested { email, verification, .. } => {
            Ok(vec![mail(entry, &verify_mail(email.to_string(), verification.expose()))?])
        }
        AccountEvent::ResetRequested { username, email, reset } => {
            let link = format!("{client_url}/reset_password?token={}", reset.expose());
            let body = AccountMail { reset_link: Some(link), ..named_mail("forgotPassword", &username, &email) };
            Ok(vec![mail(entry, &body)?])
        }
        AccountEvent::PasswordChanged { username, email } => {
            Ok(vec![mail(entry, &named_mail("resetPasswordSuccess", &username, &email))?])
        }
        // Tokens say what somebody may do; nobody keeps a copy of it.
        AccountEvent::RoleChanged { .. } => Ok(Vec::new()),
    }
}

fn pending(entry: &OutboxEntry, event: PendingSignInEvent) -> Result<Vec<Message>, TranslateError> {
    let PendingSignInEvent::CodeRequested { username, email, code } = event;
    let body = AccountMail { otp: Some(code.expose().to_owned()), ..named_mail("otpEmail", &username, &email) };
    Ok(vec![mail(entry, &body)?])
}

fn session(entry: &OutboxEntry, event: SessionEvent) -> Result<Vec<Message>, TranslateError> {
    let SessionEvent::Ended { session, username, .. } = event;
    let body = Realtime {
        event: Realtime::SESSION_ENDED.to_owned(),
        arguments: vec![session.to_string().into()],
        receivers: vec![username.to_string()],
    };
    Ok(vec![message_of(entry, queues::REALTIME, "", "session-ended", &body)?])
}

fn named_mail(template: &str, username: &jobapp_auth::Username, email: &jobapp_auth::EmailAddress) -> AccountMail {
    AccountMail {
        template: template.to_owned(),
        receiver_email: Some(email.to_string()),
        username: Some(username.to_string()),
        ..AccountMail::default()
    }
}

fn mail(entry: &OutboxEntry, body: &AccountMail) -> Result<Message, TranslateError> {
    message_of(entry, queues::EMAIL_NOTIFICATION, "auth-email", &body.template, body)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_auth::{EmailAddress, EndReason, OneTimeSecret, Username};
    use jobapp_kernel::{AccountId, ObjectId, Timestamp};
    use jobapp_media::MemoryMedia;
    use serde::Serialize;
    use serde_json::{Value, json};
    use std::collections::BTreeMap;

    fn entry(aggregate: &str, event: impl Serialize) -> OutboxEntry {
        OutboxEntry {
            id: OutboxEntry::id_of(aggregate, "1", 1, 0),
            aggregate: aggregate.to_owned(),
            aggregate_id: "1".to_owned(),
            version: 1,
            event: serde_json::to_value(event).unwrap(),
            headers: BTreeMap::new(),
            recorded_at: Timestamp::EPOCH,
        }
    }

    /// Exchange, routing key and body of each message.
    fn sent(entry: &OutboxEntry) -> Vec<(String, String, Value)> {
        let messages = translate("https://app.example.org", &MemoryMedia::default(), entry).unwrap();
        messages.into_iter().map(|m| (m.exchange.clone(), m.routing_key.clone(), m.json().unwrap())).collect()
    }

    fn marta() -> (Username, EmailAddress) {
        (Username::new("marta").unwrap(), EmailAddress::new("marta@example.org").unwrap())
    }

    fn mail_of(body: Value) -> Vec<(String, String, Value)> {
        vec![("jobber-email-notification".into(), "auth-email".into(), body)]
    }

    #[test]
    fn an_account_makes_a_buyer_and_mails_its_verify_link() {
        let (username, email) = marta();
        let registered = |verification| AccountEvent::Registered {
            account: AccountId(1),
            username: username.clone(),
            email: email.clone(),
            profile_picture: "1.png".into(),
            country: "Portugal".into(),
            verification,
            at: Timestamp::from_millis(1_795_488_054_644).unwrap(),
        };
        let buyer = json!({"type": "auth", "username": "Marta", "email": "marta@example.org",
            "profilePicture": "http://media.test/media/1.png", "country": "Portugal", "createdAt": 1_795_488_054_644_i64});
        let buyer = ("jobber-buyer-update".to_owned(), "user-buyer".to_owned(), buyer);
        let verify = json!({"template": "verifyEmail", "receiverEmail": "marta@example.org",
            "verifyLink": "https://app.example.org/confirm_email?v_token=s3cret"});
        let with_link = sent(&entry("account", registered(Some(OneTimeSecret::new("s3cret")))));
        assert_eq!(with_link, [vec![buyer.clone()], mail_of(verify.clone())].concat());
        assert_eq!(sent(&entry("account", registered(None))), [buyer]);
        let again = AccountEvent::VerificationRequested { username, email, verification: OneTimeSecret::new("s3cret") };
        assert_eq!(sent(&entry("account", again)), mail_of(verify));
    }

    #[test]
    fn passwords_and_codes_are_mailed_to_their_owner() {
        let (username, email) = marta();
        let reset = OneTimeSecret::new("s3cret");
        let event = AccountEvent::ResetRequested { username: username.clone(), email: email.clone(), reset };
        let body = json!({"template": "forgotPassword", "receiverEmail": "marta@example.org", "username": "Marta",
            "resetLink": "https://app.example.org/reset_password?token=s3cret"});
        assert_eq!(sent(&entry("account", event)), mail_of(body));
        let event = AccountEvent::PasswordChanged { username: username.clone(), email: email.clone() };
        let body =
            json!({"template": "resetPasswordSuccess", "receiverEmail": "marta@example.org", "username": "Marta"});
        assert_eq!(sent(&entry("account", event)), mail_of(body));
        let event = PendingSignInEvent::CodeRequested { username, email, code: OneTimeSecret::new("408152") };
        let body =
            json!({"template": "otpEmail", "receiverEmail": "marta@example.org", "username": "Marta", "otp": "408152"});
        assert_eq!(sent(&entry("pending_sign_in", event)), mail_of(body));
    }

    #[test]
    fn gateways_hear_of_ended_sessions() {
        let event = SessionEvent::Ended {
            session: ObjectId::from_bytes([1; 12]).into(),
            account: AccountId(1),
            username: marta().0,
            reason: EndReason::SignedOut,
            at: Timestamp::EPOCH,
        };
        let body = json!({"event": "session ended", "arguments": ["010101010101010101010101"], "receivers": ["Marta"]});
        assert_eq!(sent(&entry("session", event)), [("jobapp-realtime".to_owned(), String::new(), body)]);
    }

    #[test]
    fn what_is_not_understood_is_said() {
        assert!(translate("", &MemoryMedia::default(), &entry("gig", json!({}))).is_err());
        assert!(translate("", &MemoryMedia::default(), &entry("account", json!({"type": "renamed"}))).is_err());
    }
}
