//! One `seaway` command under observation.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use super::event::Event;
use super::figures::span;
use super::{During as _, ProofError, claim, process};

/// How long after a command's end its output may stay open.
const LINGER: Duration = Duration::from_secs(2);
/// Between two looks whether it has ended.
const POLL: Duration = Duration::from_millis(5);

/// A command that runs.
#[derive(Debug)]
pub(crate) struct Running {
    words: String,
    child: Child,
    began: Instant,
    seen: Arc<(Mutex<Seen>, Condvar)>,
}

/// What it wrote so far.
#[derive(Debug, Default)]
struct Seen {
    stdout: String,
    stderr: String,
    events: Vec<Event>,
    /// Streams that have ended, of two.
    ended: u8,
}

/// A command that has ended.
#[derive(Debug)]
pub(crate) struct Finished {
    words: String,
    /// None: ended by a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Of `--output json`.
    pub(crate) events: Vec<Event>,
    pub(crate) took: Duration,
    /// The most memory it was seen with, in KiB.
    pub(crate) memory: u64,
}

impl Running {
    /// Starts `command`; `words` are what to call it in messages.
    pub(crate) fn start(mut command: Command, words: String) -> Result<Self, ProofError> {
        let began = Instant::now();
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .during(format!("start `{words}`"))?;
        let seen = Arc::<(Mutex<Seen>, Condvar)>::default();
        if let Some(stream) = child.stdout.take() {
            follow(stream, &seen, |seen, line| {
                seen.events.extend(Event::parse(line));
                &mut seen.stdout
            });
        }
        if let Some(stream) = child.stderr.take() {
            follow(stream, &seen, |seen, _| &mut seen.stderr);
        }
        Ok(Self {
            words,
            child,
            began,
            seen,
        })
    }

