//! Targets that leave.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime};

use bytes::Bytes;
use http::{Method, StatusCode};
use http_body_util::Full;
use seaway_router::{
    DrainPolicy, RouterOptions, Target, TargetHealthReason, TargetHealthState, TargetState,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, Semaphore};

use crate::backend::{Backend, response};
use crate::client::{Client, PATIENCE, rest};
use crate::fixture::{Fixture, group, group_id, named_group, options, table, target, unchecked};

/// A target whose answers wait until the test lets them go.
struct Slow {
    backend: Backend,
    arrived: Arc<Notify>,
    answers: Arc<Semaphore>,
}

impl Slow {
    async fn start() -> Self {
        let (arrived, answers) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
        let (here, permit) = (arrived.clone(), answers.clone());
        let backend = Backend::serving(move |_| {
            let (here, permit) = (here.clone(), permit.clone());
            async move {
                here.notify_one();
                permit.acquire().await.unwrap().forget();
                response(StatusCode::OK, "slow")
            }
        })
        .await;
        Self {
            backend,
            arrived,
            answers,
        }
    }
}

fn request_in_background(
    client: &Client,
    path: &'static str,
) -> tokio::task::JoinHandle<Result<crate::client::Answer, String>> {
    let client = client.clone();
    tokio::spawn(async move { client.try_send(client.request(Method::GET, path)).await })
}

#[tokio::test]
async fn requests_in_flight_finish_and_new_ones_go_elsewhere() {
    let (slow, other) = (Slow::start().await, Backend::saying("other").await);
    let mut fixture = Fixture::healthy(&[slow.backend.address]).await;
    let in_flight = request_in_background(&fixture.client, "/");
    slow.arrived.notified().await;

    fixture.update(group(&[other.address]));
    fixture
        .until(other.address, TargetHealthState::Healthy)
        .await;
    for _ in 0..10 {
        assert_eq!(fixture.client.get("/").await.body, "other");
    }
    let health = fixture.router.health(&group_id()).unwrap();
    let draining = health
        .iter()
        .find(|health| health.address == slow.backend.address)
        .unwrap();
    assert_eq!(draining.state, TargetHealthState::Draining);
    assert_eq!(
        draining.reason,
        Some(TargetHealthReason::DeregistrationInProgress)
    );

    slow.answers.add_permits(1);
    assert_eq!(in_flight.await.unwrap().unwrap().body, "slow");
    let event = fixture
        .until(slow.backend.address, TargetHealthState::Unused)
        .await;
    assert!(event.is_drained());
    let gone = event.health;
    assert_eq!(gone.reason.unwrap().as_str(), "Target.NotRegistered");
    assert_eq!(fixture.router.health(&group_id()).unwrap().len(), 1);
}

#[tokio::test]
async fn an_idle_target_drains_at_once_or_for_the_whole_delay() {
    let delay = Duration::from_millis(300);
    for (draining, whole) in [
        (DrainPolicy::WhenIdle, false),
        (DrainPolicy::WholeDelay, true),
    ] {
        let backend = Backend::saying("").await;
        let mut group = group(&[backend.address]);
        group.deregistration_delay = if whole {
            delay
        } else {
            Duration::from_secs(300)
        };
        let options = RouterOptions {
            draining,
            ..options()
        };
        let mut fixture = Fixture::with_options(options, table(group.clone()));
        fixture
            .until(backend.address, TargetHealthState::Healthy)
            .await;
        group.targets.clear();
        let started = Instant::now();
        fixture.update(group);
        fixture
            .until(backend.address, TargetHealthState::Draining)
            .await;
        fixture
            .until(backend.address, TargetHealthState::Unused)
            .await;
        assert_eq!(started.elapsed() >= delay, whole, "{:?}", started.elapsed());
    }
}

#[tokio::test]
async fn what_is_still_in_flight_after_the_delay_is_cut_off() {
    let slow = Slow::start().await;
    let mut group = group(&[slow.backend.address]);
    group.deregistration_delay = Duration::from_millis(100);
    let mut fixture = Fixture::new(group.clone());
    fixture
        .until(slow.backend.address, TargetHealthState::Healthy)
        .await;
    let in_flight = request_in_background(&fixture.client, "/");
    slow.arrived.notified().await;
    group.targets.clear();
    fixture.update(group);
    fixture
        .until(slow.backend.address, TargetHealthState::Unused)
        .await;
    assert_eq!(
        in_flight.await.unwrap().unwrap().status,
        StatusCode::BAD_GATEWAY
    );
}

