//! Finds out who can count the memory of a container on this machine.

use std::fs;
use std::path::{Path, PathBuf};

use super::cgroup::{CgroupVersion, ControlGroup};
use super::{MemoryMethod, MemoryReport};

pub(super) fn detect(namespace: &str) -> (Option<ControlGroup>, MemoryReport) {
    let mounts = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    let membership = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    choose(&candidates(&mounts, &membership), namespace)
}

fn choose(candidates: &[ControlGroup], namespace: &str) -> (Option<ControlGroup>, MemoryReport) {
    let mut misses = Vec::new();
    for candidate in candidates {
        match claim(candidate, namespace) {
            Ok(base) => {
                let (method, name) = match base.version {
                    CgroupVersion::V1 => (MemoryMethod::CgroupV1, "cgroup v1"),
                    CgroupVersion::V2 => (MemoryMethod::CgroupV2, "cgroup v2"),
                };
                let reason = format!("{name} is writable at {}", candidate.path.display());
                return (Some(base), MemoryReport { method, reason });
            }
            Err(miss) => misses.push(miss),
        }
    }
    if misses.is_empty() {
        misses.push("no control groups with memory are mounted".to_owned());
    }
    let reason = format!(
        "sampled, a short burst may go unnoticed: {}",
        misses.join("; ")
    );
    (
        None,
        MemoryReport {
            method: MemoryMethod::Sampling,
            reason,
        },
    )
}

/// Where a group could be made, the best first: version 2 from the own group upwards (a group
/// with processes in it cannot pass the controller on, an ancestor without can), then version 1
/// within the own group.
fn candidates(mounts: &str, membership: &str) -> Vec<ControlGroup> {
    let mut found = Vec::new();
    for mount in mounts.lines() {
        let mut fields = mount.split_ascii_whitespace().skip(1);
        let (Some(point), Some(kind), Some(options)) =
            (fields.next(), fields.next(), fields.next())
        else {
            continue;
        };
        let point = Path::new(point);
        match kind {
            "cgroup2" => {
                let own = own_path(membership, |controllers| controllers.is_empty());
                let own = existing(point, own.unwrap_or("/"));
                let up = own.ancestors().take_while(|path| path.starts_with(point));
                found.extend(up.map(|path| ControlGroup {
                    version: CgroupVersion::V2,
                    path: path.to_owned(),
                }));
            }
            "cgroup" if options.split(',').any(|option| option == "memory") => {
                let own = own_path(membership, |c| c.split(',').any(|name| name == "memory"));
                let path = existing(point, own.unwrap_or("/"));
                found.push(ControlGroup {
                    version: CgroupVersion::V1,
                    path,
                });
            }
            _ => {}
        }
    }
    found.sort_by_key(|group| group.version == CgroupVersion::V1);
    found
}

/// The own group in the line of `/proc/self/cgroup` whose controllers fit.
fn own_path(membership: &str, fits: impl Fn(&str) -> bool) -> Option<&str> {
    membership.lines().find_map(|line| {
        let mut fields = line.splitn(3, ':').skip(1);
        let controllers = fields.next()?;
        let path = fields.next()?;
        fits(controllers).then_some(path)
    })
}

/// Within a container the own path may be one of the host that is not to be seen here.
fn existing(point: &Path, own: &str) -> PathBuf {
    let path = point.join(own.trim_start_matches('/'));
    if path.is_dir() {
        path
    } else {
        point.to_owned()
    }
}

