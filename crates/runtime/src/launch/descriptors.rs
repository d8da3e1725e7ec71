//! Descriptors that came from whoever started this process.

use std::fs;

use nix::unistd::close;

/// Closes everything above standard error. A pipe of the caller's would otherwise never end, and
/// a task would hold what it was never given.
///
/// Only right as the first thing a process does: it asks nobody whether a descriptor is in use.
pub(crate) fn close_inherited() {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else {
        return;
    };
    let open: Vec<i32> = entries
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|descriptor| *descriptor > 2)
        .collect();
    for descriptor in open {
        // One of them was the directory itself, closed by now.
        let _ = close(descriptor);
    }
}
