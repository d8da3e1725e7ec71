//! Runs the tests of this binary, as the standard harness would, which cannot be re-executed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

/// A test's name and body.
pub(crate) type Test = (&'static str, fn());

/// How many run at once: most of the time they wait.
const PARALLEL: usize = 6;

/// Runs the tests that `arguments` name, or all.
pub(crate) fn run_tests(arguments: &[String], groups: &[&[Test]]) -> ExitCode {
    let filters: Vec<&String> = arguments
        .iter()
        .filter(|word| !word.starts_with('-'))
        .collect();
    let wanted = |name: &str| filters.is_empty() || filters.iter().any(|f| name.contains(*f));
    let tests: Vec<&Test> = groups
        .iter()
        .copied()
        .flatten()
        .filter(|test| wanted(test.0))
        .collect();
    if arguments.iter().any(|word| word == "--list") {
        tests.iter().for_each(|(name, _)| println!("{name}: test"));
        return ExitCode::SUCCESS;
    }
    println!("\nrunning {} tests", tests.len());
    let (next, failed) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..PARALLEL {
            scope.spawn(|| {
                while let Some((name, body)) = tests.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let begun = Instant::now();
                    let passed = catch_unwind(AssertUnwindSafe(body)).is_ok();
                    let (word, took) = (if passed { "ok" } else { "FAILED" }, begun.elapsed());
                    println!("test {name} ... {word} ({:.1} s)", took.as_secs_f32());
                    if !passed {
                        failed.lock().expect("nobody panics here").push(*name);
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("nobody panics here");
    let passed = tests.len() - failed.len();
    println!("\n{passed} passed; {} failed {failed:?}\n", failed.len());
    if failed.is_empty() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Runs the body of a test.
pub(crate) fn run(body: impl Future<Output = ()>) {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime")
        .block_on(body);
}

/// Names tests by their functions.
macro_rules! tests {
    ($($name:ident),* $(,)?) => {
        pub(crate) const TESTS: &[$crate::harness::Test] =
            &[$((concat!(module_path!(), "::", stringify!($name)), $name)),*];
    };
}
pub(crate) use tests;