#[tokio::test]
async fn a_target_can_be_listed_as_draining_and_is_told_once() {
    let slow = Slow::start().await;
    let mut group = group(&[slow.backend.address]);
    let mut fixture = Fixture::new(group.clone());
    fixture
        .until(slow.backend.address, TargetHealthState::Healthy)
        .await;
    let in_flight = request_in_background(&fixture.client, "/");
    slow.arrived.notified().await;
    let state = TargetState::Draining {
        since: SystemTime::now(),
    };
    group.targets = vec![Target {
        state,
        ..target(slow.backend.address)
    }];
    fixture.update(group.clone());
    fixture
        .until(slow.backend.address, TargetHealthState::Draining)
        .await;
    slow.answers.add_permits(1);
    assert_eq!(in_flight.await.unwrap().unwrap().body, "slow");
    fixture
        .until(slow.backend.address, TargetHealthState::Unused)
        .await;
    // The caller has not noticed yet and says it again.
    fixture.update(group.clone());
    assert_eq!(fixture.events.try_recv(), None);
    group.targets.clear();
    fixture.update(group);
    assert_eq!(fixture.router.health(&group_id()).unwrap(), []);
    assert_eq!(fixture.events.try_recv(), None);
}

#[tokio::test]
async fn a_draining_that_began_long_ago_is_over_at_once() {
    let backend = Backend::saying("").await;
    let mut group = group(&[]);
    let since = SystemTime::now() - Duration::from_secs(1_000);
    let state = TargetState::Draining { since };
    group.targets = vec![Target {
        state,
        ..target(backend.address)
    }];
    let options = RouterOptions {
        draining: DrainPolicy::WholeDelay,
        ..options()
    };
    let mut fixture = Fixture::with_options(options, table(group));
    fixture
        .until(backend.address, TargetHealthState::Unused)
        .await;
}

#[tokio::test]
async fn a_target_that_comes_back_while_draining_is_new() {
    let slow = Slow::start().await;
    let mut fixture = Fixture::healthy(&[slow.backend.address]).await;
    let in_flight = request_in_background(&fixture.client, "/");
    slow.arrived.notified().await;
    fixture.update(group(&[]));
    fixture
        .until(slow.backend.address, TargetHealthState::Draining)
        .await;
    fixture.update(group(&[slow.backend.address]));
    fixture
        .until(slow.backend.address, TargetHealthState::Initial)
        .await;
    fixture
        .until(slow.backend.address, TargetHealthState::Healthy)
        .await;
    slow.answers.add_permits(2);
    assert_eq!(in_flight.await.unwrap().unwrap().body, "slow");
    assert_eq!(fixture.client.get("/").await.body, "slow");
    // The end of the first registration is none of the second's business.
    assert_eq!(fixture.events.try_recv(), None);
}

#[tokio::test]
async fn a_group_that_leaves_the_table_drains() {
    let slow = Slow::start().await;
    let mut fixture = Fixture::healthy(&[slow.backend.address]).await;
    let in_flight = request_in_background(&fixture.client, "/");
    slow.arrived.notified().await;
    fixture
        .router
        .apply(seaway_router::RoutingTable::default())
        .unwrap();
    fixture
        .until(slow.backend.address, TargetHealthState::Draining)
        .await;
    assert_eq!(fixture.router.health(&group_id()), None);
    slow.answers.add_permits(1);
    assert_eq!(in_flight.await.unwrap().unwrap().body, "slow");
    fixture
        .until(slow.backend.address, TargetHealthState::Unused)
        .await;
}

/// A target that answers a request's head when the test lets it, and reads the body afterwards.
struct Early {
    backend: Backend,
    arrived: UnboundedReceiver<()>,
    answers: Arc<Semaphore>,
    /// Of the bodies, as far as they came.
    lengths: UnboundedReceiver<usize>,
}

