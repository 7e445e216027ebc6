//! The policies on a small deployment that keeps them all and on others that each break one, and what can be told of the files alone.

mod containers;
mod files;
mod good;
mod wrong;
