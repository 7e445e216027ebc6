//! What answers at the address of a server before the server does.

use jobapp_sql::{SqlConfig, SqlStore};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;

#[tokio::test]
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
    for scheme in ["postgres", "mysql"] {
        let config = SqlConfig::server(&format!("{scheme}://jobapp:hush@127.0.0.1:{port}/market")).unwrap();
        let error = SqlStore::open(config).await.err().unwrap();
        assert!(error.is_away(), "{scheme}: {error:?}");
    }
    answering.abort();
}
