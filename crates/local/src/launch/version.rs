//! What a command does with a platform of another version.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::identity::{PROTOCOL, VERSION};
use crate::server::control::Ping;

/// How a running platform relates to this command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Relation {
    /// Made by the same build: used as it is.
    Same,
    /// Older, or another build of the same version: restarted, its tasks run on.
    Replaceable,
    /// Newer: this command must not touch it.
    Newer,
}

/// Compares a platform with this command, whose binary is `build`.
pub(super) fn relate(platform: &Ping, build: &str) -> Relation {
    let theirs = (platform.protocol, numbers(&platform.version));
    let ours = (PROTOCOL, numbers(VERSION));
    if theirs > ours {
        Relation::Newer
    } else if theirs == ours && platform.build == build {
        Relation::Same
    } else {
        Relation::Replaceable
    }
}

/// Tells builds of one version apart: size and time of change of the binary.
pub fn build_of(binary: &Path) -> io::Result<String> {
    let meta = fs::metadata(binary)?;
    Ok(format!(
        "{:x}-{:x}-{:x}",
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec()
    ))
}

/// The numbers of `MAJOR.MINOR.PATCH`; what follows them is left out.
fn numbers(version: &str) -> Vec<u64> {
    let plain = version.split(['-', '+']).next().unwrap_or_default();
    plain
        .split('.')
        .map(|part| part.parse().unwrap_or(0))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ping(version: &str, protocol: u32, build: &str) -> Ping {
        Ping {
            version: version.into(),
            protocol,
            build: build.into(),
            pid: 1,
            proof: String::new(),
        }
    }

    #[test]
    fn only_a_newer_platform_is_left_alone() {
        assert_eq!(relate(&ping(VERSION, PROTOCOL, "a"), "a"), Relation::Same);
        assert_eq!(
            relate(&ping(VERSION, PROTOCOL, "b"), "a"),
            Relation::Replaceable
        );
        assert_eq!(
            relate(&ping("0.0.9", PROTOCOL, "a"), "a"),
            Relation::Replaceable
        );
        assert_eq!(
            relate(&ping("100.0.0", PROTOCOL, "a"), "a"),
            Relation::Newer
        );
        assert_eq!(
            relate(&ping("0.0.1", PROTOCOL + 1, "a"), "a"),
            Relation::Newer
        );
    }

    #[test]
    fn versions_compare_by_number() {
        assert!(numbers("0.10.0") > numbers("0.9.3"));
        assert_eq!(numbers("1.2.3-rc.1"), [1, 2, 3]);
    }
}
