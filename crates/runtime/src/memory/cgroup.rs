//! One control group, of either version, through its files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::MemoryError;
use crate::task::{CpuUnits, MemoryLimit};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum CgroupVersion {
    V1,
    V2,
}

/// A directory of the control group file system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ControlGroup {
    pub(crate) version: CgroupVersion,
    pub(crate) path: PathBuf,
}

impl ControlGroup {
    /// The group of that name within this one; an empty one left by a predecessor is taken over.
    pub(crate) fn child(&self, name: &str) -> Result<Self, MemoryError> {
        let path = self.path.join(name);
        match fs::create_dir(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                Err(MemoryError::Create {
                    path,
                    source: error,
                })
            }
            _ => Ok(Self {
                version: self.version,
                path,
            }),
        }
    }

    /// Puts a limit in force, swap included where the kernel can tell.
    pub(crate) fn limit_memory(&self, limit: MemoryLimit) -> Result<(), MemoryError> {
        let bytes = limit.0.to_string();
        match self.version {
            CgroupVersion::V1 => {
                self.write("memory.limit_in_bytes", &bytes)?;
                self.write_where_known("memory.memsw.limit_in_bytes", &bytes);
            }
            CgroupVersion::V2 => {
                self.write("memory.max", &bytes)?;
                self.write_where_known("memory.swap.max", "0");
            }
        }
        Ok(())
    }

    /// Gives the container its weight where the CPU controller is at hand (version 2 only: in
    /// version 1 it is a tree of its own). The conversion is the one container runtimes use.
    pub(crate) fn weigh_cpu(&self, units: CpuUnits) {
        let shares = u64::from(units.0).clamp(2, 262_144);
        let weight = 1 + (shares - 2) * 9_999 / 262_142;
        self.write_where_known("cpu.weight", &weight.to_string());
    }

    /// The file through which a process joins.
    pub(crate) fn join_file(&self) -> PathBuf {
        self.path.join("cgroup.procs")
    }

    /// What is used now, in bytes, page cache included.
    pub(crate) fn usage(&self) -> Option<u64> {
        let name = match self.version {
            CgroupVersion::V1 => "memory.usage_in_bytes",
            CgroupVersion::V2 => "memory.current",
        };
        fs::read_to_string(self.path.join(name))
            .ok()?
            .trim()
            .parse()
            .ok()
    }

    /// How many processes of the group the kernel has killed for want of memory.
    pub(crate) fn oom_kills(&self) -> u64 {
        let name = match self.version {
            CgroupVersion::V1 => "memory.oom_control",
            CgroupVersion::V2 => "memory.events",
        };
        let text = fs::read_to_string(self.path.join(name)).unwrap_or_default();
        counter(&text, "oom_kill").unwrap_or(0)
    }

    /// The numbers of the processes in the group, however they got away from their parents.
    pub(crate) fn members(&self) -> Vec<i32> {
        let text = fs::read_to_string(self.join_file()).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    }

    /// The groups directly within this one.
    pub(crate) fn children(&self) -> Vec<Self> {
        let Ok(entries) = fs::read_dir(&self.path) else {
            return Vec::new();
        };
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()))
            .map(|entry| Self {
                version: self.version,
                path: entry.path(),
            })
            .collect()
    }

    /// Removes the group; one that still has members stays, and its next owner finds it.
    pub(crate) fn remove(&self) {
        let _ = fs::remove_dir(&self.path);
    }

    pub(super) fn write(&self, name: &str, text: &str) -> Result<(), MemoryError> {
        let path = self.path.join(name);
        write_existing(&path, text).map_err(|source| MemoryError::Write { path, source })
    }

    /// Some kernels lack the file, and the limit holds without it, only less exactly.
    fn write_where_known(&self, name: &str, text: &str) {
        let _ = write_existing(&self.path.join(name), text);
    }
}

/// Never creates the file: in an ordinary directory that would look like success.
fn write_existing(path: &Path, text: &str) -> io::Result<()> {
    use std::io::Write;
    fs::OpenOptions::new()
        .write(true)
        .open(path)?
        .write_all(text.as_bytes())
}

fn counter(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        line.strip_prefix(name)?
            .strip_prefix(' ')?
            .trim()
            .parse()
            .ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_found_by_their_whole_name() {
        let text = "oom_kill_disable 0\nunder_oom 0\noom_kill 3\n";
        assert_eq!(counter(text, "oom_kill"), Some(3));
        assert_eq!(
            counter("low 0\noom 7\noom_group_kill 1\n", "oom_kill"),
            None
        );
    }

    #[test]
    fn a_directory_without_the_files_is_no_control_group() {
        let temp = tempfile::tempdir().unwrap();
        let group = ControlGroup {
            version: CgroupVersion::V1,
            path: temp.path().to_owned(),
        };
        assert!(group.limit_memory(MemoryLimit(1)).is_err());
        assert!(!temp.path().join("memory.limit_in_bytes").exists());
    }
}
