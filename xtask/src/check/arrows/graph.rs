//! The workspace as `cargo metadata` tells it.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;
use thiserror::Error;

/// Cargo did not tell.
#[derive(Debug, Error)]
pub(crate) enum GraphError {
    #[error("failed to run `cargo metadata`")]
    Run(#[source] io::Error),
    #[error("`cargo metadata` failed: {0}")]
    Refused(String),
    #[error("`cargo metadata` said something unexpected")]
    Form(#[from] serde_json::Error),
}

/// Who is built with whom. Dependencies of build scripts count as normal ones.
#[derive(Debug, Default)]
pub(super) struct Workspace {
    pub(super) members: BTreeMap<String, Member>,
    /// Crates from elsewhere with what they are built with.
    pub(super) foreign: BTreeMap<String, BTreeSet<String>>,
}

/// A crate of the workspace.
#[derive(Debug, Default)]
pub(super) struct Member {
    pub(super) directory: PathBuf,
    pub(super) normal: BTreeSet<String>,
    /// What only its tests are built with.
    pub(super) tests: BTreeSet<String>,
}

/// Asks Cargo about the workspace in `root`.
pub(super) fn read(root: &Path) -> Result<Workspace, GraphError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked"])
        .current_dir(root)
        .output()
        .map_err(GraphError::Run)?;
    if !output.status.success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(GraphError::Refused(words));
    }
    parse(&output.stdout)
}

/// Reads what Cargo said.
pub(super) fn parse(text: &[u8]) -> Result<Workspace, GraphError> {
    let metadata: Metadata = serde_json::from_slice(text)?;
    let packages: BTreeMap<&str, &Package> = metadata
        .packages
        .iter()
        .map(|package| (package.id.as_str(), package))
        .collect();
    let name = |id: &str| packages.get(id).map(|package| package.name.clone());
    let mut workspace = Workspace::default();
    for node in &metadata.resolve.nodes {
        let Some(package) = packages.get(node.id.as_str()) else {
            continue;
        };
        let of = |wanted: fn(&Link) -> bool| -> BTreeSet<String> {
            let links = node.deps.iter().filter(|link| wanted(link));
            links.filter_map(|link| name(&link.pkg)).collect()
        };
        let normal = of(|link| link.kinds.iter().any(|kind| !kind.is_for_tests()));
        if metadata.workspace_members.contains(&node.id) {
            let tests = of(|link| link.kinds.iter().all(Kind::is_for_tests));
            let directory = package
                .manifest_path
                .parent()
                .map(Path::to_owned)
                .unwrap_or_default();
            workspace.members.insert(
                package.name.clone(),
                Member {
                    directory,
                    normal,
                    tests,
                },
            );
        } else {
            workspace
                .foreign
                .entry(package.name.clone())
                .or_default()
                .extend(normal);
        }
    }
    Ok(workspace)
}

#[derive(Debug, Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
    resolve: Resolve,
}

#[derive(Debug, Deserialize)]
struct Package {
    id: String,
    name: String,
    manifest_path: PathBuf,
}

#[derive(Debug, Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Debug, Deserialize)]
struct Node {
    id: String,
    deps: Vec<Link>,
}

#[derive(Debug, Deserialize)]
struct Link {
    pkg: String,
    #[serde(rename = "dep_kinds")]
    kinds: Vec<Kind>,
}

#[derive(Debug, Deserialize)]
struct Kind {
    /// `dev`, `build`; none: a normal dependency.
    kind: Option<String>,
}

impl Kind {
    fn is_for_tests(&self) -> bool {
        self.kind.as_deref() == Some("dev")
    }
}
