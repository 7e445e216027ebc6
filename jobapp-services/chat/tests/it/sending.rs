//! Writing messages and reading them back.

use http::{Method, StatusCode};
use jobapp_kernel::Ids;
use jobapp_wire::queues::{CHAT_MESSAGE, REALTIME};
use serde_json::{Value, json};

use crate::app::{App, BUYER_OF_MARTA, GIG, SELLER_OF_IRIA, from_iria, from_marta};

#[tokio::test]
async fn a_message_is_answered_with_its_data_and_is_in_every_list_at_once() {
    let app = App::new().await;
    let (status, answer) = app.post("Marta", &from_marta("Hello")).await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(answer["message"], "Message added");
    assert_eq!(answer["conversationId"], "123456789012345");
    let data = &answer["messageData"];
    let empty_offer = json!({"gigTitle": "", "price": 0.0, "description": "", "deliveryInDays": 0, "oldDeliveryDate": "",
        "newDeliveryDate": "", "accepted": false, "cancelled": false});
    let mut expected = json!({"conversationId": "123456789012345", "senderUsername": "Marta",
        "senderPicture": "https://img.example.org/Marta.png", "receiverUsername": "Iria",
        "receiverPicture": "https://img.example.org/Iria.png", "body": "Hello", "file": "", "fileType": "", "fileSize": "",
        "fileName": "", "gigId": GIG, "buyerId": BUYER_OF_MARTA, "sellerId": SELLER_OF_IRIA, "isRead": false,
        "hasOffer": false, "offer": empty_offer});
    expected["_id"] = data["_id"].clone();
    expected["createdAt"] = data["createdAt"].clone();
    assert_eq!(data, &expected);

    let (_, conversation) = app.get("Iria", "/conversation/iria/MARTA").await;
    assert_eq!(conversation["message"], "Chat conversation");
    let conversation = &conversation["conversations"][0];
    assert_eq!(conversation["conversationId"], "123456789012345");
    assert_eq!((&conversation["senderUsername"], &conversation["__v"]), (&json!("Marta"), &json!(0)));

    for path in ["/Marta/Iria", "/Iria/Marta", "/123456789012345"] {
        let (_, answer) = app.get("Iria", path).await;
        assert_eq!(answer, json!({"message": "Chat messages", "messages": [expected]}), "{path}");
    }

    for who in ["Marta", "Iria"] {
        let (_, list) = app.get(who, &format!("/conversations/{who}")).await;
        assert_eq!(list["message"], "Conversation list");
        let entry = list["conversations"][0].as_object().unwrap();
        let mut keys: Vec<&str> = entry.keys().map(String::as_str).collect();
        keys.sort_unstable();
        let mut wanted = [
            "_id",
            "conversationId",
            "sellerId",
            "buyerId",
            "receiverUsername",
            "receiverPicture",
            "senderUsername",
            "senderPicture",
            "body",
            "file",
            "gigId",
            "isRead",
            "hasOffer",
            "createdAt",
        ];
        wanted.sort_unstable();
        assert_eq!(keys, wanted);
        assert_eq!(entry["body"], "Hello");
    }
}

#[tokio::test]
async fn one_pair_has_one_conversation_whatever_its_clients_believe() {
    let app = App::new().await;
    let first = app.posted("Marta", &from_marta("1")).await;
    for (id, has) in [(json!("999"), false), (json!(""), true), (json!(null), true), (json!("undefined"), false)] {
        let mut body = from_iria("again");
        body["conversationId"] = id;
        body["hasConversationId"] = json!(has);
        assert_eq!(app.posted("Iria", &body).await["conversationId"], first["conversationId"]);
    }
    let (_, all) = app.get("Marta", "/123456789012345").await;
    let times: Vec<&str> =
        all["messages"].as_array().unwrap().iter().map(|message| message["createdAt"].as_str().unwrap()).collect();
    assert!(times.is_sorted() && times.len() == 5, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[0] < pair[1]), "{times:?}");
}

#[tokio::test]
async fn an_unusable_conversation_id_is_replaced() {
    for id in [json!(""), json!(null), json!("undefined"), json!("../../x")] {
        let app = App::new().await;
        let mut body = from_marta("Hello");
        body["conversationId"] = id;
        let (_, answer) = app.post("Marta", &body).await;
        let made = answer["conversationId"].as_str().unwrap();
        assert!(made.len() == 15 && made.bytes().all(|byte| byte.is_ascii_digit()), "{made}");
    }
}

#[tokio::test]
async fn broken_rules_answer_in_the_wires_words() {
    let app = App::new().await;
    let mut body = from_marta("Hello");
    body.as_object_mut().unwrap().remove("sellerId");
    let (status, answer) = app.post("Marta", &body).await;
    let expected = json!({"message": "Seller id is required", "statusCode": 400, "status": "error",
        "comingFrom": "Create message() method"});
    assert_eq!((status, answer), (StatusCode::BAD_REQUEST, expected));
}

