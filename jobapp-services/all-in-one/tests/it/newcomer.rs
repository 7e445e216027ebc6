//! The first hour of somebody who has just got the marketplace: what the README says works, and pages are for people.

use std::path::Path;
use std::process::Command;

use reqwest::RequestBuilder;
use serde_json::{Value, json};

use crate::harness::bodies;
use crate::harness::checks::{list, text};
use crate::harness::{Answer, Browser, Server, shared, soon};

/// A browser's request for a page.
fn page(browser: &Browser, path: &str) -> RequestBuilder {
    let http = reqwest::Client::new();
    http.get(browser.url(path)).header("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8")
}

#[tokio::test]
async fn the_curl_lines_of_the_readme_work_as_they_are_pasted_also_twice() {
    let readme = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../README.md")).unwrap();
    let block = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let lines = block.filter(|block| block.contains("/auth/signup")).collect::<Vec<_>>();
    assert_eq!(lines.len(), 1, "one block signs somebody up");
    assert!(lines[0].lines().count() <= 12, "{}", lines[0]);
    let script = lines[0].replace("http://localhost:4000", &shared().base);
    let (browser, folder) = (shared().browser(), tempfile::tempdir().unwrap());
    for _ in 0..2 {
        let mut run = Command::new("bash");
        run.args(["-e", "-u", "-c", &script]).current_dir(folder.path()).env("TMPDIR", folder.path());
        let output = run.output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success(), "{printed}\n{}", String::from_utf8_lossy(&output.stderr));
        let answers: Vec<Value> = printed.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
        let found = answers.last().unwrap();
        assert_eq!(found["message"], "Search gigs results", "{printed}");
        assert!(list(found, "/gigs").iter().any(|gig| text(gig, "/title").contains("logo by Anna")), "{printed}");
    }
    browser.get("/auth/currentuser").await.refused_with(401, "Token is not available. Please login again.");
}

/// The body the API reference fills in; `None` where none is sent.
fn example<'d>(document: &'d Value, operation: &'d Value) -> Option<&'d Value> {
    let content = operation.pointer("/requestBody/content/application~1json")?;
    let schema = content["schema"]["$ref"].as_str().map(|name| name.trim_start_matches('#'));
    let of_schema = schema.and_then(|pointer| document.pointer(pointer)).map(|schema| &schema["example"]);
    let example = Some(&content["example"]).filter(|example| !example.is_null()).or(of_schema);
    Some(example.filter(|example| example.is_object()).unwrap_or_else(|| panic!("no example: {operation}")))
}

/// A call as the API reference makes it: the examples fill everything in.
fn as_documented(browser: &Browser, document: &Value, method: &str, path: &str) -> RequestBuilder {
    let operation = &document["paths"][format!("/api/gateway/v1{path}")][method];
    assert!(operation.is_object(), "{method} {path}");
    let mut address = format!("/api/gateway/v1{path}");
    let mut query = Vec::new();
    for parameter in operation["parameters"].as_array().into_iter().flatten() {
        let Some(example) = parameter["example"].as_str() else { continue };
        let name = text(parameter, "/name");
        if parameter["in"] == "path" {
            address = address.replace(&format!("{{{name}}}"), example);
        } else {
            query.push(format!("{name}={example}"));
        }
    }
    let request = browser.request(&method.to_uppercase(), &format!("{address}?{}", query.join("&")));
    match example(document, operation) {
        Some(body) => request.json(body),
        None => request,
    }
}

#[tokio::test]
async fn every_body_of_the_reference_is_filled_in_with_what_keeps_the_rules() {
    let browser = shared().browser();
    let document = browser.send(browser.request("GET", "/openapi.json")).await.good();
    let person = shared().person().await;
    let mut bodies = 0;
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Some(body) = example(&document, operation) else { continue };
            bodies += 1;
            // What opens or closes an account is tried in its order by the next test.
            if path.contains("/auth/") {
                continue;
            }
            let address = path.replace("{type}", "approve").replace("{orderId}", "JO52310984761");
            let address = address
                .replace("{gigId}", "66f0c0ffee0000000000b001")
                .replace("{sellerId}", "66f0c0ffee0000000000a001");
            assert!(!address.contains('{'), "{address}");
            let answer = person.send(person.request(&method.to_uppercase(), &address).json(body)).await;
            assert!([200, 201, 403, 404, 409, 503].contains(&answer.status), "an id it names may be unknown: {answer}");
        }
    }
    assert!(bodies > 20, "{bodies}");
}

