//! The record of releases, as several commands write and read it.

use std::collections::BTreeMap;
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use seaway_core::event::{BuildEvent, Event, EventKind, Subject};
use seaway_core::plan::{ActionId, Goal, Plan};
use seaway_core::release::{Applied, Origin, Outcome, Snapshot, Source};
use seaway_ports::{Acquired, Locks, PortErrorKind};

use super::*;
use crate::DirectoryLedger;
use crate::observer::STALE_AFTER;
use crate::test_support::{Place, environment, holder};

/// No process has this id, so that only heartbeats tell.
const NOBODY: u32 = u32::MAX;

fn intent(nonce: &str) -> Intent {
    Intent {
        environment: environment(),
        origin: Origin {
            by: "ann@one".into(),
            source: Source::Unversioned,
        },
        nonce: nonce.to_owned(),
        plan: Plan {
            goal: Goal::Deploy,
            services: BTreeMap::new(),
            actions: vec![],
        },
        before: Snapshot::default(),
    }
}

fn begun(action: u32) -> Entry {
    Entry::Begun {
        action: ActionId(action),
    }
}

fn ended() -> Entry {
    Entry::Ended {
        outcome: Outcome::Succeeded,
        after: Snapshot::default(),
    }
}

async fn locked(ledger: &DirectoryLedger) -> Lease {
    let holder = holder("ann@one", NOBODY);
    match ledger.try_acquire(&environment(), &holder).await.unwrap() {
        Acquired::Ours(lease) | Acquired::TakenOver { lease, .. } => lease,
        Acquired::Held(other) => panic!("held by {other:?}"),
    }
}

#[tokio::test]
async fn a_release_is_read_back_as_it_was_written() {
    let place = Place::new();
    let ledger = place.ledger();
    let lease = locked(&ledger).await;
    let intent = intent("n1");
    let id = ledger.begin(&lease, &intent).await.unwrap();
    let event = Event {
        version: seaway_core::event::VERSION,
        seq: 1,
        at: place.ledger().clock.now(),
        subject: Subject::Service("api".parse().unwrap()),
        kind: EventKind::Build(BuildEvent::Output {
            line: "Compiling\u{1b}[0m".into(),
        }),
    };
    let first = vec![
        Entry::Events {
            events: vec![event],
        },
        begun(1),
    ];
    let second = vec![
        Entry::Done {
            action: ActionId(1),
            applied: Applied::Nothing,
        },
        Entry::Retreat {
            plan: Box::new(intent.plan.clone()),
        },
        Entry::Failed {
            action: ActionId(2),
            error: "no \"such\" thing".into(),
        },
        ended(),
    ];
    ledger.append(&lease, id, &first).await.unwrap();
    place.clock.advance(Duration::from_secs(5));
    // Another command goes on with the record.
    place.ledger().append(&lease, id, &second).await.unwrap();

    let release = place.ledger().read(&environment(), id).await.unwrap();
    let release = release.expect("it is there");
    assert_eq!(release.intent, intent);
    assert_eq!(release.outcome(), Some(Outcome::Succeeded));
    let entries: Vec<Entry> = release.entries.iter().map(|s| s.entry.clone()).collect();
    assert_eq!(entries, [first, second].concat());
    let seconds = release.ended_at().unwrap().as_second() - release.started_at.as_second();
    assert_eq!(seconds, 5);
    let objects = place.root().join("releases/local/000001");
    assert!(objects.join("entries-000002.json").is_file());
}

