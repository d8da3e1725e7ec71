//! Turns of the book: what is written, what is given out, what is kept.

use std::time::Duration;

use seaway_scheduler::{
    AlarmConfiguration, Container, ContainerImage, DeploymentConfiguration, NewService, NewTask,
    Profile, Request, Revision, Service, ServiceUpdate, StandaloneTask,
};

use super::commands::REVISIONS_AT_HAND;
use super::*;
use crate::keys::StoreKey;
use crate::platform::effects::LaunchOrder;
use crate::platform::pending::revision_key;
use crate::platform::records::{RevisionRecord, ServiceSettings, TaskAbout};

struct Shelf {
    store: Arc<Store>,
    dir: tempfile::TempDir,
}

impl Shelf {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("store.db"), &StoreKey::generate()).unwrap();
        let store = Arc::new(store);
        Self { store, dir }
    }

    fn book(&self) -> Book {
        Book::load(Arc::clone(&self.store), 1).unwrap()
    }

    /// Another process changes the tables under the store.
    fn sql(&self, statement: &str) {
        let path = self.dir.path().join("store.db");
        let connection = rusqlite::Connection::open(path).unwrap();
        connection.execute_batch(statement).unwrap();
    }
}

fn key() -> ServiceKey {
    ServiceKey {
        cluster: "shop".into(),
        name: "api".into(),
    }
}

pub(in crate::platform) fn revision(number: u32) -> Revision {
    Revision {
        task_definition: format!("api:{number}"),
        containers: vec![Container {
            name: "main".into(),
            essential: true,
            health_check: false,
            stop_timeout: Duration::from_secs(2),
        }],
        target_groups: vec![],
    }
}

fn service(desired_count: u32) -> ServiceRecord {
    let new = NewService {
        name: "api".into(),
        seed: 7,
        profile: Profile::quick(),
        revision: revision(0),
        desired_count,
        configuration: DeploymentConfiguration::default(),
    };
    let (scheduler, _) = Service::create(Millis(0), new);
    ServiceRecord {
        key: key(),
        created_at: EpochMillis(0),
        client_token: None,
        tags: BTreeMap::new(),
        settings: ServiceSettings::default(),
        revisions: BTreeMap::new(),
        scheduler,
        places: BTreeMap::new(),
        task_tags: BTreeMap::new(),
        deleted_at: None,
    }
}

fn job() -> (StandaloneRecord, Vec<Command>) {
    let new = NewTask {
        seed: 3,
        revision: revision(0),
        profile: Profile::quick(),
    };
    let (scheduler, commands) = StandaloneTask::launch(Millis(0), new);
    let record = StandaloneRecord {
        about: TaskAbout::default(),
        scheduler,
        place: Place::default(),
    };
    (record, commands)
}

fn launches(effects: &[Effect]) -> usize {
    let launch = |effect: &&Effect| matches!(effect, Effect::Launch(_));
    effects.iter().filter(launch).count()
}

fn orders(effects: Vec<Effect>) -> Vec<LaunchOrder> {
    let order = |effect| match effect {
        Effect::Launch(order) => Some(*order),
        _ => None,
    };
    effects.into_iter().filter_map(order).collect()
}

#[test]
fn nothing_is_done_before_it_is_on_record() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    let (record, commands) = job();
    let id = record.scheduler.id().as_str().to_owned();
    book.add_standalone(record, commands);
    shelf.sql("ALTER TABLE documents RENAME TO elsewhere");
    assert!(book.commit().is_err());
    assert!(book.commit().is_err(), "as long as it lasts");
    shelf.sql("ALTER TABLE elsewhere RENAME TO documents");
    let effects = book.commit().unwrap();
    assert_eq!(launches(&effects), 1, "late, but done");
    assert!(shelf.book().standalone_task(&id).is_some());
    assert!(book.commit().unwrap().is_empty(), "once");
}

#[test]
fn what_was_under_way_is_done_again_by_the_next_platform() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    book.add_service(service(2), vec![]);
    book.tick(Millis(1), &key());
    assert_eq!(launches(&book.commit().unwrap()), 2);
    let mut next = shelf.book();
    assert_eq!(next.live_tasks().count(), 2);
    next.repeat_outstanding(Millis(2));
    assert_eq!(launches(&next.commit().unwrap()), 2);
}

