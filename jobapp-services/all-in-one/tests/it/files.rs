//! Files of messages and deliveries, for their two participants; pictures, for everybody.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use crate::harness::browser::Browser;
use crate::harness::checks::text;
use crate::harness::people::{Trade, order_number};
use crate::harness::{bodies, shared};

pub(crate) const WORK: &[u8] = b"PK\x03\x04 what was ordered";

pub(crate) fn data_url(bytes: &[u8]) -> String {
    format!("data:application/octet-stream;base64,{}", STANDARD.encode(bytes))
}

/// A PNG that says it has these sides, with hardly any pixels.
pub(crate) fn picture(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut writer = png::Encoder::new(&mut bytes, width, height).write_header().unwrap();
    writer.write_chunk(png::chunk::IDAT, b"\x78\x9c\x63\0\0\0\x01\0\x01").unwrap();
    drop(writer);
    bytes
}

/// A message with a file from the buyer to the seller.
pub(crate) async fn send(trade: &Trade, file: &str, name: &str) -> Value {
    let mut message = trade.message(true, None, "See this");
    message["file"] = json!(file);
    message["fileType"] = json!("zip");
    message["fileName"] = json!(name);
    trade.buyer.post("/message", message).await.says("Message added")["messageData"].clone()
}

pub(crate) async fn read(browser: &Browser, address: &str) -> (u16, Vec<u8>) {
    let answer = browser.send(browser.request("GET", address)).await;
    (answer.status, answer.bytes)
}

/// The address without what was signed, as earlier versions gave it.
fn unsigned(address: &str) -> String {
    format!("/media/{}", address.rsplit('/').next().unwrap().trim_start_matches("private-"))
}

#[tokio::test]
async fn files_of_messages_and_deliveries_are_for_the_two_and_kept_by_no_cache() {
    let trade = shared().trade().await;
    let sent = text(&send(&trade, &data_url(WORK), "work.zip").await, "/file");
    let listed = text(trade.messages().await.last().unwrap(), "/file");
    let conversations = trade.seller.get(&format!("/message/conversations/{}", trade.seller.username)).await.good();
    let entry = text(&conversations, "/conversations/0/file");
    let number = trade.order().await;
    let mut delivery = bodies::delivery("Here it is.");
    delivery["file"] = json!(data_url(WORK));
    delivery["fileName"] = json!("work.zip");
    let delivered = trade.seller.put(&format!("/order/deliver-order/{number}"), delivery).await.good();
    let delivered = text(&delivered, "/order/deliveredWork/0/file");
    let ordered = text(&trade.order_document(&number).await, "/deliveredWork/0/file");
    let page = text(&trade.buyer.get(&format!("/bff/order/{number}")).await.good(), "/order/deliveredWork/0/file");
    let nobody = shared().browser();
    for address in [sent, listed, entry, delivered, ordered, page] {
        let answer = nobody.send(nobody.request("GET", &address).header("accept-encoding", "gzip")).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, WORK), "{address}: {answer}");
        assert_eq!(answer.header("cache-control"), "private, no-store");
        assert!(matches!(answer.header("access-control-allow-origin"), "*"), "{:?}", answer.headers);
        assert_eq!(answer.header("accept-ranges"), "bytes");
        // The stand-in of a bucket fails where the last bytes are asked for and there are fewer.
        let range = if shared().serves_media() { "bytes=-5000" } else { "bytes=0-5000" };
        let part = nobody.send(nobody.request("GET", &address).header("range", range)).await;
        assert_eq!((part.status, part.bytes.as_slice()), (206, WORK));
        // Without what was signed, with something else, with a word too many.
        let link = address.split('/').nth(4).unwrap();
        let later = format!("{}{}", char::from(link.as_bytes()[0] + 1), &link[1..]);
        for (stolen, status) in [
            (unsigned(&address), 404),
            (format!("/media/{}", address.rsplit('/').next().unwrap()), 404),
            (address.replace(link, &later), 403),
            (address.replace(link, &link[..link.len() - 2]), 403),
        ] {
            let answer = nobody.send(nobody.request("GET", &stolen)).await;
            assert_eq!(answer.status, status, "{stolen}: {answer}");
            answer.error();
        }
    }
    let cover = text(&trade.gig.document, "/coverImage");
    let answer = nobody.send(nobody.request("GET", &cover)).await;
    assert_eq!((answer.status, answer.header("cache-control")), (200, "public, max-age=31536000, immutable"));
}

