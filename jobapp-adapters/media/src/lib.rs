//! Pictures and files: a folder and how it is served, an S3-compatible store of objects (feature `s3`), Cloudinary (feature `cloudinary`).
//!
//! [`FolderMedia`] keeps what people send as files in one folder, under names nobody can guess: a name has 128 random bits,
//! whatever the caller asked for. Pictures are for everybody and kept by every cache. Files are for those who may see the
//! record that names them: each time it is shown to one of them, [`jobapp_kernel::MediaStore::address`] signs an address
//! that is good for half a day ([`MediaLinks`]), and no cache keeps what is read there. A record keeps the name alone; where it is read is
//! said when it is shown.
//!
//! `HostedMedia` keeps them at a host, under the same names and by the same rules. Whoever follows the address of a file is sent on to
//! another one, at the host, that is good for minutes.
//!
//! What a client declares is never believed. The type comes from the first bytes, and a picture must have headers that can
//! be read and tell sides that can be shown; only pictures are ever shown inline; everything else, HTML and SVG included,
//! is a download that no browser runs. An upload is written to a temporary file, synced and renamed, so a full disk or a killed process leaves nothing
//! half stored. A large file comes in pieces ([`jobapp_kernel::MediaSink`]) and is never in memory as a whole; it gets its
//! name when it is complete and wanted, and is gone when it is not.
//!
//! A source that is an `http` or `https` URL is checked and kept as it is. It is never fetched: a server that fetches
//! whatever address it is told can be made to read its own network. The address of a private file of our own is good for a
//! copy while it is good, and never kept.
//!
//! [`MemoryMedia`] takes and refuses the same uploads and keeps them in memory, for tests.

mod conditions;
mod folder;
#[cfg(feature = "hosts")]
mod hosts;
mod intake;
mod limits;
mod links;
mod memory;
mod names;
mod picture;
mod place;
mod range;
mod serve;
mod source;
mod spool;
mod types;

pub use folder::FolderMedia;
#[cfg(feature = "cloudinary")]
pub use hosts::cloudinary::CloudinaryConfig;
#[cfg(feature = "s3")]
pub use hosts::s3::S3Config;
#[cfg(feature = "hosts")]
pub use hosts::{HostAddressError, HostError, HostedConfig, HostedMedia};
pub use limits::MediaLimits;
pub use links::MediaLinks;
pub use memory::MemoryMedia;
