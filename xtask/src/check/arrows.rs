//! The direction of dependencies (DESIGN.md, section 2): the table in [`rules`], compared with what
//! Cargo says about the workspace ([`graph`]) and with what pure crates use of the standard library
//! ([`sources`]).

mod graph;
mod rules;
mod sources;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;

use graph::Workspace;
use rules::{RULES, Rule};

/// The check could not be made.
#[derive(Debug, Error)]
pub(crate) enum ArrowsError {
    #[error(transparent)]
    Graph(#[from] graph::GraphError),
    #[error(transparent)]
    Sources(#[from] sources::SourcesError),
}

/// Checks the workspace this program was built in.
pub(crate) fn run() -> Result<ExitCode, Box<dyn std::error::Error>> {
    let complaints = complaints()?;
    for complaint in &complaints {
        eprintln!("error: {complaint}");
    }
    if complaints.is_empty() {
        println!("arrows: ok, {} crates", RULES.len());
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("hint: the table is in xtask/src/check/arrows/rules.rs, its reasons in DESIGN.md");
    Ok(ExitCode::FAILURE)
}

fn complaints() -> Result<Vec<String>, ArrowsError> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .unwrap_or(Path::new("."));
    let workspace = graph::read(root)?;
    let mut complaints = compare(&workspace, RULES);
    for rule in RULES.iter().filter(|rule| rule.pure) {
        let Some(member) = workspace.members.get(rule.name) else {
            continue;
        };
        let found = sources::scan(&member.directory.join("src"))?;
        complaints.extend(found.into_iter().map(|used| {
            let path = used
                .path
                .strip_prefix(root)
                .unwrap_or(&used.path)
                .display()
                .to_string();
            format!(
                "{path}:{}: {} is pure and must not use {}",
                used.line, rule.name, used.what
            )
        }));
    }
    Ok(complaints)
}

/// Everything in which a workspace differs from the rules.
fn compare(workspace: &Workspace, rules: &[Rule]) -> Vec<String> {
    let mut complaints = Vec::new();
    for (name, member) in &workspace.members {
        let Some(rule) = rules.iter().find(|rule| rule.name == name) else {
            complaints.push(format!("{name} has no rule: say what it may depend on"));
            continue;
        };
        let own = |dependency: &&String| workspace.members.contains_key(*dependency);
        let allowed = |name: &str, more: &[&str]| rule.may.contains(&name) || more.contains(&name);
        for dependency in member.normal.iter().filter(own) {
            if !allowed(dependency, &[]) {
                complaints.push(format!("{name} must not depend on {dependency}"));
            }
        }
        for dependency in member.tests.iter().filter(own) {
            if !allowed(dependency, rule.tests_may) {
                complaints.push(format!(
                    "the tests of {name} must not depend on {dependency}"
                ));
            }
        }
        for (foreign, by) in foreign(workspace, name) {
            if rule.never.iter().any(|pattern| matches(pattern, &foreign)) {
                complaints.push(format!(
                    "{name} must not depend on {foreign} (by way of {by})"
                ));
            }
        }
    }
    for rule in rules
        .iter()
        .filter(|rule| !workspace.members.contains_key(rule.name))
    {
        complaints.push(format!(
            "the rule of {} is about no crate of the workspace",
            rule.name
        ));
    }
    complaints
}

/// Crates from elsewhere that `name` is built with, each with the first crate on the way to it.
/// Crates of the workspace on the way answer for themselves.
fn foreign(workspace: &Workspace, name: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open: Vec<(String, String)> = workspace
        .members
        .get(name)
        .into_iter()
        .flat_map(|member| &member.normal)
        .map(|dependency| (dependency.clone(), dependency.clone()))
        .collect();
    while let Some((dependency, by)) = open.pop() {
        if workspace.members.contains_key(&dependency) || !seen.insert(dependency.clone()) {
            continue;
        }
        for next in workspace.foreign.get(&dependency).into_iter().flatten() {
            open.push((next.clone(), by.clone()));
        }
        found.insert((dependency, by));
    }
    found
}

/// A crate's name, or its beginning and `*`.
fn matches(pattern: &str, name: &str) -> bool {
    match pattern.strip_suffix('*') {
        Some(beginning) => name.starts_with(beginning),
        None => pattern == name,
    }
}
