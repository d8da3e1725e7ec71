//! The scheduler under many seeded schedules of faults, updates, alarms, autoscaling, rollbacks on
//! request and restarts. `cargo test` runs the first 10,000 of them.

use std::process::{Command, Stdio};

use super::bench::{During as _, ProofError, Sources, claim};

/// The test that runs the schedules; it says what came of them in a line that begins with their
/// number.
const TEST: &str = "simulation::every_schedule_keeps_the_invariants";

pub(super) fn prove(sources: &Sources) -> Result<String, ProofError> {
    let schedules = sources.options.schedules;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args([
            "test",
            "--release",
            "--locked",
            "--package",
            "seaway-scheduler",
        ])
        .args(["--test", "scheduler", TEST, "--", "--exact", "--nocapture"])
        .env("SEAWAY_SIMULATION_SCHEDULES", schedules.to_string())
        .env_remove("SEAWAY_SIMULATION_SEED")
        .current_dir(&sources.root)
        .stderr(Stdio::inherit())
        .output()
        .during("run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    claim!(output.status.success(), "a schedule fails:\n{text}");
    let figures = figures(&text, schedules);
    figures.ok_or_else(|| ProofError::Refuted(format!("not all schedules ran:\n{text}")))
}

/// The line with the figures of that many schedules.
fn figures(text: &str, schedules: u64) -> Option<String> {
    let begin = format!("{schedules} schedules: ");
    let line = text.lines().find(|line| line.starts_with(&begin))?;
    Some(line.replace(['{', '}', '"'], ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_figures_of_all_schedules_count() {
        let text =
            "running 1 test\n100 schedules: {\"alarms\": 7, \"launches\": 12}\ntest x ... ok";
        let expected = "100 schedules: alarms: 7, launches: 12";
        assert_eq!(figures(text, 100).as_deref(), Some(expected));
        assert_eq!(figures(text, 10), None);
    }
}
