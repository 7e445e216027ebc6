//! What the gateway hears of changes: kept answers that show something old are dropped, at every gateway.

use std::sync::Arc;

use jobapp_kernel::{Delivery, Outcome, Queue, Subscription};
use jobapp_realtime::{News, Realtime};
use jobapp_runtime::{Consumer, json_handler};
use jobapp_wire::messages::{GigChanged, ProfileChanged, Realtime as Event};
use jobapp_wire::queues;
use serde::de::DeserializeOwned;
use serde_json::json;
use tokio::sync::Notify;

use crate::calls::answers::AnswerCache;
use crate::calls::shared_answers::SharedAnswers;
use crate::table::route::Kept;

/// What one gateway tells the others: its argument is a list of kinds and ids.
const SPOILT: &str = "answers spoilt";

/// Who consumes the changes. Each is heard by one gateway, which tells all.
pub(crate) fn consumers(answers: &AnswerCache, shared: &SharedAnswers, realtime: &Realtime) -> Vec<Consumer> {
    let changes = Changes { answers: answers.clone(), shared: shared.clone(), realtime: realtime.clone() };
    vec![changes.consumer(queues::GATEWAY_GIG, gig), changes.consumer(queues::GATEWAY_PROFILE, profile)]
}

fn gig(change: GigChanged) -> Vec<(Kept, String)> {
    let id = match change {
        GigChanged::Saved { gig, .. } => gig.id,
        GigChanged::Deleted { gig_id, .. } => gig_id,
    };
    vec![(Kept::Gig, id)]
}

fn profile(change: ProfileChanged) -> Vec<(Kept, String)> {
    match change {
        ProfileChanged::Buyer { username, .. } => vec![(Kept::Buyer, username)],
        ProfileChanged::Seller { seller_id, username, .. } => {
            vec![(Kept::Seller, seller_id), (Kept::SellerNamed, username.clone()), (Kept::Buyer, username)]
        }
    }
}

#[derive(Clone)]
struct Changes {
    answers: AnswerCache,
    shared: SharedAnswers,
    realtime: Realtime,
}

impl Changes {
    /// A consumer of changes that spoil what `named` makes of them.
    fn consumer<C: DeserializeOwned + Send + 'static>(
        &self,
        queue: Queue,
        named: fn(C) -> Vec<(Kept, String)>,
    ) -> Consumer {
        let changes = self.clone();
        let handler = json_handler(move |change: C, delivery| {
            let changes = changes.clone();
            async move { changes.spoil(&delivery, named(change)).await }
        });
        (Subscription::to(queue).commuting(), handler)
    }

    /// Here at once, also while the other gateways cannot be reached; where all find it, before they are told: none of them must find what is
    /// old again.
    async fn spoil(&self, delivery: &Delivery, what: Vec<(Kept, String)>) -> Outcome {
        for (kind, id) in &what {
            self.answers.spoil(*kind, id);
        }
        if let Err(error) = self.shared.spoil(&what).await {
            return Outcome::of(&error);
        }
        let event = Event { event: SPOILT.to_owned(), arguments: vec![json!(what)], receivers: Vec::new() };
        match self.realtime.deliver(&format!("{SPOILT} {}", delivery.effect()), &event).await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::of(&error),
        }
    }
}

/// What follows from news at this gateway.
pub(crate) struct Following {
    /// What is kept of services' answers.
    pub(crate) answers: AnswerCache,
    /// Told that some may have been missed, the end of a session for one.
    pub(crate) gaps: Arc<Notify>,
}

impl News for Following {
    fn heard(&self, event: &Event) {
        let what = event.arguments.first().filter(|_| event.event == SPOILT);
        match what.map(|what| serde_json::from_value::<Vec<(Kept, String)>>(what.clone())) {
            Some(Ok(what)) => what.iter().for_each(|(kind, id)| self.answers.spoil(*kind, id)),
            // Another version's words: whatever it was, nothing old is shown.
            None | Some(Err(_)) => self.answers.spoil_all(),
        }
    }

    fn missed(&self) {
        self.answers.spoil_all();
        self.gaps.notify_one();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::calls::answers::Key;

    fn news(event: &str, argument: serde_json::Value) -> Event {
        Event { event: event.to_owned(), arguments: vec![argument], receivers: Vec::new() }
    }

    #[test]
    fn what_is_named_is_dropped_and_words_nobody_knows_drop_everything() {
        let kept = || {
            let answers = AnswerCache::counted(Duration::from_secs(60), &jobapp_metrics::Metrics::new());
            for id in ["ab", "cd"] {
                let body = json!({ "gig": { "id": id, "active": true } }).to_string().into();
                answers.keep(Key::of(Kept::Gig, id, None), answers.moment(), &body, None);
            }
            Following { answers, gaps: Arc::default() }
        };
        let left = |following: &Following| {
            ["ab", "cd"].map(|id| following.answers.get(&Key::of(Kept::Gig, id, None), None).is_some())
        };
        let following = kept();
        assert_eq!(left(&following), [true, true]);
        following.heard(&news(SPOILT, json!([["gig", "AB"], ["buyer", "Marta"]])));
        assert_eq!(left(&following), [false, true]);
        for unknown in
            [news("something else", json!(1)), news(SPOILT, json!([["planet", "ab"]])), news(SPOILT, json!(7))]
        {
            let following = kept();
            following.heard(&unknown);
            assert_eq!(left(&following), [false, false]);
        }
        let following = kept();
        following.missed();
        assert_eq!(left(&following), [false, false]);
    }
}
