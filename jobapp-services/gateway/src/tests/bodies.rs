//! Bodies on their way to a service: what is compressed arrives there as it was.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};
use serde_json::json;

use super::{Answered, World, world};

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

async fn sent(world: &World, method: &str, path: &str, encoding: &str, body: Vec<u8>) -> Answered {
    let session = world.session_of("Marta");
    let headers = [("cookie", session.as_str()), ("content-type", "application/json"), ("content-encoding", encoding)];
    world.send_bytes(method, &format!("/api/gateway/v1{path}"), &headers, body).await
}

/// One route whose body goes on as it is, one of which some keys do, one that takes pictures and one that takes files.
const ROUTES: [(&str, &str); 4] =
    [("POST", "/review"), ("PUT", "/auth/change-password"), ("POST", "/gig/create"), ("POST", "/message")];

#[tokio::test]
async fn a_compressed_body_arrives_at_the_service_as_it_was() {
    let world = world().await;
    let body = json!({ "currentPassword": "x", "title": "y" });
    let zlib = {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(body.to_string().as_bytes()).unwrap();
        encoder.finish().unwrap()
    };
    for (method, path) in ROUTES {
        for (encoding, bytes) in [
            ("gzip", gzip(&body.to_string())),
            ("GZIP", gzip(&body.to_string())),
            ("deflate", zlib.clone()),
            ("identity", body.to_string().into()),
        ] {
            let answer = sent(&world, method, path, encoding, bytes).await;
            assert!(answer.status < 300, "{path} {encoding}: {answer:?}");
            let seen = world.backstage.seen.lock().last().unwrap().clone();
            let seen_body: serde_json::Value = serde_json::from_slice(&seen.body).unwrap();
            assert_eq!(seen_body["currentPassword"], "x", "{path} {encoding}");
            assert!(!seen.headers.contains_key("content-encoding"));
        }
    }
}

#[tokio::test]
async fn what_nobody_inflates_here_is_refused_with_what_is_taken() {
    let world = world().await;
    for (method, path) in ROUTES {
        for encoding in ["br", "zstd", "gzip, gzip", "x"] {
            let answer = sent(&world, method, path, encoding, b"{}".to_vec()).await;
            answer.error(415);
            assert_eq!(answer.header("accept-encoding"), "gzip, deflate", "{path} {encoding}");
        }
    }
    assert!(world.backstage.seen.lock().is_empty());
}

#[tokio::test]
async fn a_bomb_is_as_large_as_what_comes_out_of_it() {
    let world = world().await;
    let bomb = gzip(&format!("{{\"currentPassword\":\"{}\"}}", "x".repeat(300 * 1024)));
    assert!(bomb.len() < 2000);
    for (method, path) in [("PUT", "/auth/change-password"), ("POST", "/review")] {
        for _ in 0..10 {
            sent(&world, method, path, "gzip", bomb.clone()).await.error(413);
        }
    }
    assert!(world.backstage.seen.lock().is_empty());
    // None of that speaks against the service.
    let fine = sent(&world, "POST", "/review", "gzip", gzip("{}")).await;
    assert_eq!(fine.status, 201, "{fine:?}");
}

#[tokio::test]
async fn a_body_that_is_not_what_it_says_is_refused_with_the_reason() {
    let world = world().await;
    for (method, path) in ROUTES {
        let answer = sent(&world, method, path, "gzip", b"{}".to_vec()).await;
        assert_eq!(answer.error(400), "The body is not valid gzip, as its Content-Encoding says it is.", "{path}");
    }
}
