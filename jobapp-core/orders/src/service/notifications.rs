//! Notifications: made from the steps of orders, listed, read.

use jobapp_kernel::{Change, PageRequest, RepositoryError, Saved, in_turn};

use super::{MOST_NOTIFICATIONS, Orders};
use crate::error::OrdersError;
use crate::notification::{Happened, OrderNotification};
use crate::{NotificationId, Order, OrderObjectId};

impl Orders {
    /// Makes the notification of a step, once per `cause`. The order is shown as it is now, which may be further on.
    ///
    /// # Errors
    /// [`OrdersError::OrderNotFound`] when the order does not exist.
    pub async fn notify(
        &self,
        order: OrderObjectId,
        cause: String,
        happened: &Happened<'_>,
    ) -> Result<(), OrdersError> {
        let stored = self.load(order).await?.ok_or(OrdersError::OrderNotFound)?;
        let id = NotificationId(self.ports.ids.object_id());
        let Some((note, event)) = OrderNotification::of(id, cause, happened, &stored.value) else { return Ok(()) };
        match self.ports.notifications.save(Change::insert(note, vec![event])).await {
            Ok(Saved::Stored(_) | Saved::Duplicate { .. }) => Ok(()),
            // The step came twice.
            Err(RepositoryError::Taken { key: "cause", .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// A user's notifications, the newest first; at most [`MOST_NOTIFICATIONS`].
    ///
    /// # Errors
    /// When the store cannot answer.
    pub async fn notifications_of(&self, username: &str) -> Result<Vec<OrderNotification>, OrdersError> {
        let page = PageRequest::newest(MOST_NOTIFICATIONS);
        let page = self.ports.notifications.list(OrderNotification::USER_TO, username.into(), page).await?;
        Ok(page.items.into_iter().map(|stored| stored.value).collect())
    }

    /// Marks one of a user's notifications as read.
    ///
    /// # Errors
    /// [`OrdersError::NotificationNotFound`] when there is none with this id, or it is somebody else's.
    pub async fn read_notification(
        &self,
        id: NotificationId,
        username: &str,
    ) -> Result<OrderNotification, OrdersError> {
        in_turn(&*self.ports.notifications, &id, async || {
            let stored = self.ports.notifications.find(&id).await?.ok_or(OrdersError::NotificationNotFound)?;
            if stored.value.record().receiver.username != username {
                return Err(OrdersError::NotificationNotFound);
            }
            let number = stored.value.record().order_number.as_str().into();
            let order = self.ports.orders.find_by(Order::NUMBER, number).await?.ok_or(OrdersError::OrderNotFound)?;
            let (note, event) = stored.value.read(&order.value);
            let Some(event) = event else { return Ok(note) };
            match self.ports.notifications.save(Change::update(stored.version, note.clone(), vec![event])).await? {
                Saved::Stored(_) | Saved::Duplicate { .. } => Ok(note),
            }
        })
        .await
    }
}
