//! What no browser hears.

use jobapp_wire::messages::Realtime;

/// What gateways tell each other and no browser hears: events without receivers.
pub trait News: Send + Sync {
    /// One was published, at whichever gateway.
    fn heard(&self, event: &Realtime);

    /// Some may have been missed.
    fn missed(&self);
}

/// Who has nothing to do with them.
impl News for () {
    fn heard(&self, _: &Realtime) {}

    fn missed(&self) {}
}
