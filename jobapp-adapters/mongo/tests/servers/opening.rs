//! Opening, looking and closing, and what is told when that cannot be.

use jobapp_contracts::fixture::{Kettle, a_kettle, id};
use jobapp_kernel::{Change, RepositoryError, error_text};
use jobapp_mongo::MongoStore;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

use crate::place::{Place, config};

#[tokio::test(flavor = "multi_thread")]
async fn looking_changes_nothing() {
    let place = Place::on_shared().await;
    MongoStore::look(config(&place.url())).await.unwrap();
    assert_eq!(place.database().await.list_collection_names().await.unwrap(), Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_closed_store_is_unavailable() {
    let place = Place::on_shared().await;
    let store = place.open().await;
    let kettles = store.register::<Kettle>().await.unwrap();
    kettles.save(Change::insert(a_kettle(1), vec![])).await.unwrap().version().unwrap();
    store.close().await.unwrap();
    let told = kettles.find(&id(1)).await.unwrap_err();
    assert!(matches!(told, RepositoryError::Unavailable { .. }), "{told:?}");
    store.close().await.unwrap();
}

/// What answers before the server does may be the server later; and whatever is wrong, no password is told.
#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_speak_as_a_server_may_be_one_later() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            // Whoever hears it may hang up at once.
            drop(stream.write_all(&[0; 64]).await);
        }
    });
    let address = format!("mongodb://jobapp:hush@127.0.0.1:{port}/market");
    let error = MongoStore::open(config(&address)).await.err().unwrap();
    assert!(error.is_away(), "{error:?}");
    let told = format!("{} {error:?}", error_text(&error));
    assert!(!told.contains("hush"), "{told}");
    answering.abort();
}

/// What the driver does not know is no reason to try again later.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_that_nobody_knows_is_told() {
    let error =
        MongoStore::open(config("mongodb://jobapp:hush@127.0.0.1/market?socketTimeoutMS=1")).await.err().unwrap();
    assert!(!error.is_away(), "{error:?}");
    let told = error_text(&error);
    assert!(told.to_lowercase().contains("sockettimeoutms") && !told.contains("hush"), "{told}");
}
