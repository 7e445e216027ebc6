//! Mails in words.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use jobapp_notifications::{Mail, Template};
use minijinja::syntax::SyntaxConfig;
use minijinja::{AutoEscape, Environment, Output, State, UndefinedBehavior, Value, escape_formatter};

/// The longest subject, in characters: the rest of a longer one is seen by nobody.
const MAX_SUBJECT: usize = 160;

const LAYOUT: &str = include_str!("../templates/layout.mjml");

/// Whose mails they are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Brand {
    /// The marketplace's name, such as `JobApp`.
    pub name: String,
    /// Where its users find it, such as `https://jobapp.example`.
    pub link: String,
}

/// A mail in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    /// One line, no markup.
    pub subject: String,
    /// A whole HTML document.
    pub html: String,
    /// The same for people who read plain text.
    pub text: String,
}

/// A mail lacks a variable its template names, or the template is wrong.
#[derive(Debug, thiserror::Error)]
#[error("the {template} mail cannot be filled")]
pub struct RenderError {
    /// The template.
    pub template: Template,
    /// What is wrong.
    pub source: minijinja::Error,
}

/// The ten templates.
///
/// A template is read when it is used for the first time, its MJML made into HTML with the placeholders still in it; each mail then
/// only fills them in. Values are escaped for HTML in the HTML part; a subject is one line of text and keeps its apostrophes.
pub struct Templates {
    environment: Environment<'static>,
    brand: Brand,
}

/// The parts of a mail. A template's name is its mail's, a full stop and one of these.
#[derive(Debug, Clone, Copy)]
enum Part {
    Subject,
    Text,
    Html,
}

impl Part {
    const ALL: [Self; 3] = [Self::Subject, Self::Text, Self::Html];

    const fn name(self) -> &'static str {
        match self {
            Self::Subject => "subject",
            Self::Text => "text",
            Self::Html => "html",
        }
    }
}

impl Templates {
    /// The templates of this brand.
    pub fn new(brand: Brand) -> Self {
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|name| match name.rsplit_once('.') {
            Some((_, "html")) => AutoEscape::Html,
            _ => AutoEscape::None,
        });
        environment.set_formatter(escape_readably);
        environment.set_syntax(
            SyntaxConfig::builder()
                .trim_blocks(true)
                .lstrip_blocks(true)
                .build()
                .expect("the default delimiters are valid"),
        );
        environment.set_loader(load);
        Self { environment, brand }
    }

    /// Puts a mail into words.
    ///
    /// # Errors
    /// [`RenderError`] when the mail lacks a variable its template names.
    pub fn render(&self, mail: &Mail) -> Result<Rendered, RenderError> {
        let mut values: BTreeMap<&'static str, Value> =
            mail.variables.iter().map(|(name, value)| (*name, Value::from(value))).collect();
        values.insert("appName", Value::from(&self.brand.name));
        values.insert("appLink", Value::from(&self.brand.link));
        let fill = |part: Part, values: &BTreeMap<&'static str, Value>| {
            let template = self.environment.get_template(&format!("{}.{}", mail.template, part.name()));
            let filled = template.and_then(|template| template.render(Value::from(values.clone())));
            filled.map_err(|source| RenderError { template: mail.template, source })
        };

        let subject = one_line(&fill(Part::Subject, &values)?);
        let text = fill(Part::Text, &values)?;
        let text = format!("{}\n\n-- \n{}\n{}\n", text.trim(), self.brand.name, self.brand.link);
        // `subject` is also a variable of one template; that one's subject line was made of it just now.
        values.insert("subject", Value::from(&subject));
        let html = fill(Part::Html, &values)?;
        Ok(Rendered { subject, html, text: without_control_characters(&text) })
    }
}

