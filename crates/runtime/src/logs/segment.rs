//! The names of log segments.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::task::ContainerName;

pub(super) fn path(directory: &Path, container: &ContainerName, number: u64) -> PathBuf {
    directory.join(format!("{container}.{number}.log"))
}

/// The numbers of the segments a container has, in their order. A missing directory has none.
pub(super) fn list(directory: &Path, container: &ContainerName) -> io::Result<Vec<u64>> {
    let entries = match fs::read_dir(directory) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let number: Option<u64> = name
            .to_str()
            .and_then(|name| name.strip_prefix(container.as_str())?.strip_prefix('.'))
            .and_then(|rest| rest.strip_suffix(".log")?.parse().ok());
        numbers.extend(number);
    }
    numbers.sort_unstable();
    Ok(numbers)
}
