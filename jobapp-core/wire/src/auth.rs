//! Bodies and documents of accounts and sessions.