impl Early {
    async fn start() -> Self {
        let (here, arrived) = unbounded_channel();
        let (told, lengths) = unbounded_channel();
        let answers = Arc::new(Semaphore::new(0));
        let permit = answers.clone();
        let backend = Backend::raw(move |mut stream| {
            let (here, told, permit) = (here.clone(), told.clone(), permit.clone());
            async move {
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.unwrap());
                }
                here.send(()).unwrap();
                permit.acquire().await.unwrap().forget();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                stream.write_all(answer).await.unwrap();
                tokio::time::sleep(Duration::from_millis(100)).await;
                let head = String::from_utf8(head).unwrap().to_ascii_lowercase();
                let (_, length) = head.split_once("content-length: ").unwrap();
                let length = length.lines().next().unwrap().parse().unwrap();
                let mut body = Vec::new();
                // A connection that breaks is one that ends here.
                let _ = stream.take(length).read_to_end(&mut body).await;
                told.send(body.len()).unwrap();
            }
        })
        .await;
        Self {
            backend,
            arrived,
            answers,
            lengths,
        }
    }

    async fn next<T>(receiver: &mut UnboundedReceiver<T>) -> T {
        let next = tokio::time::timeout(PATIENCE, receiver.recv()).await;
        next.expect("it comes in time").unwrap()
    }
}

#[tokio::test]
async fn an_upload_that_goes_on_behind_its_answer_is_in_flight() {
    const HALF: usize = 100_000;
    let mut target = Early::start().await;
    target.answers.add_permits(1);
    let mut group = unchecked(&[target.backend.address]);
    let mut fixture = Fixture::new(group.clone());
    let mut client = TcpStream::connect(fixture.address).await.unwrap();
    let length = 2 * HALF;
    let head = format!("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
    client.write_all(head.as_bytes()).await.unwrap();
    client.write_all(&[b'a'; HALF]).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"ok") {
        assert_ne!(client.read_buf(&mut answer).await.unwrap(), 0);
    }
    group.targets.clear();
    fixture.update(group);
    fixture
        .until(target.backend.address, TargetHealthState::Draining)
        .await;
    tokio::time::sleep(Duration::from_millis(100)).await;
    client.write_all(&[b'a'; HALF]).await.unwrap();
    assert_eq!(Early::next(&mut target.lengths).await, length);
    fixture
        .until(target.backend.address, TargetHealthState::Unused)
        .await;
}

/// Uploads to a target that reads them behind its answer; tells how much arrived of each.
async fn arrived_behind_answers(lengths: &[usize], fate: Fate) -> Vec<usize> {
    let mut target = Early::start().await;
    let fixture = Fixture::new(unchecked(&[target.backend.address]));
    let body = Bytes::from(vec![b'a'; lengths[lengths.len() - 1]]);
    for length in lengths.iter().copied() {
        let (router, body) = (fixture.address, body.clone());
        tokio::spawn(async move {
            let head = "POST / HTTP/1.1\r\nHost: a\r\nContent-Length:";
            let mut client = TcpStream::connect(router).await.unwrap();
            let head = format!("{head} {length}\r\n\r\n");
            client.write_all(head.as_bytes()).await.unwrap();
            client.write_all(&body[..length]).await.unwrap();
            rest(&mut client).await;
        });
    }
    for _ in lengths {
        Early::next(&mut target.arrived).await;
    }
    // What the sockets and the router take is taken by then.
    tokio::time::sleep(Duration::from_millis(200)).await;
    if fate == Fate::Drains {
        fixture.update(unchecked(&[]));
    }
    target.answers.add_permits(lengths.len());
    let mut came = Vec::new();
    while came.len() < lengths.len() {
        came.push(Early::next(&mut target.lengths).await);
    }
    came.sort_unstable();
    came
}

/// What becomes of the target.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Stays,
    Drains,
}

#[tokio::test]
async fn what_waits_to_be_written_behind_an_answer_arrives() {
    // The sockets on the way take the shortest as a whole before the answer ends, and the longest not
    // even then with what the router holds. Some are in between, wherever that is.
    let lengths: Vec<usize> = (1..=96).map(|step| step * 64 * 1024).collect();
    for fate in [Fate::Stays, Fate::Drains] {
        for lengths in lengths.chunks(48) {
            assert_eq!(arrived_behind_answers(lengths, fate).await, lengths);
        }
    }
}

/// Clients that request without a pause, and count.
struct Load {
    stop: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    clients: Vec<tokio::task::JoinHandle<Vec<String>>>,
}