#[tokio::test]
async fn an_address_that_comes_back_is_understood_and_never_made_to_last() {
    let trade = shared().trade().await;
    let address = text(&send(&trade, &data_url(WORK), "work.zip").await, "/file");
    let nobody = shared().browser();
    // In what is checked and ignored.
    let intent = trade.buyer.pay(20.0).await;
    let mut order = trade.order_body(&order_number(), &intent, 20.0);
    order["deliveredWork"] = json!([{ "message": "as it was", "file": address }]);
    trade.try_order(order).await.says("Order created successfully.");
    // As a file to send on: the receivers have one of their own.
    let again = text(&send(&trade, &address, "again.zip").await, "/file");
    assert_ne!(again.rsplit('/').next(), address.rsplit('/').next());
    assert_eq!(read(&nobody, &again).await, (200, WORK.to_vec()));
    // Who only knows the name of a file is given nothing.
    let mut theft = trade.message(false, None, "Mine?");
    // Whoever keeps files here knows them below any address.
    let place = if shared().serves_media() { "http://localhost:4000" } else { &*shared().base };
    theft["file"] = json!(format!("{place}{}", unsigned(&address)));
    let text = "This link to a file is not good any more. Choose the file itself.";
    trade.seller.post("/message", theft.clone()).await.refused_with(400, text);
    theft["file"] = json!(address.replace("/media/1", "/media/2"));
    trade.seller.post("/message", theft).await.refused_with(400, text);
}

#[tokio::test]
async fn a_picture_is_one_of_a_size_that_can_be_shown() {
    let seller = shared().seller().await;
    let gig = seller.gig(20.0).await;
    let too_large = "The picture is too large: it has 50000 by 50000 pixels. Choose one of at most 10000 on a side and 65 million in all.";
    let none = "This is no picture that can be shown. Choose a PNG, JPEG, GIF, WebP, AVIF or BMP file.";
    let damaged = "The picture is damaged: it cannot be read. Choose another one.";
    for (bytes, words) in [
        (picture(50_000, 50_000), too_large),
        (b"\x89PNG\r\n\x1a\n".to_vec(), damaged),
        (b"GIF89a\0\0\0\0".to_vec(), damaged),
        (b"hello".to_vec(), none),
    ] {
        let source = json!(data_url(&bytes));
        let mut sign_up = bodies::sign_up("Picturesque", "picturesque@example.org");
        sign_up["profilePicture"] = source.clone();
        shared().browser().post("/auth/signup", sign_up).await.refused_with(400, words);
        let mut new_gig = bodies::gig(&seller.seller_id, "No picture", 20.0);
        new_gig["coverImage"] = source.clone();
        seller.post("/gig/create", new_gig.clone()).await.refused_with(400, words);
        let update = json!({ "title": "No picture", "description": "x", "categories": "Design", "subCategories": ["x"],
            "tags": ["x"], "price": 20, "coverImage": source, "expectedDelivery": "3 Days Delivery", "basicTitle": "x",
            "basicDescription": "x" });
        seller.put(&format!("/gig/{}", gig.id), update).await.refused_with(400, words);
        let mut profile = seller.get(&format!("/seller/id/{}", seller.seller_id)).await.good()["seller"].clone();
        profile["profilePicture"] = source.clone();
        seller.put(&format!("/seller/{}", seller.seller_id), profile).await.refused_with(400, words);
        let person = shared().person().await;
        let mut sells = bodies::seller(&person.email);
        sells["profilePicture"] = source;
        person.post("/seller/create", sells).await.refused_with(400, words);
    }
}

#[tokio::test]
async fn a_photo_of_twelve_megabytes_is_taken_and_one_too_large_says_what_to_do() {
    let seller = shared().seller().await;
    let mut gig = bodies::gig(&seller.seller_id, "A photo", 20.0);
    let photo = |megabytes: usize| {
        let mut bytes = picture(4000, 3000);
        bytes.resize(megabytes * 1_000_000, 0);
        json!(data_url(&bytes))
    };
    gig["coverImage"] = photo(12);
    seller.post("/gig/create", gig.clone()).await.says("Gig created successfully.");
    gig["coverImage"] = photo(16);
    let answer = seller.post("/gig/create", gig).await;
    answer.refused_with(413, "The picture is too large: choose one of at most 15 MB.");
}

#[tokio::test]
async fn a_file_that_looks_like_a_picture_and_cannot_be_shown_is_a_download() {
    let trade = shared().trade().await;
    let nobody = shared().browser();
    for (content, shown) in [(picture(2, 2), true), (picture(50_000, 50_000), false)] {
        let file = format!("data:image/png;base64,{}", STANDARD.encode(&content));
        let address = text(&send(&trade, &file, "sketch.png").await, "/file");
        let answer = nobody.send(nobody.request("GET", &address)).await;
        assert_eq!((answer.status, answer.bytes.as_slice()), (200, content.as_slice()));
        assert_eq!(answer.header("content-disposition").starts_with("inline"), shown, "{answer}");
        assert_eq!(answer.header("content-type") == "image/png", shown, "{answer}");
    }
}
