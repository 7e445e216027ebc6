//! Small pages for people without a client: each does the one thing a mail asks for, through the API everybody uses.
//!
//! They lie where the existing browser client has its own, so links in mails look the same with a client and without one.
//! What they show comes from `assets/account.js`, which calls the API from the browser: the pages themselves know nobody.

use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use jobapp_pages::{Allows, Entry, Menu, Page};
use maud::{Markup, html};

const SCRIPT: &str = include_str!("../../assets/account.js");
const SCRIPT_PATH: &str = "/assets/account.js";

/// The pages. In developer mode they say where the mails are.
pub(crate) fn router(developer_mode: bool) -> Router {
    Router::new()
        .route("/sign_in", get(sign_in))
        .route("/verify_otp", get(enter_code))
        .route("/forgot_password", get(forgot_password))
        .route("/reset_password", get(reset_password))
        .route("/confirm_email", get(confirm_email))
        .route("/orders/{order}/activities", get(order))
        .route("/inbox/{name}/{conversation}", get(conversation))
        .route(SCRIPT_PATH, get(script))
        .with_state(developer_mode)
}

async fn script() -> impl IntoResponse {
    ([(CONTENT_TYPE, "text/javascript; charset=utf-8"), (CACHE_CONTROL, "no-cache")], SCRIPT)
}

/// A page that `task` of the script runs.
fn page(title: &str, developer_mode: bool, here: Option<Entry>, task: &str, content: &Markup) -> Response {
    let content = html! {
        div.narrow data-task=(task) {
            noscript { p.bad { "This page needs JavaScript. The same can be done through the API: see its " a href="/docs/" { "reference" } "." } }
            (content)
            // Both are there from the start: what is put into them later is read out.
            p.soft role="status" data-said {}
            p.bad role="alert" data-failed {}
        }
    };
    Page::new(title, Menu::of(developer_mode, here), content)
        .allowing(Allows::Scripts)
        .script(SCRIPT_PATH)
        .into_response()
}

async fn sign_in(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        (sign_in_forms(developer_mode))
        section.card data-signed-in hidden {
            p { "You are signed in as " b data-name {} "." }
            p.soft { "The " a href="/docs/" { "API reference" } " calls as you from now on." }
            div.actions { button.second type="button" data-sign-out { "Sign out" } }
        }
    };
    page("Sign in", developer_mode, Some(Entry::SignIn), "sign-in", &content)
}

async fn enter_code(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        section.card data-sign-in {
            (code_form(developer_mode, false))
            p.soft { "The code belongs to the browser that asked for it. Another one? " a href="/sign_in" { "Sign in" } " there first." }
        }
        section.card data-signed-in hidden { p.good { "You are signed in as " b data-name {} "." } }
    };
    page("Enter your code", developer_mode, None, "enter-code", &content)
}

async fn forgot_password(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        section.card {
            form.stack data-forgot {
                p { "We mail you a link. It works once and for one hour." }
                label for="email" { "Your e-mail address" }
                input #email name="email" type="email" autocomplete="email" required;
                button type="submit" { "Mail me a link" }
            }
            div data-done hidden {
                p.good { "If there is an account with this address, the mail is on its way." }
                (mailbox(developer_mode))
            }
        }
    };
    page("Choose a new password", developer_mode, None, "forgot-password", &content)
}

async fn reset_password(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        section.card {
            form.stack data-reset {
                label for="password" { "New password" }
                input #password name="password" type="password" autocomplete="new-password" required aria-describedby="rule";
                p.soft #rule { "8 to 128 characters, and none that everybody tries first." }
                label for="again" { "The same again" }
                input #again name="confirmPassword" type="password" autocomplete="new-password" required;
                button type="submit" { "Set the password" }
            }
            div data-done hidden {
                p.good { "Your new password is set. All sessions were signed out." }
                p { a href="/sign_in" { "Sign in" } }
            }
            div data-other hidden { p { a href="/forgot_password" { "Ask for another link" } } }
        }
    };
    page("Choose a new password", developer_mode, None, "reset-password", &content)
}

async fn confirm_email(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        section.card data-done hidden {
            p.good { "Thank you" span data-name {} ". Your address " b data-email {} " is confirmed." }
        }
        div data-other hidden {
            p { "You can have another link mailed to you." }
            (sign_in_forms(developer_mode))
            section.card data-signed-in hidden {
                p { "You are signed in as " b data-name {} "." }
                div.actions { button type="button" data-resend { "Mail me another link" } }
                div data-resent hidden { p.good { "The mail is on its way." } (mailbox(developer_mode)) }
            }
        }
    };
    page("Confirm your address", developer_mode, None, "confirm-email", &content)
}

async fn order(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        (sign_in_forms(developer_mode))
        section data-loaded hidden {}
    };
    page("Your order", developer_mode, None, "order", &content)
}

async fn conversation(State(developer_mode): State<bool>) -> Response {
    let content = html! {
        (sign_in_forms(developer_mode))
        section data-loaded hidden {}
    };
    page("Your conversation", developer_mode, None, "conversation", &content)
}

/// Where to look for the mail of a marketplace that sends none.
fn mailbox(developer_mode: bool) -> Markup {
    html! {
        @if developer_mode { p.soft { "Mails are kept in the " a href="/_dev/mail" { "mailbox" } " of this server." } }
    }
}

fn sign_in_forms(developer_mode: bool) -> Markup {
    html! {
        section.card data-sign-in hidden {
            form.stack data-credentials {
                label for="username" { "User name or e-mail address" }
                input #username name="username" autocomplete="username" autocapitalize="none" spellcheck="false" required;
                label for="current" { "Password" }
                input #current name="password" type="password" autocomplete="current-password" required;
                button type="submit" { "Sign in" }
                p.soft { a href="/forgot_password" { "Choose a new password" } }
            }
            (code_form(developer_mode, true))
        }
    }
}

fn code_form(developer_mode: bool, is_hidden: bool) -> Markup {
    html! {
        form.stack data-code hidden[is_hidden] {
            p data-asked { "Enter the code you were mailed, or the one of your authenticator." }
            (mailbox(developer_mode))
            label for="code" { "Code" }
            input #code name="code" autocomplete="one-time-code" autocapitalize="none" spellcheck="false" required;
            button type="submit" { "Go on" }
        }
    }
}
