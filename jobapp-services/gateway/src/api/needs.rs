//! What answering a request of the API takes.

use std::time::Duration;

use jobapp_realtime::Realtime;

use super::body_limit::BodyLimits;
use crate::calls::answers::AnswerCache;
use crate::calls::shared_answers::SharedAnswers;
use crate::calls::upstreams::Upstreams;
use crate::door::rate_limit::RateLimiting;
use crate::door::shared_rates::SharedRates;
use crate::identity::sessions::Sessions;

/// What answering a request of the API takes.
pub(crate) struct Needs {
    pub(crate) upstreams: Upstreams,
    pub(crate) answers: AnswerCache,
    /// And those that all gateways keep.
    pub(crate) shared_answers: SharedAnswers,
    pub(crate) sessions: Sessions,
    pub(crate) rates: RateLimiting,
    /// Where strict classes are counted for all gateways, if there are others.
    pub(crate) shared_rates: Option<SharedRates>,
    pub(crate) realtime: Realtime,
    pub(crate) bodies: BodyLimits,
    /// How long a client may pause while the gateway itself reads his body.
    pub(crate) patience: Duration,
}
