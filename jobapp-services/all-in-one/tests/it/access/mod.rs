//! Who may do what: every route, called by everybody, on one's own things, on those of others and on what does not exist.
//!
//! `table` says what each call is answered. The expectations come from the rules of ownership: one changes one's own things;
//! conversations, orders and notifications are their participants'; what is private is not found by others.

mod table;
mod world;

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use jobapp_gateway_service::routes::{BASE_PATH, all};
use reqwest::RequestBuilder;
use serde_json::Value;
use tokio::task::JoinSet;

use crate::harness::{Answer, Browser, IS_ONE_BINARY};
use table::{Row, table};
use world::{Caller, Things, World};

/// What a row says about one call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cell {
    /// The status of a good answer.
    Good,
    /// A good answer whose one list is empty.
    Empty,
    /// This status.
    Status(u16),
}

impl Cell {
    fn read(text: &str) -> Self {
        match text {
            "ok" => Self::Good,
            "empty" => Self::Empty,
            status => Self::Status(status.parse().unwrap_or_else(|_| panic!("no expectation: {text}"))),
        }
    }

    fn admits(self, answer: &Answer, good: u16) -> bool {
        match self {
            Self::Good => answer.status == good,
            Self::Empty => {
                let body = answer.json();
                let mut lists = body.as_object().unwrap().values().filter_map(Value::as_array);
                answer.status == good && lists.all(Vec::is_empty)
            }
            Self::Status(status) => answer.status == status,
        }
    }
}

/// The expectations of a row for one thing, in the order of [`Caller::ALL`].
fn cells(text: &str) -> Vec<Cell> {
    let cells: Vec<Cell> = text.split_whitespace().map(Cell::read).collect();
    assert_eq!(cells.len(), Caller::ALL.len(), "one cell for each caller: {text}");
    cells
}

#[tokio::test]
async fn every_route_answers_everybody_as_the_rules_of_ownership_say() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for row in table() {
        let good = row.good_status();
        let mut calls: Vec<(Cell, Caller, &str, &Things)> = Vec::new();
        for (whose, things, expected) in [
            ("own", &world.own, Some(row.own)),
            ("another's", &world.others, row.others),
            ("unknown", &world.unknown, row.unknown),
        ] {
            let Some(expected) = expected else { continue };
            calls.extend(
                cells(expected).into_iter().zip(Caller::ALL).map(|(cell, caller)| (cell, caller, whose, things)),
            );
        }
        // Refusals first, all at once: a good call may change what the next one finds.
        let (good_calls, refusals): (Vec<_>, Vec<_>) = calls.into_iter().partition(|(cell, ..)| *cell == Cell::Good);
        let mut refused = JoinSet::new();
        for (cell, caller, whose, things) in refusals {
            let (browser, request) = row.request(&world, caller, things);
            refused.spawn(async move { (cell, caller, whose, browser.send(request).await) });
        }
        let mut answers = refused.join_all().await;
        for (cell, caller, whose, things) in good_calls {
            let (browser, request) = row.request(&world, caller, things);
            answers.push((cell, caller, whose, browser.send(request).await));
        }
        for (cell, caller, whose, answer) in answers {
            if !cell.admits(&answer, good) {
                wrong.push(format!("{} as {caller:?}, {whose}: expected {cell:?}: {answer}", row.route));
            }
        }
    }
    assert!(wrong.is_empty(), "{} wrong:\n{}", wrong.len(), wrong.join("\n"));
}

#[test]
fn every_route_has_a_row_and_every_row_of_the_api_a_route() {
    let rows: Vec<&str> = table().iter().map(|row| row.route).filter(|route| !is_beside_the_api(route)).collect();
    let routes: BTreeSet<String> = all().iter().map(|route| format!("{} {}", route.method, route.path)).collect();
    let distinct: BTreeSet<String> = rows.iter().map(|&route| route.to_owned()).collect();
    assert_eq!(distinct, routes);
    assert_eq!(rows.len(), distinct.len(), "a row stands there twice");
}

