//! The shell every page has: head, menu, content.

use std::sync::LazyLock;

use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, StatusCode, header};
use maud::{DOCTYPE, Markup, PreEscaped, html};
use sha2::{Digest, Sha256};

const STYLE: &str = include_str!("../assets/pages.css");

/// What every page keeps to, whatever else it is allowed.
const EVERYWHERE: &str =
    "default-src 'none';img-src 'self' data:;form-action 'self';base-uri 'none';frame-ancestors 'none'";

/// The style by its fingerprint: no other one is applied.
static OWN_STYLE: LazyLock<String> =
    LazyLock::new(|| format!("style-src 'sha256-{}'", STANDARD.encode(Sha256::digest(STYLE))));

/// A page the menu leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// What is running.
    Home,
    /// The API reference.
    Reference,
    /// The place to sign in.
    SignIn,
    /// The mails, for developers.
    Mail,
    /// The payments, for developers.
    Payments,
    /// What waits, for developers.
    Status,
}

impl Entry {
    const ALL: [Self; 6] = [Self::Home, Self::Reference, Self::SignIn, Self::Mail, Self::Payments, Self::Status];

    /// Where it is.
    pub const fn path(self) -> &'static str {
        match self {
            Self::Home => "/",
            Self::Reference => "/docs/",
            Self::SignIn => "/sign_in",
            Self::Mail => "/_dev/mail",
            Self::Payments => "/_dev/payments",
            Self::Status => "/_dev/status",
        }
    }

    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Home => "Home",
            Self::Reference => "API reference",
            Self::SignIn => "Sign in",
            Self::Mail => "Mailbox",
            Self::Payments => "Payments",
            Self::Status => "Status",
        }
    }

    const fn is_for_developers(self) -> bool {
        matches!(self, Self::Mail | Self::Payments | Self::Status)
    }
}

/// The menu, and where in it a page stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Menu {
    developer_mode: bool,
    here: Option<Entry>,
}

impl Menu {
    /// The menu of a page for everybody; with the pages for developers where there are any.
    pub const fn of(developer_mode: bool, here: Option<Entry>) -> Self {
        Self { developer_mode, here }
    }

    /// The menu of a page for developers.
    pub const fn developer(here: Entry) -> Self {
        Self { developer_mode: true, here: Some(here) }
    }

    /// What it leads to, in its order.
    pub fn entries(self) -> impl Iterator<Item = Entry> {
        Entry::ALL.into_iter().filter(move |entry| self.developer_mode || !entry.is_for_developers())
    }
}

/// What a page may do beside showing itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allows {
    /// Nothing.
    #[default]
    Nothing,
    /// Run scripts of this server, and have them call it.
    Scripts,
    /// The same, and give its parts a style of their own, as the widgets of others do.
    ScriptsAndStyles,
    /// Show a document in a frame, with the style that one has of its own.
    Documents,
}

impl Allows {
    fn policy(self) -> String {
        let style = OWN_STYLE.as_str();
        match self {
            Self::Nothing => format!("{EVERYWHERE};{style}"),
            Self::Scripts => format!("{EVERYWHERE};{style};script-src 'self';connect-src 'self'"),
            Self::ScriptsAndStyles => format!(
                "{EVERYWHERE};style-src 'self' 'unsafe-inline';font-src 'self' data:;script-src 'self';connect-src 'self'"
            ),
            Self::Documents => format!("{EVERYWHERE};style-src 'unsafe-inline'"),
        }
    }
}

/// A page.
#[derive(Debug, Clone)]
pub struct Page {
    title: String,
    menu: Menu,
    content: Markup,
    allows: Allows,
    styles: Vec<&'static str>,
    scripts: Vec<&'static str>,
    status: StatusCode,
}

impl Page {
    /// A page with this heading and content.
    pub fn new(title: impl Into<String>, menu: Menu, content: Markup) -> Self {
        Self {
            title: title.into(),
            menu,
            content,
            allows: Allows::Nothing,
            styles: Vec::new(),
            scripts: Vec::new(),
            status: StatusCode::OK,
        }
    }

    /// The same page, which may do this.
    #[must_use]
    pub fn allowing(self, allows: Allows) -> Self {
        Self { allows, ..self }
    }

    /// The same page with a script of this server.
    #[must_use]
    pub fn script(mut self, path: &'static str) -> Self {
        self.scripts.push(path);
        self
    }

    /// The same page with another style of this server.
    #[must_use]
    pub fn style(mut self, path: &'static str) -> Self {
        self.styles.push(path);
        self
    }

