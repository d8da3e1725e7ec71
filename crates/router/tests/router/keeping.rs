//! Connections that are kept for the next request, and how long.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use seaway_router::{RouterOptions, RoutingTable, Timeouts, Workers};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use crate::backend::Backend;
use crate::client::PATIENCE;
use crate::fixture::{Fixture, options, table, unchecked};

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let backend = Backend::saying("hello").await;
    let fixture = Fixture::with_options(options(), table(unchecked(&[backend.address])));
    for _ in 0..50 {
        assert_eq!(fixture.client.get("/").await.body, "hello");
    }
    assert_eq!(backend.connections(), 1);
    assert_eq!(backend.requests(), 50);
}

/// A target that counts the connections on which it has seen the end, and answers `/both` only when
/// two such requests are there.
async fn counting_ends() -> (Backend, Arc<AtomicUsize>) {
    let ends = Arc::new(AtomicUsize::new(0));
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let count = ends.clone();
    let backend = Backend::raw(move |mut stream| {
        let (count, both) = (count.clone(), both.clone());
        async move {
            let mut head = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut head).await {
                if !head.ends_with(b"\r\n\r\n") {
                    continue;
                }
                if head.starts_with(b"GET /both ") {
                    both.wait().await;
                }
                head.clear();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (backend, ends)
}

/// One worker, so that requests find the connections of others.
fn keeping(keep: Duration) -> RouterOptions {
    let timeouts = Timeouts {
        keep,
        ..Timeouts::default()
    };
    RouterOptions {
        timeouts,
        workers: Workers::Own(NonZero::<usize>::MIN),
        ..options()
    }
}

async fn until_ended(ends: &AtomicUsize, count: usize) {
    let ended = async {
        while ends.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test]
async fn a_kept_connection_that_nobody_needs_is_closed_while_another_is_in_use() {
    let (backend, ends) = counting_ends().await;
    let keep = Duration::from_millis(300);
    let fixture = Fixture::with_options(keeping(keep), table(unchecked(&[backend.address])));
    tokio::join!(fixture.client.get("/both"), fixture.client.get("/both"));
    let begun = Instant::now();
    while begun.elapsed() < 2 * keep {
        fixture.client.get("/").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until_ended(&ends, 1).await;
    assert_eq!((backend.connections(), ends.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn no_connection_is_kept_to_a_group_out_of_use() {
    let (backend, ends) = counting_ends().await;
    let group = unchecked(&[backend.address]);
    let options = keeping(Duration::from_secs(300));
    let fixture = Fixture::with_options(options, table(group.clone()));
    fixture.client.get("/").await;
    let unused = RoutingTable::default().with_target_group(group);
    fixture.router.apply(unused).unwrap();
    until_ended(&ends, 1).await;
}
