//! From a queue message to mails.

use std::collections::BTreeMap;

use jobapp_kernel::{Money, Timestamp};
use jobapp_wire::messages::{AccountMail, OrderMail};

use crate::Template;

/// A mail to one receiver, before it has words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// The receiver's address.
    pub to: String,
    /// What kind of mail it is.
    pub template: Template,
    /// What its template names, by the names of the wire. Every variable of the template is there; those that may be
    /// missing are empty then.
    pub variables: BTreeMap<&'static str, String>,
}

/// A mail that can never be sent as it was asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The message asks for a template that does not exist, or that does not belong on its queue.
    #[error("no mail is known as {template:?} here")]
    UnknownTemplate {
        /// What was asked for.
        template: String,
    },
    /// Nobody is named to send it to.
    #[error("the {template} mail has no receiver")]
    NoReceiver {
        /// The kind of mail.
        template: Template,
    },
    /// It lacks what it is about.
    #[error("the {template} mail lacks its {variable}")]
    Missing {
        /// The kind of mail.
        template: Template,
        /// The missing part.
        variable: &'static str,
    },
    /// A link leads to something that is no web page.
    #[error("the {variable} of the {template} mail is no http or https address")]
    NoLink {
        /// The kind of mail.
        template: Template,
        /// The wrong part.
        variable: &'static str,
    },
}

/// The mails of a message on the queue for accounts: one, or the reason why there is none.
pub fn of_account(message: &AccountMail) -> Vec<Result<Mail, Refused>> {
    let to = message.receiver_email.as_deref();
    let mail = match message.template.parse() {
        Ok(template @ Template::VerifyEmail) => {
            Draft::new(template, to).link("verifyLink", &message.verify_link).finish()
        }
        Ok(template @ Template::ForgotPassword) => Draft::new(template, to)
            .required("username", &message.username)
            .link("resetLink", &message.reset_link)
            .finish(),
        Ok(template @ Template::ResetPasswordSuccess) => {
            Draft::new(template, to).required("username", &message.username).finish()
        }
        Ok(template @ Template::OtpEmail) => {
            Draft::new(template, to).required("username", &message.username).required("otp", &message.otp).finish()
        }
        _ => Err(Refused::UnknownTemplate { template: message.template.chars().take(64).collect() }),
    };
    vec![mail]
}

/// The mails of a message on the queue for orders and offers. A placed order makes two, each with its own receiver; one
/// of them may be refused while the other is not.
pub fn of_order(message: &OrderMail) -> Vec<Result<Mail, Refused>> {
    let m = message;
    let to = m.receiver_email.as_deref();
    let mail = match m.template.parse() {
        Ok(template @ Template::OrderPlaced) => {
            let receipt = Draft::new(Template::OrderReceipt, m.buyer_email.as_deref())
                .required("buyerUsername", &m.buyer_username)
                .optional("orderId", &m.order_id)
                .required("title", &m.title)
                .optional("description", &m.description)
                .amount("amount", &m.amount)
                .amount("serviceFee", &m.service_fee)
                .amount("total", &m.total)
                .link("orderUrl", &m.order_url)
                .finish();
            let placed = Draft::new(template, to)
                .required("buyerUsername", &m.buyer_username)
                .required("sellerUsername", &m.seller_username)
                .required("orderId", &m.order_id)
                .date("orderDue", &m.order_due)
                .required("title", &m.title)
                .optional("description", &m.description)
                .optional("requirements", &m.requirements)
                .amount("amount", &m.amount)
                .link("orderUrl", &m.order_url)
                .finish();
            return vec![placed, receipt];
        }
        Ok(template @ Template::OrderDelivered) => Draft::new(template, to)
            .required("buyerUsername", &m.buyer_username)
            .required("sellerUsername", &m.seller_username)
            .required("title", &m.title)
            .link("orderUrl", &m.order_url)
            .finish(),
        Ok(template @ Template::OrderExtension) => Draft::new(template, to)
            .required("buyerUsername", &m.buyer_username)
            .required("sellerUsername", &m.seller_username)
            .date("originalDate", &m.original_date)
            .date("newDate", &m.new_date)
            .optional("reason", &m.reason)
            .link("orderUrl", &m.order_url)
            .finish(),
        Ok(template @ Template::OrderExtensionApproval) => Draft::new(template, to)
            .optional("subject", &m.subject)
            .optional("header", &m.header)
            .required("type", &m.kind)
            .optional("message", &m.message)
            .required("buyerUsername", &m.buyer_username)
            .required("sellerUsername", &m.seller_username)
            .link("orderUrl", &m.order_url)
            .finish(),
        Ok(template @ Template::Offer) => Draft::new(template, to)
            .required("sender", &m.sender)
            .required("buyerUsername", &m.buyer_username)
            .required("sellerUsername", &m.seller_username)
            .required("title", &m.title)
            .optional("description", &m.description)
            .required("deliveryDays", &m.delivery_days)
            .amount("amount", &m.amount)
            .optional_link("offerLink", &m.offer_link)
            .finish(),
        _ => Err(Refused::UnknownTemplate { template: m.template.chars().take(64).collect() }),
    };
    vec![mail]
}

