//! Steady requests over kept connections, every one of them counted. A request is never repeated:
//! what a client without retries would see is what counts.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::figures::{percentile, span};
use super::http::{self, Connection, RequestError};
use super::{During as _, ProofError, claim};

/// Different bodies that are told apart; beyond that the answers are only counted.
const BODIES: usize = 64;
/// Failures that are kept with their words.
const FAILURES: usize = 5;
/// The load ends by itself after this time, whatever happens to whoever started it.
const LONGEST: Duration = Duration::from_secs(300);

/// What is requested and how often.
#[derive(Debug, Clone)]
pub(crate) struct LoadPlan {
    pub(crate) address: SocketAddr,
    pub(crate) path: String,
    /// Connections, each with one request at a time.
    pub(crate) connections: usize,
    /// Pause of a connection between an answer and its next request.
    pub(crate) pause: Duration,
}

/// Load under way. Dropping it ends it.
#[derive(Debug)]
pub(crate) struct Load {
    end: Arc<AtomicBool>,
    answered: Arc<AtomicU64>,
    thread: Option<JoinHandle<Result<Counted, ProofError>>>,
}

/// What became of the requests.
#[derive(Debug, Default, Clone)]
pub(crate) struct Counted {
    pub(crate) good: u64,
    pub(crate) failed: u64,
    /// Words of the first failures.
    pub(crate) failures: Vec<String>,
    /// Good answers by their body.
    pub(crate) bodies: BTreeMap<String, u64>,
    /// Of good answers, sorted.
    pub(crate) latencies: Vec<Duration>,
    /// Connections that were opened.
    pub(crate) connections: u64,
}

impl Load {
    /// Begins.
    pub(crate) fn start(plan: LoadPlan) -> Self {
        let (end, answered) = (Arc::<AtomicBool>::default(), Arc::<AtomicU64>::default());
        let (ends, counts) = (Arc::clone(&end), Arc::clone(&answered));
        let thread = thread::spawn(move || http::block_on(press(&plan, &ends, &counts)).flatten());
        Self {
            end,
            answered,
            thread: Some(thread),
        }
    }