/// A part of a template, with its placeholders.
fn load(name: &str) -> Result<Option<String>, minijinja::Error> {
    let Some((template, part)) = name.split_once('.') else { return Ok(None) };
    let template = Template::ALL.into_iter().find(|one| one.name() == template);
    let part = Part::ALL.into_iter().find(|one| one.name() == part);
    let (Some(template), Some(part)) = (template, part) else { return Ok(None) };
    let (subject, text) = words(template);
    Ok(Some(match part {
        Part::Subject => subject.to_owned(),
        Part::Text => text.to_owned(),
        Part::Html => to_html(template)?,
    }))
}

impl std::fmt::Debug for Templates {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Templates").field("brand", &self.brand).finish_non_exhaustive()
    }
}

/// The subject line and the plain text, with their placeholders.
fn words(template: Template) -> (&'static str, &'static str) {
    let file = match template {
        Template::VerifyEmail => include_str!("../templates/verifyEmail.txt"),
        Template::ForgotPassword => include_str!("../templates/forgotPassword.txt"),
        Template::ResetPasswordSuccess => include_str!("../templates/resetPasswordSuccess.txt"),
        Template::OtpEmail => include_str!("../templates/otpEmail.txt"),
        Template::Offer => include_str!("../templates/offer.txt"),
        Template::OrderPlaced => include_str!("../templates/orderPlaced.txt"),
        Template::OrderReceipt => include_str!("../templates/orderReceipt.txt"),
        Template::OrderDelivered => include_str!("../templates/orderDelivered.txt"),
        Template::OrderExtension => include_str!("../templates/orderExtension.txt"),
        Template::OrderExtensionApproval => include_str!("../templates/orderExtensionApproval.txt"),
    };
    first_line(file, "Subject: ")
}

/// The preview line and the MJML of the middle part, with their placeholders.
fn middle(template: Template) -> (&'static str, &'static str) {
    let file = match template {
        Template::VerifyEmail => include_str!("../templates/verifyEmail.mjml"),
        Template::ForgotPassword => include_str!("../templates/forgotPassword.mjml"),
        Template::ResetPasswordSuccess => include_str!("../templates/resetPasswordSuccess.mjml"),
        Template::OtpEmail => include_str!("../templates/otpEmail.mjml"),
        Template::Offer => include_str!("../templates/offer.mjml"),
        Template::OrderPlaced => include_str!("../templates/orderPlaced.mjml"),
        Template::OrderReceipt => include_str!("../templates/orderReceipt.mjml"),
        Template::OrderDelivered => include_str!("../templates/orderDelivered.mjml"),
        Template::OrderExtension => include_str!("../templates/orderExtension.mjml"),
        Template::OrderExtensionApproval => include_str!("../templates/orderExtensionApproval.mjml"),
    };
    first_line(file, "Preview: ")
}

fn first_line(file: &'static str, label: &str) -> (&'static str, &'static str) {
    let (first, rest) = file.split_once('\n').unwrap_or((file, ""));
    (first.strip_prefix(label).unwrap_or(first), rest)
}

fn to_html(template: Template) -> Result<String, minijinja::Error> {
    let (preview, content) = middle(template);
    let mjml = LAYOUT.replace("@@preview@@", preview).replace("@@content@@", content);
    let parsed = mrml::parse(mjml).map_err(unusable)?;
    // Without fonts to fetch, whatever a template names: a mail asks nobody for anything.
    let options =
        mrml::prelude::render::RenderOptions { fonts: std::collections::HashMap::new(), ..Default::default() };
    parsed.element.render(&options).map_err(unusable)
}

fn unusable(error: impl std::error::Error + Send + Sync + 'static) -> minijinja::Error {
    minijinja::Error::new(minijinja::ErrorKind::SyntaxError, "its layout cannot be used").with_source(error)
}

