//! What nobody asks for: waiting orders, payments without an order, refunds that did not work.

use std::time::Duration;

use jobapp_kernel::{Aggregate, Bounds, Key, PageRequest, Repository, Stored, Timestamp, in_turn};

use super::Orders;
use crate::error::OrdersError;
use crate::machine::Phase;
use crate::payment::{Payment, PaymentStatus, RefundReason};
use crate::verdict::Refusal;
use crate::{Order, OrderObjectId};

/// How many things a sweep loads at once.
const AT_ONCE: usize = 200;

/// What a sweep did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Swept {
    /// Orders that waited and started.
    pub started: usize,
    /// Orders that waited too long, or for something that turned out otherwise.
    pub refused: usize,
    /// Payments that were never made and were cancelled.
    pub expired: usize,
    /// Payments without an order, which go back from now on.
    pub unclaimed: usize,
    /// Refunds that were tried again.
    pub retried: usize,
    /// Things that failed; the next sweep tries again.
    pub failed: usize,
}

impl Orders {
    /// Looks after everything that is left lying. Safe to call at any time, in several processes.
    ///
    /// What fails for one thing is handed to `report`, which may log it, and does not keep the others from being looked at.
    ///
    /// # Errors
    /// When the store cannot list what there is to do.
    pub async fn sweep(&self, now: Timestamp, report: &(dyn Fn(&OrdersError) + Sync)) -> Result<Swept, OrdersError> {
        let mut swept = Swept::default();
        self.sweep_waiting(now, &mut swept, report).await?;
        self.sweep_payments(now, &mut swept, report).await?;
        self.sweep_refunds(now, &mut swept, report).await?;
        Ok(swept)
    }

    async fn sweep_waiting(
        &self,
        now: Timestamp,
        swept: &mut Swept,
        report: &(dyn Fn(&OrdersError) + Sync),
    ) -> Result<(), OrdersError> {
        let until = now.plus(Duration::from_millis(1));
        let mut waiting = Pages::before(until, &*self.ports.orders, Order::WAITING_SINCE);
        while let Some(page) = waiting.next().await? {
            for stored in page {
                match self.look_at_waiting(*stored.value.id(), now).await {
                    Ok(Phase::AwaitingPayment) => {}
                    Ok(Phase::Cancelled) => swept.refused += 1,
                    Ok(_) => swept.started += 1,
                    Err(error) => {
                        swept.failed += 1;
                        report(&error);
                    }
                }
            }
        }
        Ok(())
    }

    async fn look_at_waiting(&self, id: OrderObjectId, now: Timestamp) -> Result<Phase, OrdersError> {
        let Some(stored) = self.load(id).await? else { return Ok(Phase::AwaitingPayment) };
        if let Some(payment) = self.payment_of(&stored.value.record().payment).await? {
            self.refreshed(payment).await?;
        }
        let Some(order) = self.reconsider(id).await? else { return Ok(Phase::AwaitingPayment) };
        let waits_too_long = order.record().placed_at.plus(self.patience.waiting_order) < now;
        if order.record().phase != Phase::AwaitingPayment || !waits_too_long {
            return Ok(order.record().phase);
        }
        in_turn(&*self.ports.orders, &id, async || {
            let Some(stored) = self.load(id).await? else { return Ok(Phase::AwaitingPayment) };
            if stored.value.record().phase != Phase::AwaitingPayment {
                return Ok(stored.value.record().phase);
            }
            let decided = stored.value.refuse(Refusal::Unconfirmed, now)?;
            Ok(self.store(stored.version, decided).await?.record().phase)
        })
        .await
    }

    async fn sweep_payments(
        &self,
        now: Timestamp,
        swept: &mut Swept,
        report: &(dyn Fn(&OrdersError) + Sync),
    ) -> Result<(), OrdersError> {
        let since = now.minus(self.patience.payment_without_order);
        let mut idle = Pages::before(since, &*self.ports.payments, Payment::IDLE_SINCE);
        while let Some(page) = idle.next().await? {
            for stored in page {
                match self.look_at_idle(stored, now).await {
                    Ok(Idle::Expired) => swept.expired += 1,
                    Ok(Idle::Unclaimed) => swept.unclaimed += 1,
                    Ok(Idle::Settled) => {}
                    Err(error) => {
                        swept.failed += 1;
                        report(&error);
                    }
                }
            }
        }
        Ok(())
    }