    /// Waits until the events so far are what is waited for, or the command has ended without
    /// them: then the answer is false.
    pub(crate) fn wait_for(
        &mut self,
        limit: Duration,
        enough: impl Fn(&[Event]) -> bool,
    ) -> Result<bool, ProofError> {
        let deadline = Instant::now() + limit;
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if enough(&seen.events) {
                return Ok(true);
            }
            if seen.ended == 2 {
                return Ok(false);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            claim!(
                !left.is_zero(),
                "`{}` did not get as far as expected within {}:\n{}",
                self.words,
                span(limit),
                seen.words()
            );
            (seen, _) = changed
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// SIGKILL, and its end.
    pub(crate) fn kill(mut self) -> Result<Finished, ProofError> {
        self.child.kill().during(format!("kill `{}`", self.words))?;
        let status = self
            .child
            .wait()
            .during(format!("await `{}`", self.words))?;
        self.finished(status, 0)
    }

    /// Waits for its end.
    pub(crate) fn wait(mut self, limit: Duration) -> Result<Finished, ProofError> {
        let pid = i32::try_from(self.child.id()).unwrap_or_default();
        let mut memory = 0;
        loop {
            memory = memory.max(process::memory(pid, "VmHWM"));
            if let Some(status) = self
                .child
                .try_wait()
                .during(format!("await `{}`", self.words))?
            {
                return self.finished(status, memory);
            }
            if self.began.elapsed() > limit {
                // Only so that it does not go on; that it hangs is what is told.
                let _ = self.child.kill();
                let (seen, _) = &*self.seen;
                let seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                return Err(ProofError::Refuted(format!(
                    "`{}` did not end within {}:\n{}",
                    self.words,
                    span(limit),
                    seen.words()
                )));
            }
            thread::sleep(POLL);
        }
    }

    /// Collects what it wrote. Output that stays open is a defect: a pipe in CI would hang.
    fn finished(self, status: ExitStatus, memory: u64) -> Result<Finished, ProofError> {
        let took = self.began.elapsed();
        let deadline = Instant::now() + LINGER;
        let (seen, changed) = &*self.seen;
        let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
        while seen.ended < 2 {
            let left = deadline.saturating_duration_since(Instant::now());
            claim!(
                !left.is_zero(),
                "`{}` has ended, but something it started holds its output open",
                self.words
            );
            (seen, _) = changed
                .wait_timeout(seen, left)
                .unwrap_or_else(PoisonError::into_inner);
        }
        let seen = std::mem::take(&mut *seen);
        Ok(Finished {
            words: self.words,
            code: status.code(),
            stdout: seen.stdout,
            stderr: seen.stderr,
            events: seen.events,
            took,
            memory,
        })
    }
}

impl Finished {
    /// Fails unless it ended with this code.
    pub(crate) fn exited(self, code: i32) -> Result<Self, ProofError> {
        claim!(
            self.code == Some(code),
            "`{}` ended with {} instead of exit code {code}:\n{}",
            self.words,
            self.code
                .map_or("a signal".into(), |code| format!("exit code {code}")),
            last_lines(&self.stdout, &self.stderr)
        );
        Ok(self)
    }

    /// Fails unless it made a release that ended this way.
    pub(crate) fn outcome(self, outcome: &str) -> Result<Self, ProofError> {
        let seen = self.events.iter().rev().find_map(Event::outcome);
        claim!(
            seen == Some(outcome),
            "`{}` made a release that ended as {seen:?} instead of {outcome:?}:\n{}",
            self.words,
            last_lines(&self.stdout, &self.stderr)
        );
        Ok(self)
    }

    /// Its only JSON document.
    pub(crate) fn json(&self) -> Result<serde_json::Value, ProofError> {
        serde_json::from_str(&self.stdout).during(format!("read what `{}` wrote", self.words))
    }
}

impl Seen {
    fn words(&self) -> String {
        last_lines(&self.stdout, &self.stderr)
    }
}

/// The ends of both streams, as a failure shows them.
fn last_lines(stdout: &str, stderr: &str) -> String {
    const LINES: usize = 15;
    const WIDTH: usize = 400;
    let last = |text: &str| {
        let lines: Vec<&str> = text.lines().collect();
        let cut = |line: &&str| format!("      {}", line.chars().take(WIDTH).collect::<String>());
        let shown: Vec<String> = lines
            .iter()
            .skip(lines.len().saturating_sub(LINES))
            .map(cut)
            .collect();
        shown.join("\n")
    };
    format!(
        "    stdout:\n{}\n    stderr:\n{}",
        last(stdout),
        last(stderr)
    )
}

fn follow(
    stream: impl Read + Send + 'static,
    seen: &Arc<(Mutex<Seen>, Condvar)>,
    take: impl for<'a> Fn(&'a mut Seen, &str) -> &'a mut String + Send + 'static,
) {
    let seen = Arc::clone(seen);
    thread::spawn(move || {
        let mut stream = BufReader::new(stream);
        let mut line = Vec::new();
        let (state, changed) = &*seen;
        // A stream that cannot be read any further has ended.
        while stream
            .read_until(b'\n', &mut line)
            .is_ok_and(|length| length > 0)
        {
            let text = String::from_utf8_lossy(&line).into_owned();
            take(
                &mut state.lock().unwrap_or_else(PoisonError::into_inner),
                &text,
            )
            .push_str(&text);
            changed.notify_all();
            line.clear();
        }
        state.lock().unwrap_or_else(PoisonError::into_inner).ended += 1;
        changed.notify_all();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(20);
    const ENDED: &str = r#"{"version":1,"seq":1,"at":"","subject":{"kind":"release"},"kind":{"noun":"release","event":{"kind":"ended","id":1,"outcome":"succeeded"}}}"#;

    fn shell(script: &str) -> Running {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        Running::start(command, script.into()).expect("sh")
    }

    #[test]
    fn output_events_and_code_are_collected() {
        let script = format!("echo out; echo '{ENDED}'; printf err >&2; exit 3");
        let finished = shell(&script).wait(LIMIT).expect("its end");
        assert_eq!(finished.stdout, format!("out\n{ENDED}\n"));
        assert_eq!(
            (finished.stderr.as_str(), finished.events.len()),
            ("err", 1)
        );
        let finished = finished.outcome("succeeded").expect("the outcome");
        let finished = finished.exited(3).expect("the code");
        assert!(
            finished
                .exited(0)
                .expect_err("another code")
                .to_string()
                .contains("exit code 3")
        );
    }

    #[test]
    fn events_are_waited_for_and_a_command_is_killed() {
        let mut running = shell(&format!("echo '{ENDED}'; exec sleep 60"));
        assert!(
            running
                .wait_for(LIMIT, |events| events.len() == 1)
                .expect("an event")
        );
        assert_eq!(running.kill().expect("its end").code, None);
        let mut running = shell("true");
        assert!(
            !running
                .wait_for(LIMIT, |events| events.len() == 1)
                .expect("its end")
        );
    }

    #[test]
    fn a_command_that_hangs_is_a_failure() {
        let error = shell("exec sleep 60")
            .wait(Duration::from_millis(50))
            .expect_err("a failure");
        assert!(
            error.to_string().contains("did not end within 50 ms"),
            "{error}"
        );
    }

    #[test]
    fn output_held_open_by_a_background_process_is_a_failure() {
        let error = shell("sleep 5 &").wait(LIMIT).expect_err("a failure");
        assert!(
            error.to_string().contains("holds its output open"),
            "{error}"
        );
    }
}
