//! What an operator may choose.

/// A picture of one grey pixel, for sample users.
const GREY_PIXEL: &str = "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg==";

/// The settings of the auth service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthConfig {
    /// Where the client's pages are: links in mails begin with it.
    pub client_url: String,
    /// Where developers read mails, if they go nowhere else.
    pub mailbox: Option<String>,
    /// The most bytes of a body without a picture.
    pub body_limit: usize,
    /// The most bytes of a sign-up.
    pub picture_limit: usize,
    /// How many one-time codes an account is mailed within an hour.
    pub codes_per_hour: usize,
    /// Whether sample users can be made.
    pub seed: bool,
    /// What follows the `@` in sample users' addresses.
    pub seed_mail_domain: String,
    /// The password of all sample users.
    pub seed_password: String,
    /// The picture of all sample users: a base64 data URL or an absolute URL.
    pub seed_picture: String,
}

impl Default for AuthConfig {
    fn default() -> Self {
        Self {
            client_url: "http://localhost:3000".to_owned(),
            mailbox: None,
            body_limit: 256 * 1024,
            picture_limit: 20 * 1024 * 1024,
            codes_per_hour: 10,
            seed: false,
            seed_mail_domain: "example.com".to_owned(),
            seed_password: "qwerty".to_owned(),
            seed_picture: GREY_PIXEL.to_owned(),
        }
    }
}
