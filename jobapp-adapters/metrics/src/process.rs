//! What the system tells of a process.

use prometheus::core::Collector;

/// Its memory, time, open files, threads and start, where the system tells.
#[cfg(target_os = "linux")]
pub(crate) fn collector(namespace: &str) -> Option<Box<dyn Collector>> {
    // The kernel's ids fit; 0 would mean a process that is not there, whose numbers are left out.
    let id = i32::try_from(std::process::id()).unwrap_or_default();
    Some(Box::new(prometheus::process_collector::ProcessCollector::new(id, namespace)))
}

/// Nothing, where the system does not tell.
#[cfg(not(target_os = "linux"))]
pub(crate) fn collector(_: &str) -> Option<Box<dyn Collector>> {
    None
}
