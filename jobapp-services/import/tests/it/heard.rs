//! What the services make of an import that they hear of.

use std::sync::Arc;
use std::time::Duration;

use jobapp_auth::{Account, Device, Login, Origin, SignIn, SignedIn};
use jobapp_auth_service::{AuthConfig, AuthPorts, AuthService};
use jobapp_chat_service::{ChatConfig, ChatPorts, ChatService};
use jobapp_directory::Directory;
use jobapp_gig_service::{GigConfig, GigPorts, GigService};
use jobapp_gigs::{Gig, SearchQuery};
use jobapp_import::{Kind, Options, Ours, Silent, import};
use jobapp_kernel::AccountId;
use jobapp_memory::MemoryBus;
use jobapp_order_service::{OrderConfig, OrderPorts, OrderService};
use jobapp_orders::machine::Phase;
use jobapp_orders::{GigFact, Order, OrderNotification};
use jobapp_platform::{Address, App, Payments, Search, Service, Shared, Store};
use jobapp_review_service::{ReviewConfig, ReviewPorts, ReviewService};
use jobapp_reviews::OrderFact;
use jobapp_runtime::Shutdown;
use jobapp_users::{Buyer, Seller};
use jobapp_users_service::{UsersConfig, UsersPorts, UsersService};
use jobapp_wire::queues;

use crate::checks::{assert_town, every, everything};
use crate::old::{Scripted, in_memory, small_town};
use crate::town::{name, oid, password};

/// The services, running on what was imported.
struct Running {
    bus: MemoryBus,
    search: Search,
    ours: Ours,
    shutdown: Shutdown,
}

impl Running {
    async fn on(ours: &Ours) -> Self {
        let (bus, search, shutdown) = (MemoryBus::new(), Search::in_memory(), Shutdown::new());
        let shared = Shared { publisher: Arc::new(bus.clone()), ..Shared::in_memory() };
        let app = App::new(&shared, bus.clone().into(), shutdown.clone());
        app.declare().await.unwrap();
        let clock = Arc::clone(&shared.clock);
        let payments = Payments::open(&Address::parse("payments", "fake:"), &Store::in_memory(), clock).await.unwrap();
        let auth = AuthPorts::open(&ours.auth, &shared).await.unwrap();
        let users = UsersPorts::open(&ours.users, &shared).await.unwrap();
        let gig = GigPorts::open(&ours.gig, &shared, &search).await.unwrap();
        let chat = ChatPorts::open(&ours.chat, &shared).await.unwrap();
        let order = OrderPorts::open(&ours.order, &shared, payments.provider()).await.unwrap();
        let review = ReviewPorts::open(&ours.review, &shared).await.unwrap();
        let services: [(&dyn Service, &Store); 6] = [
            (&AuthService::new(auth, AuthConfig::default()), &ours.auth),
            (&UsersService::new(users, UsersConfig::default()), &ours.users),
            (&GigService::new(gig, GigConfig::default()), &ours.gig),
            (&ChatService::new(chat, ChatConfig::default()), &ours.chat),
            (&OrderService::new(order, OrderConfig::default()), &ours.order),
            (&ReviewService::new(review, ReviewConfig::default()), &ours.review),
        ];
        for (service, store) in services {
            app.run(service, Some(store));
        }
        Self { bus, search, ours: ours.clone(), shutdown }
    }