#[tokio::test(start_paused = true)]
async fn nobody_writes_as_another_to_himself_to_nobody_or_in_foreign_roles() {
    let app = App::new().await;
    let with = |key: &str, value: &str| {
        let mut body = from_marta("Hello");
        body[key] = json!(value);
        body
    };
    for (body, expected) in [
        (with("senderUsername", "Iria"), StatusCode::FORBIDDEN),
        (with("receiverUsername", "marta"), StatusCode::BAD_REQUEST),
        (with("receiverUsername", "Nobody"), StatusCode::BAD_REQUEST),
        (with("sellerId", "66f0c0ffee0000000000a003"), StatusCode::BAD_REQUEST),
        (with("buyerId", "undefined"), StatusCode::BAD_REQUEST),
    ] {
        let (status, answer) = app.post("Marta", &body).await;
        assert_eq!((status, &answer["comingFrom"]), (expected, &json!("Create message() method")), "{body}");
    }
    assert_eq!(app.store.events(), []);
}

#[tokio::test(start_paused = true)]
async fn a_message_waits_for_the_profiles_of_its_users() {
    let app = App::without_users();
    let body = from_marta("Hello");
    let posting = app.post("Marta", &body);
    let meeting = async {
        app.meet("Marta", BUYER_OF_MARTA, None).await;
        tokio::task::yield_now().await;
        app.meet("Iria", "66f0c0ffee0000000000b002", Some(SELLER_OF_IRIA)).await;
    };
    let ((status, answer), ()) = tokio::join!(posting, meeting);
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test(start_paused = true)]
async fn profiles_that_may_be_on_their_way_are_asked_for_again_later() {
    let app = App::without_users();
    let mut body = from_marta("Hello");
    let (status, answer) = app.post("Marta", &body).await;
    let text = "Your profile is not ready yet. Please try again in a moment.";
    assert_eq!((status, &answer["message"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(text)));

    app.meet("Marta", BUYER_OF_MARTA, None).await;
    let (status, answer) = app.post("Marta", &body).await;
    assert_eq!((status, &answer["message"]), (StatusCode::BAD_REQUEST, &json!("The receiver does not exist.")));

    let new_seller = jobapp_runtime::SystemIds::default().object_id().to_string();
    body["sellerId"] = json!(new_seller);
    let text = "A profile of the two is not known yet. Please try again in a moment.";
    let (status, answer) = app.post("Marta", &body).await;
    assert_eq!((status, &answer["message"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(text)));
    app.meet("Iria", "66f0c0ffee0000000000b002", None).await;
    let (status, answer) = app.post("Marta", &body).await;
    assert_eq!((status, &answer["message"]), (StatusCode::SERVICE_UNAVAILABLE, &json!(text)), "the role is missing");
    app.meet("Iria", "66f0c0ffee0000000000b002", Some(&new_seller)).await;
    let (status, answer) = app.post("Marta", &body).await;
    assert_eq!(status, StatusCode::OK, "{answer}");
}

#[tokio::test]
async fn a_file_becomes_a_url_or_nothing_happens() {
    let app = App::new().await;
    let with_file = |file: &str| {
        let mut body = from_marta("See this");
        body["file"] = json!(file);
        body["fileType"] = json!("txt");
        body["fileName"] = json!("a.txt");
        body["fileSize"] = json!("2 B");
        body
    };
    let data = app.posted("Marta", &with_file("data:text/plain;base64,aGk=")).await;
    assert_eq!(app.media.get(data["file"].as_str().unwrap()).unwrap(), b"hi");
    assert_eq!((&data["fileName"], &data["fileSize"]), (&json!("a.txt"), &json!("2 B")));
    let large = format!("data:text/plain;base64,{}", "aGkh".repeat(40_000));
    for (file, away, status, text) in [
        ("no file", false, StatusCode::BAD_REQUEST, "File upload error. Try again"),
        (&large, false, StatusCode::PAYLOAD_TOO_LARGE, "The file is too large: choose one of at most 100 KB."),
        (
            "data:text/plain;base64,aGk=",
            true,
            StatusCode::SERVICE_UNAVAILABLE,
            "The service is busy. Please try again in a moment.",
        ),
    ] {
        app.media.set_away(away);
        let (answered, answer) = app.post("Marta", &with_file(file)).await;
        assert_eq!((answered, answer["message"].as_str().unwrap()), (status, text));
    }
    assert_eq!(app.store.events().len(), 1);
}

#[tokio::test]
async fn a_file_has_an_address_for_the_two_and_is_told_to_services_without_one() {
    let app = App::new().await;
    let mut body = from_marta("See this");
    body["file"] = json!("data:text/plain;base64,aGk=");
    body["fileName"] = json!("a.txt");
    let sent = app.posted("Marta", &body).await;
    let (_, listed) = app.get("Iria", "/Marta/Iria").await;
    let (_, conversations) = app.get("Iria", "/conversations/Iria").await;
    let read = json!({"messageId": sent["_id"]});
    let (_, marked) = app.put("Iria", "/mark-as-read", read).await;
    let live = app.published_on(REALTIME);
    for file in [
        &sent["file"],
        &listed["messages"][0]["file"],
        &conversations["conversations"][0]["file"],
        &marked["singleMessage"]["file"],
        &live[0]["arguments"][0]["file"],
        &live[1]["arguments"][0]["file"],
    ] {
        assert_eq!(app.media.get(file.as_str().unwrap()).unwrap(), b"hi", "{file}");
    }
    let told = app.published_on(CHAT_MESSAGE);
    assert_eq!(told.len(), 2);
    for told in &told {
        let file = told["message"]["file"].as_str().unwrap();
        assert!(!file.contains("://") && app.media.get(file).is_none(), "{file}");
    }
    let events: Vec<String> = app.store.events().iter().map(|entry| format!("{entry:?}")).collect();
    assert!(!events.iter().any(|event| event.contains("media.test")), "an address was stored: {events:?}");
}

#[tokio::test]
async fn what_a_file_is_called_hides_nothing() {
    let app = App::new().await;
    let mut body = from_marta("See this");
    body["file"] = json!("data:text/plain;base64,aGk=");
    for (name, shown) in [
        ("photo\u{202E}gpj.exe", "photogpj.exe"),
        ("..\\..\\a\u{200B}b.txt", "ab.txt"),
        ("/etc/passwd", "passwd"),
        ("\u{2066}\u{2069}", ""),
        ("", ""),
    ] {
        body["fileName"] = json!(name);
        body["fileType"] = json!("\u{202E}txt\n");
        body["fileSize"] = json!("2\u{200B} B");
        let sent = app.posted("Marta", &body).await;
        assert_eq!(
            (&sent["fileName"], &sent["fileType"], &sent["fileSize"]),
            (&json!(shown), &json!("txt"), &json!("2 B"))
        );
    }
}

#[tokio::test]
async fn a_repeated_request_is_answered_as_the_first_time() {
    let app = App::new().await;
    let send = async |text: &str| -> (StatusCode, Value) {
        let mut request = app.request(Method::POST, "Marta", "/", Some(&from_marta(text)));
        request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
        app.call(request).await
    };
    let first = send("Hello").await;
    assert_eq!(first.0, StatusCode::OK);
    assert_eq!(send("Hello").await, first);
    assert_eq!(send("Other").await.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(app.store.events().len(), 1);
}

#[tokio::test]
async fn a_large_file_is_kept_once_and_only_with_its_message() {
    let app = App::new().await;
    let source = format!("data:text/plain;base64,{}", "aGkh".repeat(30_000));
    let mut body = from_marta("See this");
    body["file"] = json!(source);
    body["fileName"] = json!("a.txt");
    let send = async |who: &str, body: &Value| -> (StatusCode, Value) {
        let mut request = app.request(Method::POST, who, "/", Some(body));
        request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
        app.call(request).await
    };
    assert_eq!(send("Iria", &body).await.0, StatusCode::FORBIDDEN);
    let mut without_seller = body.clone();
    without_seller["sellerId"] = json!("");
    let (status, answer) = send("Marta", &without_seller).await;
    assert_eq!((status, &answer["message"]), (StatusCode::BAD_REQUEST, &json!("Seller id is required")));
    let mut elsewhere = body.clone();
    elsewhere["body"] = body["file"].clone();
    elsewhere["file"] = json!("https://files.example/a.txt");
    assert_eq!(send("Marta", &elsewhere).await.0, StatusCode::BAD_REQUEST);
    assert!(app.media.is_empty());

    let first = send("Marta", &body).await;
    assert_eq!(first.0, StatusCode::OK, "{}", first.1);
    assert_eq!(send("Marta", &body).await, first);
    let url = first.1["messageData"]["file"].as_str().unwrap();
    assert!(url.ends_with(".txt"), "{url}");
    assert_eq!(app.media.get(url).unwrap(), b"hi!".repeat(30_000));
    assert_eq!(app.media.len(), 1);

    app.media.set_away(true);
    body["body"] = json!("again");
    assert_eq!(app.post("Marta", &body).await.0, StatusCode::SERVICE_UNAVAILABLE);
}
