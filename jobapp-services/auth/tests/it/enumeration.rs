//! Whether there is an account shows neither in an answer nor in the work it takes: the same comparisons of passwords, looks
//! into the store and writes. Sign-up is the one exception: it has to say that a name or an address is taken.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use axum::Router;
use axum::body::Body;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use jobapp_auth::{Account, HashError, PasswordHasher, Ports, Verified};
use jobapp_auth_service::{Argon2Hasher, AuthConfig, AuthService};
use jobapp_kernel::{
    Aggregate, Bounds, Cause, Change, FixedClock, Key, KeyValue, Page, PageRequest, Repository, RepositoryError, Saved,
    Sequence, Stored, Timestamp, Turns,
};
use jobapp_memory::MemoryStore;
use jobapp_platform::Service;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::app::{PASSWORD, credentials, gateway_tokens, marta, ports};

/// What was done.
#[derive(Default)]
struct Work {
    looks: AtomicUsize,
    writes: AtomicUsize,
    compared: AtomicUsize,
    hashed: AtomicUsize,
    /// Whether the store cannot be reached.
    away: AtomicBool,
}

/// Looks, writes, comparisons and hashes.
type Count = (usize, usize, usize, usize);

impl Work {
    fn count(&self) -> Count {
        let read = |counter: &AtomicUsize| counter.load(Ordering::SeqCst);
        (read(&self.looks), read(&self.writes), read(&self.compared), read(&self.hashed))
    }
}

struct Counting<T: ?Sized> {
    inner: Arc<T>,
    work: Arc<Work>,
}

impl<T: ?Sized> Counting<T> {
    fn one(&self, counter: fn(&Work) -> &AtomicUsize) {
        counter(&self.work).fetch_add(1, Ordering::SeqCst);
    }

    fn stored(&self, counter: fn(&Work) -> &AtomicUsize) -> Result<(), RepositoryError> {
        self.one(counter);
        let away = self.work.away.load(Ordering::SeqCst);
        if away { Err(RepositoryError::unavailable("asking the store", "no route to db-7.internal")) } else { Ok(()) }
    }
}

#[async_trait]
impl<A: Aggregate> Repository<A> for Counting<dyn Repository<A>> {
    async fn find(&self, id: &A::Id) -> Result<Option<Stored<A>>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.find(id).await
    }

    async fn find_by(&self, key: Key<A>, value: KeyValue) -> Result<Option<Stored<A>>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.find_by(key, value).await
    }

    async fn list(&self, key: Key<A>, value: KeyValue, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.list(key, value, page).await
    }

    async fn range(&self, key: Key<A>, bounds: Bounds, page: PageRequest) -> Result<Page<Stored<A>>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.range(key, bounds, page).await
    }

    async fn scan(&self, after: Option<&A::Id>, limit: usize) -> Result<Vec<Stored<A>>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.scan(after, limit).await
    }

    async fn caused(&self, cause: &Cause) -> Result<Option<A::Id>, RepositoryError> {
        self.stored(|work| &work.looks)?;
        self.inner.caused(cause).await
    }

    async fn save(&self, change: Change<A>) -> Result<Saved, RepositoryError> {
        self.stored(|work| &work.writes)?;
        self.inner.save(change).await
    }

    fn turns(&self) -> &Turns {
        self.inner.turns()
    }
}

#[async_trait]
impl Sequence for Counting<dyn Sequence> {
    async fn next(&self, name: &str, start: i64) -> Result<i64, RepositoryError> {
        self.stored(|work| &work.writes)?;
        self.inner.next(name, start).await
    }
}

#[async_trait]
impl PasswordHasher for Counting<Argon2Hasher> {
    async fn hash(&self, password: &str) -> Result<String, HashError> {
        self.one(|work| &work.hashed);
        self.inner.hash(password).await
    }

    async fn verify(&self, password: &str, hash: &str) -> Result<Verified, HashError> {
        self.one(|work| &work.compared);
        self.inner.verify(password, hash).await
    }

