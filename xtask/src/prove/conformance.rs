//! Clients that others wrote against the embedded platform: the aws command line, boto3, Terraform's
//! AWS provider, ecs-deploy, skopeo, docker and other clients of registries. What they do is in
//! `tests/conformance`; this makes the platform, installs the clients and runs them.

mod client;
mod python;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use toml::toml;

use super::bench::manifest::Manifest;
use super::bench::side_by_side::side_by_side;
use super::bench::stage::Stage;
use super::bench::{Bench, During as _, ProofError, claim, note};
use client::{CLIENTS, Client, Setting};

/// When the tests of one client hang. They take two minutes at most where nothing else runs.
const LIMIT: Duration = Duration::from_secs(900);

pub(super) fn prove(bench: &Bench) -> Result<String, ProofError> {
    let clients = chosen(&bench.options.clients)?;
    let suite = bench.root.join("tests/conformance");
    let programs = python::environment(&suite.join("requirements.txt"))?;
    let stage = Stage::new(bench, |project| {
        let table = toml! {
            [project]
            name = "conformance"
            [environments.local]
            platform = "local"
        };
        Manifest::create(&project.join("seaway.toml"), table)
    })?;
    stage.run(&["local", "start"])?.exited(0)?;
    let setting = Setting {
        suite,
        programs,
        seaway: bench.seaway.clone(),
        project: stage.project(),
        variables: variables(&stage.run(&["local", "env"])?.exited(0)?.stdout),
        home: home(&stage)?,
    };
    let results = run_all(&clients, &setting);
    stage.end()?;
    summary(results)
}

/// The clients that the command line names, or all.
fn chosen(names: &[String]) -> Result<Vec<&'static Client>, ProofError> {
    for name in names {
        let known: Vec<&str> = CLIENTS.iter().map(|client| client.name).collect();
        claim!(
            known.contains(&name.as_str()),
            "no client is called {name}; there are {}",
            known.join(", ")
        );
    }
    let wanted = |client: &&Client| names.is_empty() || names.iter().any(|n| n == client.name);
    Ok(CLIENTS.iter().filter(wanted).collect())
}

/// A client's name with its counts, or why it failed.
type Outcome = (&'static str, Result<String, ProofError>);

/// Two clients at a time: while one waits for its polls, the other works.
fn run_all(clients: &[&'static Client], setting: &Setting) -> Vec<Outcome> {
    side_by_side(clients, 2, |client| {
        let began = Instant::now();
        let result = client::run(client, setting, LIMIT);
        let words = result.as_ref().map_or("FAILED", String::as_str);
        let seconds = began.elapsed().as_secs();
        note(format!("{}: {words} ({seconds} s)", client.name));
        (client.name, result)
    })
}

fn summary(results: Vec<Outcome>) -> Result<String, ProofError> {
    let mut parts = Vec::new();
    for (name, result) in results {
        parts.push(format!("{name} {}", result?));
    }
    parts.sort_unstable();
    Ok(parts.join("; "))
}

/// Assignments of `seaway local env`: `export NAME='value'`.
fn variables(text: &str) -> Vec<(String, String)> {
    let assignment = |line: &str| {
        let (name, value) = line.strip_prefix("export ")?.split_once('=')?;
        Some((name.to_owned(), value.trim_matches('\'').to_owned()))
    };
    text.lines().filter_map(assignment).collect()
}

/// Where the clients keep what they keep.
fn home(stage: &Stage) -> Result<PathBuf, ProofError> {
    let home = stage.project().with_file_name("clients");
    std::fs::create_dir(&home).during("make a home for the clients")?;
    Ok(home)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clients_are_chosen_by_name() {
        assert_eq!(chosen(&[]).expect("all").len(), CLIENTS.len());
        let boto = chosen(&["boto3".to_owned()]).expect("one");
        assert_eq!(boto.len(), 1);
        let error = chosen(&["nobody".to_owned()]).expect_err("no client");
        assert!(error.to_string().contains("terraform"), "{error}");
    }

    #[test]
    fn assignments_become_variables() {
        let text = "export A='http://x:1'\nexport NO_PROXY='a,b'\nunset B C\n";
        let expected = [("A", "http://x:1"), ("NO_PROXY", "a,b")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(variables(text), expected);
    }

    #[test]
    fn one_failure_is_the_failure_of_all() {
        let good = || ("one", Ok("3 passed".to_owned()));
        let bad = ("two", Err(ProofError::Refuted("two: 1 failed".into())));
        assert_eq!(summary(vec![good()]).expect("figures"), "one 3 passed");
        assert!(summary(vec![good(), bad]).is_err());
    }
}
