//! Rows as they come from each server.

use jobapp_import::{Kind, Legacy, OldRow, OldSystem, Places};
use jobapp_kernel::error_text;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};
use sea_orm::{ConnectionTrait, DbBackend, Statement};
use serde_json::{Value, json};

use crate::database::Databases;

async fn open(databases: &Databases) -> Legacy {
    Box::pin(Legacy::open(&databases.places())).await.unwrap()
}

/// Every row, a page of two at a time.
async fn all(old: &Legacy, kind: Kind) -> Vec<OldRow> {
    let (mut rows, mut after): (Vec<OldRow>, Option<String>) = (Vec::new(), None);
    loop {
        let page = old.page(kind, after.as_deref(), 2).await.unwrap();
        let Some(last) = page.last() else { return rows };
        assert!(page.len() <= 2);
        after = Some(last.id.clone());
        rows.extend(page);
    }
}

fn fields(row: &OldRow) -> Value {
    Value::Object(row.fields.clone())
}

#[tokio::test(flavor = "multi_thread")]
async fn accounts_come_from_mysql() {
    let databases = Databases::new().await;
    let insert = "INSERT INTO auths (id, username, password, profilePublicId, email, country, profilePicture, emailVerified, browserName, \
        deviceType, otp, createdAt, updatedAt) VALUES \
        (3, 'Märta', '$2b$10$x', 'p', 'm@example.org', '', 'https://x', 1, 'Chrome', 'browser', '123456', '2024-05-01 10:00:00', '2024-05-01 10:00:01'), \
        (2147483647, 'Last', 'h', 'p', NULL, '日本', '', 0, '', '', NULL, NULL, '2024-05-01 10:00:01'), (9, 'B', 'h', '', 'b', '', '', 0, '', '', NULL, NULL, NULL)";
    databases.mysql().await.execute_raw(Statement::from_string(DbBackend::MySql, insert)).await.unwrap();
    let old = open(&databases).await;
    let rows = all(&old, Kind::Accounts).await;
    assert_eq!(rows.iter().map(|row| row.id.as_str()).collect::<Vec<_>>(), ["3", "9", "2147483647"]);
    let expected = json!({"id": 3, "username": "Märta", "password": "$2b$10$x", "profilePublicId": "p", "email": "m@example.org",
        "country": "", "profilePicture": "https://x", "emailVerificationToken": null, "emailVerified": 1, "browserName": "Chrome",
        "deviceType": "browser", "createdAt": "2024-05-01T10:00:00.000000Z", "updatedAt": "2024-05-01T10:00:01.000000Z"});
    assert_eq!(fields(&rows[0]), expected, "and neither codes nor tokens to reset a password");
    assert_eq!((&rows[2].fields["email"], &rows[2].fields["createdAt"]), (&Value::Null, &Value::Null));
    assert_eq!(rows[2].fields["country"], "日本");
    assert_eq!(
        (old.count(Kind::Accounts).await.unwrap(), old.highest(Kind::Accounts).await.unwrap()),
        (3, Some(2_147_483_647))
    );
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn reviews_come_from_postgresql() {
    let databases = Databases::new().await;
    let old = open(&databases).await;
    assert_eq!((old.count(Kind::Reviews).await.unwrap(), old.highest(Kind::Reviews).await.unwrap()), (0, None));
    let insert = "INSERT INTO reviews (id, gigId, reviewerId, orderId, sellerId, review, reviewerImage, reviewerUsername, country, \
        reviewType, rating, createdAt) VALUES (7, 'g', 'b', 'JO1', 's', 'Gréat', 'https://x', 'Marta', 'Marta', 'buyer-review', 5, \
        '2024-05-01 10:00:00.123'), (8, '', '', '', '', '', '', '', '', '', 0, NULL), (9, '', '', '', '', '', '', '', '', '', 0, 'infinity')";
    databases.postgres().await.execute_raw(Statement::from_string(DbBackend::Postgres, insert)).await.unwrap();
    let rows = all(&old, Kind::Reviews).await;
    let expected = json!({"id": 7, "gigId": "g", "reviewerId": "b", "orderId": "JO1", "sellerId": "s", "review": "Gréat",
        "reviewerImage": "https://x", "reviewerUsername": "Marta", "country": "Marta", "reviewType": "buyer-review", "rating": 5,
        "createdAt": "2024-05-01T10:00:00.123Z"});
    assert_eq!(fields(&rows[0]), expected);
    assert_eq!((rows.len(), &rows[1].fields["createdAt"]), (3, &Value::Null));
    assert_eq!((old.count(Kind::Reviews).await.unwrap(), old.highest(Kind::Reviews).await.unwrap()), (3, Some(9)));
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn documents_come_from_mongodb_whatever_is_in_them() {
    let databases = Databases::new().await;
    let messages = databases.documents("chat").await.collection::<Document>("Message");
    let id = |number: u8| ObjectId::from_bytes([number; 12]);
    messages
        .insert_many([
            doc! {"_id": id(3), "body": "third", "createdAt": DateTime::from_millis(1_795_486_542_000), "isRead": true, "price": 7.5},
            doc! {"_id": id(1), "body": {"x": 1_i32}, "offer": {"price": 25_i64, "tags": ["a", id(9), Bson::Null]}},
            doc! {"_id": id(2), "body": Bson::Null},
            doc! {"_id": "somebody's own", "body": "first of all"},
            doc! {"_id": 7_i32, "body": "first of all"},
        ])
        .await
        .unwrap();
    let old = open(&databases).await;
    let rows = all(&old, Kind::Messages).await;
    let ids: Vec<&str> = rows.iter().map(|row| row.id.as_str()).collect();
    assert_eq!(ids, ["other 1", "other 2", &id(1).to_hex(), &id(2).to_hex(), &id(3).to_hex()]);
    assert_eq!(
        fields(&rows[2]),
        json!({"_id": id(1).to_hex(), "body": {"x": 1}, "offer": {"price": 25, "tags": ["a", id(9).to_hex(), null]}})
    );
    let expected = json!({"_id": id(3).to_hex(), "body": "third", "createdAt": "2026-11-24T02:15:42.000Z", "isRead": true, "price": 7.5});
    assert_eq!(fields(&rows[4]), expected);
    assert_eq!((old.count(Kind::Messages).await.unwrap(), old.highest(Kind::Messages).await.unwrap()), (5, None));
    // What comes later is found behind the last one.
    messages.insert_one(doc! {"_id": id(4)}).await.unwrap();
    let last = id(3).to_hex();
    assert_eq!(old.page(Kind::Messages, Some(&last), 9).await.unwrap()[0].id, id(4).to_hex());
    assert_eq!(old.page(Kind::Conversations, None, 9).await.unwrap(), [], "a collection that nobody made");
    databases.drop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_read_is_told_without_passwords() {
    let places = |place: &str| Places { auth: Some(place.to_owned()), ..Places::default() };
    for (place, told) in [
        ("mysql://jobapp:hush@127.0.0.1:1/old", "cannot be reached"),
        ("old", "is at no address"),
        ("mongodb://jobapp:hush@127.0.0.1/old", "begins with postgres:// or mysql://"),
    ] {
        let error = Box::pin(Legacy::open(&places(place))).await.err().unwrap();
        let text = format!("{} {error:?}", error_text(&error));
        assert!(text.contains(told) && text.contains("auth") && !text.contains("hush"), "{place}: {text}");
    }
    let databases = Databases::new().await;
    let gone = "DROP TABLE auths";
    databases.mysql().await.execute_raw(Statement::from_string(DbBackend::MySql, gone)).await.unwrap();
    let old = open(&databases).await;
    let error = error_text(&old.page(Kind::Accounts, None, 1).await.unwrap_err());
    assert!(
        error.starts_with("the accounts of the existing system cannot be read: the table auths of mysql://"),
        "{error}"
    );
    let none = Box::pin(Legacy::open(&Places::default())).await.unwrap();
    let error = error_text(&none.page(Kind::Gigs, None, 1).await.unwrap_err());
    assert_eq!(error, "the gigs of the existing system cannot be read: nobody said where their database is");
    databases.drop().await;
}
