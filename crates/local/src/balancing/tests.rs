//! The load balancer with real servers on loopback.

use std::net::{Ipv4Addr, SocketAddr, TcpListener as Socket};
use std::sync::Arc;
use std::time::Duration;

use seaway_router::DrainPolicy;
use seaway_scheduler::TargetHealth;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use super::*;
use crate::clock::EpochMillis;
use crate::keys::StoreKey;
use crate::store::Store;

const GROUP: &str = "group";
const PATIENCE: Duration = Duration::from_secs(20);

/// A store that outlives the load balancers on it.
struct Place {
    store: Arc<Store>,
    dir: tempfile::TempDir,
}

impl Place {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        Self {
            store: Arc::new(store),
            dir,
        }
    }

    fn start(&self) -> Arc<Balancing> {
        let options = BalancingOptions {
            access_log: None,
            draining: DrainPolicy::WhenIdle,
            disturbances: None,
            tls: crate::testing::tls(self.dir.path()),
        };
        Balancing::start(Arc::clone(&self.store), options).unwrap()
    }
}

/// Adds a load balancer with a listener and, for each host, a rule that leads to `GROUP`.
fn declare(documents: &mut Documents, name: &str, scheme: Scheme, hosts: &[&str]) {
    let balancer = LoadBalancer {
        arn: name.into(),
        name: name.into(),
        scheme,
        subnets: vec![],
        address_type: AddressType::default(),
        security_groups: vec![],
        created_at: EpochMillis::default(),
        attributes: Default::default(),
        tags: Tags::new(),
    };
    let listener = Listener {
        arn: format!("{name}/listener"),
        load_balancer: name.into(),
        port: 80,
        tls: None,
        default: Action::FixedResponse(FixedResponse {
            status: 404,
            content_type: None,
            body: Some("nobody".into()),
        }),
        default_rule: format!("{name}/default"),
        tags: Tags::new(),
        default_rule_tags: Tags::new(),
    };
    for (priority, host) in (1..).zip(hosts) {
        let rule = Rule {
            arn: format!("{name}/{host}"),
            listener: listener.arn.clone(),
            priority,
            conditions: vec![Condition::Host(vec![(*host).to_owned()])],
            action: to_the_group(),
            tags: Tags::new(),
        };
        documents.rules.insert(rule.arn.clone(), Arc::new(rule));
    }
    documents
        .listeners
        .insert(listener.arn.clone(), Arc::new(listener));
    documents
        .load_balancers
        .insert(balancer.arn.clone(), Arc::new(balancer));
    documents
        .target_groups
        .entry(GROUP.into())
        .or_insert_with(|| Arc::new(group()));
}

fn to_the_group() -> Action {
    Action::Forward(Forward::by_weight(vec![ForwardTarget {
        target_group: GROUP.into(),
        weight: 1,
    }]))
}

fn group() -> TargetGroup {
    TargetGroup {
        arn: GROUP.into(),
        name: GROUP.into(),
        port: 80,
        vpc: None,
        health_check: HealthCheck::default(),
        attributes: Default::default(),
        tags: Tags::new(),
        targets: Default::default(),
    }
}

fn change(balancing: &Balancing, change: impl FnOnce(&mut Documents)) {
    balancing
        .change::<_, BalancingError>(|documents| {
            change(documents);
            Ok(())
        })
        .unwrap();
}

fn public(balancing: &Balancing) -> SocketAddr {
    balancing.listener_addresses()[0].address
}

/// A server that answers every request with `text`, for as long as the test lives.
async fn serve(text: &'static str) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // A client that goes away early is the test's business, not the server's.
                let _ = stream.read(&mut request).await;
                let length = text.len();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Asks and returns the body.
async fn ask(address: SocketAddr, host: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    timeout(PATIENCE, stream.read_to_string(&mut answer))
        .await
        .unwrap()
        .unwrap();
    answer
        .split("\r\n\r\n")
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}

async fn next(events: &mut TaskHealthEvents) -> (String, TargetHealth) {
    let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert_eq!(event.target_group, GROUP);
    (event.task, event.health)
}

async fn until(events: &mut TaskHealthEvents, task: &str, wanted: TargetHealth) {
    loop {
        if next(events).await == (task.to_owned(), wanted.clone()) {
            return;
        }
    }
}

#[tokio::test]
async fn a_task_becomes_healthy_serves_drains_and_is_unused() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let mut events = balancing.health_events();
    let address = serve("one").await;
    // As the platform does it: from a thread without a runtime.
    let registering = Arc::clone(&balancing);
    std::thread::spawn(move || registering.register_task(GROUP, "task-1", address))
        .join()
        .unwrap();
    let task = |health| ("task-1".to_owned(), health);
    assert_eq!(next(&mut events).await, task(TargetHealth::Initial));
    assert_eq!(next(&mut events).await, task(TargetHealth::Healthy));
    assert_eq!(ask(public(&balancing), "shop.test").await, "one");

    balancing.deregister_task(GROUP, "task-1");
    assert_eq!(next(&mut events).await, task(TargetHealth::Draining));
    assert_eq!(next(&mut events).await, task(TargetHealth::Unused));
    assert_eq!(balancing.health(GROUP), []);
}

