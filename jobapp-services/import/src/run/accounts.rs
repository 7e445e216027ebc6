//! Accounts keep their numbers, unless somebody who signed up here has one.

use jobapp_auth::{Account, FormerAccount};
use jobapp_kernel::{AccountId, RepositoryError};

use super::insert::{Outcomes, Ready, Stored, ask_each, insert_all};
use crate::targets::Targets;
use crate::{OldRow, Outcome, translate};

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let translated: Vec<_> = rows
        .iter()
        .enumerate()
        .filter_map(|(row, old)| Some((row, outcomes.translated(row, translate::account(old))?)))
        .collect();
    let looked = ask_each(translated, |(row, translated)| async move {
        let met = meet(targets, &translated.value).await?;
        Ok((row, translated, met))
    })
    .await?;
    let mut ready = Vec::new();
    for (row, translated, met) in looked {
        let (mut former, mut notes) = (translated.value, translated.notes);
        match met {
            Met::Nobody => {}
            Met::Himself => {
                outcomes.set(row, Outcome::There);
                continue;
            }
            Met::Namesake(reason) => {
                outcomes.set(row, Outcome::Refused(reason));
                continue;
            }
            Met::Number => {
                let number = targets.account_numbers.next(Account::NUMBERS, 1).await?;
                notes.push(format!("id is {}, which is somebody else's here: it is {number}", former.registration.id));
                former.registration.id = AccountId(number);
            }
        }
        match Account::taken_over(former) {
            Ok(value) => ready.push(Ready { row, value, events: Vec::new(), notes }),
            Err(error) => outcomes.set(row, Outcome::Refused(error.to_string())),
        }
    }
    insert_all(&targets.accounts, ready, &mut outcomes, stored).await?;
    Ok(outcomes.all())
}

/// Whom an account meets here.
enum Met {
    Nobody,
    /// It was taken over before.
    Himself,
    /// Somebody else has its name.
    Namesake(String),
    /// Somebody else has its number.
    Number,
}

async fn meet(targets: &Targets, former: &FormerAccount) -> Result<Met, RepositoryError> {
    let FormerAccount { registration, created_at, .. } = former;
    let is_his = |account: &Account| {
        account.username() == &registration.username
            && account.email() == &registration.email
            && account.created_at() == *created_at
    };
    let name = registration.username.as_str();
    if let Some(found) = targets.accounts.find_by(Account::USERNAME, name.into()).await? {
        let number = jobapp_kernel::Aggregate::id(&found.value);
        return Ok(if is_his(&found.value) {
            Met::Himself
        } else {
            Met::Namesake(format!("username is {name:?}, which is that of account {number} here"))
        });
    }
    let numbered = targets.accounts.find(&registration.id).await?;
    Ok(if numbered.is_some() { Met::Number } else { Met::Nobody })
}
