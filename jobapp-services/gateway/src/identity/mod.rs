//! Who a request is from: cookies, tokens, the sessions that ended, and what is kept of users.

pub(crate) mod cookies;
pub(crate) mod ended;
pub(crate) mod endings;
pub(crate) mod kept_users;
pub(crate) mod known;
pub(crate) mod sessions;
pub(crate) mod tokens;