/// Escapes values for HTML, and only what must be, so that addresses stay readable in the source of a mail.
fn escape_readably(out: &mut Output, state: &mut State, value: &Value) -> Result<(), minijinja::Error> {
    let text = match (state.auto_escape(), value.as_str()) {
        (AutoEscape::Html, Some(text)) if !value.is_safe() => text,
        _ => return escape_formatter(out, state, value),
    };
    for character in without_control_characters(text).chars() {
        match character {
            '&' => out.write_str("&amp;")?,
            '<' => out.write_str("&lt;")?,
            '>' => out.write_str("&gt;")?,
            '"' => out.write_str("&quot;")?,
            '\'' => out.write_str("&#39;")?,
            other => out.write_char(other)?,
        }
    }
    Ok(())
}

/// A subject is a header: one line, however many a user's text has.
fn one_line(text: &str) -> String {
    let spaced: String = text.chars().map(|c| if c.is_control() || is_invisible(c) { ' ' } else { c }).collect();
    let line = spaced.split_whitespace().collect::<Vec<_>>().join(" ");
    if line.chars().count() <= MAX_SUBJECT {
        return line;
    }
    line.chars().take(MAX_SUBJECT - 1).chain(['…']).collect()
}

/// Keeps line ends and tabs only.
fn without_control_characters(text: &str) -> String {
    text.chars().filter(|c| matches!(c, '\n' | '\t') || !(c.is_control() || is_invisible(*c))).collect()
}

