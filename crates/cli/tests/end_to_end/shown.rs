//! What a command showed, and how it is made comparable.

use std::fmt;
use std::path::Path;
use std::sync::LazyLock;

use regex::Regex;

/// Exit code, standard output and standard error of a command.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// None: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
    /// What was run, for messages.
    pub(crate) command: String,
}

impl Shown {
    /// The same, if the command ended with `code`; else everything it showed is told.
    #[track_caller]
    pub(crate) fn with_code(self, code: i32) -> Self {
        assert!(
            self.code == Some(code),
            "expected exit code {code} of `{}`:\n{self}",
            self.command
        );
        self
    }

    pub(crate) fn stdout(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    pub(crate) fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.stderr).into_owned()
    }

    /// Standard output as JSON.
    #[track_caller]
    pub(crate) fn json(&self) -> serde_json::Value {
        match serde_json::from_slice(&self.stdout) {
            Ok(value) => value,
            Err(error) => panic!("`{}` wrote no JSON ({error}):\n{self}", self.command),
        }
    }

    /// One JSON value per line of standard output.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<serde_json::Value> {
        let value = |line: &str| match serde_json::from_str(line) {
            Ok(value) => value,
            Err(error) => panic!("`{}` wrote no JSON ({error}): {line}", self.command),
        };
        self.stdout().lines().map(value).collect()
    }

    /// Fails with everything that was shown unless standard error has `text`.
    #[track_caller]
    pub(crate) fn says(&self, text: &str) -> &Self {
        assert!(
            self.stderr().contains(text),
            "`{}` does not say {text:?}:\n{self}",
            self.command
        );
        self
    }

    /// Fails with everything that was shown unless standard output has `text`.
    #[track_caller]
    pub(crate) fn prints(&self, text: &str) -> &Self {
        assert!(
            self.stdout().contains(text),
            "`{}` does not print {text:?}:\n{self}",
            self.command
        );
        self
    }

    /// Everything, without what differs from run to run: times, ids, ports, and the lines that
    /// depend on when the platform was looked at.
    pub(crate) fn settled(&self, project: &Path) -> String {
        let text = self
            .to_string()
            .replace(&project.display().to_string(), "[project]");
        RULES.iter().fold(text, |text, (pattern, instead)| {
            pattern.replace_all(&text, *instead).into_owned()
        })
    }
}

impl fmt::Display for Shown {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(formatter, "exit {code}")?,
            None => writeln!(formatter, "ended by a signal")?,
        }
        for (name, text) in [("stdout", self.stdout()), ("stderr", self.stderr())] {
            if !text.is_empty() {
                writeln!(formatter, "--- {name}\n{}", text.trim_end_matches('\n'))?;
            }
        }
        Ok(())
    }
}

static RULES: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let rules = [
        // Counts and the platform's own messages come as often as the platform is looked at, and
        // who asks first for the way back, Seaway or the platform, is a matter of chance.
        (
            r"(?m)^ +[\d.]+m?s ..\S+ +(new \d+/|has |was |stopped |registered |deregistered |\(deployment |rolling back |goes back: ).*\n",
            "",
        ),
        // Failed tasks are told of as they are seen; the result has them all together.
        (
            r"(?m)^ +[\d.]+m?s   \S+ +\d+ tasks? failed: .*\n(?: {20,}\|.*\n)*",
            "",
        ),
        (
            r"(?m)^    (last lines of )?(one of \d+ tasks that failed|task [0-9a-f]{8}\b)",
            "    $1[tasks]",
        ),
        (r"(?m)^ +[\d.]+(m?s|m) ", "   [t] "),
        (r"\b(in|after|took) [\d.]+ ?(ms|s|m)\b", "$1 [t]"),
        (r"(\b\d+ s ago|just now) *", "[ago]  "),
        (
            r"(succeeded|rolled back|failed|undone) +[\d.]+m?s",
            "$1  [t]",
        ),
        (r"(RELEASE|SECRET|OUTCOME|VALUE) +", "$1  "),
        (r"(WHEN|TOOK|WHO) +", "$1  "),
        (r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\dZ?", "[time]"),
        (r"since \d\d:\d\d:\d\dZ \(\d+ s\)", "since [time]"),
        (r"pid \d+", "pid [pid]"),
        // How memory limits are held depends on the machine, and so does the container engine.
        (r"(?m)^(memory|runtime) .*\n", ""),
        (r"\b[0-9a-f]{64}\b", "[digest]"),
        (r"\b[0-9a-f]{32}\b", "[id]"),
        (r"\b(0{12})\b", "[account]"),
        (r"\b[0-9a-f]{12}\b", "[digest]"),
        (r"\btask [0-9a-f]{8}\b", "task [id]"),
        (r"127\.0\.0\.1:\d+", "127.0.0.1:[port]"),
        (r"\S+@\S+?([,: ])", "[who]$1"),
        (r"[\d.]+ kB", "[size]"),
    ];
    let compiled = |(pattern, instead)| (Regex::new(pattern).expect("a valid pattern"), instead);
    rules.map(compiled).into()
});
