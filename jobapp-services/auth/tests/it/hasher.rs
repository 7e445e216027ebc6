//! Argon2id keeps what every hasher of passwords promises.

use std::sync::Arc;

use jobapp_auth_service::Argon2Hasher;
use jobapp_contracts::hasher::Hashing;

async fn fresh() -> Hashing {
    Hashing(Arc::new(Argon2Hasher::cheapest().unwrap()))
}

jobapp_contracts::hasher!(fresh());
