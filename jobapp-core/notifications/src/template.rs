//! The ten kinds of mail.

use std::fmt;
use std::str::FromStr;

/// A kind of mail. Prints and parses as the name it has on the wire, such as `verifyEmail`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Template {
    /// A new user is asked to confirm the address.
    VerifyEmail,
    /// A user asked for a new password.
    ForgotPassword,
    /// A password was changed.
    ResetPasswordSuccess,
    /// The code for a sign-in from an unknown browser.
    OtpEmail,
    /// A seller made a buyer an offer.
    Offer,
    /// Tells the seller of a new order.
    OrderPlaced,
    /// The buyer's receipt for a new order.
    OrderReceipt,
    /// Tells the buyer that the work is there.
    OrderDelivered,
    /// Tells the buyer that the seller asks for more time.
    OrderExtension,
    /// Tells the seller what the buyer said to that.
    OrderExtensionApproval,
}

/// A name that no template has.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no mail template {0:?}")]
pub struct UnknownTemplate(pub String);

impl Template {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::VerifyEmail,
        Self::ForgotPassword,
        Self::ResetPasswordSuccess,
        Self::OtpEmail,
        Self::Offer,
        Self::OrderPlaced,
        Self::OrderReceipt,
        Self::OrderDelivered,
        Self::OrderExtension,
        Self::OrderExtensionApproval,
    ];

    /// The name on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::VerifyEmail => "verifyEmail",
            Self::ForgotPassword => "forgotPassword",
            Self::ResetPasswordSuccess => "resetPasswordSuccess",
            Self::OtpEmail => "otpEmail",
            Self::Offer => "offer",
            Self::OrderPlaced => "orderPlaced",
            Self::OrderReceipt => "orderReceipt",
            Self::OrderDelivered => "orderDelivered",
            Self::OrderExtension => "orderExtension",
            Self::OrderExtensionApproval => "orderExtensionApproval",
        }
    }
}

impl fmt::Display for Template {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Template {
    type Err = UnknownTemplate;

    fn from_str(text: &str) -> Result<Self, UnknownTemplate> {
        let found = Self::ALL.into_iter().find(|template| template.name() == text);
        found.ok_or_else(|| UnknownTemplate(text.chars().take(64).collect()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_parses_back() {
        for template in Template::ALL {
            assert_eq!(template.to_string().parse(), Ok(template));
        }
        assert!("VerifyEmail".parse::<Template>().is_err());
    }
}
