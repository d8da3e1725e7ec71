//! One target under the fuzzer.

use std::fs;
use std::process::Command;
use std::time::Duration;

use super::Setting;
use crate::prove::bench::run::Running;
use crate::prove::bench::{During as _, ProofError, claim};

/// What takes longer hangs, in seconds: a thousand times what is usual, on a busy machine.
const HANG: u64 = 20;
/// How much longer than it should a run may take: to start, and to end its last input.
const GRACE: Duration = Duration::from_secs(300);
/// How many of the last lines of a failed run are shown.
const LAST_LINES: usize = 30;

/// A program in `fuzz/targets`.
#[derive(Debug)]
pub(super) struct Target {
    pub(super) name: &'static str,
    /// The longest input, in bytes.
    longest: u32,
}

pub(super) const TARGETS: &[Target] = &[
    Target {
        name: "json_requests",
        longest: 4096,
    },
    Target {
        name: "query_requests",
        longest: 4096,
    },
    Target {
        name: "cbor_requests",
        longest: 4096,
    },
    Target {
        name: "filter_pattern",
        longest: 1024,
    },
    Target {
        name: "registry_manifest",
        longest: 4096,
    },
    Target {
        name: "registry_path",
        longest: 1024,
    },
    Target {
        name: "router_exchange",
        longest: 4096,
    },
];

impl Target {
    /// Replays what is known, looks for more, and returns the figures.
    pub(super) fn run(&self, setting: &Setting) -> Result<String, ProofError> {
        let found = setting.found.join(self.name);
        fs::create_dir_all(&found).during("make a place for what is found")?;
        fs::create_dir_all(&setting.failing).during("make a place for what fails")?;
        let mut command = self.command(setting);
        command
            .arg(format!("-max_total_time={}", setting.duration.as_secs()))
            .arg(format!("-timeout={HANG}"))
            .arg(format!(
                "-artifact_prefix={}/{}-",
                setting.failing.display(),
                self.name
            ))
            .arg(found)
            .arg(setting.corpus.join(self.name));
        let running = Running::start(command, self.name.to_owned())?;
        let finished = running.wait(setting.duration + GRACE)?;
        claim!(
            finished.code == Some(0),
            "{} found what it should not:\n{}\nhint: replay the input that is named above by \
             giving it to {}",
            self.name,
            last_lines(&finished.stderr),
            setting.programs.join(self.name).display()
        );
        figures(&finished.stderr).ok_or_else(|| {
            let said = last_lines(&finished.stderr);
            ProofError::Refuted(format!("{} did not run to its end:\n{said}", self.name))
        })
    }

    /// The program with what holds for any use of it.
    pub(super) fn command(&self, setting: &Setting) -> Command {
        let mut command = Command::new(setting.programs.join(self.name));
        command
            .arg(format!("-max_len={}", self.longest))
            .env("RUST_BACKTRACE", "1");
        command
    }
}

/// libFuzzer's last words: inputs tried, and places in the code that they came to.
fn figures(stderr: &str) -> Option<String> {
    let done = stderr.lines().find_map(|line| line.strip_prefix("Done "))?;
    let runs = done.split(' ').next()?;
    let last = stderr.lines().rev().find(|line| line.contains(" cov: "))?;
    let coverage = last.split_once(" cov: ")?.1.split(' ').next()?;
    Some(format!("{runs} inputs, coverage {coverage}"))
}

fn last_lines(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LAST_LINES)..].join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_words_have_the_figures() {
        let said = "#2\tINITED cov: 3 ft: 4 corp: 1/1b\n#9\tDONE   cov: 12 ft: 5 corp: 2/8b lim: 4 \
                    exec/s: 3 rss: 45Mb\nDone 9 runs in 3 second(s)\n";
        assert_eq!(figures(said).as_deref(), Some("9 inputs, coverage 12"));
        assert_eq!(figures("#9\tDONE   cov: 12 ft: 5"), None);
    }

    #[test]
    fn only_the_end_of_what_a_failed_run_said_is_shown() {
        let said: Vec<String> = (0..100).map(|line| line.to_string()).collect();
        let shown = last_lines(&said.join("\n"));
        assert!(
            shown.starts_with("70\n") && shown.ends_with("\n99"),
            "{shown}"
        );
        assert_eq!(last_lines("one"), "one");
    }
}