    async fn pretend(&self, password: &str) -> Result<(), HashError> {
        self.one(|work| &work.compared);
        self.inner.pretend(password).await
    }
}

struct World {
    router: Router,
    service: AuthService,
    store: MemoryStore,
    work: Arc<Work>,
}

fn counted<A: Aggregate>(store: &MemoryStore, work: &Arc<Work>) -> Arc<dyn Repository<A>> {
    let inner: Arc<dyn Repository<A>> = store.repository();
    Arc::new(Counting { inner, work: Arc::clone(work) })
}

impl World {
    /// With one account: Marta's.
    async fn new() -> Self {
        let clock = Arc::new(FixedClock::at(Timestamp::from_millis(1_795_500_000_000).unwrap()));
        let store = MemoryStore::with(clock.clone(), None);
        let work = Arc::new(Work::default());
        let numbers: Arc<dyn Sequence> = store.sequence();
        let mut ports = ports(&store, clock);
        ports.auth = Ports {
            accounts: counted(&store, &work),
            sessions: counted(&store, &work),
            pending: counted(&store, &work),
            attempts: counted(&store, &work),
            numbers: Arc::new(Counting { inner: numbers, work: Arc::clone(&work) }),
            hasher: Arc::new(Counting { inner: Arc::new(Argon2Hasher::cheapest().unwrap()), work: Arc::clone(&work) }),
            ..ports.auth
        };
        let service = AuthService::new(ports, AuthConfig::default());
        let world = Self { router: service.router(), service, store, work };
        assert_eq!(world.call(Method::POST, "/signup", marta()).await.0, StatusCode::CREATED);
        world
    }

    async fn call(&self, method: Method, path: &str, body: Value) -> (StatusCode, Value, Count) {
        let request = Request::builder()
            .method(method)
            .uri(format!("/api/v1/auth{path}"))
            .header("gatewaytoken", gateway_tokens().issue("auth").unwrap())
            .header(header::CONTENT_TYPE, "application/json")
            .body(Body::from(body.to_string()))
            .unwrap();
        let before = self.work.count();
        let response = self.router.clone().oneshot(request).await.unwrap();
        let after = self.work.count();
        let status = response.status();
        let body = serde_json::from_slice(&response.into_body().collect().await.unwrap().to_bytes()).unwrap();
        (status, body, (after.0 - before.0, after.1 - before.1, after.2 - before.2, after.3 - before.3))
    }

    fn mails(&self) -> usize {
        let translate = self.service.translator().unwrap();
        let messages = self.store.events().into_iter().flat_map(|entry| translate(&entry).unwrap());
        messages.filter(|message| message.routing_key == "auth-email").count()
    }
}

#[tokio::test]
async fn a_wrong_sign_in_is_the_same_for_names_that_exist_and_names_that_do_not() {
    let world = World::new().await;
    // The first failures make a count, later ones change it, the last are refused: alike in each phase.
    for attempt in 0..8 {
        let mut answers = Vec::new();
        for name in ["Marta", "Nobody", "marta@example.org", "nobody@example.org"] {
            answers.push(world.call(Method::POST, "/signin", credentials(name, "wrong", "Chrome")).await);
        }
        assert!(answers.iter().all(|answer| *answer == answers[0]), "attempt {attempt}: {answers:?}");
        let compared = answers[0].2.2;
        assert_eq!(compared, usize::from(attempt < 5), "attempt {attempt}");
    }
    assert_eq!(world.mails(), 1, "only that of the sign-up");
}

#[tokio::test]
async fn a_forgotten_password_is_the_same_for_addresses_that_exist_and_addresses_that_do_not() {
    let world = World::new().await;
    let forgot = |email: &'static str| world.call(Method::PUT, "/forgot-password", json!({"email": email}));
    for _ in 0..3 {
        assert_eq!(forgot("marta@example.org").await, forgot("nobody@example.org").await);
    }
    assert_eq!(world.mails(), 4, "one of the sign-up and three of hers");
}