#[tokio::test]
async fn what_the_scheduler_repeats_is_answered_again() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let mut events = balancing.health_events();
    let address = serve("one").await;
    balancing.register_task(GROUP, "task-1", address);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    balancing.register_task(GROUP, "task-1", address);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    balancing.deregister_task(GROUP, "never-registered");
    until(&mut events, "never-registered", TargetHealth::Unused).await;
    balancing.register_task("gone", "task-2", address);
    let event = timeout(PATIENCE, events.recv()).await.unwrap().unwrap();
    assert_eq!(
        (event.target_group.as_str(), event.health),
        ("gone", TargetHealth::Unused)
    );
}

#[tokio::test]
async fn a_task_that_comes_back_at_another_address_is_not_told_of_its_old_one() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let mut events = balancing.health_events();
    balancing.register_task(GROUP, "task-1", serve("old").await);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    let new = serve("new").await;
    balancing.register_task(GROUP, "task-1", new);
    balancing.register_task(GROUP, "task-1", new);
    loop {
        let (_, health) = next(&mut events).await;
        assert!(!matches!(
            health,
            TargetHealth::Draining | TargetHealth::Unused
        ));
        if health == TargetHealth::Healthy {
            break;
        }
    }
    assert_eq!(ask(public(&balancing), "shop.test").await, "new");
}

#[tokio::test]
async fn what_is_told_before_the_first_subscription_waits_for_it() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    balancing.register_task(GROUP, "task-1", serve("one").await);
    balancing.register_task("gone", "task-1", SocketAddr::from(([127, 0, 0, 1], 9)));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let mut events = balancing.health_events();
    let mut told = vec![];
    while told.len() < 2 {
        told.push(
            timeout(PATIENCE, events.recv())
                .await
                .unwrap()
                .unwrap()
                .health,
        );
    }
    assert!(told.contains(&TargetHealth::Initial) && told.contains(&TargetHealth::Unused));
}

#[tokio::test]
async fn a_group_without_a_rule_says_nothing_against_its_tasks() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let mut events = balancing.health_events();
    balancing.register_task(GROUP, "task-1", serve("one").await);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    let rules = balancing.documents().rules.clone();
    change(&balancing, |documents| documents.rules.clear());
    let task = |health| ("task-1".to_owned(), health);
    assert_eq!(next(&mut events).await, task(TargetHealth::Initial));

    change(&balancing, |documents| documents.rules = rules);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    change(&balancing, |documents| documents.rules.clear());
    balancing.deregister_task(GROUP, "task-1");
    until(&mut events, "task-1", TargetHealth::Unused).await;
}

#[tokio::test]
async fn a_deleted_group_lets_its_tasks_go() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let mut events = balancing.health_events();
    balancing.register_task(GROUP, "task-1", serve("one").await);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    change(&balancing, |documents| {
        documents.rules.clear();
        documents.target_groups.clear();
    });
    until(&mut events, "task-1", TargetHealth::Unused).await;
    assert!(!balancing.has_target_group(GROUP));
    assert_eq!(ask(public(&balancing), "shop.test").await, "nobody");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_internal_name_has_an_address_before_it_has_a_task_and_routes_to_it() {
    let balancing = Place::new().start();
    let host = "Catalog.shop.internal";
    change(&balancing, |d| {
        declare(d, "internal", Scheme::Internal, &[host, "*.wild.internal"])
    });
    let address = balancing.resolve_internal("catalog.shop.internal").unwrap();
    assert_eq!(
        balancing.resolve_internal("catalog.shop.internal:80"),
        Some(address)
    );
    for unknown in [
        "catalog.shop.internal:81",
        "other.shop.internal",
        "a.wild.internal",
        "",
        ":",
    ] {
        assert_eq!(balancing.resolve_internal(unknown), None, "{unknown}");
    }
    let mut events = balancing.health_events();
    balancing.register_task(GROUP, "task-1", serve("catalog").await);
    until(&mut events, "task-1", TargetHealth::Healthy).await;
    // The caller knows the address only: the host it asks for is the address.
    assert_eq!(ask(address, &address.to_string()).await, "catalog");
    assert_eq!(ask(public(&balancing), "elsewhere").await, "nobody");
    assert_eq!(
        ask(public(&balancing), "catalog.shop.internal").await,
        "catalog"
    );

    change(&balancing, |documents| documents.rules.clear());
    assert_eq!(balancing.resolve_internal("catalog.shop.internal"), None);
    change(&balancing, |d| {
        declare(d, "internal", Scheme::Internal, &[host])
    });
    assert_eq!(
        balancing.resolve_internal("catalog.shop.internal"),
        Some(address),
        "kept"
    );
}