/// Makes the group for this supervisor, or says why that is not possible.
fn claim(parent: &ControlGroup, namespace: &str) -> Result<ControlGroup, String> {
    let place = parent.path.display();
    if parent.version == CgroupVersion::V2 {
        let controllers = |file: &str| {
            fs::read_to_string(parent.path.join(file))
                .is_ok_and(|text| text.split_ascii_whitespace().any(|name| name == "memory"))
        };
        if !controllers("cgroup.controllers") {
            return Err(format!("cgroup v2 at {place} has no memory controller"));
        }
        if !controllers("cgroup.subtree_control")
            && parent.write("cgroup.subtree_control", "+memory").is_err()
        {
            return Err(format!("cgroup v2 at {place} is not delegated"));
        }
        // A process may only be moved by who could move it within the groups' common parent.
        if fs::OpenOptions::new()
            .write(true)
            .open(parent.join_file())
            .is_err()
        {
            return Err(format!(
                "processes cannot be moved below the cgroup v2 at {place}"
            ));
        }
    }
    let base = parent.child(namespace).map_err(|error| explain(&error))?;
    match prove(&base) {
        Ok(()) => Ok(base),
        Err(why) => {
            base.remove();
            Err(why)
        }
    }
}

/// Making a directory is not enough: a limit must be taken, and a process be let in.
fn prove(base: &ControlGroup) -> Result<(), String> {
    if base.version == CgroupVersion::V2 {
        // Without CPU the memory limit still holds, so only the memory controller must be there.
        let _ = base.write("cgroup.subtree_control", "+cpu");
        base.write("cgroup.subtree_control", "+memory")
            .map_err(|error| explain(&error))?;
    }
    let probe = base.child("probe").map_err(|error| explain(&error))?;
    let result = probe
        .limit_memory(crate::task::MemoryLimit::from_mib(64))
        .map_err(|error| explain(&error))
        .and_then(|()| {
            fs::OpenOptions::new()
                .write(true)
                .open(probe.join_file())
                .map(drop)
                .map_err(|error| format!("{}: {error}", probe.join_file().display()))
        });
    probe.remove();
    result
}

fn explain(error: &super::MemoryError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn version_two_comes_first_and_climbs_to_its_mount() {
        let temp = tempfile::tempdir().unwrap();
        let unified = temp.path().join("unified");
        let memory = temp.path().join("memory");
        std::fs::create_dir_all(unified.join("user/app")).unwrap();
        std::fs::create_dir_all(memory.join("job")).unwrap();
        let mounts = format!(
            "cgroup {} cgroup rw,relatime,memory 0 0\ncgroup2 {} cgroup2 rw 0 0\n",
            memory.display(),
            unified.display(),
        );
        let found = candidates(&mounts, "4:memory:/job\n0::/user/app\n");
        let paths: Vec<_> = found.iter().map(|group| group.path.clone()).collect();
        assert_eq!(
            paths,
            [
                unified.join("user/app"),
                unified.join("user"),
                unified,
                memory.join("job")
            ],
        );
    }

    #[test]
    fn a_group_path_of_the_host_falls_back_to_the_mount() {
        let temp = tempfile::tempdir().unwrap();
        let mounts = format!("cgroup {} cgroup rw,memory 0 0\n", temp.path().display());
        let found = candidates(&mounts, "4:memory:/docker/0123\n");
        assert_eq!(found[0].path, temp.path());
    }

    #[test]
    fn without_control_groups_it_samples_and_says_why() {
        let (base, report) = choose(&[], "seaway-test");
        assert!(base.is_none());
        assert_eq!(report.method, MemoryMethod::Sampling);
        assert!(
            report.reason.contains("no control groups"),
            "{}",
            report.reason
        );
    }

    #[test]
    fn an_ordinary_directory_is_refused_with_the_reason() {
        let temp = tempfile::tempdir().unwrap();
        let fake = ControlGroup {
            version: CgroupVersion::V1,
            path: temp.path().to_owned(),
        };
        let (base, report) = choose(&[fake], "seaway-test");
        assert!(base.is_none());
        assert!(
            report.reason.contains("memory.limit_in_bytes"),
            "{}",
            report.reason
        );
        assert!(
            !temp.path().join("seaway-test").exists(),
            "nothing is left behind"
        );
    }
}
