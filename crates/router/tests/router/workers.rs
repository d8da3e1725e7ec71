//! Who serves connections, and that one direction of an exchange never waits for the other.

use std::num::NonZero;
use std::time::Duration;

use http::StatusCode;
use seaway_router::{RouterOptions, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::backend::Backend;
use crate::client::{Client, PATIENCE};
use crate::fixture::{Fixture, options, table, unchecked};
use crate::upgrade;

/// More than all buffers on the way hold.
const MUCH: usize = 16 * 1024 * 1024;

const EITHER: [Workers; 3] = [
    Workers::Own(NonZero::<usize>::MIN),
    Workers::Own(NonZero::new(3).unwrap()),
    Workers::Callers,
];

fn served_by(workers: Workers, target: &Backend) -> Fixture {
    let options = RouterOptions {
        workers,
        ..options()
    };
    Fixture::with_options(options, table(unchecked(&[target.address])))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_kind_of_worker_serves_many_clients() {
    let target = Backend::saying("hello").await;
    for workers in EITHER {
        let fixture = served_by(workers, &target);
        let clients = (0..16).map(|_| {
            let client = Client::new(fixture.address);
            tokio::spawn(async move {
                for _ in 0..50 {
                    let answer = client.get("/").await;
                    assert_eq!(
                        (answer.status, answer.body.as_str()),
                        (StatusCode::OK, "hello")
                    );
                }
            })
        });
        for client in clients.collect::<Vec<_>>() {
            client.await.unwrap();
        }
        fixture.router.shutdown(Duration::from_secs(5)).await;
    }
}

/// A client's connection on which a request was answered, and kept.
async fn plain(router: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(router).await.unwrap();
    let request = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n";
    stream.write_all(request).await.unwrap();
    let mut answer = Vec::new();
    while !answer.ends_with(b"plain") {
        assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
    }
    stream
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_tunnel_counts_as_a_connection_of_its_worker() {
    let target = upgrade::echo().await;
    let two = Workers::Own(NonZero::new(2).unwrap());
    let fixture = served_by(two, &target);
    // Tunnel, connection, tunnel, connection: on the first worker, on the second, and so on.
    let mut tunnels = Vec::new();
    let mut connections = Vec::new();
    for _ in 0..2 {
        let mut tunnel = upgrade::open(fixture.address).await;
        upgrade::say(&mut tunnel, "hello").await;
        tunnels.push(tunnel);
        connections.push(plain(fixture.address).await);
    }
    // Each tunnel has a connection to the target, and both others have the one that their worker
    // kept.
    assert_eq!(target.connections(), 3);
}

/// Answers before the whole request has come, and reads it while nobody reads the answer.
async fn answer_early(mut stream: TcpStream) {
    let head = stream.read(&mut [0; 16]).await.unwrap();
    let (mut from, mut to) = stream.split();
    let answer = async {
        let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {MUCH}\r\n\r\n");
        to.write_all(head.as_bytes()).await.unwrap();
        to.write_all(&vec![b'a'; MUCH]).await.unwrap();
    };
    let request = async {
        let mut chunk = vec![0; 64 * 1024];
        let mut length = head;
        while length < MUCH {
            length += from.read(&mut chunk).await.unwrap();
        }
    };
    tokio::join!(answer, request);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_target_that_answers_early_gets_the_whole_request() {
    let target = Backend::raw(answer_early).await;
    for workers in EITHER {
        let fixture = served_by(workers, &target);
        let mut client = TcpStream::connect(fixture.address).await.unwrap();
        let head = format!(
            "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: {MUCH}\r\n\r\n"
        );
        client.write_all(head.as_bytes()).await.unwrap();
        // Nothing of the answer is read before all of the request was taken.
        let sent = timeout(PATIENCE, client.write_all(&vec![b'b'; MUCH])).await;
        sent.expect("the request is taken").unwrap();
        let mut answer = Vec::new();
        let read = timeout(PATIENCE, client.read_to_end(&mut answer)).await;
        read.expect("the answer ends").unwrap();
        assert!(answer.starts_with(b"HTTP/1.1 200 OK\r\n"));
        assert!(answer.len() > MUCH, "{} bytes", answer.len());
    }
}
