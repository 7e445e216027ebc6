//! Whose a container is: its label tells, so that what a dead process left can be removed, and nothing else is.

/// The label every container carries.
pub(crate) const LABEL: &str = "jobapp-test.owner";

/// A process: the namespace its number belongs to, the number, and when it began, since a number alone may have gone to another.
pub(crate) fn this_process() -> String {
    let pid = std::process::id();
    format!("{} {pid} {}", namespace(), began(pid).unwrap_or_default())
}

/// Whether the process that a label names has ended. What cannot be known is taken to be alive.
pub(crate) fn has_ended(label: &str) -> bool {
    let parts: Vec<&str> = label.split(' ').collect();
    let [of, pid, at] = parts[..] else { return false };
    let Ok(pid) = pid.parse() else { return false };
    !of.is_empty() && of == namespace() && began(pid).as_deref() != Some(at)
}

fn namespace() -> String {
    let link = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
    format!("{}{}", link.display(), boot.trim())
}

/// When a process began, in ticks since the machine did.
fn began(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name, in brackets, may have blanks and brackets.
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_lives() {
        assert!(!has_ended(&this_process()));
    }

    #[test]
    fn a_process_that_was_reaped_has_ended() {
        let mut child = std::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let label = format!("{} {} {}", namespace(), child.id(), began(child.id()).unwrap());
        assert!(!has_ended(&label));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(has_ended(&label));
    }

    #[test]
    fn a_number_that_went_to_another_process_does_not_keep_a_container() {
        assert!(has_ended(&format!("{} {} 1", namespace(), std::process::id())));
    }

    #[test]
    fn what_cannot_be_known_is_left_alone() {
        for label in ["", "elsewhere 1 1", "  ", &format!("{} x 1", namespace())] {
            assert!(!has_ended(label), "{label}");
        }
    }
}
