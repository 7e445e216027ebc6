//! Building the index anew, while the old one is searched.
//!
//! The alias of the index that is built says whose build counts. It is moved to a new index before the first gig is read, so that every
//! change of a gig is either read from the store or told to that index; and only an index that still has it takes the place of the old one.
//! Of two who build at once one fails, and nothing is lost. What a builder that died left behind the next one removes.

use http::Method;
use jobapp_gigs::{EveryGig, SearchError};
use serde_json::{Value, json};

use crate::bulk::{self, Found};
use crate::{ElasticError, Inner, form};

/// How often the places are exchanged when others remove what was to be removed.
const TRIES: usize = 5;
/// How long the server may take to tell its nodes.
const LIMITS: &str = "timeout=20s&master_timeout=20s";

impl Inner {
    /// Replaces the index that is searched by one of these gigs.
    pub(crate) async fn rebuild(
        &self,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        self.seen().await?.refuse_outdated()?;
        let fresh = self.names.fresh();
        self.client
            .change("make an index", Method::PUT, &format!("/{fresh}?{LIMITS}"), Some(&form::settings()))
            .await?;
        let built = self.build(&fresh, gigs, progress).await;
        if built.is_err() {
            // The next one who builds would remove it, too.
            self.remove(&fresh).await;
        }
        built
    }

    async fn build(
        &self,
        fresh: &str,
        gigs: &mut dyn EveryGig,
        progress: &(dyn Fn(usize) + Send + Sync),
    ) -> Result<usize, SearchError> {
        let building = self.names.building();
        // An alias has one index that is written: of two who do this at the same moment the server refuses one.
        self.exchange(json!([
            {"remove": {"index": self.names.every(), "alias": building, "must_exist": false}},
            {"add": {"index": fresh, "alias": building, "is_write_index": true}},
        ]))
        .await?;
        let aliases = [building];
        let mut count = 0;
        loop {
            let some = gigs.next().await?;
            if some.is_empty() {
                break;
            }
            // To whoever's index has the alias: what is stored is right in any of them.
            let written = bulk::write(self, &aliases, &some, Found::Later).await?;
            if written.has_lost_its_way {
                return Err(overtaken());
            }
            for (gig, reason) in &written.refused {
                tracing::error!(%gig, reason, "a gig is not in the search index: the server does not take it");
            }
            count += some.len() - written.refused.len();
            progress(count);
        }
        self.client.change("show what it was told", Method::POST, &format!("/{fresh}/_refresh"), None).await?;
        self.take_over(fresh).await?;
        Ok(count)
    }

    /// Puts an index that is built in the place of all others, in one step.
    async fn take_over(&self, fresh: &str) -> Result<(), SearchError> {
        let mut tries = TRIES;
        loop {
            let seen = self.seen().await?;
            seen.refuse_outdated()?;
            if seen.building.as_deref() != Some(fresh) {
                return Err(overtaken());
            }
            let others = seen.indexes.iter().filter(|index| *index != fresh);
            let mut actions = vec![
                json!({"remove": {"index": fresh, "alias": self.names.building(), "must_exist": true}}),
                json!({"add": {"index": fresh, "alias": self.names.live()}}),
            ];
            actions.extend(others.map(|index| json!({"remove_index": {"index": index}})));
            match self.exchange(Value::from(actions)).await {
                // Something of it is gone: the alias, or an index that somebody else removed.
                Err(error) if error.is_about_nothing() && tries > 1 => tries -= 1,
                done => return Ok(done?),
            }
        }
    }

    async fn exchange(&self, actions: Value) -> Result<(), ElasticError> {
        let path = format!("/_aliases?{LIMITS}");
        self.client.change("exchange its indexes", Method::POST, &path, Some(&json!({"actions": actions}))).await
    }

    async fn remove(&self, index: &str) {
        let removed = self.client.change("remove an index", Method::DELETE, &format!("/{index}?{LIMITS}"), None).await;
        match removed {
            Err(error) if !error.is_about_nothing() => {
                tracing::warn!(index, %error, "an index that was not built to its end could not be removed");
            }
            _ => {}
        }
    }
}

fn overtaken() -> SearchError {
    SearchError::unavailable("another process began to build the index meanwhile")
}
