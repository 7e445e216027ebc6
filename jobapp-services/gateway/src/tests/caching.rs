//! Whose an answer is, and who may keep it.

use serde_json::json;

use super::world;

#[tokio::test]
async fn what_depends_on_the_session_is_kept_by_nobody_but_the_browser_and_asked_for_anew() {
    let world = world().await;
    let session = world.session_of("Marta");
    for path in ["/auth/currentuser", "/gig/66f0", "/gig/66f0", "/buyer/email", "/bff/home", "/auth/search/gig/66f0"] {
        let first = world.api("GET", path, &[("cookie", &session)], None).await;
        let kept = (first.status, first.header("cache-control"));
        assert_eq!(kept, (200, "private, no-cache"), "{path}");
        assert!(first.varies().contains("cookie") && first.varies().contains("origin"), "{path}: {}", first.varies());
        assert_eq!(first.varies().matches("origin").count(), 1, "{path}: {}", first.varies());
        // The browser still gets by with the tag.
        let tag = first.header("etag");
        let again = world.api("GET", path, &[("cookie", &session), ("if-none-match", tag)], None).await;
        assert_eq!((again.status, again.header("cache-control")), (304, "private, no-cache"), "{path}");
        assert!(again.varies().contains("cookie"), "{path}");
    }
    // What people without a session see depends on their having none.
    let strangers = world.api("GET", "/auth/search/gig/66f0", &[], None).await;
    assert_eq!((strangers.status, strangers.header("cache-control")), (200, "private, no-cache"));
    assert!(strangers.varies().contains("cookie"), "{}", strangers.varies());
}

#[tokio::test]
async fn writes_and_errors_are_kept_by_nobody() {
    let world = world().await;
    let session = world.session_of("Marta");
    for (method, path, cookie, status) in [
        ("PUT", "/order/approve-order/JO1", &*session, 200),
        ("GET", "/gig/none", &session, 404),
        ("GET", "/nothing", &session, 404),
        ("GET", "/gig/66f0", "a=b", 401),
        ("DELETE", "/gig/66f0", &session, 405),
        ("POST", "/auth/signout", &session, 200),
    ] {
        let answer = world.api(method, path, &[("cookie", cookie)], None).await;
        assert_eq!((answer.status, answer.header("cache-control")), (status, "no-store"), "{method} {path}");
    }
}

#[tokio::test]
async fn what_depends_on_nobody_says_nothing_of_cookies() {
    let world = world().await;
    for path in ["/docs/", "/openapi.json", "/livez"] {
        let answer = world.send("GET", path, &[("cookie", &world.session_of("Marta"))], None).await;
        assert!(answer.status == 200 && !answer.varies().contains("cookie"), "{path}: {}", answer.varies());
        assert!(!answer.header("cache-control").contains("private"), "{path}");
    }
    assert_eq!(world.api("POST", "/auth/signin", &[], Some(json!({}))).await.header("cache-control"), "no-store");
}
