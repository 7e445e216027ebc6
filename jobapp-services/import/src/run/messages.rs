//! Messages, one conversation after the other in itself: each stands behind those before it.

use std::collections::{BTreeMap, BTreeSet};

use jobapp_chat::{ChatMessage, Conversation, ConversationId, Pair, Place, Summary};
use jobapp_kernel::{ObjectId, RepositoryError};

use super::insert::{Outcomes, Stored, ask_each, known, named, outcome_of, text};
use super::people::people;
use crate::fields::Translated;
use crate::target::Inserted;
use crate::targets::Targets;
use crate::translate::{Written, stored_name};
use crate::{OldRow, Outcome, translate};

/// How often a place is looked for anew because somebody wrote in the same moment.
const TRIES: usize = 32;

/// The messages of a page that belong to one conversation.
#[derive(Default)]
struct Talk {
    /// Where the conversation is stored.
    id: Option<ObjectId>,
    /// In the order in which they were written.
    written: Vec<(usize, Translated<Written>)>,
}

pub(super) async fn take(
    targets: &Targets,
    rows: &[OldRow],
    stored: Stored<'_>,
) -> Result<Vec<Outcome>, RepositoryError> {
    let mut outcomes = Outcomes::of(rows);
    let here = known(&targets.messages, rows.iter().filter_map(|row| named(row, "_id")).collect()).await?;
    let people = people(targets, rows, &["senderUsername", "receiverUsername"]).await?;
    let conversations = conversations(targets, rows).await?;
    let mut talks: BTreeMap<ConversationId, Talk> = BTreeMap::new();
    for (row, old) in rows.iter().enumerate() {
        let conversation = pair_of(old).and_then(|pair| conversations.get(&pair.key()));
        if let Some(message) = named::<ObjectId>(old, "_id").and_then(|id| here.get(&id)) {
            outcomes.set(row, Outcome::There);
            // A run that was cut off may have left its summary behind.
            let talk = talks.entry(message.place().conversation.clone()).or_default();
            talk.id = talk.id.or(conversation.map(|one| *jobapp_kernel::Aggregate::id(one)));
            continue;
        }
        let translated = translate::message(old, &people, conversation);
        let Some(translated) = outcomes.translated(row, translated) else { continue };
        if let Some(conversation) = conversation {
            let talk = talks.entry(conversation.conversation_id().clone()).or_default();
            talk.id = Some(*jobapp_kernel::Aggregate::id(conversation));
            talk.written.push((row, translated));
        }
    }
    let done = ask_each(talks, |(conversation, talk)| async move {
        let id = talk.id;
        let (done, newest) = continued(targets, &conversation, talk, stored).await?;
        summarise(targets, &conversation, id, newest).await?;
        Ok(done)
    })
    .await?;
    for (row, outcome) in done.into_iter().flatten() {
        outcomes.set(row, outcome);
    }
    Ok(outcomes.all())
}

/// The conversations of all pairs that write to each other in these rows, by the key of the pair.
async fn conversations(
    targets: &Targets,
    rows: &[OldRow],
) -> Result<BTreeMap<jobapp_kernel::KeyValue, Conversation>, RepositoryError> {
    let keys: BTreeSet<_> = rows.iter().filter_map(pair_of).map(|pair| pair.key()).collect();
    let found = ask_each(keys, |key| async move {
        let found = targets.conversations.find_by(Conversation::PAIR, key.clone()).await?;
        Ok(found.map(|stored| (key, stored.value)))
    })
    .await?;
    Ok(found.into_iter().flatten().collect())
}

fn pair_of(row: &OldRow) -> Option<Pair> {
    let name = |field| text(row, field).map(stored_name);
    Some(Pair::of(&name("senderUsername")?, &name("receiverUsername")?))
}

/// Stores the messages behind what is there, and tells of the last of them.
async fn continued(
    targets: &Targets,
    conversation: &ConversationId,
    talk: Talk,
    stored: Stored<'_>,
) -> Result<(Vec<(usize, Outcome)>, Option<Summary>), RepositoryError> {
    let (mut outcomes, mut newest) = (Vec::new(), None);
    let mut last = None;
    for (row, Translated { value, mut notes }) in talk.written {
        let mut tries = 0;
        let inserted = loop {
            let before = match last.take() {
                Some(place) => Some(place),
                None => last_place(targets, conversation).await?,
            };
            let place =
                before.map_or_else(|| Place::first(conversation.clone(), value.at), |before| before.next(value.at));
            let Written { id, content, offer, is_read, .. } = value.clone();
            let message = match ChatMessage::taken_over(id, place.clone(), content, offer, is_read) {
                Ok(message) => message,
                Err(error) => break Inserted::Unfit(error.to_string()),
            };
            let summary = Summary::from(&message);
            match targets.messages.insert(message, Vec::new()).await? {
                Inserted::Taken(key) if key == ChatMessage::PLACE.name && tries < TRIES => tries += 1,
                Inserted::Stored => {
                    stored();
                    if place.at != value.at {
                        notes.push(format!(
                            "createdAt is {}, before the message before it: it is {}",
                            value.at, place.at
                        ));
                    }
                    (last, newest) = (Some(place), Some(summary));
                    break Inserted::Stored;
                }
                other => break other,
            }
        };
        outcomes.push((row, outcome_of::<ChatMessage>(inserted, notes)));
    }
    Ok((outcomes, newest))
}

async fn last_place(targets: &Targets, conversation: &ConversationId) -> Result<Option<Place>, RepositoryError> {
    let last = targets.messages.last(ChatMessage::CONVERSATION, conversation.into()).await?;
    Ok(last.map(|stored| stored.value.place().clone()))
}

/// Has the conversation tell of its newest message: of this one, or of the one that is stored.
async fn summarise(
    targets: &Targets,
    conversation: &ConversationId,
    id: Option<ObjectId>,
    newest: Option<Summary>,
) -> Result<(), RepositoryError> {
    let Some(id) = id else { return Ok(()) };
    let newest = match newest {
        Some(newest) => newest,
        None => match targets.messages.last(ChatMessage::CONVERSATION, conversation.into()).await? {
            Some(last) => Summary::from(&last.value),
            None => return Ok(()),
        },
    };
    targets.conversations.change(id, move |one| one?.with_newest(newest.clone())).await
}
