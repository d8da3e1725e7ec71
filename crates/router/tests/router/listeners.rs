//! Listeners that come, change and go.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http::{Method, StatusCode};
use seaway_router::{
    Action, ApplyError, Listener, Router, RouterOptions, RoutingTable, TargetHealthState,
};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, Semaphore};

use crate::backend::{Backend, response};
use crate::client::{Client, PATIENCE};
use crate::fixture::{Fixture, group_id, listener, named_group, options, table, unchecked};

fn two_listeners(backend: &Backend) -> RoutingTable {
    let group = unchecked(&[backend.address]);
    let other = listener("other", vec![], Action::forward(group.id.clone()));
    table(group).with_listener(other)
}

#[tokio::test]
async fn listeners_open_stay_and_close_as_the_table_says() {
    let backend = Backend::saying("here").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    assert_eq!(fixture.router.address(&"other".into()), None);
    fixture.router.apply(two_listeners(&backend)).unwrap();
    assert_eq!(
        fixture.router.address(&"listener".into()),
        Some(fixture.address)
    );
    let other = fixture.router.address(&"other".into()).unwrap();
    assert_eq!(Client::new(other).get("/").await.body, "here");
    fixture
        .router
        .apply(table(unchecked(&[backend.address])))
        .unwrap();
    let closed = async {
        while TcpStream::connect(other).await.is_ok() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(PATIENCE, closed).await.unwrap();
    assert_eq!(fixture.client.get("/").await.body, "here");
}

#[tokio::test]
async fn an_open_connection_follows_new_rules() {
    let (old, new) = (Backend::saying("old").await, Backend::saying("new").await);
    let fixture = Fixture::new(unchecked(&[old.address]));
    assert_eq!(fixture.client.get("/").await.body, "old");
    let mut group = named_group("new", &[new.address]);
    group.health_check.enabled = false;
    let rules = listener("listener", vec![], Action::forward("new"));
    let table = RoutingTable::default()
        .with_listener(rules)
        .with_target_group(group);
    fixture.router.apply(table).unwrap();
    assert_eq!(fixture.client.get("/").await.body, "new");
}

#[tokio::test]
async fn a_table_that_cannot_be_applied_changes_nothing() {
    let backend = Backend::saying("here").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let taken = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let at = |id: &str, address: SocketAddr, group: &str| Listener {
        address,
        ..listener(id, vec![], Action::forward(group))
    };
    let with = |listeners: Vec<Listener>| {
        let start = RoutingTable::default().with_target_group(named_group("g", &[]));
        listeners
            .into_iter()
            .fold(start, RoutingTable::with_listener)
    };
    let free = SocketAddr::from(([127, 0, 0, 1], 0));
    let apply = |listeners| fixture.router.apply(with(listeners)).unwrap_err();
    let address = taken.local_addr().unwrap();
    let error = apply(vec![at("a", free, "g"), at("b", address, "g")]);
    assert!(matches!(&error, ApplyError::Listen { listener, .. } if listener.as_str() == "b"));
    let error = apply(vec![at("a", free, "g"), at("a", free, "g")]);
    assert!(matches!(error, ApplyError::DuplicateListener(_)));
    let error = apply(vec![at("a", address, "g"), at("b", address, "g")]);
    assert!(matches!(error, ApplyError::DuplicateAddress(_)));
    let error = apply(vec![at("a", free, "missing")]);
    assert!(matches!(error, ApplyError::UnknownTargetGroup { .. }));
    assert_eq!(
        fixture.router.address(&"listener".into()),
        Some(fixture.address)
    );
    assert_eq!(fixture.client.get("/").await.body, "here");
}

#[tokio::test]
async fn listeners_may_exchange_names() {
    let backend = Backend::saying("").await;
    let group = unchecked(&[backend.address]);
    let at = |id: &str, address| Listener {
        address,
        ..listener(id, vec![], Action::forward(group.id.clone()))
    };
    let fixture = Fixture::new(group.clone());
    let apply = |a, b| {
        let table = RoutingTable::default().with_target_group(group.clone());
        fixture
            .router
            .apply(table.with_listener(at("a", a)).with_listener(at("b", b)))
            .unwrap();
    };
    let any = SocketAddr::from(([127, 0, 0, 1], 0));
    apply(any, any);
    let [first, second] = ["a", "b"].map(|id| fixture.router.address(&id.into()).unwrap());
    for (a, b) in [(first, second), (second, first)] {
        apply(a, b);
        assert_eq!(fixture.router.address(&"a".into()), Some(a));
        assert_eq!(Client::new(b).get("/").await.status, StatusCode::OK);
    }
}

#[tokio::test]
async fn an_open_port_can_be_written_down_and_given_back() {
    let backend = Backend::saying("here").await;
    let group = unchecked(&[backend.address]);
    let fixture = Fixture::new(group.clone());
    for address in [fixture.address, SocketAddr::from(([127, 0, 0, 1], 0))] {
        let same = Listener {
            address,
            ..listener("listener", vec![], Action::forward(group.id.clone()))
        };
        let table = RoutingTable::default()
            .with_listener(same)
            .with_target_group(group.clone());
        fixture.router.apply(table).unwrap();
        assert_eq!(
            fixture.router.address(&"listener".into()),
            Some(fixture.address)
        );
        assert_eq!(fixture.client.get("/").await.body, "here");
    }
}

/// A request that waits in its target.
async fn with_a_request_in_flight() -> (
    Fixture,
    Backend,
    Arc<Semaphore>,
    tokio::task::JoinHandle<Result<crate::client::Answer, String>>,
) {
    let (arrived, answers) = (Arc::new(Notify::new()), Arc::new(Semaphore::new(0)));
    let (here, permit) = (arrived.clone(), answers.clone());
    let backend = Backend::serving(move |_| {
        let (here, permit) = (here.clone(), permit.clone());
        async move {
            here.notify_one();
            permit.acquire().await.unwrap().forget();
            response(StatusCode::OK, "finished")
        }
    })
    .await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let client = fixture.client.clone();
    let request =
        tokio::spawn(async move { client.try_send(client.request(Method::GET, "/")).await });
    arrived.notified().await;
    (fixture, backend, answers, request)
}

#[tokio::test]
async fn a_closing_listener_lets_requests_finish_and_closes_the_connection() {
    let (fixture, backend, answers, request) = with_a_request_in_flight().await;
    let group = unchecked(&[backend.address]);
    fixture
        .router
        .apply(RoutingTable::default().with_target_group(group))
        .unwrap();
    answers.add_permits(1);
    let answer = request.await.unwrap().unwrap();
    assert_eq!(answer.body, "finished");
    assert_eq!(answer.headers[http::header::CONNECTION], "close");
}

#[tokio::test]
async fn shutting_down_waits_for_requests() {
    let (fixture, _backend, answers, request) = with_a_request_in_flight().await;
    let router = fixture.router.clone();
    let shutdown = tokio::spawn(async move { router.shutdown(PATIENCE).await });
    tokio::task::yield_now().await;
    answers.add_permits(1);
    assert_eq!(request.await.unwrap().unwrap().body, "finished");
    shutdown.await.unwrap();
    assert!(TcpStream::connect(fixture.address).await.is_err());
    let error = fixture.router.apply(RoutingTable::default()).unwrap_err();
    assert!(matches!(error, ApplyError::ShutDown));
}

#[tokio::test]
async fn shutting_down_waits_no_longer_than_it_was_told() {
    let (mut fixture, _backend, _answers, request) = with_a_request_in_flight().await;
    fixture.router.shutdown(Duration::from_millis(50)).await;
    assert!(request.await.unwrap().is_err());
    while fixture.events.recv().await.is_some() {}
}

#[tokio::test]
async fn dropping_the_router_ends_everything() {
    let (fixture, _backend, _answers, request) = with_a_request_in_flight().await;
    let Fixture {
        router, mut events, ..
    } = fixture;
    drop(router);
    assert!(request.await.unwrap().is_err());
    while events.recv().await.is_some() {}
}

#[tokio::test]
async fn a_thousand_services_are_applied_again_without_a_change() {
    let mut table = RoutingTable::default();
    for service in 0..1_000 {
        let id = format!("service-{service}");
        let mut group = named_group(&id, &[SocketAddr::from(([127, 0, 0, 1], 1))]);
        group.health_check.enabled = false;
        table = table.with_target_group(group);
    }
    let first = listener("l", vec![], Action::forward("service-0"));
    let table = table.with_listener(first);
    let router = Router::start(RouterOptions { ..options() }).unwrap();
    let mut events = router.health_events();
    router.apply(table.clone()).unwrap();
    let mut told = 0;
    while events.try_recv().is_some() {
        told += 1;
    }
    assert_eq!(told, 1_000);
    router.apply(table).unwrap();
    assert_eq!(events.try_recv(), None);
    assert_eq!(router.health(&group_id()), None);
    let health = router.health(&"service-0".into()).unwrap();
    assert_eq!(health[0].state, TargetHealthState::Unavailable);
}