#[test]
fn the_first_task_of_a_deployment_fixes_the_images_of_all() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    let mut record = service(2);
    let revision = RevisionRecord {
        created_at: EpochMillis(0),
        task_definition: "api:0".into(),
        load_balancers: vec![],
        network_configuration: None,
        launch_type: None,
        capacity_provider_strategy: None,
        platform_version: None,
        digests: BTreeMap::new(),
    };
    let primary = record.scheduler.primary().id.number();
    record.revisions.insert(primary, revision);
    book.add_service(record, vec![]);
    book.tick(Millis(1), &key());
    let orders = orders(book.commit().unwrap());
    assert!(orders.iter().all(|order| order.digests.is_empty()));
    for (order, digest) in orders.iter().zip(["sha256:first", "sha256:second"]) {
        let images = vec![ContainerImage {
            container: "main".into(),
            digest: digest.into(),
        }];
        let report = TaskReport::PullStopped { images };
        let task = order.task.clone();
        book.input(Millis(2), Input::Task { task, report });
    }
    let task = orders[0].task.clone();
    let report = TaskReport::FailedToStart {
        container: None,
        reason: "CannotStartContainerError: no".into(),
    };
    book.input(Millis(3), Input::Task { task, report });
    book.commit().unwrap();
    let mut next = shelf.book();
    let report = TaskReport::Stopped;
    let task = orders[0].task.clone();
    next.input(Millis(4), Input::Task { task, report });
    next.repeat_outstanding(Millis(60_000));
    let again = self::orders(next.commit().unwrap());
    let fixed = |order: &LaunchOrder| order.digests.get("main").cloned();
    let digests: BTreeMap<_, _> = again.iter().map(|o| (o.task.clone(), fixed(o))).collect();
    assert_eq!(
        digests.len(),
        2,
        "one is repeated, one takes the place of the failed one"
    );
    for (task, digest) in digests {
        // A task that has its images already keeps them.
        let own = task == orders[1].task;
        let expected = if own { "sha256:second" } else { "sha256:first" };
        assert_eq!(digest.as_deref(), Some(expected), "{task}");
    }
}

#[test]
fn a_service_has_few_revisions_at_hand_and_the_rest_on_record() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    book.add_service(service(0), vec![]);
    let mut numbers = Vec::new();
    for number in 1..=20_u32 {
        let now = Millis(i64::from(number));
        let update = ServiceUpdate {
            revision: Some(revision(number)),
            ..ServiceUpdate::default()
        };
        let changed = book.change_service(&key(), |record| {
            let commands = record.scheduler.request(now, Request::Update(update))?;
            let deployment = record.scheduler.primary().id.number();
            let noted = RevisionRecord {
                created_at: EpochMillis(now.0),
                task_definition: format!("api:{number}"),
                load_balancers: vec![],
                network_configuration: None,
                launch_type: None,
                capacity_provider_strategy: None,
                platform_version: None,
                digests: BTreeMap::new(),
            };
            record.revisions.insert(deployment, noted);
            numbers.push(deployment);
            Ok::<_, seaway_scheduler::Refused>(((), commands))
        });
        changed.unwrap().unwrap();
        book.tick(now, &key());
        book.commit().unwrap();
    }
    let at_hand = &book.service(&key()).unwrap().revisions;
    assert_eq!(at_hand.len(), REVISIONS_AT_HAND);
    let put_away = numbers.iter().filter(|n| !at_hand.contains_key(n));
    for number in put_away {
        let kept: Option<RevisionRecord> = shelf
            .store
            .read::<_, StoreError>(|view| view.get(&revision_key(&key(), *number)))
            .unwrap();
        assert!(kept.is_some());
    }
    assert!(at_hand.contains_key(numbers.last().unwrap()));
}

#[test]
fn a_change_of_tags_leaves_the_wake_up_of_an_update_as_it_is() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    book.add_service(service(0), vec![]);
    book.commit().unwrap();
    let changed = book.change_service(&key(), |record| {
        record.tags.insert("revision".into(), "abc".into());
        Ok::<_, seaway_scheduler::Refused>(((), vec![]))
    });
    changed.unwrap().unwrap();
    let effects = book.commit().unwrap();
    assert!(effects.is_empty(), "nothing else follows: {effects:?}");
    let tags = &shelf.book().service(&key()).unwrap().tags.clone();
    assert_eq!(tags.get("revision").map(String::as_str), Some("abc"));
}

