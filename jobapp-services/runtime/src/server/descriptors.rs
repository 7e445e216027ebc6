//! How many files and connections the system lets this process open.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What is kept for databases, the search index, the log and files on their way.
const KEPT: u64 = 256;

/// Raises the soft limit of open files as far as these connections need and the system allows. Returns how many
/// connections fit, and says so in the log if they are fewer.
#[must_use]
pub fn reserve_descriptors(connections: usize) -> usize {
    let wanted = (connections as u64).saturating_add(KEPT);
    let limits = getrlimit(Resource::Nofile);
    let (soft, hard) = (limits.current.unwrap_or(u64::MAX), limits.maximum.unwrap_or(u64::MAX));
    let mut allowed = soft;
    if soft < wanted {
        let target = wanted.min(hard);
        match setrlimit(Resource::Nofile, Rlimit { current: Some(target), maximum: limits.maximum }) {
            Ok(()) => {
                allowed = target;
                tracing::debug!(from = soft, to = target, "the limit of open files was raised");
            }
            Err(error) => tracing::warn!(%error, limit = soft, "the limit of open files could not be raised"),
        }
    }
    let fit = fitting(connections, allowed);
    if fit < connections {
        tracing::warn!(
            max_connections = connections,
            fit,
            open_files = allowed,
            "the system allows fewer open files than max_connections needs, so fewer clients are connected at once; raise the hard limit (ulimit -Hn) or lower max_connections"
        );
    }
    fit
}

/// How many of the connections fit below a limit: at least a few, so that somebody can be told.
fn fitting(connections: usize, allowed: u64) -> usize {
    let room = allowed.saturating_sub(KEPT).max(allowed / 4).max(8);
    connections.min(usize::try_from(room).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fewer_connections_fit_below_a_low_limit() {
        for (connections, allowed, fit) in [
            (10_000, 1_048_576, 10_000),
            (10_000, 10_256, 10_000),
            (10_000, 1024, 768),
            (10_000, 256, 64),
            (10, 1024, 10),
        ] {
            assert_eq!(fitting(connections, allowed), fit, "{connections} of {allowed}");
        }
    }
}
