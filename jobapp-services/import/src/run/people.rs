//! Whom the rows of a page speak of.

use std::collections::{BTreeMap, BTreeSet};

use jobapp_auth::Account;
use jobapp_kernel::RepositoryError;
use jobapp_users::{Buyer, Seller};

use super::insert::{ask_each, text};
use crate::OldRow;
use crate::targets::Targets;
use crate::translate::{People, Person, stored_name};

/// The accounts of the names in `field`, by name in stored form.
pub(super) async fn accounts(
    targets: &Targets,
    rows: &[OldRow],
    field: &str,
) -> Result<BTreeMap<String, Account>, RepositoryError> {
    let names: BTreeSet<String> = rows.iter().filter_map(|row| text(row, field)).map(stored_name).collect();
    let found =
        ask_each(names, |name| async move { targets.accounts.find_by(Account::USERNAME, name.into()).await }).await?;
    Ok(found.into_iter().flatten().map(|stored| (stored.value.username().to_string(), stored.value)).collect())
}

/// Those whose names are in these fields.
pub(super) async fn people(targets: &Targets, rows: &[OldRow], fields: &[&str]) -> Result<People, RepositoryError> {
    let said = rows.iter().flat_map(|row| fields.iter().filter_map(|field| text(row, field)));
    let names: BTreeSet<String> = said.map(stored_name).collect();
    let found = ask_each(names, |name| async move {
        let Some(buyer) = targets.buyers.find_by(Buyer::USERNAME, name.clone().into()).await? else { return Ok(None) };
        let seller = targets.sellers.find_by(Seller::USERNAME, name.into()).await?;
        Ok(Some((buyer.value, seller.map(|stored| *stored.value.seller_id()))))
    })
    .await?;
    let mut people = People::default();
    for (buyer, seller) in found.into_iter().flatten() {
        people.add(Person { username: buyer.username().to_owned(), seller });
    }
    Ok(people)
}
