//! Orders and their payments. The review service hears of an order as of one that was placed, which mails nobody and counts nothing.

use jobapp_directory::{BuyerId, SellerId};
use jobapp_kernel::{Aggregate, RepositoryError};
use jobapp_orders::{Order, OrderEvent, Payment, Step};

use super::insert::{Outcomes, Stored, apart, ask_each, fresh, known, named, outcome_of};
use crate::target::Inserted;
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

struct Ready {
    row: usize,
    order: Order,
    payment: Payment,
    notes: Vec<String>,
}

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let fresh = fresh(&targets.orders, rows, &mut outcomes).await?;
    let buyers = known(&targets.buyers, rows.iter().filter_map(|row| named(row, "buyerId")).collect()).await?;
    let sellers = known(&targets.sellers, rows.iter().filter_map(|row| named(row, "sellerId")).collect()).await?;
    let mut ready = Vec::new();
    for (row, old) in fresh {
        let buyer = named::<BuyerId>(old, "buyerId").and_then(|id| buyers.get(&id));
        let seller = named::<SellerId>(old, "sellerId").and_then(|id| sellers.get(&id));
        let Some(translated) = outcomes.translated(row, translate::order(old, buyer, seller)) else { continue };
        let (order, payment) = translated.value;
        ready.push(Ready { row, order, payment, notes: translated.notes });
    }
    let (at_once, later) = apart(ready, |ready| &ready.order)?;
    for (row, outcome) in ask_each(at_once, |ready| place(targets, ready, stored)).await? {
        outcomes.set(row, outcome);
    }
    for ready in later {
        let (row, outcome) = place(targets, ready, stored).await?;
        outcomes.set(row, outcome);
    }
    Ok(outcomes.all())
}

/// The payment comes first: an order that is here has one.
async fn place(targets: &Targets, ready: Ready, stored: Stored<'_>) -> Result<(usize, Outcome), RepositoryError> {
    let Ready { row, order, payment, notes } = ready;
    let record = order.record();
    for (key, value) in [(Order::NUMBER, (&record.number).into()), (Order::PAYMENT, record.payment.as_str().into())] {
        if let Some(other) = targets.orders.find_by(key, value).await? {
            let other = other.value.record().number.clone();
            return Ok((row, Outcome::Refused(format!("its {} is that of the order {other} here", key.name))));
        }
    }
    match targets.payments.insert(payment, Vec::new()).await? {
        Inserted::Stored => stored(),
        Inserted::There => {}
        other => return Ok((row, outcome_of::<Payment>(other, notes))),
    }
    let (actor, at) = (record.buyer.username.clone(), record.placed_at);
    let placed = OrderEvent::OrderPlaced(Box::new(Step { actor, at, order: order.to_state() }));
    let inserted = targets.orders.insert(order, vec![placed]).await?;
    if inserted == Inserted::Stored {
        stored();
    }
    Ok((row, outcome_of::<Order>(inserted, notes)))
}
