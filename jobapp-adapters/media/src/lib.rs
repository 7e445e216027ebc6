//! Pictures and files: a folder and how it is served.
//!
//! [`FolderMedia`] keeps what people send as files in one folder and answers with URLs nobody can guess: a name has 128
//! random bits, whatever the caller asked for. What a client declares is never believed. The type comes from the first
//! bytes; only pictures are ever shown inline; everything else, HTML and SVG included, is a download that no browser
//! runs. An upload is written to a temporary file, synced and renamed, so a full disk or a killed process leaves nothing
//! half stored. A large file comes in pieces ([`jobapp_kernel::MediaSink`]) and is never in memory as a whole; it gets its
//! name when it is complete and wanted, and is gone when it is not.
//!
//! A source that is an `http` or `https` URL is checked and kept as it is. It is never fetched: a server that fetches
//! whatever address it is told can be made to read its own network.
//!
//! [`MemoryMedia`] takes and refuses the same uploads and keeps them in memory, for tests.

mod folder;
mod intake;
mod limits;
mod memory;
mod serve;
mod source;
mod types;

pub use folder::FolderMedia;
pub use limits::MediaLimits;
pub use memory::MemoryMedia;
