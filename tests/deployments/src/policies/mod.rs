//! The policies: each tells what does not hold.

mod images;
mod network;
mod pods;
mod references;
mod rollouts;
mod scaling;
mod settings;

use crate::{Facts, Manifests};

/// Tells in words what does not hold.
pub type Policy = fn(&Manifests, &Facts, &mut Vec<String>);

/// Every policy, by name.
pub const ALL: &[(&str, Policy)] = &[
    ("images", images::are_pinned_and_tried),
    ("secrets", settings::no_secret_is_written_down),
    ("variables", settings::variables_exist),
    ("secret keys", settings::secret_keys_are_made),
    ("probes", pods::are_probed),
    ("resources", pods::have_requests_and_limits),
    ("restricted", pods::are_restricted),
    ("spread", pods::are_spread),
    ("references", references::lead_somewhere),
    ("selectors", references::selectors_match),
    ("ports", network::ports_agree),
    ("addresses", network::addresses_lead_somewhere),
    ("door", network::sockets_have_their_way),
    ("isolation", network::nobody_talks_to_anybody),
    ("rollouts", rollouts::lose_nothing),
    ("budgets", rollouts::budgets_let_go),
    ("scaling", scaling::one_thing_scales_a_service),
    ("gateways", scaling::gateways_follow_load),
    ("mails", scaling::mails_are_counted),
];
