//! The order core inside a program of your own: no server, no database, no broker.
//!
//! ```text
//! cargo run --example embed_orders
//! ```
//!
//! In your own `Cargo.toml`: `jobapp = { …, features = ["payments"] }`; the memory adapters are on by default.
//!
//! The core decides and asks everything else of *ports*. This program gives it ports in memory and a payment provider
//! without money, and then does what two people do: one pays and orders, the other delivers, the first approves.
#![expect(clippy::print_stdout, reason = "an example speaks to its reader")]

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use jobapp::adapters::memory::MemoryStore;
use jobapp::adapters::payments::FakePayments;
use jobapp::kernel::{Clock, FixedClock, Money, Outbox, Price, SequenceIds, Timestamp};
use jobapp::orders::{Agreement, Customer, GigCard, GigNow, OrderRequest, Orders, Party, Patience, Ports, Work, fees};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    run().await
}

/// The whole example.
///
/// # Errors
/// The first thing that is not as it says.
pub async fn run() -> anyhow::Result<()> {
    // Time is a port, too: this clock stands still until we move it.
    let clock = Arc::new(FixedClock::at("2026-11-24T10:00:00Z".parse()?));

    // One store is one service: the repositories of all its aggregates and their outbox. The provider has its own.
    let store = MemoryStore::with(clock.clone(), None);
    let provider = FakePayments::new(MemoryStore::new().repository(), clock.clone());
    let orders = Orders::new(
        Ports {
            orders: store.repository(),
            payments: store.repository(),
            gigs: store.repository(),
            offers: store.repository(),
            notifications: store.repository(),
            provider: Arc::new(provider.clone()),
            clock: clock.clone(),
            ids: Arc::new(SequenceIds::default()),
        },
        Patience::default(),
    );
    let outbox = store.outbox();

    println!("What is known: Iria sells a logo for 40.00.");
    let price = Money::from_cents(40_00);
    let gig = logo(price)?;
    orders.gig_saved(gig.card.id, gig.clone(), 1, clock.now()).await?;

    println!("Marta plans a payment; the fee comes on top.");
    let customer = Customer { username: "Marta".into(), email: "marta@example.org".into() };
    let payment = orders.plan_payment(&customer, Price::try_from(price)?, None).await?;
    ensure!(fees::total(price) == Money::from_cents(44_20), "5.5 % and 2.00, because the order is small");

    println!("She orders before she has paid, and is refused:");
    let request = request(&gig, &payment.intent, clock.now())?;
    let refused = orders.place(&request, None).await.err().context("nobody orders for nothing")?;
    println!("    {refused}");

    println!("She pays. The provider would call a webhook now; we tell the orders ourselves.");
    provider.confirm(&payment.intent).await?;
    ensure!(orders.payment_changed(&payment.intent).await?, "it is one of ours");
    tell(&*outbox, &["payment-settled"]).await?;

    println!("Now the order starts at once: it is paid, and the price is the gig's.");
    let placed = orders.place(&request, None).await?;
    ensure!(!placed.repeated && placed.order.record().phase.status() == "in progress", "the work begins");
    tell(&*outbox, &["order-placed", "order-started"]).await?;

    println!("A second click on the button is the same order, not another one.");
    ensure!(orders.place(&request, None).await?.repeated, "the order of the first click");
    tell(&*outbox, &[]).await?;

    let number = &request.number;
    println!("Marta cannot approve what nobody delivered. The refusal says where the order stands:");
    let refused = orders.approve(number, "Marta").await.err().context("there is nothing to approve")?;
    println!("    {refused}");
    ensure!(refused.to_string() == "This order is in progress: it cannot be approved.", "it says: {refused}");

    println!("Iria delivers two days later.");
    clock.advance(2 * DAY);
    let work = Work { message: Some("Here it is.".into()), ..Work::default() };
    orders.deliver(number, "Iria", work.clone(), None).await?;
    tell(&*outbox, &["order-delivered"]).await?;

    println!("Marta approves; Iria has earned {}.", fees::seller_share(price));
    let approved = orders.approve(number, "Marta").await?;
    ensure!(approved.record().phase.status() == "Completed", "the order is completed");
    tell(&*outbox, &["order-approved"]).await?;

    println!("She approves again: answered as the first time, and nothing happens. Nobody is paid twice.");
    clock.advance(DAY);
    ensure!(orders.approve(number, "Marta").await? == approved, "the same order, with the same times");
    tell(&*outbox, &[]).await?;

    println!("It is too late for another delivery:");
    let refused = orders.deliver(number, "Iria", work, None).await.err().context("the order is completed")?;
    println!("    {refused}");
    ensure!(refused.to_string() == "This order is completed: it cannot be delivered.", "it says: {refused}");
    Ok(())
}

/// Takes the events out of the outbox, as a relay does that publishes them, and prints them.
///
/// An order and its events are stored in one step, so an event is there exactly if its change is. What is leased and not
/// cleared, because the process died for example, is leased again later.
async fn tell(outbox: &dyn Outbox, expected: &[&str]) -> anyhow::Result<()> {
    let entries = outbox.lease("embed_orders", Duration::from_secs(30), 100).await?;
    let mut kinds = Vec::new();
    for entry in &entries {
        let kind = entry.event["type"].as_str().context("an event without a type")?;
        println!("    event {kind} ({})", entry.id);
        kinds.push(kind);
    }
    ensure!(kinds == expected, "the outbox holds {kinds:?}, not {expected:?}");
    let published: Vec<_> = entries.iter().map(|entry| entry.id.clone()).collect();
    outbox.clear("embed_orders", &published).await?;
    Ok(())
}

/// Iria's gig.
fn logo(price: Money) -> anyhow::Result<GigNow> {
    Ok(GigNow {
        seller: Party {
            id: "66f0c0ffee0000000000a001".parse()?,
            username: "Iria".into(),
            email: "iria@example.org".into(),
            picture: "https://img.example.org/iria.png".into(),
        },
        card: GigCard {
            id: "66f0c0ffee00000000009001".parse()?,
            cover_image: "https://img.example.org/logo.png".into(),
            title: "I will draw your logo".into(),
            basic_title: "One logo".into(),
            basic_description: "Three drafts by hand".into(),
        },
        price,
    })
}

/// What Marta asks for.
fn request(gig: &GigNow, intent: &str, now: Timestamp) -> anyhow::Result<OrderRequest> {
    let due = now.plus(3 * DAY);
    Ok(OrderRequest {
        number: "JO52310984761".parse()?,
        invoice: "JI52310984762".into(),
        named_payment: intent.into(),
        gig: gig.card.clone(),
        seller: gig.seller.clone(),
        buyer: Party {
            id: "66f0c0ffee0000000000b001".parse()?,
            username: "Marta".into(),
            email: "marta@example.org".into(),
            picture: "https://img.example.org/marta.png".into(),
        },
        price: gig.price.try_into()?,
        agreement: Agreement {
            title: "One logo".into(),
            description: "Three drafts by hand".into(),
            delivery_in_days: 3,
            first_due: due,
            due,
            reason: String::new(),
        },
        requirements: "Blue tones".into(),
    })
}