#[test]
fn a_row_about_a_thing_says_what_holds_for_others_and_for_unknown_things() {
    for row in table() {
        let names = |part: &str| part.starts_with(':') && !["from", "size", "type", "count"].contains(&&part[1..]);
        let names_a_thing = row.route.split('/').any(names);
        let is_public = row.own.split_whitespace().all(|cell| cell == row.own.split_whitespace().next().unwrap());
        if names_a_thing && !is_public {
            assert!(row.others.is_some() && row.unknown.is_some(), "{}", row.route);
        }
    }
}

#[test]
fn the_page_about_access_says_what_is_tested() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/access.md");
    let page = page();
    if IS_ONE_BINARY && std::env::var_os("JOBAPP_TEST_WRITE_DOCS").is_some() {
        std::fs::write(&path, &page).unwrap();
    }
    let found = std::fs::read_to_string(&path).unwrap();
    // The page is about the one binary, which alone has a page of its own status.
    let everywhere = |line: &&str| IS_ONE_BINARY || !line.contains("/_dev/status`");
    let is_current = found.lines().filter(everywhere).eq(page.lines().filter(everywhere));
    assert!(is_current, "docs/access.md is out of date: run this test with JOBAPP_TEST_WRITE_DOCS=1");
}

fn is_beside_the_api(route: &str) -> bool {
    route.contains(" !")
}

/// The table for people.
fn page() -> String {
    let mut page = String::from(
        "# Who may do what\n\n\
         Every route, called by nobody (no session), an outsider (signed in, sells, has nothing to do with it), an operator, the buyer\n\
         and the seller: on what is the buyer's and the seller's *own*, on *another's* things and on *unknown* ones. `ok` is the status\n\
         of a good answer, `empty` a good answer with an empty list. `400` where a call brings a wrong code or password on purpose.\n\
         A file that was *sent* or delivered has a *link* that is shown to the two participants and good for half a day.\n\n\
         This page is written by the test that makes these calls: `jobapp-services/all-in-one/tests/it/access/mod.rs`.\n\n\
         | route | thing | nobody | outsider | operator | buyer | seller |\n|---|---|---|---|---|---|---|\n",
    );
    for row in table() {
        for (whose, expected) in [("own", Some(row.own)), ("another's", row.others), ("unknown", row.unknown)] {
            let Some(expected) = expected else { continue };
            let whose = if row.others.is_none() && row.unknown.is_none() { "" } else { whose };
            let cells: Vec<&str> = expected.split_whitespace().collect();
            writeln!(page, "| `{}` | {whose} | {} |", row.route.replace('!', ""), cells.join(" | ")).unwrap();
        }
    }
    page
}

impl Row {
    fn method(&self) -> &'static str {
        self.route.split_once(' ').unwrap().0
    }

    fn path(&self) -> &'static str {
        self.route.split_once(' ').unwrap().1
    }

    /// The status of a good answer.
    fn good_status(&self) -> u16 {
        let routes = all();
        let found = routes.iter().find(|route| route.path == self.path() && route.method.as_str() == self.method());
        found.map_or(200, |route| route.status)
    }

    /// The call of somebody on something, and the browser that makes it.
    fn request(&self, world: &World, caller: Caller, things: &Things) -> (Browser, RequestBuilder) {
        let browser = world.browser(caller);
        let request = browser.request(self.method(), &self.address(things));
        let request = match self.body {
            Some(body) => request.json(&body(things)),
            None => request,
        };
        (browser, request)
    }

    /// The path with its parameters filled in.
    fn address(&self, things: &Things) -> String {
        // What is beside the API is marked.
        let (base, path) = self.path().strip_prefix('!').map_or((BASE_PATH, self.path()), |path| ("", path));
        let parts: Vec<String> = path
            .split('/')
            .map(|part| match part.strip_prefix(':') {
                Some(name) => (self.fill)(things, name),
                None => part.to_owned(),
            })
            .collect();
        format!("{base}{}", parts.join("/"))
    }
}
