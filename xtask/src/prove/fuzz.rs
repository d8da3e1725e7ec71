//! What reads bytes that others sent, under a coverage-guided fuzzer: no input crashes it, hangs it or
//! breaks one of its promises. Each target first replays the corpus in `fuzz/corpus`. `cargo test`
//! replays it, too.

mod build;
mod corpus;
mod target;

use std::num::NonZero;
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use super::bench::side_by_side::side_by_side;
use super::bench::{ProofError, Sources, claim, note};
use target::{TARGETS, Target};

/// Where the targets' programs are, and what they read and write.
#[derive(Debug)]
struct Setting {
    programs: PathBuf,
    /// What is kept in the repository, by target.
    corpus: PathBuf,
    /// What was found so far and kept with the build products, by target.
    found: PathBuf,
    /// What was found to break something.
    failing: PathBuf,
    /// For each target.
    duration: Duration,
}

pub(super) fn prove(sources: &Sources) -> Result<String, ProofError> {
    let options = &sources.options;
    let targets = chosen(&options.fuzz_targets)?;
    let products = build::products()?;
    let setting = Setting {
        programs: build::programs(&sources.root, &products)?,
        corpus: sources.root.join("fuzz/corpus"),
        found: products.join("found"),
        failing: products.join("failing"),
        duration: Duration::from_secs(options.fuzz_seconds),
    };
    let figures = run_all(&targets, &setting)?;
    if options.fuzz_keep {
        for target in targets {
            corpus::keep(target, &setting)?;
        }
    }
    Ok(figures.join("; "))
}

/// Runs the targets, as many at a time as the machine has cores: each keeps one busy.
fn run_all(targets: &[&Target], setting: &Setting) -> Result<Vec<String>, ProofError> {
    let at_once = thread::available_parallelism().map_or(1, NonZero::get);
    let run = |target: &&Target| {
        let of_target = target.run(setting)?;
        note(format!("{}: {of_target}", target.name));
        Ok(format!("{} {of_target}", target.name))
    };
    side_by_side(targets, at_once, run).into_iter().collect()
}

/// The targets that the command line names, or all.
fn chosen(names: &[String]) -> Result<Vec<&'static Target>, ProofError> {
    for name in names {
        let known: Vec<&str> = TARGETS.iter().map(|target| target.name).collect();
        claim!(
            known.contains(&name.as_str()),
            "no target is called {name}; there are {}",
            known.join(", ")
        );
    }
    let wanted = |target: &&Target| names.is_empty() || names.iter().any(|n| n == target.name);
    Ok(TARGETS.iter().filter(wanted).collect())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn targets_are_chosen_by_name() {
        assert_eq!(chosen(&[]).expect("all").len(), TARGETS.len());
        let one = chosen(&["filter_pattern".to_owned()]).expect("one");
        assert_eq!(one.len(), 1);
        let error = chosen(&["nothing".to_owned()]).expect_err("no target");
        assert!(error.to_string().contains("router_exchange"), "{error}");
    }

    #[test]
    fn every_target_has_a_source_and_a_corpus() {
        let fuzz = Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz");
        let names = |place: &str| -> BTreeSet<String> {
            let entries = fuzz.join(place).read_dir().expect("a directory");
            let name = |entry: std::fs::DirEntry| entry.file_name().into_string().ok();
            let names = entries.filter_map(|entry| name(entry.ok()?));
            names.map(|name| name.replace(".rs", "")).collect()
        };
        let known: BTreeSet<String> = TARGETS.iter().map(|it| it.name.to_owned()).collect();
        assert_eq!(names("targets"), known);
        assert_eq!(names("corpus"), known);
    }
}