#[tokio::test]
async fn numbers_grow_and_the_newest_release_comes_first() {
    let place = Place::new();
    let ledger = place.ledger();
    assert_eq!(ledger.list(&environment(), 10).await, Ok(vec![]));
    let lease = locked(&ledger).await;
    for nonce in ["a", "b", "c"] {
        place.ledger().begin(&lease, &intent(nonce)).await.unwrap();
    }
    let numbers = |releases: Vec<Release>| -> Vec<u32> {
        releases.iter().map(|release| release.id.0).collect()
    };
    let all = ledger.list(&environment(), 10).await.unwrap();
    assert_eq!(numbers(all), [3, 2, 1]);
    let two = ledger.list(&environment(), 2).await.unwrap();
    assert_eq!(numbers(two), [3, 2]);
    assert_eq!(ledger.read(&environment(), ReleaseId(4)).await, Ok(None));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn releases_begun_at_the_same_time_get_different_numbers() {
    let place = Place::new();
    let lease = locked(&place.ledger()).await;
    let begin = |number: usize| {
        let (ledger, lease) = (place.ledger(), lease.clone());
        tokio::spawn(async move { ledger.begin(&lease, &intent(&number.to_string())).await })
    };
    let mut numbers = BTreeSet::new();
    for task in (0..8).map(begin).collect::<Vec<_>>() {
        numbers.insert(task.await.unwrap().unwrap().0);
    }
    assert_eq!(numbers, (1..=8).collect());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn entries_appended_at_the_same_time_are_all_kept() {
    let place = Place::new();
    let ledger = Arc::new(place.ledger());
    let lease = locked(&ledger).await;
    let id = ledger.begin(&lease, &intent("n")).await.unwrap();
    let append = |number: u32| {
        let (ledger, lease) = (Arc::clone(&ledger), lease.clone());
        tokio::spawn(async move { ledger.append(&lease, id, &[begun(number)]).await })
    };
    for task in (1..=8).map(append).collect::<Vec<_>>() {
        task.await.unwrap().unwrap();
    }
    let release = ledger.read(&environment(), id).await.unwrap().unwrap();
    let seen = |number| release.entries.iter().any(|s| s.entry == begun(number));
    assert!((1..=8).all(seen), "{:?}", release.entries);
    assert_eq!(release.entries.len(), 8);
}

#[tokio::test]
async fn an_old_holder_that_wakes_up_writes_nothing() {
    let place = Place::new();
    let ledger = place.ledger();
    let old = locked(&ledger).await;
    let id = ledger.begin(&old, &intent("old")).await.unwrap();

    let other = place.ledger();
    let theirs = holder("bob@two", NOBODY);
    other.try_acquire(&environment(), &theirs).await.unwrap();
    place.clock.advance(STALE_AFTER);
    let taken = other.try_acquire(&environment(), &theirs).await.unwrap();
    assert!(matches!(taken, Acquired::TakenOver { .. }));

    let appended = ledger.append(&old, id, &[begun(1)]).await.unwrap_err();
    let begun = ledger.begin(&old, &intent("late")).await.unwrap_err();
    assert_eq!(appended.kind, PortErrorKind::LockLost);
    assert_eq!(begun.kind, PortErrorKind::LockLost);
    let releases = other.list(&environment(), 10).await.unwrap();
    assert_eq!(releases.len(), 1);
    assert!(releases[0].entries.is_empty());
}

#[tokio::test]
async fn nothing_is_added_to_a_release_that_is_not_there() {
    let place = Place::new();
    let ledger = place.ledger();
    let lease = locked(&ledger).await;
    let error = ledger.append(&lease, ReleaseId(7), &[ended()]).await;
    assert_eq!(error.unwrap_err().kind, PortErrorKind::NotFound);
    assert!(!place.root().join("releases/local/000007").exists());
}

#[tokio::test]
async fn a_damaged_release_does_not_hide_the_others() {
    let place = Place::new();
    let ledger = place.ledger();
    let lease = locked(&ledger).await;
    for nonce in ["a", "b", "c"] {
        let id = ledger.begin(&lease, &intent(nonce)).await.unwrap();
        ledger.append(&lease, id, &[ended()]).await.unwrap();
    }
    let damaged = "releases/local/000002/entries-000001.json";
    let whole = fs::read(place.root().join(damaged)).unwrap();
    place.write(damaged, &whole[..whole.len() / 2]);

    let numbers: Vec<u32> = ledger
        .list(&environment(), 10)
        .await
        .unwrap()
        .iter()
        .map(|release| release.id.0)
        .collect();
    assert_eq!(numbers, [3, 1]);
    let error = ledger.read(&environment(), ReleaseId(2)).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert!(error.message.contains(damaged), "{error}");
}

#[tokio::test]
async fn a_release_of_a_later_version_is_refused_by_name() {
    let place = Place::new();
    let later = br#"{"format":9,"written_by":"9.0.0","content":null}"#;
    place.write("releases/local/000001/intent.json", later);
    let error = place.ledger().list(&environment(), 10).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert_eq!(error.hint.as_deref(), Some("use Seaway 9.0.0 or newer"));
}

#[tokio::test]
async fn a_number_whose_intent_was_never_written_is_not_used_again() {
    let place = Place::new();
    let ledger = place.ledger();
    let lease = locked(&ledger).await;
    place.write("releases/local/000005/.new-cut", b"{\"form");
    assert_eq!(ledger.begin(&lease, &intent("n")).await, Ok(ReleaseId(6)));
    assert_eq!(ledger.list(&environment(), 10).await.unwrap().len(), 1);
}

/// What a command does to the record.
#[derive(Debug, Clone, Copy)]
enum Step {
    Begin,
    Append(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![Just(Step::Begin), (1..4u8).prop_map(Step::Append)];
    prop::collection::vec(step, 0..12)
}

/// Writes `steps`, kills the writer in the middle of one more, and reads what is there.
async fn write_and_read(steps: Vec<Step>, cut: usize) {
    let place = Place::new();
    let ledger = place.ledger();
    let lease = locked(&ledger).await;
    let mut expected: Vec<Vec<Entry>> = Vec::new();
    for step in &steps {
        match *step {
            Step::Begin => {
                ledger.begin(&lease, &intent("n")).await.unwrap();
                expected.push(vec![]);
            }
            Step::Append(count) => {
                let Some(entries) = expected.last_mut() else {
                    continue;
                };
                let added: Vec<Entry> = (0..u32::from(count)).map(begun).collect();
                entries.extend(added.clone());
                let id = ReleaseId(u32::try_from(expected.len()).unwrap());
                ledger.append(&lease, id, &added).await.unwrap();
            }
        }
    }
    let half = format::encode(&vec![ended()]).unwrap();
    let half = &half[..cut % half.len()];
    let last = ReleaseId(u32::try_from(expected.len().max(1)).unwrap());
    let directory = directory(&environment(), last);
    place.write(&format!("{directory}/.new-killed"), half);

    let releases = place.ledger().list(&environment(), 100).await.unwrap();
    let read: Vec<Vec<Entry>> = releases
        .into_iter()
        .rev()
        .map(|release| release.entries.into_iter().map(|s| s.entry).collect())
        .collect();
    assert_eq!(read, expected);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn after_any_prefix_of_writes_the_record_is_what_was_acknowledged(
        steps in steps(),
        cut in 0..10_000usize,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(write_and_read(steps, cut));
    }
}
