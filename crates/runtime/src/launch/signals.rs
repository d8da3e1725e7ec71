//! Signals as a program in an image expects them: none blocked, none ignored.
//!
//! What ignores a signal hands that down to all that it executes (POSIX, `exec`): a shell SIGINT
//! and SIGQUIT to what it starts in the background, `nohup` SIGHUP. A program that is stopped by
//! such a signal would not hear it, and a shell script could not even trap it.

use std::fs;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use nix::sys::signal::{SigSet, Signal};
use signal_hook::consts::FORBIDDEN;

/// Takes back what was handed down, from the next execution on.
pub(super) fn reset() -> io::Result<()> {
    // A signal that is caught has its default action after the execution.
    for signal in ignored(&fs::read_to_string("/proc/self/status")?) {
        signal_hook::flag::register(signal, Arc::new(AtomicBool::new(false)))?;
    }
    SigSet::empty().thread_set_mask()?;
    Ok(())
}

/// The ignored signals in a `/proc/PID/status` (proc_pid_status(5)) that may be caught.
fn ignored(status: &str) -> Vec<i32> {
    let mask = status
        .lines()
        .find_map(|line| line.strip_prefix("SigIgn:"))
        .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
        .unwrap_or_default();
    let signals = Signal::iterator().map(|signal| signal as i32);
    signals
        .filter(|signal| mask & (1 << (signal - 1)) != 0 && !FORBIDDEN.contains(signal))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ignored_signals_are_read_from_their_mask() {
        let status = "Name:\tsh\nSigBlk:\tffffffffffffffff\nSigIgn:\t0000000000000007\n";
        assert_eq!(ignored(status), [1, 2, 3]);
        assert!(ignored("SigIgn:\t0000000000000000").is_empty());
        assert!(!ignored("SigIgn:\tffffffffffffffff").contains(&9));
    }
}
