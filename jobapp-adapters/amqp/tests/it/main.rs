//! The bus and a broker that misbehaves as real ones do now and then.

mod broker;
mod consuming;
mod linking;
mod publishing;
