//! Load from wrk: one request, over and over, on several connections.

use std::fmt::Write as _;
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, header};
use http_body_util::Full;

use super::peer::WRK;
use crate::prove::bench::{During as _, ProofError, claim};

/// Has wrk tell its result in one line that is easy to read.
const TELL: &str = r#"
done = function(summary, latency, requests)
  local e = summary.errors
  local errors = e.connect + e.read + e.write + e.status + e.timeout
  io.write(string.format("\nresult %d %d %d %d\n",
    summary.requests, summary.duration, errors, latency:percentile(99)))
end
"#;

/// A request to press with.
#[derive(Debug)]
pub(super) struct Pressure {
    url: String,
    connections: u32,
    script: PathBuf,
}

/// What came of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pressed {
    pub(super) requests: u64,
    pub(super) per_second: f64,
    pub(super) p99: Duration,
}

impl Pressure {
    /// A request with its headers and body. Its script is kept in `directory` by its `name`.
    pub(super) fn new(
        address: SocketAddr,
        request: &Request<Full<Bytes>>,
        body: &str,
        connections: u32,
        script: &Path,
    ) -> Result<Self, ProofError> {
        let mut text = format!("wrk.method = \"{}\"\n", request.method());
        // wrk names the host by itself.
        let headers = request.headers().iter();
        for (name, value) in headers.filter(|(name, _)| *name != header::HOST) {
            let value = value.to_str().during("read a header")?;
            // Writing to a string cannot fail.
            let _ = writeln!(text, "wrk.headers[\"{name}\"] = {}", quoted(value));
        }
        if !body.is_empty() {
            let _ = writeln!(text, "wrk.body = {}", quoted(body));
        }
        text.push_str(TELL);
        fs::write(script, text).during("write a script for wrk")?;
        Ok(Self {
            url: format!("http://{address}{}", request.uri().path()),
            connections,
            script: script.to_owned(),
        })
    }

    /// Presses for a while. Every answer must be good.
    pub(super) fn press(&self, time: Duration) -> Result<Pressed, ProofError> {
        let output = Command::new(WRK.find()?)
            .args(["--threads", "1", "--timeout", "10s", "--connections"])
            .arg(self.connections.to_string())
            .arg(format!("--duration={}s", time.as_secs().max(1)))
            .arg("--script")
            .arg(&self.script)
            .arg(&self.url)
            .output()
            .during("run wrk")?;
        let text = String::from_utf8_lossy(&output.stdout);
        let Some((pressed, errors)) = read(&text).filter(|_| output.status.success()) else {
            let errors = String::from_utf8_lossy(&output.stderr);
            return Err(ProofError::Refuted(format!("wrk failed: {text}{errors}")));
        };
        claim!(errors == 0, "{errors} errors at {}: {text}", self.url);
        Ok(pressed)
    }
}

impl Pressed {
    /// The better of two rounds.
    pub(super) fn best(self, before: Option<Self>) -> Self {
        match before {
            Some(before) if before.per_second > self.per_second => before,
            _ => self,
        }
    }
}

/// The result and the number of errors in what wrk wrote.
fn read(text: &str) -> Option<(Pressed, u64)> {
    let line = text.lines().find_map(|line| line.strip_prefix("result "))?;
    let numbers: Vec<u64> = line
        .split(' ')
        .map_while(|number| number.parse().ok())
        .collect();
    let [requests, microseconds, errors, p99] = numbers[..] else {
        return None;
    };
    let time = Duration::from_micros(microseconds).as_secs_f64();
    let pressed = Pressed {
        requests,
        per_second: requests as f64 / time,
        p99: Duration::from_micros(p99),
    };
    Some((pressed, errors))
}

/// A string of Lua in which nothing has a meaning.
fn quoted(text: &str) -> String {
    format!("[==[{text}]==]")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_result_is_read() {
        let text = "Running 1s test\n  result of nothing\n\nresult 3000 1500000 2 4100\n";
        let (pressed, errors) = read(text).expect("a result");
        assert_eq!((pressed.per_second, errors), (2_000.0, 2));
        assert_eq!(pressed.p99, Duration::from_micros(4_100));
        assert!(read("unable to connect").is_none());
    }
}