/// A mail in the making; remembers the first thing that is wrong with it.
struct Draft {
    mail: Mail,
    refused: Option<Refused>,
}

impl Draft {
    fn new(template: Template, to: Option<&str>) -> Self {
        let to = to.unwrap_or_default().trim().to_owned();
        let refused = to.is_empty().then_some(Refused::NoReceiver { template });
        Self { mail: Mail { to, template, variables: BTreeMap::new() }, refused }
    }

    fn optional(mut self, variable: &'static str, value: &Option<String>) -> Self {
        self.mail.variables.insert(variable, value.as_deref().unwrap_or_default().trim().to_owned());
        self
    }

    fn required(self, variable: &'static str, value: &Option<String>) -> Self {
        let template = self.mail.template;
        let draft = self.optional(variable, value);
        let is_missing = draft.mail.variables[variable].is_empty();
        draft.refuse_if(is_missing, Refused::Missing { template, variable })
    }

    fn optional_link(self, variable: &'static str, value: &Option<String>) -> Self {
        let template = self.mail.template;
        let draft = self.optional(variable, value);
        let is_wrong = !is_link(&draft.mail.variables[variable]) && !draft.mail.variables[variable].is_empty();
        draft.refuse_if(is_wrong, Refused::NoLink { template, variable })
    }

    fn link(self, variable: &'static str, value: &Option<String>) -> Self {
        self.required(variable, value).optional_link(variable, value)
    }

    /// A date becomes a day for people; a text that is no date stays as it is.
    fn date(self, variable: &'static str, value: &Option<String>) -> Self {
        let day = value.as_deref().map(|text| text.parse().map_or_else(|_| text.to_owned(), Timestamp::to_day_string));
        self.required(variable, &day)
    }

    /// A plain number becomes an amount of money; a text that is no number stays as it is.
    fn amount(self, variable: &'static str, value: &Option<String>) -> Self {
        let amount = value.as_deref().map(|text| dollars(text).unwrap_or_else(|| text.to_owned()));
        self.required(variable, &amount)
    }

    fn refuse_if(mut self, is_wrong: bool, reason: Refused) -> Self {
        if is_wrong && self.refused.is_none() {
            self.refused = Some(reason);
        }
        self
    }

    fn finish(self) -> Result<Mail, Refused> {
        self.refused.map_or(Ok(self.mail), Err)
    }
}

fn is_link(text: &str) -> bool {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    rest.is_some_and(|rest| !rest.is_empty()) && !text.chars().any(|c| c.is_whitespace() || c.is_control())
}