impl Load {
    fn start(client: &Client, methods: &[Method]) -> Self {
        let (stop, served) = (
            Arc::new(AtomicBool::new(false)),
            Arc::new(AtomicUsize::new(0)),
        );
        let clients = methods
            .iter()
            .cloned()
            .map(|method| {
                let (client, stop, served) = (client.clone(), stop.clone(), served.clone());
                tokio::spawn(async move {
                    let mut failures = Vec::new();
                    while !stop.load(Ordering::SeqCst) {
                        let body = Bytes::from_static(b"something");
                        let body = if method == Method::GET {
                            Bytes::new()
                        } else {
                            body
                        };
                        let request = client.request(method.clone(), "/");
                        match client.try_send(request.map(|_| Full::new(body))).await {
                            Ok(answer) if answer.status == StatusCode::OK => {
                                served.fetch_add(1, Ordering::SeqCst);
                            }
                            other => failures.push(format!("{method} {other:?}")),
                        }
                    }
                    failures
                })
            })
            .collect();
        Self {
            stop,
            served,
            clients,
        }
    }

    /// Waits until some more requests were served.
    async fn progress(&self) {
        let goal = self.served.load(Ordering::SeqCst) + 20;
        while self.served.load(Ordering::SeqCst) < goal {
            assert!(!self.clients.iter().all(|client| client.is_finished()));
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn finish(self) -> (usize, Vec<String>) {
        self.stop.store(true, Ordering::SeqCst);
        let mut failures = Vec::new();
        for client in self.clients {
            failures.extend(client.await.unwrap());
        }
        (self.served.load(Ordering::SeqCst), failures)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_targets_are_replaced() {
    let mut old = Backend::saying("a").await;
    let mut fixture = Fixture::healthy(&[old.address]).await;
    let methods = [Method::GET, Method::POST, Method::GET, Method::POST];
    let load = Load::start(&fixture.client, &methods);
    for _ in 0..20 {
        load.progress().await;
        let new = Backend::saying("b").await;
        fixture.update(group(&[old.address, new.address]));
        fixture.until(new.address, TargetHealthState::Healthy).await;
        fixture.update(group(&[new.address]));
        fixture.until(old.address, TargetHealthState::Unused).await;
        // Drained means that the process may be killed now.
        drop(std::mem::replace(&mut old, new));
    }
    load.progress().await;
    let (served, failures) = load.finish().await;
    assert_eq!(failures, Vec::<String>::new());
    assert!(served >= 400, "{served}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_without_a_body_is_lost_when_a_target_is_killed() {
    let mut targets = [Backend::saying("a").await, Backend::saying("b").await];
    let addresses = targets.each_ref().map(|target| target.address);
    let mut fixture = Fixture::healthy(&addresses).await;
    let load = Load::start(&fixture.client, &[Method::GET; 4]);
    for round in 0..10 {
        load.progress().await;
        let new = Backend::saying("c").await;
        let killed = std::mem::replace(&mut targets[round % 2], new);
        drop(killed);
        load.progress().await;
        fixture.update(group(&targets.each_ref().map(|target| target.address)));
        fixture
            .until(targets[round % 2].address, TargetHealthState::Healthy)
            .await;
    }
    let (_, failures) = load.finish().await;
    assert_eq!(failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_two_targets_take_each_others_place() {
    let (one, two) = (Backend::saying("one").await, Backend::saying("two").await);
    let fixture = Fixture::new(unchecked(&[one.address]));
    let methods = [Method::GET, Method::POST, Method::GET, Method::POST];
    let load = Load::start(&fixture.client, &methods);
    for _ in 0..300 {
        for target in [&two, &one] {
            fixture.update(unchecked(&[target.address]));
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    let (_, failures) = load.finish().await;
    assert_eq!(failures, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_is_lost_while_groups_take_each_others_place() {
    let (one, two) = (Backend::saying("one").await, Backend::saying("two").await);
    let table_of = |id: &str, backend: &Backend| {
        let mut group = named_group(id, &[backend.address]);
        group.health_check.enabled = false;
        table(group)
    };
    let fixture = Fixture::with_options(options(), table_of("one", &one));
    let methods = [Method::GET, Method::POST, Method::GET, Method::POST];
    let load = Load::start(&fixture.client, &methods);
    for _ in 0..300 {
        for (id, backend) in [("two", &two), ("one", &one)] {
            fixture.router.apply(table_of(id, backend)).unwrap();
            tokio::time::sleep(Duration::from_micros(500)).await;
        }
    }
    let (_, failures) = load.finish().await;
    assert_eq!(failures, Vec::<String>::new());
}
