//! What one owner at a time may do.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use jobapp_kernel::{Leases, RepositoryError};
use mongodb::bson::doc;

use crate::MongoStore;
use crate::failure::{Failure, went_in};
use crate::inner::Inner;

const OWNER: &str = "owner";
/// By the server's clock.
const UNTIL: &str = "until";

impl Inner {
    pub(crate) async fn take_lease(&self, name: &str, owner: &str, time: Duration) -> Result<bool, Failure> {
        let now = self.server_clock.now(&self.connection.database()).await?;
        let leases = self.connection.collection(&self.names.leases);
        let is_free = vec![doc! {OWNER: owner}, doc! {UNTIL: {"$lte": now.earliest}}];
        let given = doc! {OWNER: owner, UNTIL: now.plus(time)};
        let taken = leases.update_one(doc! {"_id": name, "$or": is_free}, doc! {"$set": given.clone()}).await?;
        if taken.matched_count > 0 {
            return Ok(true);
        }
        let mut first = doc! {"_id": name};
        first.extend(given);
        // It does not go in when somebody has it.
        went_in(leases.insert_one(first).await)
    }

    pub(crate) async fn renew_lease(&self, name: &str, owner: &str, time: Duration) -> Result<bool, Failure> {
        let now = self.server_clock.now(&self.connection.database()).await?;
        let leases = self.connection.collection(&self.names.leases);
        let lasting = doc! {"_id": name, OWNER: owner, UNTIL: {"$gt": now.latest()}};
        let renewed = leases.update_one(lasting, doc! {"$set": {UNTIL: now.plus(time)}}).await?;
        Ok(renewed.matched_count > 0)
    }

    pub(crate) async fn owner_of_lease(&self, name: &str) -> Result<Option<String>, Failure> {
        let now = self.server_clock.now(&self.connection.database()).await?;
        let lasting = doc! {"_id": name, UNTIL: {"$gt": now.latest()}};
        let found = self.connection.collection(&self.names.leases).find_one(lasting).await?;
        Ok(found.and_then(|lease| lease.get_str(OWNER).ok().map(str::to_owned)))
    }

    pub(crate) async fn release_lease(&self, name: &str, owner: &str) -> Result<(), Failure> {
        let leases = self.connection.collection(&self.names.leases);
        leases.delete_one(doc! {"_id": name, OWNER: owner}).await?;
        Ok(())
    }
}

fn failed(attempt: &str, name: &str) -> impl Fn(Failure) -> RepositoryError {
    let attempt = format!("{attempt} the lease {name}");
    move |failure| RepositoryError::unavailable(attempt.clone(), failure)
}

#[async_trait]
impl Leases for MongoStore {
    async fn take(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        let (store, of_name, by) = (Arc::clone(&self.inner), name.to_owned(), owner.to_owned());
        let taken = self.inner.connection.run(async move { store.take_lease(&of_name, &by, time).await }).await;
        taken.map_err(failed("take", name))
    }

    async fn renew(&self, name: &str, owner: &str, time: Duration) -> Result<bool, RepositoryError> {
        let (store, of_name, by) = (Arc::clone(&self.inner), name.to_owned(), owner.to_owned());
        let renewed = self.inner.connection.run(async move { store.renew_lease(&of_name, &by, time).await }).await;
        renewed.map_err(failed("renew", name))
    }

    async fn owner(&self, name: &str) -> Result<Option<String>, RepositoryError> {
        let (store, of_name) = (Arc::clone(&self.inner), name.to_owned());
        let owner = self.inner.connection.run(async move { store.owner_of_lease(&of_name).await }).await;
        owner.map_err(failed("tell the owner of", name))
    }

    async fn release(&self, name: &str, owner: &str) -> Result<(), RepositoryError> {
        let (store, of_name, by) = (Arc::clone(&self.inner), name.to_owned(), owner.to_owned());
        let released = self.inner.connection.run(async move { store.release_lease(&of_name, &by).await }).await;
        released.map_err(failed("release", name))
    }
}