    /// The same page as an answer of this status.
    #[must_use]
    pub fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The whole document.
    pub fn markup(&self) -> Markup {
        html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    meta name="referrer" content="no-referrer";
                    // Browsers ask for an icon by themselves unless they are told of one.
                    link rel="icon" href="data:,";
                    title { (self.title) @if self.title != "JobApp" { " · JobApp" } }
                    @for path in &self.styles { link rel="stylesheet" href=(path); }
                    style { (PreEscaped(STYLE)) }
                    @for path in &self.scripts { script src=(path) defer {} }
                }
                body {
                    a.skip href="#content" { "Skip to the content" }
                    header {
                        nav aria-label="Pages" {
                            a.brand href="/" { "JobApp" }
                            ul {
                                @for entry in self.menu.entries() {
                                    li {
                                        @if self.menu.here == Some(entry) {
                                            a href=(entry.path()) aria-current="page" { (entry.name()) }
                                        } @else {
                                            a href=(entry.path()) { (entry.name()) }
                                        }
                                    }
                                }
                            }
                        }
                    }
                    main id="content" { h1 { (self.title) } (self.content) }
                }
            }
        }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let mut response = (self.status, Html(self.markup().into_string())).into_response();
        let headers = response.headers_mut();
        if let Ok(policy) = HeaderValue::try_from(self.allows.policy()) {
            headers.insert(header::CONTENT_SECURITY_POLICY, policy);
        }
        for (name, value) in [
            (header::CACHE_CONTROL, "no-store"),
            // Addresses of pages may hold what opens an account: no site a link leads to learns of them.
            (header::REFERRER_POLICY, "no-referrer"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::X_FRAME_OPTIONS, "DENY"),
        ] {
            headers.insert(name, HeaderValue::from_static(value));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http_body_util::BodyExt;

    fn page(menu: Menu) -> Page {
        Page::new("<Mails>", menu, html! { p { "it's <b>" } })
    }

    #[test]
    fn what_is_put_into_a_page_stays_text() {
        let text = page(Menu::developer(Entry::Mail)).markup().into_string();
        assert!(
            text.contains("<h1>&lt;Mails&gt;</h1>") && text.contains("<title>&lt;Mails&gt; · JobApp</title>"),
            "{text}"
        );
        assert!(text.contains("&lt;b&gt;") && !text.contains("<b>"), "{text}");
    }

    #[test]
    fn the_menu_says_where_one_is_and_leads_to_pages_that_are_there() {
        let developers = page(Menu::developer(Entry::Mail)).markup().into_string();
        assert!(developers.contains("href=\"/_dev/mail\" aria-current=\"page\""), "{developers}");
        assert_eq!(developers.matches("aria-current=").count(), 1);
        let everybody = page(Menu::of(false, None)).markup().into_string();
        assert!(!everybody.contains("_dev") && !everybody.contains("aria-current="), "{everybody}");
        assert!(everybody.contains("href=\"/docs/\""), "{everybody}");
    }

    #[tokio::test]
    async fn a_page_runs_nothing_is_kept_by_nobody_and_has_the_one_style_its_policy_names() {
        let response = page(Menu::developer(Entry::Mail)).status(StatusCode::NOT_FOUND).into_response();
        assert_eq!(response.status(), StatusCode::NOT_FOUND);
        let header = |name: &str| response.headers()[name].to_str().unwrap().to_owned();
        let policy = header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'"), "{policy}");
        assert!(!policy.contains("script-src") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(header("cache-control"), "no-store");
        assert_eq!(header("referrer-policy"), "no-referrer");
        assert_eq!(header("x-frame-options"), "DENY");
        let body = response.into_body().collect().await.unwrap().to_bytes();
        let body = String::from_utf8(body.to_vec()).unwrap();
        let style = body.split_once("<style>").unwrap().1.split_once("</style>").unwrap().0;
        assert!(policy.contains(&STANDARD.encode(Sha256::digest(style))), "{policy}");
    }

    #[test]
    fn scripts_and_frames_are_allowed_one_by_one() {
        let policy = |allows: Allows| allows.policy();
        assert!(policy(Allows::Scripts).contains("script-src 'self'") && !policy(Allows::Scripts).contains("unsafe"));
        assert!(!policy(Allows::Documents).contains("script-src"));
        assert!(!policy(Allows::ScriptsAndStyles).contains("script-src 'self' 'unsafe"));
    }
}