    /// Answers so far, good or not.
    pub(crate) fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// Goes on until there were so many answers.
    pub(crate) fn wait_for(&self, answers: u64, limit: Duration) -> Result<(), ProofError> {
        let deadline = Instant::now() + limit;
        while self.answered() < answers {
            claim!(
                Instant::now() < deadline,
                "only {} of {answers} requests were answered within {}",
                self.answered(),
                span(limit)
            );
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    /// Ends it once every request under way has its answer.
    pub(crate) fn finish(mut self) -> Result<Counted, ProofError> {
        self.end.store(true, Ordering::Relaxed);
        let Some(thread) = self.thread.take() else {
            return Ok(Counted::default());
        };
        let ended = thread.join().map_err(|_| "the load generator panicked");
        ended.during("press")?
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.end.store(true, Ordering::Relaxed);
    }
}

impl Counted {
    /// Fails unless every one of at least so many requests was answered well.
    pub(crate) fn claim_no_loss(&self, least: u64) -> Result<(), ProofError> {
        claim!(
            self.failed == 0,
            "{} of {} requests failed: {}",
            self.failed,
            self.good + self.failed,
            self.failures.join("; ")
        );
        claim!(
            self.good >= least,
            "only {} of {least} requests were made",
            self.good
        );
        Ok(())
    }

    /// Good answers whose body contains `words`.
    pub(crate) fn with(&self, words: &str) -> u64 {
        self.bodies
            .iter()
            .filter(|(body, _)| body.contains(words))
            .map(|(_, count)| count)
            .sum()
    }

    /// `5120 requests, 0 failed, p50 3 ms, p99 11 ms, longest 40 ms`.
    pub(crate) fn words(&self) -> String {
        let at = |percent| span(percentile(&self.latencies, percent));
        format!(
            "{} requests, {} failed, p50 {}, p99 {}, longest {}",
            self.good + self.failed,
            self.failed,
            at(50),
            at(99),
            at(100)
        )
    }

    fn add(&mut self, other: Self) {
        self.good += other.good;
        self.failed += other.failed;
        self.connections += other.connections;
        self.failures.extend(other.failures);
        self.failures.truncate(FAILURES);
        self.latencies.extend(other.latencies);
        for (body, count) in other.bodies {
            self.count_body(body, count);
        }
    }

    fn count_body(&mut self, body: String, count: u64) {
        if self.bodies.len() < BODIES || self.bodies.contains_key(&body) {
            *self.bodies.entry(body).or_default() += count;
        }
    }

    fn take(&mut self, began: Instant, outcome: Result<String, String>) {
        match outcome {
            Ok(body) => {
                self.good += 1;
                self.latencies.push(began.elapsed());
                self.count_body(body, 1);
            }
            Err(words) => {
                self.failed += 1;
                if self.failures.len() < FAILURES {
                    self.failures.push(words);
                }
            }
        }
    }
}

async fn press(
    plan: &LoadPlan,
    end: &Arc<AtomicBool>,
    answered: &Arc<AtomicU64>,
) -> Result<Counted, ProofError> {
    let deadline = Instant::now() + LONGEST;
    let mut workers = tokio::task::JoinSet::new();
    for _ in 0..plan.connections {
        let (plan, end, answered) = (plan.clone(), Arc::clone(end), Arc::clone(answered));
        workers.spawn(async move {
            let mut counted = Counted::default();
            let mut connection = None;
            while !end.load(Ordering::Relaxed) && Instant::now() < deadline {
                let began = Instant::now();
                let outcome = request(&plan, &mut connection, &mut counted.connections).await;
                if outcome.is_err() {
                    connection = None;
                }
                counted.take(began, outcome);
                answered.fetch_add(1, Ordering::Relaxed);
                tokio::time::sleep(plan.pause).await;
            }
            counted
        });
    }
    let mut all = Counted::default();
    while let Some(worker) = workers.join_next().await {
        all.add(worker.during("press")?);
    }
    all.latencies.sort_unstable();
    Ok(all)
}

async fn request(
    plan: &LoadPlan,
    connection: &mut Option<Connection>,
    opened: &mut u64,
) -> Result<String, String> {
    let answer = exchange(plan, connection, opened)
        .await
        .map_err(|error| error.to_string())?;
    let body = String::from_utf8_lossy(answer.body()).into_owned();
    match answer.status().is_success() {
        true => Ok(body),
        false => Err(format!("{}: {}", answer.status(), body.trim())),
    }
}

async fn exchange(
    plan: &LoadPlan,
    connection: &mut Option<Connection>,
    opened: &mut u64,
) -> Result<http::Answer, RequestError> {
    let mut open = match connection.take().filter(|open| !open.is_closed()) {
        Some(open) => open,
        None => {
            *opened += 1;
            Connection::open(plan.address).await?
        }
    };
    let answer = open
        .send(http::get_request(plan.address, &plan.path)?)
        .await?;
    *connection = Some(open);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Write as _};
    use std::net::{TcpListener, TcpStream};

    use super::*;

    /// Answers each request with what `answer` says; empty: the connection is closed.
    fn serve(answer: impl Fn(u64) -> &'static str + Send + Sync + 'static) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = listener.local_addr().expect("an address");
        let answer = Arc::new(answer);
        let count = Arc::new(AtomicU64::new(0));
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, count) = (Arc::clone(&answer), Arc::clone(&count));
                thread::spawn(move || talk(stream, |number| answer(number), &count));
            }
        });
        address
    }

    fn talk(mut stream: TcpStream, answer: impl Fn(u64) -> &'static str, count: &AtomicU64) {
        let mut lines = BufReader::new(stream.try_clone().expect("a stream")).lines();
        while let Some(Ok(line)) = lines.next() {
            if !line.is_empty() {
                continue;
            }
            let text = answer(count.fetch_add(1, Ordering::Relaxed));
            if text.is_empty() || stream.write_all(text.as_bytes()).is_err() {
                return;
            }
        }
    }

    fn load(address: SocketAddr, answers: u64) -> Counted {
        let plan = LoadPlan {
            address,
            path: "/".into(),
            connections: 4,
            pause: Duration::from_millis(1),
        };
        let load = Load::start(plan);
        load.wait_for(answers, Duration::from_secs(20))
            .expect("answers");
        load.finish().expect("a result")
    }

    const GOOD: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nv1";

    #[test]
    fn good_answers_are_counted_over_kept_connections() {
        let counted = load(serve(|_| GOOD), 100);
        assert!(counted.claim_no_loss(100).is_ok(), "{counted:?}");
        assert_eq!(counted.with("v1"), counted.good);
        assert_eq!(counted.connections, 4);
        assert!(counted.claim_no_loss(counted.good + 1).is_err());
    }

    #[test]
    fn every_kind_of_failure_is_counted() {
        let address = serve(|number| match number {
            10 => "HTTP/1.1 503 Service Unavailable\r\ncontent-length: 4\r\n\r\nnone",
            20 => "",
            30 => "nonsense\r\n\r\n",
            _ => GOOD,
        });
        let counted = load(address, 100);
        assert_eq!(counted.failed, 3, "{counted:?}");
        assert!(
            counted.failures.iter().any(|words| words.contains("503")),
            "{counted:?}"
        );
        let error = counted
            .claim_no_loss(1)
            .expect_err("failed requests")
            .to_string();
        assert!(error.contains("requests failed"), "{error}");
    }

    #[test]
    fn a_closed_port_fails_every_request() {
        let address = {
            let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
            listener.local_addr().expect("an address")
        };
        let counted = load(address, 8);
        assert_eq!(counted.good, 0);
        assert!(
            counted.failures[0].starts_with("cannot connect"),
            "{counted:?}"
        );
    }
}
