//! Waiting for what an event is about to bring.

pub(crate) use jobapp_runtime::patiently;