#[tokio::test]
async fn a_public_rule_has_no_internal_name() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["shop.test"])
    });
    assert_eq!(balancing.resolve_internal("shop.test"), None);
}

#[tokio::test]
async fn ports_survive_a_restart_and_a_taken_one_is_chosen_again() {
    let place = Place::new();
    let host = "catalog.shop.internal";
    let before = {
        let balancing = place.start();
        change(&balancing, |d| {
            declare(d, "internal", Scheme::Internal, &[host])
        });
        let addresses = (
            public(&balancing),
            balancing.resolve_internal(host).unwrap(),
        );
        balancing.shutdown(Duration::ZERO).await;
        addresses
    };
    {
        let balancing = place.start();
        let after = (
            public(&balancing),
            balancing.resolve_internal(host).unwrap(),
        );
        assert_eq!(after, before);
        assert_eq!(ask(after.0, "elsewhere").await, "nobody");
        balancing.shutdown(Duration::ZERO).await;
    }
    let _squatter = Socket::bind(before.0).unwrap();
    let balancing = place.start();
    assert_ne!(public(&balancing), before.0);
    assert_eq!(
        balancing.resolve_internal(host),
        Some(before.1),
        "only what was taken moves"
    );
    assert_eq!(ask(public(&balancing), "elsewhere").await, "nobody");
}

#[tokio::test]
async fn a_change_that_cannot_be_put_in_force_leaves_everything_as_it_was() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "public", Scheme::InternetFacing, &["*"])
    });
    let refused = balancing.change::<_, BalancingError>(|documents| {
        documents.target_groups.clear();
        Ok(())
    });
    assert!(
        matches!(refused, Err(BalancingError::Apply(_))),
        "{refused:?}"
    );
    assert!(balancing.has_target_group(GROUP));
    assert!(
        ask(public(&balancing), "other").await.contains("503"),
        "no target yet"
    );
}

#[tokio::test]
async fn two_thousand_tasks_register_quickly() {
    let balancing = Place::new().start();
    change(&balancing, |documents| {
        declare(documents, "public", Scheme::InternetFacing, &["*"]);
        for number in 0..200 {
            let arn = format!("group-{number}");
            let group = TargetGroup {
                arn: arn.clone(),
                name: arn.clone(),
                ..group()
            };
            documents.target_groups.insert(arn, Arc::new(group));
        }
    });
    let start = std::time::Instant::now();
    for number in 0..2000_u16 {
        let address = SocketAddr::from(([127, 0, 0, 1], 40_000 + number));
        balancing.register_task(
            &format!("group-{}", number % 200),
            &format!("{number}"),
            address,
        );
    }
    // About 0.1 s; the bound only catches a look at everything per registration.
    assert!(
        start.elapsed() < Duration::from_secs(5),
        "took {:?}",
        start.elapsed()
    );
}

#[tokio::test]
async fn hundreds_of_internal_names_are_made_quickly() {
    let balancing = Place::new().start();
    change(&balancing, |d| {
        declare(d, "internal", Scheme::Internal, &[])
    });
    let start = std::time::Instant::now();
    for number in 0..200 {
        change(&balancing, |documents| {
            let rule = Rule {
                arn: format!("rule-{number}"),
                listener: "internal/listener".into(),
                priority: number + 1,
                conditions: vec![Condition::Host(vec![format!("service-{number}.internal")])],
                action: to_the_group(),
                tags: Tags::new(),
            };
            documents.rules.insert(rule.arn.clone(), Arc::new(rule));
        });
    }
    assert!(balancing.resolve_internal("service-199.internal").is_some());
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "took {:?}",
        start.elapsed()
    );
}