/// Line and paragraph separators and marks that turn the direction of writing: they make a line look like another one.
const fn is_invisible(c: char) -> bool {
    matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use jobapp_notifications::mails;
    use jobapp_wire::messages::{AccountMail, OrderMail};
    use serde_json::json;

    fn templates() -> Templates {
        Templates::new(Brand { name: "JobApp".into(), link: "https://app.example.org".into() })
    }

    fn an_account_mail(template: &str) -> AccountMail {
        AccountMail {
            template: template.into(),
            receiver_email: Some("marta@example.org".into()),
            username: Some("Marta".into()),
            verify_link: Some("https://app.example.org/confirm_email?v_token=0a1b".into()),
            reset_link: Some("https://app.example.org/reset_password?token=0a1b".into()),
            otp: Some("408152".into()),
        }
    }

    fn an_order_mail(template: &str) -> OrderMail {
        serde_json::from_value(json!({
            "template": template, "receiverEmail": "iria@example.org", "buyerEmail": "marta@example.org",
            "orderId": "JO52310984761", "orderDue": "2026-12-01T09:00:00.000Z", "amount": "40",
            "buyerUsername": "Marta", "sellerUsername": "Iria", "title": "Logo sketch",
            "description": "Three drafts\nand a final one", "requirements": "Blue tones", "serviceFee": "4.2",
            "total": "44.2", "orderUrl": "https://app.example.org/orders/JO52310984761/activities",
            "originalDate": "2026-12-01T09:00:00.000Z", "newDate": "2026-12-05T09:00:00.000Z",
            "reason": "The printer is ill.", "subject": "Extension not granted", "header": "Not granted",
            "type": "rejected", "message": "Please write to me.", "sender": "Iria", "deliveryDays": "4"
        }))
        .unwrap()
    }

    fn one_of_each() -> Vec<Mail> {
        let accounts = ["verifyEmail", "forgotPassword", "resetPasswordSuccess", "otpEmail"];
        let orders = ["offer", "orderPlaced", "orderDelivered", "orderExtension", "orderExtensionApproval"];
        let mut all: Vec<Mail> = accounts
            .iter()
            .flat_map(|template| mails::of_account(&an_account_mail(template)))
            .chain(orders.iter().flat_map(|template| mails::of_order(&an_order_mail(template))))
            .collect::<Result<_, _>>()
            .unwrap();
        all.sort_by_key(|mail| mail.template);
        assert_eq!(all.iter().map(|mail| mail.template).collect::<Vec<_>>(), Template::ALL);
        all
    }

    #[test]
    fn every_template_has_its_words() {
        let templates = templates();
        for mail in one_of_each() {
            let rendered = templates.render(&mail).unwrap();
            let words = format!("Subject: {}\n\n{}", rendered.subject, rendered.text);
            insta::assert_snapshot!(mail.template.name(), words);
        }
    }

    #[test]
    fn every_html_part_is_whole_and_asks_nobody_for_anything() {
        let templates = templates();
        for mail in one_of_each() {
            let html = templates.render(&mail).unwrap().html;
            let name = mail.template;
            for unresolved in ["{{", "}}", "{%", "%}", "@@", "<mj-"] {
                assert!(!html.contains(unresolved), "{name}: {unresolved} in {html}");
            }
            for outside in ["<img", "<script", "@import", "<link", "url("] {
                assert!(!html.contains(outside), "{name}: {outside} in {html}");
            }
            assert!(html.contains("href=\"https://app.example.org\""), "{name} links home");
            for link in mail.variables.values().filter(|value| value.starts_with("https://")) {
                assert!(html.contains(&format!("href=\"{link}\"")), "{name} links to {link}: {html}");
            }
            let shown = mail.variables.iter().filter(|(name, value)| **name != "type" && !value.is_empty());
            for (variable, value) in shown {
                assert!(html.contains(value.as_str()), "{name} shows {variable}: {html}");
            }
        }
    }

    #[test]
    fn what_users_write_stays_text() {
        let evil = "<script>alert(\"1\")</script> & 'x' {{ appName }}";
        let templates = templates();
        for mut mail in one_of_each() {
            for (name, value) in &mut mail.variables {
                if !matches!(*name, "orderUrl" | "verifyLink" | "resetLink" | "offerLink") {
                    *value = evil.to_owned();
                }
            }
            let rendered = templates.render(&mail).unwrap();
            assert!(!rendered.html.contains("<script"), "{}: {}", mail.template, rendered.html);
            if mail.template != Template::VerifyEmail {
                let escaped = "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt; &amp; &#39;x&#39; {{ appName }}";
                assert!(rendered.html.contains(escaped), "{}: {}", mail.template, rendered.html);
                assert!(rendered.text.contains(evil), "{}: {}", mail.template, rendered.text);
            }
        }
    }

    #[test]
    fn a_subject_is_one_line_with_its_apostrophes() {
        let mut mail = mails::of_order(&an_order_mail("offer")).remove(0).unwrap();
        mail.variables.insert("sender", "O'Neil & <Sons>\r\nBcc: all@example.org\u{202e}\u{0}".into());
        let subject = templates().render(&mail).unwrap().subject;
        assert_eq!(subject, "O'Neil & <Sons> Bcc: all@example.org made you an offer");
        mail.variables.insert("sender", "x".repeat(1000));
        assert_eq!(templates().render(&mail).unwrap().subject.chars().count(), MAX_SUBJECT);
    }

    #[test]
    fn what_a_message_leaves_out_is_not_shown() {
        let message = OrderMail { requirements: None, description: None, ..an_order_mail("orderPlaced") };
        let rendered = templates().render(&mails::of_order(&message).remove(0).unwrap()).unwrap();
        assert!(!rendered.html.contains("Wishes") && !rendered.html.contains("Details"));
        assert!(!rendered.text.contains("Wishes"));
        let message = OrderMail { subject: None, header: None, ..an_order_mail("orderExtensionApproval") };
        let rendered = templates().render(&mails::of_order(&message).remove(0).unwrap()).unwrap();
        assert_eq!(rendered.subject, "Marta answered your request for more time");
        assert!(rendered.html.contains("About your request for more time"));
    }

    #[test]
    fn a_mail_that_lacks_a_variable_is_an_error() {
        let mut mail = mails::of_account(&an_account_mail("otpEmail")).remove(0).unwrap();
        mail.variables.remove("otp");
        assert!(matches!(templates().render(&mail), Err(RenderError { template: Template::OtpEmail, .. })));
    }
}
