//! What the two sides do with an order.

use jobapp_kernel::{Cause, Change, Saved, in_turn};

use super::Orders;
use crate::error::OrdersError;
use crate::extension::Extension;
use crate::machine::Who;
use crate::record::{ExtensionAnswer, Review, Work};
use crate::{Order, OrderNumber};

impl Orders {
    /// Checks that the seller may deliver now, before a file is stored for it.
    ///
    /// # Errors
    /// As [`Orders::deliver`].
    pub async fn may_deliver(&self, number: &OrderNumber, username: &str) -> Result<(), OrdersError> {
        let (stored, side) = self.load_for(number, username).await?;
        let id = self.ports.ids.object_id();
        stored.value.deliver(Work::default(), id, side, self.ports.clock.now())?;
        Ok(())
    }

    /// The order a request with this cause delivered before.
    ///
    /// # Errors
    /// When the store cannot answer, or the key came with another body.
    pub async fn delivered_before(&self, cause: &Cause) -> Result<Option<Order>, OrdersError> {
        let Some(id) = self.ports.orders.caused(cause).await? else { return Ok(None) };
        Ok(self.load(id).await?.map(|stored| stored.value))
    }

    /// The seller hands over work.
    ///
    /// # Errors
    /// Unless the caller is the seller and the order is open.
    pub async fn deliver(
        &self,
        number: &OrderNumber,
        username: &str,
        work: Work,
        cause: Option<Cause>,
    ) -> Result<Order, OrdersError> {
        let order = self.id_of(number).await?;
        let id = self.ports.ids.object_id();
        in_turn(&*self.ports.orders, &order, async || {
            let (stored, side) = self.load_for(number, username).await?;
            let decided = stored.value.deliver(work.clone(), id, side, self.ports.clock.now())?;
            let change = Change::update(stored.version, decided.order.clone(), decided.events).caused_by(cause.clone());
            match self.ports.orders.save(change).await? {
                Saved::Stored(_) => Ok(decided.order),
                Saved::Duplicate { .. } => Ok(self.load_for(number, username).await?.0.value),
            }
        })
        .await
    }

    /// The buyer approves the delivered work.
    ///
    /// # Errors
    /// Unless the caller is the buyer and work was delivered.
    pub async fn approve(&self, number: &OrderNumber, username: &str) -> Result<Order, OrdersError> {
        self.change(number, username, |order, side| order.approve(side, self.ports.clock.now())).await
    }

    /// The seller gives up work he has not delivered, or the buyer an order that waits. The refund follows.
    ///
    /// # Errors
    /// Otherwise.
    pub async fn cancel(&self, number: &OrderNumber, username: &str) -> Result<Order, OrdersError> {
        self.change(number, username, |order, side| order.cancel(side, self.ports.clock.now())).await
    }

    /// The seller asks for more time.
    ///
    /// # Errors
    /// Unless the caller is the seller and works on it.
    pub async fn request_extension(
        &self,
        number: &OrderNumber,
        username: &str,
        request: Extension,
    ) -> Result<Order, OrdersError> {
        self.change(number, username, |order, side| {
            order.request_extension(request.clone(), side, self.ports.clock.now())
        })
        .await
    }

    /// The buyer answers the stored request for more time.
    ///
    /// # Errors
    /// Unless the caller is the buyer and there is one.
    pub async fn answer_extension(
        &self,
        number: &OrderNumber,
        username: &str,
        answer: ExtensionAnswer,
    ) -> Result<Order, OrdersError> {
        self.change(number, username, |order, side| order.answer_extension(answer, side, self.ports.clock.now())).await
    }

    /// Records what a participant said of the other. `reviewer` is the document id under which he took part.
    ///
    /// # Errors
    /// [`OrdersError::OrderNotFound`] when the order is unknown or the reviewer took no part on that side.
    pub async fn review(
        &self,
        number: &OrderNumber,
        by: Who,
        reviewer: &str,
        review: Review,
    ) -> Result<Order, OrdersError> {
        let id = self.id_of(number).await?;
        in_turn(&*self.ports.orders, &id, async || {
            let stored =
                self.ports.orders.find_by(Order::NUMBER, number.into()).await?.ok_or(OrdersError::OrderNotFound)?;
            let record = stored.value.record();
            let side = if by == Who::Buyer { record.buyer.id.to_string() } else { record.seller.id.to_string() };
            if side != reviewer {
                return Err(OrdersError::OrderNotFound);
            }
            let decided = stored.value.review(review.clone(), by)?;
            self.store(stored.version, decided).await
        })
        .await
    }
}