#[tokio::test]
async fn the_examples_of_the_reference_work_as_they_are_one_after_the_other() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let browser = server.browser();
    let document = browser.send(browser.request("GET", "/openapi.json")).await.good();
    for (method, path, status) in [
        ("post", "/auth/signup", 201),
        ("post", "/auth/signin", 200),
        ("get", "/auth/currentuser", 200),
        ("post", "/auth/resend-email", 200),
        ("put", "/auth/forgot-password", 200),
        ("post", "/seller/create", 201),
        ("post", "/gig/create", 201),
        ("post", "/order/create-payment-intent", 201),
        ("put", "/auth/change-password", 200),
    ] {
        let answer = browser.send(as_documented(&browser, &document, method, path)).await;
        assert_eq!(answer.status, status, "{answer}");
    }
    soon("the gig of the example is found by the search of the example", || async {
        let path = "/auth/search/gig/{from}/{size}/{type}";
        let found = browser.send(as_documented(&browser, &document, "get", path)).await.good();
        if list(&found, "/gigs").is_empty() { Err(found.to_string()) } else { Ok(()) }
    })
    .await;
}

fn is_page(answer: &Answer) -> bool {
    answer.header("content-type").starts_with("text/html")
}

#[tokio::test]
async fn developer_pages_have_one_menu_and_are_json_only_for_who_asks() {
    let browser = shared().browser();
    for path in ["/", "/docs/", "/sign_in", "/_dev/mail", "/_dev/payments", "/_dev/status", "/_dev/mail/nothing"] {
        let answer = browser.send(page(&browser, path)).await;
        assert!(is_page(&answer), "{answer}");
        for link in ["/", "/docs/", "/_dev/mail", "/_dev/payments", "/_dev/status"] {
            assert!(answer.text().contains(&format!("<li><a href=\"{link}\"")), "{path} links to {link}: {answer}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{answer}");
    }
    for path in ["/_dev/mail", "/_dev/payments", "/_dev/status"] {
        browser.send(browser.request("GET", path)).await.json();
        let unsaid = browser.send(reqwest::Client::new().get(browser.url(path)).header("accept", "*/*")).await;
        assert!(is_page(&unsaid), "{unsaid}");
    }
}

#[tokio::test]
async fn the_home_page_shows_gigs_and_once_the_demo_is_there_its_people() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let seller = server.seller().await;
    seller.gig_called("Hand-drawn <marks>", 20.0).await;
    // The page keeps what it found for some seconds, so it is asked once there is something to find.
    soon("the gig is found", || async {
        let found = seller.get("/auth/search/gig/0/10/forward").await.good();
        if list(&found, "/gigs").is_empty() { Err(found.to_string()) } else { Ok(()) }
    })
    .await;
    let home = seller.without_cookies().send(page(&seller, "/")).await.text();
    assert!(home.contains("Hand-drawn &lt;marks&gt;") && !home.contains("demo marketplace"), "{home}");
    std::fs::write(folder.path().join("demo.toml"), "password = 'demo marketplace'\ncomplete = true\n").unwrap();
    let home = seller.without_cookies().send(page(&seller, "/")).await.text();
    for part in ["demo marketplace", "Iria</li>", "Marta</li>", "/_dev/mail"] {
        assert!(home.contains(part), "{part}: {home}");
    }
    let other = tempfile::tempdir().unwrap();
    let hidden = Server::start(other.path(), &["--dev", "false"]);
    let home = hidden.browser().send(page(&hidden.browser(), "/")).await.text();
    assert!(!home.contains("demo marketplace") && !home.contains("_dev"), "{home}");
}

#[tokio::test]
async fn an_operators_invitation_leads_to_a_page_of_the_server() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().join("data");
    let data = data.to_str().unwrap();
    let invite = |more: &[&str]| {
        let arguments = [&["--data", data][..], more].concat();
        let ended = crate::harness::server::run_to_end(&arguments);
        assert!(ended.status.success(), "{ended:#?}");
        ended.stdout
    };
    let printed = invite(&["operator", "create", "Boss", "--email", "boss@example.org"]);
    assert!(printed.contains("http://localhost:4000/reset_password?token="), "{printed}");
    let printed = invite(&["--port", "0", "operator", "create", "Chief", "--email", "chief@example.org"]);
    assert!(printed.contains("\n/reset_password?token=") && !printed.contains("localhost"), "{printed}");
    let server = Server::start(Path::new(data), &[]);
    let browser = server.browser();
    let token = printed.split_once("token=").unwrap().1.trim().to_owned();
    assert!(is_page(&browser.send(page(&browser, &format!("/reset_password?token={token}"))).await));
    let password = json!({ "password": bodies::PASSWORD, "confirmPassword": bodies::PASSWORD });
    browser.put(&format!("/auth/reset-password/{token}"), password).await.good();
}
