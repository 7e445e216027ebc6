//! Bodies and documents of conversations, messages and offers.