    /// Waits until everybody has heard everything. Queues that none of these services takes from keep what is in them.
    async fn settled(&self) {
        let waiting = async {
            while !self.is_settled().await {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(120), waiting).await;
        assert!(in_time.is_ok(), "it does not settle: {:?}", self.bus.depths());
    }

    async fn is_settled(&self) -> bool {
        for kind in Kind::ALL {
            if self.ours.of(kind).outbox().waiting().await.unwrap() > 0 {
                return false;
            }
        }
        let untaken = [
            queues::AUTH_EMAIL,
            queues::ORDER_EMAIL,
            queues::GATEWAY_REALTIME,
            queues::GATEWAY_GIG,
            queues::GATEWAY_PROFILE,
        ];
        let depths = self.bus.depths();
        let taken = depths.iter().filter(|(queue, _)| !untaken.iter().any(|one| one.name == queue.as_str()));
        taken.map(|(_, depth)| depth.waiting + depth.in_flight).sum::<u64>() == 0
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_hear_of_everybody_and_everything_and_nobody_is_mailed() {
    let (town, ours) = (small_town(), in_memory());
    import(Options::new("test"), &Scripted::of(&town), &ours, &Silent).await.unwrap();
    let before = everything(&ours).await;
    let running = Running::on(&ours).await;
    running.settled().await;

    for (queue, depth) in running.bus.depths() {
        assert_eq!(depth.dead, 0, "{queue}");
        let is_quiet =
            [queues::AUTH_EMAIL, queues::ORDER_EMAIL, queues::GATEWAY_REALTIME].iter().all(|one| one.name != queue);
        assert!(is_quiet || depth.waiting == 0, "{queue} has {} messages", depth.waiting);
    }
    // Nothing was counted, noted or made a second time.
    let after = everything(&ours).await;
    let lost: Vec<_> = before.difference(&after).take(3).collect();
    assert!(lost.is_empty(), "{lost:#?}");
    let is_fact = |line: &&String| {
        ["card", "gig_fact", "gig_seller", "order_fact"]
            .iter()
            .any(|kind| line.contains(&format!("\"aggregate\":\"{kind}\"")))
    };
    let made: Vec<_> = after.difference(&before).filter(|line| !is_fact(line)).take(3).collect();
    assert!(made.is_empty(), "{made:#?}");

    // Who is who.
    for store in [&ours.gig, &ours.chat, &ours.order, &ours.review] {
        let directory = Directory::new(store.repository().await.unwrap());
        let card = directory.of_user(&name(5)).await.unwrap().unwrap();
        assert_eq!(card.buyer_id.unwrap().to_string(), oid(Kind::Buyers, 5));
        assert_eq!(card.seller_id.unwrap().to_string(), oid(Kind::Sellers, 5));
    }
    // What is for sale.
    let gigs = every::<Gig>(&ours.gig).await;
    let listed = gigs.iter().filter(|gig| gig.listing().active).count();
    let hits = running.search.search.search(&SearchQuery::default()).await.unwrap();
    assert_eq!(hits.total, listed);
    assert_eq!(every::<GigFact>(&ours.order).await.len(), gigs.len());
    // Who may review what.
    let facts = every::<OrderFact>(&ours.review).await;
    assert_eq!(facts.len(), every::<Order>(&ours.order).await.len());
    running.shutdown.request();
}

#[tokio::test(flavor = "multi_thread")]
async fn services_may_run_while_it_is_imported() {
    let (town, ours) = (small_town(), in_memory());
    let running = Running::on(&ours).await;
    import(Options::new("test"), &Scripted::of(&town), &ours, &Silent).await.unwrap();
    running.settled().await;
    assert_town(&town, &ours).await;
    assert!(running.bus.depths().values().all(|depth| depth.dead == 0), "{:?}", running.bus.depths());
    assert_eq!(running.bus.depths()[queues::ORDER_EMAIL.name].waiting, 0);
    let seller = every::<Seller>(&ours.users).await.remove(0);
    assert_eq!(
        (seller.work().completed(), seller.work().gigs(), seller.ratings().count()),
        (2, 2, 1),
        "as it was there"
    );
    assert_eq!(
        every::<Buyer>(&ours.users).await.len() as u64,
        town.counts(Kind::Buyers).0 - town.counts(Kind::Buyers).1
    );
    running.shutdown.request();
}

#[tokio::test(flavor = "multi_thread")]
async fn people_sign_in_with_their_old_passwords_which_get_better_hashes() {
    let (town, ours) = (small_town(), in_memory());
    let kinds = [Kind::Accounts].into_iter().collect();
    import(Options { kinds, ..Options::new("test") }, &Scripted::of(&town), &ours, &Silent).await.unwrap();
    let ports = AuthPorts::open(&ours.auth, &Shared::in_memory()).await.unwrap();
    let service = AuthService::new(ports, AuthConfig::default());
    let sign_in = |login: Login, password: &str, origin: &str| SignIn {
        login,
        password: password.to_owned(),
        device: Some(Device::or_unknown(Some("Chrome".into()), Some("browser".into()))),
        origin: Origin { address: origin.to_owned(), device_token: None },
    };
    let accounts = ours.auth.repository::<Account>().await.unwrap();
    // One of each password: short, long, with letters of other scripts, with blanks.
    for person in [1, 2, 3, 4] {
        let id = AccountId(i64::try_from(person).unwrap());
        let before = accounts.find(&id).await.unwrap().unwrap().value;
        assert!(before.password_hash().starts_with("$2b$"));
        let wrong = service.use_cases().sign_in(sign_in(Login::Name(name(person)), "something else", "10.0.0.1")).await;
        assert!(wrong.is_err());
        for login in [Login::Name(name(person).to_uppercase()), Login::Email(before.email().to_string())] {
            let signed_in = service.use_cases().sign_in(sign_in(login, password(person), "10.0.0.2")).await.unwrap();
            let SignedIn::Open(session) = signed_in else { panic!("the browser is the one of before: {signed_in:?}") };
            assert_eq!(session.account.username().as_str(), name(person));
        }
        let after = accounts.find(&id).await.unwrap().unwrap().value;
        assert!(after.password_hash().starts_with("$argon2id$"), "{}", after.password_hash());
    }
    // And it is theirs: nothing is put back.
    let again = import(
        Options { again: true, kinds: [Kind::Accounts].into_iter().collect(), ..Options::new("test") },
        &Scripted::of(&town),
        &ours,
        &Silent,
    )
    .await
    .unwrap();
    assert_eq!(again.total().taken, 0);
    assert!(accounts.find(&AccountId(1)).await.unwrap().unwrap().value.password_hash().starts_with("$argon2id$"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_was_under_way_goes_on_here() {
    let (town, ours) = (small_town(), in_memory());
    import(Options::new("test"), &Scripted::of(&town), &ours, &Silent).await.unwrap();
    let running = Running::on(&ours).await;
    running.settled().await;
    let shared = Shared { publisher: Arc::new(running.bus.clone()), ..Shared::in_memory() };
    let clock = Arc::clone(&shared.clock);
    let payments = Payments::open(&Address::parse("payments", "fake:"), &Store::in_memory(), clock).await.unwrap();
    let ports = OrderPorts::open(&ours.order, &shared, payments.provider()).await.unwrap();
    let use_cases = jobapp_orders::Orders::new(ports.orders, OrderConfig::default().patience);
    let orders = every::<Order>(&ours.order).await;
    let delivered = orders.iter().find(|order| order.record().phase == Phase::Delivered).unwrap().record().clone();
    let sellers = ours.users.repository::<Seller>().await.unwrap();
    let seller = jobapp_directory::SellerId(delivered.seller.id.0);
    let before = sellers.find(&seller).await.unwrap().unwrap().value;
    use_cases.approve(&delivered.number, &delivered.buyer.username).await.unwrap();
    running.settled().await;
    let after = sellers.find(&seller).await.unwrap().unwrap().value;
    assert_eq!(after.work().completed(), before.work().completed() + 1);
    let told = every::<OrderNotification>(&ours.order).await;
    assert!(
        told.iter().any(|note| note.record().order_number == delivered.number.as_str()
            && note.record().message.starts_with("approved"))
    );
    running.shutdown.request();
}
