//! Which letters came back.

use lapin::message::BasicReturnMessage;

use super::answer::{Answer, NotTaken};
use crate::letter::Letter;

/// Says of letters that came back that no queue is bound for them; `false` when one of them is not among `letters`.
///
/// The client hands a returned message to whichever confirmation it completes next, and the confirmation of one that came back says that all is
/// well. So it is not asked which confirmation brought it: it is found again by what it says itself.
pub(super) fn tell(letters: &[Letter], answers: &mut [Option<Answer>], returned: &[BasicReturnMessage]) -> bool {
    returned.iter().all(|message| {
        let found = letters
            .iter()
            .zip(answers.iter_mut())
            .find(|(letter, answer)| matches!(answer, Some(Ok(()))) && is_same(letter, message));
        found.map(|(_, answer)| *answer = Some(Err(NotTaken::Unroutable))).is_some()
    })
}

/// Letters that are equal in this have the same queues, so it does not matter which of them is which.
fn is_same(letter: &Letter, returned: &BasicReturnMessage) -> bool {
    let ids = (letter.properties.message_id(), returned.properties.message_id());
    letter.exchange == returned.exchange
        && letter.routing_key == returned.routing_key
        && ids.0 == ids.1
        // Foreign producers send no ids.
        && (ids.0.is_some() || letter.body == returned.data)
}
