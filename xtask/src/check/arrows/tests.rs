use std::collections::BTreeSet;

use super::graph::{self, Member, Workspace};
use super::rules::RULES;
use super::{compare, complaints, sources};

#[test]
fn this_workspace_follows_the_rules() {
    let found = complaints().expect("cargo metadata and the sources can be read");
    assert!(found.is_empty(), "{}", found.join("\n"));
}

/// A workspace with every crate of the table, alone.
fn alone() -> Workspace {
    let members = RULES
        .iter()
        .map(|rule| (rule.name.to_owned(), Member::default()));
    Workspace {
        members: members.collect(),
        ..Workspace::default()
    }
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

#[test]
fn crates_that_depend_on_nothing_break_no_rule() {
    assert_eq!(compare(&alone(), RULES), Vec::<String>::new());
}

#[test]
fn an_arrow_in_the_wrong_direction_is_named() {
    let mut workspace = alone();
    let core = workspace
        .members
        .get_mut("seaway-core")
        .expect("a crate of the table");
    core.normal = names(&["seaway-ports", "serde"]);
    let local = workspace
        .members
        .get_mut("seaway-local")
        .expect("a crate of the table");
    local.normal = names(&["seaway-core", "seaway-scheduler"]);
    assert_eq!(
        compare(&workspace, RULES),
        [
            "seaway-core must not depend on seaway-ports",
            "seaway-local must not depend on seaway-core"
        ]
    );
}

#[test]
fn only_tests_may_use_the_testkit() {
    let mut workspace = alone();
    let engine = workspace
        .members
        .get_mut("seaway-engine")
        .expect("a crate of the table");
    engine.tests = names(&["seaway-testkit"]);
    assert!(compare(&workspace, RULES).is_empty());
    let engine = workspace
        .members
        .get_mut("seaway-engine")
        .expect("a crate of the table");
    engine.normal = names(&["seaway-testkit"]);
    assert_eq!(
        compare(&workspace, RULES),
        ["seaway-engine must not depend on seaway-testkit"]
    );
}

#[test]
fn a_ban_reaches_through_crates_from_elsewhere() {
    let mut workspace = alone();
    let scheduler = workspace
        .members
        .get_mut("seaway-scheduler")
        .expect("a crate of the table");
    scheduler.normal = names(&["innocent"]);
    workspace
        .foreign
        .insert("innocent".into(), names(&["tokio-util"]));
    assert_eq!(
        compare(&workspace, RULES),
        ["seaway-scheduler must not depend on tokio-util (by way of innocent)"]
    );
}

#[test]
fn a_ban_does_not_reach_through_crates_that_have_their_own_rule() {
    let mut workspace = alone();
    let engine = workspace
        .members
        .get_mut("seaway-engine")
        .expect("a crate of the table");
    engine.normal = names(&["seaway-ports"]);
    let ports = workspace
        .members
        .get_mut("seaway-ports")
        .expect("a crate of the table");
    ports.normal = names(&["hyper"]);
    assert_eq!(
        compare(&workspace, RULES),
        ["seaway-ports must not depend on hyper (by way of hyper)"]
    );
}

#[test]
fn crates_and_rules_need_each_other() {
    let mut workspace = alone();
    workspace.members.remove("seaway-report");
    workspace
        .members
        .insert("seaway-novelty".into(), Member::default());
    assert_eq!(
        compare(&workspace, RULES),
        [
            "seaway-novelty has no rule: say what it may depend on",
            "the rule of seaway-report is about no crate of the workspace"
        ]
    );
}

#[test]
fn dependencies_of_tests_and_of_the_crate_are_told_apart() {
    let text = r#"{
        "packages": [
            {"id": "a#1", "name": "a", "manifest_path": "/w/a/Cargo.toml"},
            {"id": "b#1", "name": "b", "manifest_path": "/w/b/Cargo.toml"},
            {"id": "c#1", "name": "c", "manifest_path": "/c/Cargo.toml"},
            {"id": "d#1", "name": "d", "manifest_path": "/d/Cargo.toml"}
        ],
        "workspace_members": ["a#1", "b#1"],
        "resolve": {"nodes": [
            {"id": "a#1", "deps": [
                {"pkg": "b#1", "dep_kinds": [{"kind": "dev"}]},
                {"pkg": "c#1", "dep_kinds": [{"kind": "dev"}, {"kind": null}]}
            ]},
            {"id": "b#1", "deps": []},
            {"id": "c#1", "deps": [{"pkg": "d#1", "dep_kinds": [{"kind": "build"}]}]},
            {"id": "d#1", "deps": []}
        ]}
    }"#;
    let workspace = graph::parse(text.as_bytes()).expect("the form of cargo metadata");
    let a = &workspace.members["a"];
    assert_eq!(a.directory, std::path::Path::new("/w/a"));
    assert_eq!(
        (a.normal.clone(), a.tests.clone()),
        (names(&["c"]), names(&["b"]))
    );
    assert_eq!(workspace.foreign["c"], names(&["d"]));
}

fn used(text: &str) -> Vec<String> {
    sources::uses(text)
        .into_iter()
        .map(|(line, what)| format!("{line} {what}"))
        .collect()
}

#[test]
fn uses_of_the_outside_world_are_found() {
    let text = "\
use std::{collections::BTreeMap, fs, time::{Duration, Instant}};
pub use std::process;
use std::{
    env::{self, VarError},
};

fn now() -> Timestamp { Timestamp::now() }
fn file() { std::fs::read(\"x\") }
";
    assert_eq!(
        used(text),
        [
            "1 std::fs",
            "1 std::time::Instant",
            "2 std::process",
            "3 std::env",
            "3 std::env",
            "7 Timestamp::now",
            "8 std::fs"
        ]
    );
}

#[test]
fn comments_durations_and_tests_are_no_uses() {
    let text = "\
//! Never std::fs.
use std::time::Duration;
#[cfg(test)]
mod tests {
    use std::fs;

    fn read() {
        fs::read(\"x\");
    }
}

#[cfg(test)]
#[path = \"x.rs\"]
mod more;

fn std_fs() {} // std::net
";
    assert_eq!(used(text), Vec::<String>::new());
    assert_eq!(used(&format!("{text}use std::net;")), ["17 std::net"]);
}
