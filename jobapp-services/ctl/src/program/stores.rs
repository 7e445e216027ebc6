//! Opens the store of a service.

use anyhow::Context;
use jobapp_platform::{Address, SealingKey, Store};

pub(super) async fn open(address: &Address, key: Option<SealingKey>) -> anyhow::Result<Store> {
    Box::pin(Store::open(address, key)).await.with_context(|| format!("the store {address}"))
}