#[tokio::test]
async fn links_and_codes_that_were_invented_say_nothing_of_anybody() {
    let world = World::new().await;
    let body = json!({"password": PASSWORD, "confirmPassword": PASSWORD});
    let reset = world.call(Method::PUT, "/reset-password/0123456789abcdef0123456789abcdef01234567", body).await;
    assert_eq!((reset.0, reset.2), (StatusCode::BAD_REQUEST, (1, 0, 0, 0)));
    let verify = world.call(Method::PUT, "/verify-email", json!({"token": "0123456789abcdef"})).await;
    assert_eq!((verify.0, verify.2), (StatusCode::BAD_REQUEST, (1, 0, 0, 0)));
    let code = world.call(Method::PUT, "/verify-otp/123456", json!({})).await;
    assert_eq!((code.0, code.2), (StatusCode::BAD_REQUEST, (1, 0, 0, 0)));
}

#[tokio::test]
async fn sending_a_verify_link_again_is_for_who_is_signed_in_and_needs_no_look_for_anybody_else() {
    let world = World::new().await;
    let resend = |email: &'static str| world.call(Method::POST, "/resend-email", json!({"email": email, "userId": 1}));
    let (known, unknown) = (resend("marta@example.org").await, resend("nobody@example.org").await);
    assert_eq!((known.0, known.2), (StatusCode::UNAUTHORIZED, (0, 0, 0, 0)));
    assert_eq!(known, unknown);
}

#[tokio::test]
async fn sign_up_says_that_something_is_taken_but_not_what_and_hashes_nothing_for_it() {
    let world = World::new().await;
    let mut answers = Vec::new();
    for (username, email) in
        [("marta", "other@example.org"), ("other", "marta@example.org"), ("marta", "marta@example.org")]
    {
        let mut body = marta();
        body["username"] = username.into();
        body["email"] = email.into();
        answers.push(world.call(Method::POST, "/signup", body).await);
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(
        (answers[0].0, &answers[0].1["message"]),
        (StatusCode::BAD_REQUEST, &json!("Invalid credentials. Email or Username"))
    );
    assert_eq!(answers[0].2, (2, 0, 0, 0));
    assert_eq!(world.store.count::<Account>(), 1);
}

#[tokio::test]
async fn while_the_store_is_away_nobody_is_unknown_and_nothing_of_the_store_is_told() {
    let world = World::new().await;
    let mut iria = marta();
    iria["username"] = "Iria".into();
    iria["email"] = "iria@example.org".into();
    let calls = [
        (Method::POST, "/signin", credentials("Marta", PASSWORD, "Chrome")),
        (Method::POST, "/signup", iria),
        (Method::PUT, "/forgot-password", json!({ "email": "marta@example.org" })),
        (Method::PUT, "/verify-email", json!({ "token": "0123456789abcdef" })),
        (Method::PUT, "/verify-otp/123456", json!({})),
        (Method::POST, "/session/refresh", json!({ "refreshToken": "a.b" })),
    ];
    let answers = async || {
        let mut answers = Vec::new();
        for (method, path, body) in &calls {
            let (status, answer, _) = world.call(method.clone(), path, body.clone()).await;
            answers.push((*path, status, answer.to_string()));
        }
        answers
    };
    world.work.away.store(true, Ordering::SeqCst);
    for (path, status, answer) in answers().await {
        // What is no token needs no look into the store.
        let expected =
            if path.ends_with("refresh") { StatusCode::UNAUTHORIZED } else { StatusCode::SERVICE_UNAVAILABLE };
        assert_eq!(status, expected, "{path}: {answer}");
        assert!(!answer.contains("db-7"), "{path}: {answer}");
    }
    world.work.away.store(false, Ordering::SeqCst);
    for (path, status, answer) in answers().await {
        assert!(!status.is_server_error(), "{path}: {status} {answer}");
    }
}
