//! One set of features per shared dependency, whatever is built: a feature that only a test asks
//! for makes `cargo test` after `cargo build` compile the AWS SDK again (docs/design/build-time.md).

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;
use std::path::Path;
use std::process::{Command, ExitCode};

use thiserror::Error;

/// The check could not be made.
#[derive(Debug, Error)]
pub(crate) enum FeaturesError {
    #[error("cargo tree cannot be run")]
    Run(#[source] std::io::Error),
    #[error("cargo tree failed: {0}")]
    Failed(String),
}

/// `name version` -> the sets of features it is built with.
type Features = BTreeMap<String, BTreeSet<String>>;

/// Compares what the binary needs with what the whole workspace, tests included, needs.
pub(crate) fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let binary = features(&[
        "--package",
        "seaway",
        "--edges",
        "normal,build,no-proc-macro",
    ])?;
    let workspace = features(&["--workspace", "--edges", "all,no-proc-macro"])?;
    let complaints = differences(&binary, &workspace);
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    if complaints.is_empty() {
        println!("features: ok, {} crates of the binary", binary.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("hint: name all features of it in [workspace.dependencies], for everybody");
    Ok(ExitCode::FAILURE)
}

fn features(of: &[&str]) -> Result<Features, FeaturesError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let output = Command::new(cargo)
        .current_dir(root)
        .args([
            "tree", "--locked", "--prefix", "none", "--format", "{p}|{f}",
        ])
        .args(of)
        .output()
        .map_err(FeaturesError::Run)?;
    if !output.status.success() {
        return Err(FeaturesError::Failed(
            String::from_utf8_lossy(&output.stderr).into_owned(),
        ));
    }
    Ok(parse(&String::from_utf8_lossy(&output.stdout)))
}

fn parse(tree: &str) -> Features {
    let mut features = Features::new();
    for line in tree.lines().filter(|line| !line.is_empty()) {
        let line = line.trim_end_matches(" (*)");
        let Some((package, set)) = line.split_once('|') else {
            continue;
        };
        let name: Vec<&str> = package.split(' ').take(2).collect();
        features
            .entry(name.join(" "))
            .or_default()
            .insert(set.to_owned());
    }
    features
}

fn differences(binary: &Features, workspace: &Features) -> Vec<String> {
    let differs = |name: &String, sets: &BTreeSet<String>| {
        let more = workspace.get(name)?;
        (more != sets).then(|| {
            let list =
                |sets: &BTreeSet<String>| sets.iter().cloned().collect::<Vec<_>>().join(" and ");
            format!(
                "{name} is built with {} and, for tests, with {}",
                list(sets),
                list(more)
            )
        })
    };
    binary
        .iter()
        .filter_map(|(name, sets)| differs(name, sets))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_feature_that_only_a_test_asks_for_is_named() {
        let binary = parse("tokio v1.0.0|rt,time\nserde v1.0.0|derive\n");
        let workspace = parse("tokio v1.0.0|rt,test-util,time (*)\nserde v1.0.0|derive\n");
        let found = differences(&binary, &workspace);
        assert_eq!(found.len(), 1);
        assert!(
            found[0].starts_with("tokio v1.0.0 is built with rt,time and"),
            "{found:?}"
        );
    }

    #[test]
    fn a_crate_that_only_tests_use_is_nobodys_business() {
        let workspace = parse("tokio v1.0.0|rt\ninsta v1.0.0|json\n");
        assert!(differences(&parse("tokio v1.0.0|rt\n"), &workspace).is_empty());
    }
}
