//! Memory limits of containers: in force, and reported as ECS does.
//!
//! The kernel counts where a control group can be had: version 2 where it is delegated, version 1
//! where it is writable. Elsewhere the supervisor samples the resident memory of the process
//! tree, which notices a short burst late or not at all. [`MemoryControl::detect`] tells which
//! and why.

mod cgroup;
mod detect;
mod sampling;

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub(crate) use cgroup::ControlGroup;
pub(crate) use sampling::{Sampler, Verdict, resident_bytes};

use crate::task::{CpuUnits, MemoryLimit};

/// How limits are held on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MemoryMethod {
    CgroupV2,
    CgroupV1,
    Sampling,
}

/// Which method is in use, and why not a better one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemoryReport {
    pub method: MemoryMethod,
    /// One line for people.
    pub reason: String,
}

/// What a container uses, in bytes; none when nothing counts or nothing runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    pub bytes: Option<u64>,
    pub limit: Option<MemoryLimit>,
}

/// A control group could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum MemoryError {
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("cannot create the control group {}", path.display())]
    Create {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// Finds the method of this machine, and hands out one limit per container.
#[derive(Debug)]
pub struct MemoryControl {
    report: MemoryReport,
    /// The group that holds those of all containers; none when sampling.
    base: Option<ControlGroup>,
}

impl MemoryControl {
    /// Tries the methods from the best to the last. `namespace` names the group that is made for
    /// this supervisor and must differ between state directories.
    pub fn detect(namespace: &str) -> Self {
        let (base, report) = detect::detect(namespace);
        Self { report, base }
    }

    /// Samples, whatever else the machine could do.
    pub fn sampling(reason: &str) -> Self {
        let report = MemoryReport {
            method: MemoryMethod::Sampling,
            reason: reason.to_owned(),
        };
        Self { report, base: None }
    }

    pub fn report(&self) -> &MemoryReport {
        &self.report
    }

    /// Prepares the limit of one container before its process exists.
    pub(crate) fn group(
        &self,
        name: &str,
        limit: Option<MemoryLimit>,
        cpu: Option<CpuUnits>,
    ) -> Result<MemoryGroup, MemoryError> {
        let Some(base) = &self.base else {
            return Ok(MemoryGroup::Sampled(Sampler::default()));
        };
        let group = base.child(name)?;
        if let Some(limit) = limit {
            group.limit_memory(limit)?;
        }
        if let Some(cpu) = cpu {
            group.weigh_cpu(cpu);
        }
        Ok(MemoryGroup::Counted(group))
    }

    /// The groups of containers of an earlier supervisor in the same place.
    pub(crate) fn leftovers(&self) -> Vec<ControlGroup> {
        self.base
            .as_ref()
            .map(ControlGroup::children)
            .unwrap_or_default()
    }

    /// Removes the group of this supervisor. Left in place while a container is in it.
    pub(crate) fn remove(&self) {
        if let Some(base) = &self.base {
            base.remove();
        }
    }
}

/// The limit of one container.
#[derive(Debug)]
pub(crate) enum MemoryGroup {
    /// The kernel counts, and kills.
    Counted(ControlGroup),
    /// The supervisor counts, and kills.
    Sampled(Sampler),
}
