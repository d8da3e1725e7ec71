use proptest::prelude::*;
use seaway_core::event::{
    BuildEvent, Event, EventKind, JobEvent, ReleaseEvent, RolloutEnd, RolloutEvent, ServiceEvent,
    Subject,
};
use seaway_core::release::{Outcome, ReleaseId};

use super::Paper;
use crate::sanitize::is_control;
use crate::style::Style;
use crate::style::tests::{PIPE, columns};
use crate::{json_lines, lines, scenario};

fn told(events: &[Event], style: Style) -> String {
    let paper = Paper::default();
    let mut listener = lines(Box::new(paper.clone()), style);
    events.iter().for_each(|event| listener.event(event));
    listener.finish();
    paper.text()
}

#[test]
fn a_release_that_succeeds() {
    insta::assert_snapshot!(told(&scenario::success(), PIPE), @r"
     0.0s   api           building  cargo build --release --bin api
     0.4s   api           |    Compiling api v0.1.0 (/shop/services/api)
     1.3s   api           built 24ff77f6d3d7  3 files, 4.2 MB
     1.3s   catalog       building  cargo build --release --bin catalog
     1.7s   catalog       |    Compiling catalog v0.1.0 (/shop/services/catalog)
     2.6s   catalog       built f05fa63ae3b4  3 files, 3.8 MB
     2.6s   worker        building  cargo build --release --bin worker
     3.0s   worker        |    Compiling worker v0.1.0 (/shop/services/worker)
     3.9s   worker        built c2ea38119a9e  3 files, 812.4 kB
     4.0s   release       r12 of local: deploy: api, catalog  by alice@laptop, 1a2b3c4d5e6f + changes
     4.0s   api           pushed 24ff77f6d3d7
     4.1s   catalog       pushed f05fa63ae3b4
     4.2s   infra         preparing the infrastructure
     4.3s   infra         the infrastructure is ready: 2 made
                          target group shop-local-api
                          rule 10: /api/*
     4.3s   job migrate   runs as task 7f3c2a9b
     4.9s   job migrate   | applied 0007_prices.sql	in 12 ms
     4.9s   job migrate   | schema is at version 7
     5.2s ✓ job migrate   succeeded
     5.2s   api           rolling to shop-local-api:7
     5.2s   catalog       rolling to shop-local-catalog:4
     5.2s   api           new 0/2 running, 1 pending; old 2
     5.2s   catalog       new 0/2 running, 1 pending; old 2
     5.7s   api           has started 1 tasks: (task 1a2b3c4d5e6f7081).
     5.7s   api           new 1/2 running, 1 pending; old 2
     5.7s   catalog       new 1/2 running, 1 pending; old 1
     6.6s   api           new 2/2 running; old 1
     6.6s   catalog       new 2/2 running
     6.8s ✓ catalog       running 2/2 shop-local-catalog:4  in 1.6s
     7.2s   api           new 2/2 running
     7.2s   api           has reached a steady state.
     7.2s ✓ api           running 2/2 shop-local-api:7  in 2.0s
     7.2s ✓ release       r12 succeeded

    ✓ api          shop-local-api:7  2/2 running
    ✓ catalog      shop-local-catalog:4  2/2 running
    ✓ job migrate  succeeded
    ");
}

#[test]
fn a_release_that_fails_names_the_cause_and_goes_back() {
    insta::assert_snapshot!(told(&scenario::failure(), PIPE), @r#"
     0.0s   api           building  cargo build --release --bin api
     0.4s   api           |    Compiling api v0.1.0 (/shop/services/api)
     1.3s   api           built 24ff77f6d3d7  3 files, 4.2 MB
     1.3s   catalog       building  cargo build --release --bin catalog
     1.7s   catalog       |    Compiling catalog v0.1.0 (/shop/services/catalog)
     2.6s   catalog       built f05fa63ae3b4  3 files, 3.8 MB
     2.6s   worker        building  cargo build --release --bin worker
     3.0s   worker        |    Compiling worker v0.1.0 (/shop/services/worker)
     3.9s   worker        built c2ea38119a9e  3 files, 812.4 kB
     4.0s   release       r12 of local: deploy: api, catalog  by alice@laptop, 1a2b3c4d5e6f + changes
     4.0s   api           pushed 24ff77f6d3d7
     4.1s   catalog       pushed f05fa63ae3b4
     4.2s   infra         preparing the infrastructure
     4.3s   infra         the infrastructure is ready: 2 made
                          target group shop-local-api
                          rule 10: /api/*
     4.3s   job migrate   runs as task 7f3c2a9b
     4.9s   job migrate   | applied 0007_prices.sql	in 12 ms
     4.9s   job migrate   | schema is at version 7
     5.2s ✓ job migrate   succeeded
     5.2s   api           rolling to shop-local-api:7
     5.2s   catalog       rolling to shop-local-catalog:4
     5.2s   api           new 0/2 running, 1 pending; old 2
     5.2s   catalog       new 0/2 running, 1 pending; old 2
     5.7s   catalog       new 2/2 running
     5.7s ✓ catalog       running 2/2 shop-local-catalog:4  in 0.5s
     5.7s   api           new 0/2 running, 1 pending, 1 failed; old 2
     5.7s   api           1 task failed: Essential container in task exited (exit code 3)
                          | starting api 2.0.0
                          | FATAL DATABASE_URL is not a URL: �""
     6.4s   api           new 0/2 running, 1 pending, 2 failed; old 2
     6.4s   api           2 tasks failed: Essential container in task exited (exit code 3)
     6.4s ✗ api           every task ends soon after its start with exit code 3  named after 180 ms
                          evidence: Essential container in task exited (exit code 3)
     6.4s ↩ api           goes back: every task ends soon after its start with exit code 3  asked after 240 ms
     7.3s   api           new 0/2 running, 2 failed; old 2
     7.3s ↩ api           rolled back to shop-local-api:6  in 2.1s
     7.3s ↩ catalog       goes back: api failed
     7.3s   catalog       going back to shop-local-catalog:3
     8.1s   catalog       new 2/2 running
     8.1s ↩ catalog       back on shop-local-catalog:3  in 0.8s
     8.1s ↩ release       r12 rolled back

    ↩ api          rolled back to shop-local-api:6: every task ends soon after its start with exit code 3
      evidence: Essential container in task exited (exit code 3)
      last lines of one of 2 tasks that failed
      | starting api 2.0.0
      | FATAL DATABASE_URL is not a URL: �""
      hint: the last log lines above are the service's own words; `seaway logs` has all
    ↩ catalog      back on shop-local-catalog:3: api failed
    ✓ job migrate  succeeded
    "#);
}

#[test]
fn a_narrow_terminal_wraps_words_and_keeps_columns() {
    insta::assert_snapshot!(told(&scenario::failure()[18..], columns(60)), @r#"
     0.0s   api           rolling to shop-local-api:7
     0.0s   catalog       rolling to shop-local-catalog:4
     0.0s   api           new 0/2 running, 1 pending; old 2
     0.0s   catalog       new 0/2 running, 1 pending; old 2
     0.5s   catalog       new 2/2 running
     0.5s ✓ catalog       running 2/2 shop-local-catalog:4  in
                          0.5s
     0.5s   api           new 0/2 running, 1 pending, 1
                          failed; old 2
     0.5s   api           1 task failed: Essential container
                          in task exited (exit code 3)
                          | starting api 2.0.0
                          | FATAL DATABASE_URL is not a URL: �""
     1.2s   api           new 0/2 running, 1 pending, 2
                          failed; old 2
     1.2s   api           2 tasks failed: Essential container
                          in task exited (exit code 3)
     1.2s ✗ api           every task ends soon after its start
                          with exit code 3  named after 180 ms
                          evidence: Essential container in
                          task exited (exit code 3)
     1.2s ↩ api           goes back: every task ends soon
                          after its start with exit code 3
                          asked after 240 ms
     2.1s   api           new 0/2 running, 2 failed; old 2
     2.1s ↩ api           rolled back to shop-local-api:6  in
                          2.1s
     2.1s ↩ catalog       goes back: api failed
     2.1s   catalog       going back to shop-local-catalog:3
     2.9s   catalog       new 2/2 running
     2.9s ↩ catalog       back on shop-local-catalog:3  in
                          0.8s
     2.9s ↩ release       r12 rolled back

    ↩ api      rolled back to shop-local-api:6: every task
      ends soon after its start with exit code 3
      evidence: Essential container in task exited (exit code
      3)
      last lines of one of 2 tasks that failed
      | starting api 2.0.0
      | FATAL DATABASE_URL is not a URL: �""
      hint: the last log lines above are the service's own
      words; `seaway logs` has all
    ↩ catalog  back on shop-local-catalog:3: api failed
    "#);
}

#[test]
fn a_superseded_release_is_neither_good_nor_bad() {
    insta::assert_snapshot!(told(&scenario::superseded(), PIPE), @r"
     0.0s   release       waiting for bob@desk: restart, since 12:01:01Z (2 min)
     4.0s   release       the wait is over
     4.0s   release       r12 of local: restart: api  by alice@laptop, 1a2b3c4d5e6f + changes
     4.0s   api           new tasks of shop-local-api:7
     4.3s   api           new 1/2 running, 1 pending; old 2
     4.8s – api           superseded by a newer rollout (ecs-svc/9)  in 0.8s
     4.8s – release       r12 superseded

    – api  superseded by a newer rollout
    ");
}

#[test]
fn a_first_release_that_fails_has_nothing_to_go_back_to() {
    insta::assert_snapshot!(told(&scenario::first_failure(), PIPE), @r"
     0.0s   release       r12 of local: deploy: api  by alice@laptop, 1a2b3c4d5e6f + changes
     0.0s   api           creating with shop-local-api:1
     0.0s   api           new 2/2 running
      30s ✗ api           no task passed the health check of /health within its grace period  named after 200 ms
                          evidence: Health checks failed with these codes: [503]
      30s   api           nothing ran before it to go back to: scaled to zero
      31s   api           new 0/2 running
      31s ✗ api           failed: no task passed the health check of /health within its grace period  in 31s
      31s ✗ release       r12 failed

    ✗ api  failed: no task passed the health check of /health within its grace period
      evidence: Health checks failed with these codes: [503]
      nothing ran before it, so it was scaled to zero
      hint: call the path yourself, compare `health.codes`, or allow more `health.grace`
    ");
}

#[test]
fn a_build_that_fails_shows_what_it_wrote() {
    insta::assert_snapshot!(told(&scenario::build_failure(), PIPE), @r"
    0.0s   api           building  cargo build --release --bin api
    0.7s   api           | error[E0308]: mismatched types
    0.7s   api           |   --> src/main.rs:7:5
    0.8s ✗ api           no image: `cargo build --release --bin api` ended with exit code 101
    ");
}

#[test]
fn what_went_back_is_never_shown_as_good() {
    let text = told(&scenario::failure(), PIPE);
    let (_, after) = text
        .split_once("goes back: api failed")
        .expect("catalog goes back");
    assert!(
        !after
            .lines()
            .any(|line| line.contains('✓') && line.contains("catalog")),
        "{after}"
    );
}

#[test]
fn json_lines_are_the_events() {
    let paper = Paper::default();
    let mut listener = json_lines(Box::new(paper.clone()));
    let events: Vec<Event> = [scenario::success(), scenario::failure()].concat();
    events.iter().for_each(|event| listener.event(event));
    let read: Vec<Event> = paper
        .text()
        .lines()
        .map(|line| serde_json::from_str(line).expect("one event per line"))
        .collect();
    assert_eq!(read, events);
}

/// An event of each kind that carries text of others.
fn hostile(text: &str) -> Vec<Event> {
    let api = Subject::Service("api".parse().expect("a name"));
    let (line, message) = (text.to_owned(), text.to_owned());
    let kinds = [
        EventKind::Build(BuildEvent::Output { line: line.clone() }),
        EventKind::Build(BuildEvent::Failed {
            error: line.clone(),
        }),
        EventKind::Job(JobEvent::Log { line: line.clone() }),
        EventKind::Job(JobEvent::Failed {
            exit_code: None,
            reason: line.clone(),
        }),
        EventKind::Rollout(RolloutEvent::Platform { message }),
        EventKind::Rollout(RolloutEvent::TasksFailed {
            reason: line.clone(),
            tasks: vec![line.clone()],
            log: vec![line],
        }),
    ];
    let first = scenario::success().swap_remove(0);
    let event = |kind| Event {
        kind,
        subject: api.clone(),
        ..first.clone()
    };
    kinds.into_iter().map(event).collect()
}

/// Takes away what [`Style`] adds, and nothing else.
fn without_colours(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (colour, rest) = part.split_once('m').expect("the end of a colour");
        assert!(
            colour.bytes().all(|b| b.is_ascii_digit() || b == b';'),
            "{part:?}"
        );
        plain += rest;
    }
    plain
}

proptest! {
    #[test]
    fn nobody_elses_text_commands_a_terminal(text in "(\\PC|\\PC|[\\x00-\\x1f\\x7f-\\x9f]|\u{202e}){0,40}") {
        for style in [PIPE, columns(40)] {
            let told = told(&hostile(&text), style);
            prop_assert!(!told.chars().any(is_control), "{told:?}");
        }
        let colourful = told(&hostile(&text), Style { colour: true, ..PIPE });
        prop_assert_eq!(without_colours(&colourful), told(&hostile(&text), PIPE));
        let paper = Paper::default();
        let mut listener = json_lines(Box::new(paper.clone()));
        let events = hostile(&text);
        events.iter().for_each(|event| listener.event(event));
        prop_assert!(!paper.text().chars().any(is_control));
        for (line, event) in paper.text().lines().zip(&events) {
            prop_assert_eq!(&serde_json::from_str::<Event>(line).expect("JSON"), event);
        }
    }
}

#[test]
fn empty_lines_and_lines_in_lines_stay_lines() {
    let text = told(&hostile(""), PIPE) + &told(&hostile("a\nb\r\n"), PIPE);
    assert!(
        text.lines()
            .all(|line| line.contains("api") || line.trim_start().starts_with('|'))
    );
    assert!(text.contains("no image: no reason was given\n"), "{text}");
}

/// The events of a failed release, up to where api's rollback is asked for, then `rest` of api.
fn asked_to_go_back(rest: Vec<EventKind>) -> Vec<Event> {
    let mut events = scenario::failure();
    let asked = |event: &Event| {
        matches!(
            &event.kind,
            EventKind::Rollout(RolloutEvent::RollbackRequested { .. })
        )
    };
    let until = events.iter().position(asked).expect("it goes back");
    events.truncate(until + 1);
    let last = events[until].clone();
    events.extend(rest.into_iter().map(|kind| Event {
        kind,
        ..last.clone()
    }));
    events
}

#[test]
fn a_rollback_that_came_too_late_is_not_told_as_one() {
    let end = RolloutEnd::Succeeded;
    let events = asked_to_go_back(vec![EventKind::Rollout(RolloutEvent::Ended { end })]);
    let text = told(&events, PIPE);
    let last = text.lines().last().expect("a line");
    assert!(
        last.contains("✓ api           running 0/2 shop-local-api:7"),
        "{last}"
    );
}

#[test]
fn settings_that_are_taken_back_are_told_as_that() {
    let outcome = Outcome::RolledBack;
    let configured = EventKind::Service(ServiceEvent::Configured);
    let mut events = asked_to_go_back(vec![configured]);
    let kind = EventKind::Release(ReleaseEvent::Ended {
        id: ReleaseId(12),
        outcome,
    });
    events.push(Event {
        kind,
        subject: Subject::Release,
        ..events[0].clone()
    });
    let text = told(&events, PIPE);
    assert!(
        text.contains("  ↩ api          back on what ran before: every task"),
        "{text}"
    );
}

/// Where the release of `scenario::success` stands after an event that `last` recognises.
fn left_after(last: impl Fn(&EventKind) -> bool) -> String {
    let events = scenario::success();
    let until = events.iter().position(|event| last(&event.kind));
    left(&events[..=until.expect("there is such an event")])
}

fn left(events: &[Event]) -> String {
    let mut standing = crate::Standing::default();
    events.iter().for_each(|event| standing.event(event));
    standing.told(ReleaseId(12), &"local".parse().expect("a valid name"), PIPE)
}

#[test]
fn a_release_left_before_the_services_says_that_they_wait() {
    let pushed = |kind: &EventKind| matches!(kind, EventKind::Build(BuildEvent::Pushed { .. }));
    insta::assert_snapshot!(left_after(pushed), @r"
    r12 of local is not finished: 1 image pushed; nothing goes on by itself
      api          waits
      catalog      waits
      job migrate  waits
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
    let ready = |kind: &EventKind| {
        matches!(
            kind,
            EventKind::Infrastructure(seaway_core::event::InfrastructureEvent::Ready { .. })
        )
    };
    insta::assert_snapshot!(left_after(ready), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; nothing goes on by itself
      api          waits
      catalog      waits
      job migrate  waits
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
}

#[test]
fn a_release_left_during_a_job_says_that_it_runs_on() {
    let runs = |kind: &EventKind| matches!(kind, EventKind::Job(JobEvent::Started { .. }));
    insta::assert_snapshot!(left_after(runs), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; the platform carries on what began, the rest waits
      api          waits
      catalog      waits
      job migrate  runs on to its end
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
}

#[test]
fn a_release_left_during_its_rollouts_says_that_they_go_on() {
    let ended = |kind: &EventKind| matches!(kind, EventKind::Rollout(RolloutEvent::Ended { .. }));
    insta::assert_snapshot!(left_after(ended), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; the platform carries on by itself
      api          goes on to shop-local-api:7
      catalog      done
      job migrate  done
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
}

#[test]
fn a_release_left_on_its_way_back_says_what_began() {
    let events = scenario::failure();
    let after = |last: fn(&RolloutEvent) -> bool| {
        let last = |event: &Event| matches!(&event.kind, EventKind::Rollout(it) if last(it));
        let until = events.iter().rposition(last);
        left(&events[..=until.expect("there is such an event")])
    };
    let asked = |event: &RolloutEvent| matches!(event, RolloutEvent::RollbackRequested { .. });
    insta::assert_snapshot!(after(asked), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; nothing goes on by itself
      api          went back
      catalog      waits to go back
      job migrate  done
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
    let rolls = |event: &RolloutEvent| matches!(event, RolloutEvent::Started { .. });
    insta::assert_snapshot!(after(rolls), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; the platform carries on by itself
      api          went back
      catalog      goes on back to shop-local-catalog:3
      job migrate  done
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
}

#[test]
fn a_rollout_whose_rollback_was_accepted_goes_on_back() {
    insta::assert_snapshot!(left(&asked_to_go_back(vec![])), @r"
    r12 of local is not finished: 2 images pushed, infrastructure ready; the platform carries on by itself
      api          goes on back
      catalog      done
      job migrate  done
    hint: `seaway resume local` goes on with it to its end, `seaway resume --undo local` takes it back; `seaway status local` shows what runs
    ");
}
