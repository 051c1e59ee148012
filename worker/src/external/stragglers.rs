//! Processes that a command started and that left its process group.
//!
//! A program may begin a session of its own and its parent may be gone, but it inherits its environment:
//! whatever still carries this run's `SWEEP_REPORT` was started by its command, in this attempt or in one
//! whose worker was killed. Of systems without `/proc` only the group is known.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

/// A process may start another while it is looked for: so often are they looked for at most.
const PASSES_MAX: usize = 16;

/// Ends every process that was told to report to `report`; whether there was one.
pub(super) fn end(report: &Path) -> bool {
    let mut variable = b"SWEEP_REPORT=".to_vec();
    variable.extend_from_slice(report.as_os_str().as_bytes());
    let passes =
        (0..PASSES_MAX).map(|_| processes().filter(|process| end_one(*process, &variable)).count());
    passes.take_while(|found_n| *found_n > 0).count() > 0
}

fn processes() -> impl Iterator<Item = Pid> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| Pid::from_raw(entry.file_name().to_str()?.parse().ok()?))
}

/// Ends a process if its environment has the variable; whether it did.
fn end_one(process: Pid, variable: &[u8]) -> bool {
    // From here on the number cannot become another process unnoticed.
    let Ok(handle) = pidfd_open(process, PidfdFlags::empty()) else { return false };
    let environment = format!("/proc/{}/environ", process.as_raw_nonzero());
    // That of somebody else's process is not ours to read; one that has ended has none.
    let Ok(environment) = std::fs::read(OsStr::new(&environment)) else { return false };
    let is_ours = environment.split(|byte| *byte == 0).any(|set| set == variable);
    is_ours && pidfd_send_signal(handle, Signal::KILL).is_ok()
}

#[cfg(test)]
mod tests {
    use std::process::{Command, Stdio};

    use super::*;

    #[test]
    fn a_process_is_known_by_its_environment_alone() {
        let report = Path::new("/nowhere/stragglers/report");
        let sleep = |variable: &str| {
            let mut command = Command::new("sleep");
            command.arg("600").env("SWEEP_REPORT", variable).stdout(Stdio::null());
            command.spawn().unwrap()
        };
        let mut other = sleep("/nowhere/stragglers/report2");
        assert!(!end(report));
        let mut ours = sleep("/nowhere/stragglers/report");
        assert!(end(report));
        assert!(!ours.wait().unwrap().success());
        assert_eq!(other.try_wait().unwrap(), None, "somebody else's was ended");
        other.kill().unwrap();
        other.wait().unwrap();
    }
}
