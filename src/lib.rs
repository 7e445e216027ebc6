//! A freelance marketplace as a library.