#[test]
fn a_deleted_service_is_shown_for_a_while() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    book.add_service(service(0), vec![]);
    let deleted = book.change_service(&key(), |record| {
        let commands = record.scheduler.request(Millis(1), Request::Delete)?;
        Ok::<_, seaway_scheduler::Refused>(((), commands))
    });
    deleted.unwrap().unwrap();
    book.tick(Millis(2), &key());
    book.commit().unwrap();
    let at = book.service(&key()).unwrap().deleted_at.unwrap();
    book.drop_deleted(at);
    assert!(book.service(&key()).is_some());
    book.drop_deleted(EpochMillis(at.0 + 1));
    book.commit().unwrap();
    assert!(book.service(&key()).is_none());
    assert!(shelf.book().service(&key()).is_none());
}

#[test]
fn a_service_of_the_same_name_begins_without_events() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    let events = || {
        shelf
            .store
            .read::<_, StoreError>(|view| view.service_events("shop/api"))
            .unwrap()
    };
    book.add_service(service(1), vec![]);
    book.tick(Millis(1), &key());
    book.commit().unwrap();
    let [first] = &events()[..] else {
        panic!("one task was started")
    };
    let launched = book.service(&key()).unwrap().scheduler.tasks()[0]
        .id
        .clone();
    let words = format!("(service api) has started 1 tasks: (task {launched}).");
    assert_eq!(first.message, words);
    book.add_service(service(0), vec![]);
    book.commit().unwrap();
    assert!(events().is_empty());
}

#[test]
fn the_thousandth_service_costs_what_the_first_did() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    let begun = std::time::Instant::now();
    for number in 0..1_000 {
        let mut record = service(1);
        record.key.name = format!("s-{number}");
        let key = record.key.clone();
        book.add_service(record, vec![]);
        book.tick(Millis(1), &key);
        assert_eq!(launches(&book.commit().unwrap()), 1);
    }
    // About 1 s unoptimised; the bound only catches what grows with the number of services.
    assert!(begun.elapsed().as_secs() < 20, "took {:?}", begun.elapsed());
    let largest = serde_json::to_string(book.services().next().unwrap()).unwrap();
    assert!(largest.len() < 8_000, "{} bytes a write", largest.len());
    eprintln!(
        "1,000 services in {:?}, {} bytes each",
        begun.elapsed(),
        largest.len()
    );
}

/// A service of one task that watches the alarm `errors`.
fn watching(book: &mut Book) {
    let configuration = DeploymentConfiguration {
        alarms: AlarmConfiguration {
            enable: true,
            rollback: false,
            names: vec!["errors".into()],
        },
        ..DeploymentConfiguration::default()
    };
    let update = ServiceUpdate {
        configuration: Some(configuration),
        ..ServiceUpdate::default()
    };
    let mut record = service(1);
    let asked = record.scheduler.request(Millis(0), Request::Update(update));
    book.add_service(record, asked.unwrap());
}

fn triggered(book: &Book, key: &ServiceKey) -> Vec<String> {
    let record = book.service(key).unwrap();
    let current = record.scheduler.current_service_deployment();
    current.alarms.triggered.clone()
}

#[test]
fn alarms_reach_the_services_that_watch_them() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    watching(&mut book);
    let other = ServiceKey {
        name: "web".into(),
        ..key()
    };
    book.add_service(
        ServiceRecord {
            key: other.clone(),
            ..service(1)
        },
        vec![],
    );
    for key in [&key(), &other] {
        book.tick(Millis(1), key);
    }
    book.tell_alarms(Millis(2), &["errors".into(), "others".into()]);
    assert_eq!(triggered(&book, &key()), ["errors"]);
    assert_eq!(triggered(&book, &other), [""; 0]);
    book.commit().unwrap();
}

#[test]
fn an_alarm_that_rings_before_a_service_watches_it_is_ignored_by_its_deployment() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    book.tell_alarms(Millis(0), &["errors".into()]);
    watching(&mut book);
    book.tick(Millis(1), &key());
    for rings in [
        &["errors".to_owned(), "others".to_owned()][..],
        &[],
        &["errors".to_owned()],
    ] {
        book.tell_alarms(Millis(2), rings);
        assert_eq!(triggered(&book, &key()), [""; 0], "{rings:?}");
    }
    book.commit().unwrap();
}

#[test]
fn a_report_that_changes_nothing_for_a_service_writes_nothing_of_it() {
    let shelf = Shelf::new();
    let mut book = shelf.book();
    watching(&mut book);
    book.tick(Millis(1), &key());
    // After a start everybody is told.
    book.tell_alarms(Millis(2), &[]);
    book.commit().unwrap();
    book.tell_alarms(Millis(3), &["others".into()]);
    assert!(book.pending.services.is_empty());
    book.tell_alarms(Millis(4), &["errors".into(), "others".into()]);
    assert!(book.pending.services.contains(&key()));
    book.commit().unwrap();
}