    async fn look_at_idle(&self, stored: Stored<Payment>, now: Timestamp) -> Result<Idle, OrdersError> {
        if stored.value.status() != PaymentStatus::Paid {
            let has_order = self.ports.orders.find_by(Order::PAYMENT, stored.value.intent().into()).await?.is_some();
            return Ok(if !has_order && self.expire(stored).await? { Idle::Expired } else { Idle::Settled });
        }
        let id = stored.value.id();
        in_turn(&*self.ports.payments, id, async || match self.ports.payments.find(id).await? {
            Some(stored) => self.look_at_idle_money(stored, now).await,
            None => Ok(Idle::Settled),
        })
        .await
    }

    /// In one's turn with a payment that is paid. An order that claims it meanwhile moves its version.
    async fn look_at_idle_money(&self, stored: Stored<Payment>, now: Timestamp) -> Result<Idle, OrdersError> {
        let has_order = self.ports.orders.find_by(Order::PAYMENT, stored.value.intent().into()).await?.is_some();
        if has_order {
            if let Some(confirmed) = stored.value.confirmed() {
                self.store_payment(stored.version, (confirmed, Vec::new())).await?;
            }
            return Ok(Idle::Settled);
        }
        match stored.value.owed_back(RefundReason::Unclaimed, now) {
            None => Ok(Idle::Settled),
            Some(owed) => {
                self.store_payment(stored.version, owed).await?;
                Ok(Idle::Unclaimed)
            }
        }
    }

    async fn sweep_refunds(
        &self,
        now: Timestamp,
        swept: &mut Swept,
        report: &(dyn Fn(&OrdersError) + Sync),
    ) -> Result<(), OrdersError> {
        let since = now.minus(self.patience.refund);
        let mut ended = Pages::before(since, &*self.ports.orders, Order::REFUND_OWED);
        while let Some(page) = ended.next().await? {
            for stored in page {
                count(self.refund_order(*stored.value.id()).await, swept, report);
            }
        }
        let mut owed = Pages::before(since, &*self.ports.payments, Payment::REFUND_OWED);
        while let Some(page) = owed.next().await? {
            for stored in page {
                count(self.pay_back(stored.value.intent()).await, swept, report);
            }
        }
        Ok(())
    }
}

/// What an idle payment turned out to be.
enum Idle {
    Expired,
    Unclaimed,
    Settled,
}

fn count(result: Result<(), OrdersError>, swept: &mut Swept, report: &(dyn Fn(&OrdersError) + Sync)) {
    match result {
        Ok(()) => swept.retried += 1,
        Err(error) => {
            swept.failed += 1;
            report(&error);
        }
    }
}

/// Everything whose value of a key lies before a moment, page by page. What stays as it is holds up nothing behind it.
struct Pages<'a, A: Aggregate> {
    repository: &'a dyn Repository<A>,
    key: Key<A>,
    bounds: Bounds,
    next: Option<PageRequest>,
}

impl<'a, A: Aggregate> Pages<'a, A> {
    fn before(until: Timestamp, repository: &'a dyn Repository<A>, key: Key<A>) -> Self {
        let bounds = Bounds { from: None, until: Some(until.into()) };
        Self { repository, key, bounds, next: Some(PageRequest::first(AT_ONCE)) }
    }

    async fn next(&mut self) -> Result<Option<Vec<Stored<A>>>, OrdersError> {
        let Some(request) = self.next.take() else { return Ok(None) };
        let page = self.repository.range(self.key, self.bounds.clone(), request).await?;
        self.next = page.next.map(|cursor| PageRequest::first(AT_ONCE).after(Some(cursor)));
        Ok(Some(page.items))
    }
}
