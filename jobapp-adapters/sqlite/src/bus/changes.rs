//! Tells the consumers of a queue that something came to it.

use std::collections::HashMap;

use parking_lot::Mutex;
use tokio::sync::watch;

#[derive(Default)]
pub(super) struct Changes {
    queues: Mutex<HashMap<String, watch::Sender<u64>>>,
}

impl Changes {
    pub(super) fn tell_all(&self) {
        for changes in self.queues.lock().values() {
            changes.send_modify(|count| *count += 1);
        }
    }

    pub(super) fn of(&self, queue: &str) -> watch::Receiver<u64> {
        self.queues.lock().entry(queue.to_owned()).or_default().subscribe()
    }

    pub(super) fn tell(&self, queue: &str) {
        if let Some(changes) = self.queues.lock().get(queue) {
            changes.send_modify(|count| *count += 1);
        }
    }
}