/// `40` is `$40`, `4.2` is `$4.20`.
fn dollars(text: &str) -> Option<String> {
    let cents = Money::from_decimal(text.trim().parse().ok()?).ok()?.cents();
    let (sign, cents) = if cents < 0 { ("-", cents.unsigned_abs()) } else { ("", cents.unsigned_abs()) };
    Some(match cents % 100 {
        0 => format!("{sign}${}", cents / 100),
        part => format!("{sign}${}.{part:02}", cents / 100),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    fn an_order_placed() -> OrderMail {
        serde_json::from_value(json!({
            "template": "orderPlaced", "receiverEmail": "iria@example.org", "buyerEmail": "marta@example.org",
            "orderId": "JO52310984761", "invoiceId": "JI83920110457",
            "orderDue": "Tue Dec 01 2026 09:00:00 GMT+0000 (Coordinated Universal Time)", "amount": "40",
            "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Logo sketch", "description": "Three drafts",
            "requirements": "Blue tones", "serviceFee": "4.2", "total": "44.2",
            "orderUrl": "https://app.example.org/orders/JO52310984761/activities"
        }))
        .unwrap()
    }

    fn an_account_mail(template: &str) -> AccountMail {
        AccountMail {
            template: template.into(),
            receiver_email: Some("marta@example.org".into()),
            username: Some("Marta".into()),
            verify_link: Some("https://app.example.org/confirm_email?v_token=0a".into()),
            reset_link: Some("https://app.example.org/reset_password?token=0a".into()),
            otp: Some("408152".into()),
        }
    }

    #[test]
    fn a_placed_order_tells_the_seller_and_gives_the_buyer_a_receipt() {
        let [placed, receipt] = of_order(&an_order_placed()).try_into().unwrap();
        let (placed, receipt) = (placed.unwrap(), receipt.unwrap());
        assert_eq!((placed.template, placed.to.as_str()), (Template::OrderPlaced, "iria@example.org"));
        assert_eq!((receipt.template, receipt.to.as_str()), (Template::OrderReceipt, "marta@example.org"));
        assert_eq!(placed.variables["orderDue"], "1 December 2026");
        assert_eq!(receipt.variables["serviceFee"], "$4.20");
        assert_eq!(receipt.variables["total"], "$44.20");
        assert!(!receipt.variables.contains_key("requirements"));
    }

    #[test]
    fn the_receipt_without_a_receiver_is_refused_and_the_sellers_mail_is_not() {
        let message = OrderMail { buyer_email: None, ..an_order_placed() };
        let [placed, receipt] = of_order(&message).try_into().unwrap();
        assert!(placed.is_ok());
        assert_eq!(receipt, Err(Refused::NoReceiver { template: Template::OrderReceipt }));
    }

    #[test]
    fn every_account_template_has_its_variables() {
        for (template, variables) in [
            ("verifyEmail", &["verifyLink"][..]),
            ("forgotPassword", &["resetLink", "username"]),
            ("resetPasswordSuccess", &["username"]),
            ("otpEmail", &["otp", "username"]),
        ] {
            let mail = of_account(&an_account_mail(template)).remove(0).unwrap();
            assert_eq!(mail.template.name(), template);
            assert_eq!(mail.variables.keys().copied().collect::<Vec<_>>(), variables);
        }
    }

    #[test]
    fn a_mail_to_nobody_is_refused() {
        for receiver in [None, Some(String::new()), Some(" ".into())] {
            let message = AccountMail { receiver_email: receiver, ..an_account_mail("resetPasswordSuccess") };
            let refused = of_account(&message).remove(0).unwrap_err();
            assert_eq!(refused.to_string(), "the resetPasswordSuccess mail has no receiver");
        }
    }

    #[test]
    fn a_mail_without_what_it_is_about_is_refused() {
        let message = AccountMail { otp: None, ..an_account_mail("otpEmail") };
        let missing = Refused::Missing { template: Template::OtpEmail, variable: "otp" };
        assert_eq!(of_account(&message).remove(0), Err(missing));
    }

    #[test]
    fn a_link_that_is_no_web_page_is_refused() {
        for link in ["javascript:alert(1)", "app.example.org", "https://", "https://a\" onclick=b c"] {
            let message = AccountMail { verify_link: Some(link.into()), ..an_account_mail("verifyEmail") };
            let wrong = Refused::NoLink { template: Template::VerifyEmail, variable: "verifyLink" };
            assert_eq!(of_account(&message).remove(0), Err(wrong), "{link}");
        }
    }

    #[test]
    fn an_offer_needs_no_link() {
        let message: OrderMail = serde_json::from_value(json!({
            "template": "offer", "receiverEmail": "marta@example.org", "sender": "Iria", "amount": "75",
            "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Full branding", "deliveryDays": "4"
        }))
        .unwrap();
        let mail = of_order(&message).remove(0).unwrap();
        assert_eq!(mail.variables["offerLink"], "");
        assert_eq!(mail.variables["amount"], "$75");
    }

    #[test]
    fn templates_of_the_other_queue_are_unknown() {
        assert!(matches!(of_account(&an_account_mail("offer")).remove(0), Err(Refused::UnknownTemplate { .. })));
        // The receipt comes with the placed order; nobody asks for it alone.
        let receipt = OrderMail { template: "orderReceipt".into(), ..an_order_placed() };
        assert!(matches!(of_order(&receipt).remove(0), Err(Refused::UnknownTemplate { .. })));
    }

    proptest! {
        #[test]
        fn amounts_and_dates_that_are_none_stay_as_they_are(text in "[a-z ]{1,20}") {
            let message = OrderMail {
                amount: Some(format!("x{text}")), order_due: Some(format!("x{text}")), ..an_order_placed()
            };
            let mail = of_order(&message).remove(0).unwrap();
            let expected = format!("x{}", text.trim_end());
            prop_assert_eq!(&mail.variables["amount"], &expected);
            prop_assert_eq!(&mail.variables["orderDue"], &expected);
        }
    }
}
