use std::error::Error;
use std::fmt;

use seaway_core::finding::{Finding, Verdict};
use seaway_core::release::{Outcome, ReleaseId};

use crate::style::Style;
use crate::style::tests::{PIPE, columns};
use crate::{LogRow, LogStyle, SecretRow, StatusRow, Summary, scenario};

#[test]
fn a_plan_says_what_and_why() {
    insta::assert_snapshot!(crate::plan(&scenario::plan(), PIPE), @r"
      DEPLOY  api      image c85c7d4632c8 → 24ff77f6d3d7; env LOG_LEVEL
      DEPLOY  catalog  image 1e7c4d480790 → f05fa63ae3b4
      skip    worker   unchanged

      1.  push       images of api, catalog
      2.  provision  the infrastructure around the services
      3.  run job    migrate  image 24ff77f6d3d7 of api, at most 10m
      4.  roll       api, catalog

    Plan: 2 to deploy, 1 unchanged, 1 job to run before.
    ");
}

#[test]
fn everything_a_plan_can_decide() {
    insta::assert_snapshot!(crate::plan(&scenario::motley_plan(), PIPE), @r"
    Rollback to r11

      DEPLOY   api      settings; count 2 → 3
      DEPLOY   catalog  new
      orphan   legacy   no longer in the manifest; `seaway deploy --prune` removes it
      REMOVE   old      no longer in the manifest
      BLOCKED  store    its state is unknown: DescribeServices was throttled�
      BLOCKED  web      its image 5bcf3c836b17 is gone from the registry
      skip     worker   not selected

      1.  roll    catalog
      2.  adjust  api  without new tasks
      3.  remove  old

    Plan: 2 to deploy, 1 to remove, 1 not selected, 1 orphaned, 2 blocked.
    ");
}

#[test]
fn a_plan_on_a_narrow_terminal() {
    insta::assert_snapshot!(crate::plan(&scenario::motley_plan(), columns(60)), @r"
    Rollback to r11

      DEPLOY   api      settings; count 2 → 3
      DEPLOY   catalog  new
      orphan   legacy   no longer in the manifest; `seaway
                        deploy --prune` removes it
      REMOVE   old      no longer in the manifest
      BLOCKED  store    its state is unknown: DescribeServices
                        was throttled�
      BLOCKED  web      its image 5bcf3c836b17 is gone from the
                        registry
      skip     worker   not selected

      1.  roll    catalog
      2.  adjust  api  without new tasks
      3.  remove  old

    Plan: 2 to deploy, 1 to remove, 1 not selected, 1 orphaned,
    2 blocked.
    ");
}

#[test]
fn an_empty_plan_says_so() {
    insta::assert_snapshot!(crate::plan(&scenario::empty_plan(), PIPE), @"Nothing to do: 2 services run as they should.");
}

fn rows() -> Vec<StatusRow> {
    let well = StatusRow {
        service: "api".into(),
        revision: "shop-local-api:7".into(),
        image: Some("9c01e3f2a1b4".into()),
        version: None,
        desired: 2,
        running: 2,
        pending: 0,
        failed: 0,
        health: Some((2, 2)),
        rollout: "completed".into(),
        reason: None,
        url: Some("http://127.0.0.1:41234/api/".into()),
        last_event: Some((
            scenario::noon(),
            "(service api) has reached a steady state.".into(),
        )),
    };
    let ill = StatusRow {
        service: "catalog".into(),
        revision: "shop-local-catalog:4".into(),
        desired: 12,
        running: 9,
        pending: 1,
        failed: 3,
        health: None,
        rollout: "in_progress".into(),
        reason: Some("ECS deployment ecs-svc/4 in progress.".into()),
        url: None,
        last_event: Some((
            scenario::noon(),
            "has started 1 tasks: (task 1a2b\u{7}).".into(),
        )),
        ..well.clone()
    };
    vec![well, ill]
}

#[test]
fn a_wide_status() {
    let now = scenario::later(600_000);
    insta::assert_snapshot!(crate::status(&rows(), now, columns(120)), @r"
    SERVICE  RUNNING  PENDING  FAILED  HEALTHY  REVISION              IMAGE         ROLLOUT      URL
    api          2/2                       2/2  shop-local-api:7      9c01e3f2a1b4  completed    http://127.0.0.1:41234/api/
    catalog     9/12        1       3           shop-local-catalog:4  9c01e3f2a1b4  in progress
      ECS deployment ecs-svc/4 in progress.
      10 min ago: has started 1 tasks: (task 1a2b�).
    ");
}

#[test]
fn a_narrow_status() {
    let now = scenario::later(600_000);
    insta::assert_snapshot!(crate::status(&rows(), now, columns(60)), @r"
    SERVICE  RUNNING  PENDING  FAILED  HEALTHY  ROLLOUT
    api          2/2                       2/2  completed
      http://127.0.0.1:41234/api/
    catalog     9/12        1       3           in progress
      ECS deployment ecs-svc/4 in progress.
      10 min ago: has started 1 tasks: (task 1a2b�).
    ");
}

#[test]
fn nothing_runs() {
    assert_eq!(
        crate::status(&[], scenario::noon(), PIPE),
        "No service runs.\n"
    );
}

#[test]
fn releases_newest_first() {
    let mut cut_off = scenario::success();
    cut_off.pop();
    let releases = [
        scenario::recorded(15, cut_off),
        scenario::recorded(14, scenario::superseded()),
        scenario::recorded(13, scenario::failure()),
        scenario::recorded(2, scenario::success()),
    ];
    let now = scenario::later(86_400_000 * 4);
    insta::assert_snapshot!(crate::history(&releases, now, columns(120)), @r"
    RELEASE  WHEN        OUTCOME        TOOK  WHO           SOURCE                  WHAT
        r15  4 days ago    unfinished         alice@laptop  1a2b3c4d5e6f + changes  deploy: api, catalog
        r14  4 days ago  – superseded   4.8s  alice@laptop  1a2b3c4d5e6f + changes  restart: api
        r13  4 days ago  ↩ rolled back  8.1s  alice@laptop  1a2b3c4d5e6f + changes  deploy: api, catalog
         r2  4 days ago  ✓ succeeded    7.2s  alice@laptop  1a2b3c4d5e6f + changes  deploy: api, catalog
    ");
    insta::assert_snapshot!(crate::history(&releases, now, columns(60)), @r"
    RELEASE  WHEN        OUTCOME        WHAT
        r15  4 days ago    unfinished   deploy: api, catalog
        r14  4 days ago  – superseded   restart: api
        r13  4 days ago  ↩ rolled back  deploy: api, catalog
         r2  4 days ago  ✓ succeeded    deploy: api, catalog
    ");
    insta::assert_snapshot!(crate::release_header(&releases[2], now, PIPE), @r"
    r13 of local, deploy: api, catalog
    by alice@laptop, 2026-11-21 12:03:11Z (4 days ago), source 1a2b3c4d5e6f + changes, took 8.1s
    ↩ rolled back
    ");
}

#[test]
fn checks_and_their_numbers() {
    let verdicts = [
        Verdict::Passed,
        Verdict::Failed {
            reason: "it has no value".into(),
            hint: "`seaway secrets set`".into(),
        },
        Verdict::Skipped {
            reason: "the role cannot be assumed here".into(),
        },
    ];
    let finding = |verdict| Finding {
        check: "secret database#url of api".into(),
        verdict,
    };
    let findings = verdicts.map(finding);
    insta::assert_snapshot!(crate::findings(&findings, PIPE), @r"
    ✓  secret database#url of api
    ✗  secret database#url of api: it has no value
       hint: `seaway secrets set`
    –  secret database#url of api: skipped, the role cannot be assumed here

    3 checks: 1 passed, 1 failed, 1 skipped
    ");
}

#[test]
fn secrets_have_names_only() {
    let row = |name: &str, has_value: bool| SecretRow {
        name: name.into(),
        has_value,
        changed_at: has_value.then(scenario::noon),
    };
    let rows = [row("database", true), row("mail", false)];
    insta::assert_snapshot!(crate::secrets(&rows, scenario::later(90_000), PIPE), @r"
    SECRET    VALUE    CHANGED
    database  set      2 min ago
    mail      missing
    ");
}

#[test]
fn every_outcome_says_what_can_be_done_next() {
    let plan = scenario::plan();
    let environment = "local".parse().expect("a name");
    let all = [
        Outcome::Succeeded,
        Outcome::RolledBack,
        Outcome::Superseded,
        Outcome::Failed,
        Outcome::Undone,
    ];
    let shown = all.map(|outcome| {
        let took = std::time::Duration::from_millis(8_100);
        let summary = Summary {
            release: ReleaseId(12),
            outcome,
            plan: &plan,
            took,
            environment: &environment,
            back: Some(ReleaseId(11)),
        };
        crate::summary(&summary, PIPE)
    });
    insta::assert_snapshot!(shown.concat(), @r"
    ✓ r12 of local succeeded in 8.1s: 2 services changed, 1 job run
    hint: `seaway status local` shows what runs; `seaway rollback local` goes back to r11
    ↩ r12 of local was rolled back after 8.1s: what ran before runs again
    hint: `seaway logs local` shows what the tasks wrote; `seaway history local r12` replays this release
    – r12 of local was superseded after 8.1s: a newer rollout took its place
    hint: `seaway status local` shows what runs; `seaway history local` shows by whom
    ✗ r12 of local failed after 8.1s: what failed is named above
    hint: `seaway status local` shows what runs; `seaway logs local` shows what the tasks wrote
    hint: `seaway rollback local` goes back to r11
    ↩ r12 of local was undone after 8.1s: what it had changed was taken back
    hint: `seaway status local` shows what runs
    ");
}

#[derive(Debug)]
struct Layer(&'static str, Option<Box<Layer>>);

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl Error for Layer {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.1.as_deref().map(|layer| layer as &dyn Error)
    }
}

#[test]
fn an_error_tells_what_led_to_it_and_says_nothing_twice() {
    let refused = Layer("connection refused\u{1b}[2J", None);
    let again = Layer("connection refused\u{1b}[2J", Some(Box::new(refused)));
    let poll = Layer(
        "could not reach the platform\nat 127.0.0.1:4566",
        Some(Box::new(again)),
    );
    let error = Layer("could not deploy local", Some(Box::new(poll)));
    let hints = ["`seaway local start` starts it".to_owned()];
    insta::assert_snapshot!(crate::error(&error, &hints, PIPE), @r"
    error: could not deploy local
      caused by: could not reach the platform
        at 127.0.0.1:4566
      caused by: connection refused�
    hint: `seaway local start` starts it
    ");
}

fn logged(message: &str, style: Style, timestamps: bool) -> String {
    let (at, task) = (scenario::noon(), "1a2b3c4d5e6f7081");
    crate::log_line(
        &LogRow {
            at,
            source: "api",
            task,
            message,
        },
        LogStyle { style, timestamps },
    )
}

#[test]
fn log_lines_keep_their_words_and_lose_their_commands() {
    assert_eq!(
        logged("GET /\t200", PIPE, false),
        "api 1a2b3c4d GET /\t200\n"
    );
    assert_eq!(logged("", PIPE, false), "api 1a2b3c4d\n");
    assert_eq!(
        logged("a\u{1b}[2Jb\r\nc", PIPE, false),
        "api 1a2b3c4d a\u{fffd}b\napi 1a2b3c4d c\n"
    );
    assert_eq!(
        logged("x", PIPE, true),
        "2026-11-21T12:03:11.000Z api 1a2b3c4d x\n"
    );
}

#[test]
fn very_long_lines_are_cut_for_terminals_only() {
    let long = "é".repeat(1_000);
    assert!(logged(&long, PIPE, false).contains(&long));
    let cut = logged(&long, columns(80), false);
    assert!(cut.ends_with("é … 1360 more bytes\n"), "{cut}");
}

#[test]
fn a_source_has_one_colour() {
    let colourful = Style {
        colour: true,
        ..PIPE
    };
    let line = logged("x", colourful, false);
    assert_eq!(line, logged("x", colourful, false));
    assert_ne!(line, logged("x", PIPE, false));
}

#[test]
fn a_stopped_platform_says_what_it_would_run() {
    let row = |service: &str| crate::StoppedRow {
        service: service.into(),
        revision: format!("shop-local-{service}:7"),
        image: "24ff77f6d3d7".into(),
    };
    insta::assert_snapshot!(crate::stopped(&[row("api"), row("catalog")], PIPE), @r"
    The platform does not run. By the record it would run:
    SERVICE  REVISION              IMAGE
    api      shop-local-api:7      24ff77f6d3d7
    catalog  shop-local-catalog:7  24ff77f6d3d7
    hint: `seaway local start` starts it again
    ");
    insta::assert_snapshot!(crate::stopped(&[], PIPE), @r"
    The platform does not run, and no release is on record.
    hint: `seaway up` starts it and deploys, `seaway local start` only starts it
    ");
}
