//! Who gets a request: slow start, the least busy target, clients that stay where they are.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderValue, Method, StatusCode, header};
use seaway_router::{
    Action, Algorithm, Distribution, Forward, RoutingTable, TargetGroup, TargetHealthState,
    WeightedGroup,
};
use tokio::sync::Notify;

use crate::backend::{Backend, response};
use crate::client::Answer;
use crate::fixture::{Fixture, group, listener, named_group, options, target, unchecked};

const DAY: Duration = Duration::from_secs(86_400);

fn sticky() -> Distribution {
    Distribution {
        stickiness: Some(DAY),
        ..Distribution::default()
    }
}

/// What a client sends back of an answer's cookies of a name.
fn cookie(answer: &Answer, name: &str) -> Option<HeaderValue> {
    let set = answer.headers.get_all(header::SET_COOKIE).iter();
    let mut set = set.filter_map(|cookie| cookie.to_str().ok());
    let cookie = set.find_map(|cookie| {
        let (pair, _) = cookie.split_once(';')?;
        pair.starts_with(&format!("{name}=")).then_some(pair)
    });
    cookie.map(|pair| HeaderValue::try_from(pair).unwrap())
}

async fn get_with(fixture: &Fixture, cookie: &HeaderValue) -> Answer {
    let mut request = fixture.client.request(Method::GET, "/");
    let headers = request.headers_mut();
    headers.insert(header::COOKIE, cookie.clone());
    fixture.client.send(request).await
}

#[tokio::test]
async fn a_client_stays_at_its_target_while_it_is_registered() {
    let (one, two) = (Backend::saying("one").await, Backend::saying("two").await);
    let both = TargetGroup {
        distribution: sticky(),
        ..unchecked(&[one.address, two.address])
    };
    let fixture = Fixture::new(both.clone());
    let first = fixture.client.get("/").await;
    for name in ["AWSALB", "AWSALBCORS"] {
        let kept = cookie(&first, name).unwrap();
        for _ in 0..6 {
            assert_eq!(get_with(&fixture, &kept).await.body, first.body);
        }
    }
    let kept = cookie(&first, "AWSALB").unwrap();
    let (other, says) = match first.body.as_str() {
        "one" => (two.address, "two"),
        _ => (one.address, "one"),
    };
    fixture.update(TargetGroup {
        targets: vec![target(other)],
        ..both
    });
    let moved = get_with(&fixture, &kept).await;
    assert_eq!(moved.body, says);
    assert_ne!(cookie(&moved, "AWSALB"), Some(kept), "a cookie of its own");
}

#[tokio::test]
async fn without_stickiness_there_are_no_cookies() {
    let backend = Backend::saying("one").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let answer = fixture.client.get("/").await;
    assert!(!answer.headers.contains_key(header::SET_COOKIE));
}

#[tokio::test]
async fn a_client_stays_in_its_group_whatever_the_weights_become() {
    let (old, new) = (Backend::saying("old").await, Backend::saying("new").await);
    let table = |weights: [u32; 2]| {
        let groups = [("old", &old, weights[0]), ("new", &new, weights[1])];
        let share = |(id, _, weight): &(&'static str, _, u32)| WeightedGroup {
            group: (*id).into(),
            weight: *weight,
        };
        let action = Action::Forward(Forward {
            groups: groups.iter().map(share).collect(),
            stickiness: Some(DAY),
        });
        let table = RoutingTable::default().with_listener(listener("l", vec![], action));
        groups.into_iter().fold(table, |table, (id, backend, _)| {
            let mut group = named_group(id, &[backend.address]);
            group.health_check.enabled = false;
            table.with_target_group(group)
        })
    };
    let fixture = Fixture::with_options(options(), table([1, 0]));
    let first = fixture.client.get("/").await;
    assert_eq!(first.body, "old");
    let kept = cookie(&first, "AWSALBTG").unwrap();
    fixture.router.apply(table([0, 1])).unwrap();
    assert_eq!(fixture.client.get("/").await.body, "new");
    assert_eq!(get_with(&fixture, &kept).await.body, "old");
}

#[tokio::test]
async fn a_target_that_comes_later_starts_slowly() {
    let (old, new) = (Backend::saying("old").await, Backend::saying("new").await);
    let slowly = |targets: &[_]| TargetGroup {
        distribution: Distribution {
            slow_start: Duration::from_secs(900),
            ..Distribution::default()
        },
        ..group(targets)
    };
    let mut fixture = Fixture::new(slowly(&[old.address]));
    fixture.until(old.address, TargetHealthState::Healthy).await;
    for _ in 0..20 {
        assert_eq!(fixture.client.get("/").await.body, "old");
    }
    fixture.update(slowly(&[old.address, new.address]));
    fixture.until(new.address, TargetHealthState::Healthy).await;
    for _ in 0..100 {
        fixture.client.get("/").await;
    }
    // Half of them without slow start.
    assert!(new.requests() <= 10, "{}", new.requests());
    fixture.update(group(&[old.address, new.address]));
    let before = new.requests();
    for _ in 0..20 {
        fixture.client.get("/").await;
    }
    assert_eq!(new.requests() - before, 10, "no slow start any more");
}

#[tokio::test]
async fn the_least_busy_target_gets_the_next_request() {
    let (asked, answered) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let busy = Backend::serving({
        let (asked, answered) = (asked.clone(), answered.clone());
        move |_| {
            let (asked, answered) = (asked.clone(), answered.clone());
            async move {
                asked.notify_one();
                answered.notified().await;
                response(StatusCode::OK, "busy")
            }
        }
    })
    .await;
    let idle = Backend::saying("idle").await;
    let fixture = Fixture::new(TargetGroup {
        distribution: Distribution {
            algorithm: Algorithm::LeastOutstandingRequests,
            ..Distribution::default()
        },
        ..unchecked(&[busy.address, idle.address])
    });
    let client = fixture.client.clone();
    let waiting = tokio::spawn(async move { client.get("/").await.body });
    asked.notified().await;
    for _ in 0..10 {
        assert_eq!(fixture.client.get("/").await.body, "idle");
    }
    answered.notify_one();
    assert_eq!(waiting.await.unwrap(), "busy");
}
