//! What a server says that no real one can be brought to say in a test.

mod answers;
mod logs;
mod scripted;
