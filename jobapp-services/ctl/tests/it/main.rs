//! The commands, on ports in memory and as a program on files.

mod library;
mod program;
