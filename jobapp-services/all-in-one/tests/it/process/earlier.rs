//! A folder that an earlier version kept.

use std::path::Path;

use super::sign_in;
use crate::files::{WORK, data_url, picture, read, send};
use crate::harness::Server;
use crate::harness::checks::{list, text};

/// Puts a file into the media folder as an earlier version did, and returns its name.
fn of_an_earlier_version(data: &Path, digit: char, content: &[u8]) -> String {
    let name = format!("{}.png", digit.to_string().repeat(32));
    std::fs::write(data.join("media").join(&name), content).unwrap();
    name
}

#[tokio::test]
async fn files_of_an_earlier_version_become_private_and_published_pictures_stay() {
    let folder = tempfile::tempdir().unwrap();
    let server = Server::start(folder.path(), &[]);
    let trade = server.trade().await;
    let portrait = text(&trade.buyer.get("/auth/currentuser").await.good(), "/user/profilePicture");
    let kept = text(&send(&trade, &data_url(WORK), "work.zip").await, "/file");
    let name = of_an_earlier_version(folder.path(), 'a', &picture(2, 2));
    send(&trade, &format!("http://localhost:4000/media/{name}"), "a.png").await;
    send(&trade, &portrait, "me.png").await;
    let path = format!("/message/{}/{}", trade.seller.username, trade.buyer.username);
    let nobody = server.browser();
    assert_eq!(read(&nobody, &format!("/media/{name}")).await.0, 200);
    let address = |base: &str, old: &str| old.replacen(&base_of(old), base, 1);
    assert!(server.stop().success());
    std::fs::remove_file(folder.path().join("files-are-private")).unwrap();

    let server = Server::start(folder.path(), &[]);
    let (nobody, base) = (server.browser(), server.browser().url(""));
    let base = base.trim_end_matches('/');
    assert_eq!(read(&nobody, &address(base, &kept)).await, (200, WORK.to_vec()), "its key outlives the process");
    let seller = sign_in(&server, &trade.seller.username).await;
    let messages = list(&seller.get(&path).await.good(), "/messages");
    let file = |at: usize| text(&messages[messages.len() - at], "/file");
    assert_eq!(read(&nobody, &format!("/media/{name}")).await.0, 404);
    assert_eq!(read(&nobody, &file(2)).await, (200, picture(2, 2)));
    assert_eq!(file(1), address(base, &portrait), "a portrait is for everybody, whatever else it was sent as");
    assert_eq!(read(&nobody, &address(base, &portrait)).await.0, 200);
    assert!(folder.path().join("files-are-private").exists());
}

/// Scheme, host and port of an address.
fn base_of(address: &str) -> String {
    address.split('/').take(3).collect::<Vec<_>>().join("/")
}
