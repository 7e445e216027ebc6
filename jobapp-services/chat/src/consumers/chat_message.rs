//! `chat-message-queue`: a conversation's summary follows its messages.

use jobapp_chat::Chat;
use jobapp_kernel::{Delivery, ObjectId, Outcome, Subscription};
use jobapp_runtime::{Consumer, Handled, json_handler};
use jobapp_wire::chat::ChatMessageChanged;
use jobapp_wire::queues::CHAT_SUMMARY;

pub(crate) fn consumer(chat: Chat) -> Consumer {
    let handler = json_handler(move |changed: ChatMessageChanged, _: Delivery| {
        let chat = chat.clone();
        async move {
            let id: ObjectId = match changed.message.id.parse() {
                Ok(id) => id,
                Err(error) => return Outcome::dead(error),
            };
            let told = &changed.message;
            // Most of the time whoever wrote it has done so, or a later one has come.
            match chat.is_summarised(&told.conversation_id, id, changed.sequence, told.is_read).await {
                Ok(true) => return Outcome::Done,
                Ok(false) => {}
                Err(error) => return Outcome::of(&error),
            }
            // What is stored is at least as new as what is told.
            match chat.messages.find(&id).await {
                Ok(Some(stored)) => chat.summarise(&stored.value).await.outcome(),
                Ok(None) => Outcome::dead(format!("there is no message {id}")),
                Err(error) => Err::<(), _>(error).outcome(),
            }
        }
    });
    (Subscription::to(CHAT_SUMMARY).commuting(), handler)
}
