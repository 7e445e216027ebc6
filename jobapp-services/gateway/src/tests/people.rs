//! Pages for people: home, the reference, and those that do what a mail asks for.

use serde_json::{Value, json};

use super::{Answered, World, world, world_with};
use crate::{DemoPeople, DemoSource, GatewayConfig};

const BROWSER: (&str, &str) = ("accept", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8");

/// What the home page finds.
pub(super) fn gigs() -> Value {
    let stars = json!({ "value": 0, "count": 0 });
    let gig = |title: &str, picture: &str| {
        json!({
            "id": "66f0", "sellerId": "77a1", "username": "Iria", "profilePicture": "", "title": title,
            "description": "", "categories": "Graphics & Design", "subCategories": ["Logo"], "tags": ["logo"],
            "active": true, "expectedDelivery": "3 Days Delivery", "basicTitle": "", "basicDescription": "",
            "ratingsCount": 0, "ratingSum": 0, "price": 60.5, "coverImage": picture, "sortId": 1_000_000_001,
            "createdAt": "2026-11-24T10:15:42.000Z", "ratingCategories":
                { "five": stars, "four": stars, "three": stars, "two": stars, "one": stars },
        })
    };
    json!([
        gig("A <script>logo</script>", "http://localhost:4000/media/pictures/a.png"),
        gig("A card", "https://img.example.org/b.png"),
    ])
}

async fn page(world: &World, path: &str) -> (Answered, String) {
    let answer = world.send("GET", path, &[BROWSER], None).await;
    let text = answer.body.as_str().unwrap_or_else(|| panic!("{path}: {answer:?}")).to_owned();
    (answer, text)
}

fn developers(demo: Option<DemoPeople>) -> GatewayConfig {
    let demo = DemoSource::new(move || {
        let demo = demo.clone();
        Box::pin(async move { demo })
    });
    GatewayConfig { developer_mode: true, demo: Some(demo), ..GatewayConfig::default() }
}

fn people() -> DemoPeople {
    DemoPeople { sellers: vec!["Iria".into()], buyers: vec!["<Marta>".into()], password: "three green boats".into() }
}

#[tokio::test]
async fn the_home_page_shows_some_gigs_as_text_and_asks_no_other_host_for_their_pictures() {
    let (_, text) = page(&world().await, "/").await;
    for part in ["A &lt;script&gt;logo", "by Iria", "$60.50", "src=\"/media/pictures/a.png\"", "href=\"/docs/\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("<script") && !text.contains("img.example.org") && !text.contains("_dev"), "{text}");
}

#[tokio::test]
async fn the_home_page_is_there_without_the_gig_service_and_asks_it_once_for_many() {
    let world = world().await;
    for _ in 0..3 {
        page(&world, "/").await;
    }
    assert_eq!(world.backstage.calls(&http::Method::GET, "/api/v1/gig/search/0/6/forward"), 1);
    let world = super::world().await;
    world.away("gig");
    let (answer, text) = page(&world, "/").await;
    assert!(answer.status == 200 && text.contains("There are none yet."), "{text}");
}

#[tokio::test]
async fn developers_see_who_can_be_tried_and_with_which_password() {
    let (_, text) = page(&world_with(developers(Some(people()))).await, "/").await;
    for part in ["three green boats", "Iria</li>", "&lt;Marta&gt;", "href=\"/_dev/status\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let (_, text) = page(&world_with(developers(None)).await, "/").await;
    assert!(!text.contains("password of all"), "{text}");
    let config = GatewayConfig { developer_mode: false, ..developers(Some(people())) };
    let (_, text) = page(&world_with(config).await, "/").await;
    assert!(!text.contains("three green boats") && !text.contains("_dev"), "{text}");
}

#[tokio::test]
async fn programs_get_json_from_the_home_page() {
    let world = world().await;
    for accept in ["application/json", "*/*", "application/json, text/html;q=0.9"] {
        let answer = world.send("GET", "/", &[("accept", accept)], None).await;
        assert_eq!(answer.body["docs"], "/docs", "{accept}: {answer:?}");
    }
}

#[tokio::test]
async fn a_page_for_every_link_in_a_mail_runs_our_script_only_and_tells_nobody_its_address() {
    let world = world().await;
    for (path, task) in [
        ("/confirm_email?v_token=s3cret", "confirm-email"),
        ("/reset_password?token=s3cret", "reset-password"),
        ("/forgot_password", "forgot-password"),
        ("/verify_otp", "enter-code"),
        ("/sign_in", "sign-in"),
        ("/orders/JO52310984761/activities", "order"),
        ("/inbox/iria/123456789012345", "conversation"),
    ] {
        let (answer, text) = page(&world, path).await;
        assert_eq!(answer.status, 200, "{path}");
        assert!(text.contains(&format!("data-task=\"{task}\"")), "{path}: {text}");
        assert!(!text.contains("s3cret") && !text.contains("_dev"), "{path}: {text}");
        assert_eq!(text.matches("<script").count(), text.matches("<script src=\"/assets/account.js\"").count());
        let policy = answer.headers["content-security-policy"].to_str().unwrap();
        assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.headers["referrer-policy"], "no-referrer");
        assert_eq!(answer.headers["cache-control"], "no-store");
        // Whoever has no scripts is told what to do.
        assert!(text.contains("<noscript>"), "{text}");
    }
    let script = world.send("GET", "/assets/account.js", &[], None).await;
    assert!(script.headers["content-type"].to_str().unwrap().starts_with("text/javascript"));
    let script = script.body.as_str().unwrap();
    for part in
        ["/auth/verify-email", "/auth/reset-password/", "/auth/forgot-password", "/auth/verify-otp/", "/auth/signin"]
    {
        assert!(script.contains(part), "{part}");
    }
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("] {
        assert!(!script.contains(sink), "what people wrote must stay text: {sink}");
    }
}

#[tokio::test]
async fn developers_are_led_to_the_mailbox_where_a_mail_is_waited_for() {
    let world = world_with(developers(None)).await;
    for path in ["/forgot_password", "/verify_otp", "/sign_in", "/confirm_email"] {
        let (_, text) = page(&world, path).await;
        assert!(text.contains("Mails are kept in the"), "{path}: {text}");
    }
}

#[tokio::test]
async fn the_reference_has_the_menu_of_all_pages_and_calls_with_the_readers_session() {
    let world = world_with(developers(None)).await;
    let answer = world.send("GET", "/docs", &[BROWSER], None).await;
    assert_eq!((answer.status, &answer.headers["location"]), (303, &"/docs/".parse().unwrap()));
    let (_, text) = page(&world, "/docs/").await;
    for part in ["href=\"/docs/\" aria-current=\"page\"", "href=\"/_dev/payments\"", "id=\"swagger-ui\""] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let initializer = world.send("GET", "/docs/swagger-initializer.js", &[], None).await;
    let initializer = initializer.body.as_str().unwrap().to_owned();
    for part in ["\"withCredentials\": true", "\"tryItOutEnabled\": true", "\"url\": \"/openapi.json\""] {
        assert!(initializer.contains(part), "{part}: {initializer}");
    }
    assert_eq!(world.send("GET", "/docs/nothing.js", &[], None).await.status, 404);
}
