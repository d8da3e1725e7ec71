//! Everything this crate shows, played on the terminal in front of you.
//!
//! `cargo run -p seaway-report --example demo -- success` (or `failure`, `superseded`, `first`,
//! `build`, `fleet`) plays a release live; with `lines` or `json` as second word in that form;
//! `plan` and `tables` print the rest.

mod scenario;

use std::io::{IsTerminal as _, Write as _};
use std::time::Duration;

use seaway_core::event::{Event, EventKind, ReleaseEvent};
use seaway_core::finding::{Finding, Verdict};
use seaway_core::release::ReleaseId;
use seaway_report::{LogRow, LogStyle, SecretRow, StatusRow, Style, Summary};

fn main() -> std::io::Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let word = |index: usize| words.get(index).map(String::as_str).unwrap_or_default();
    let events = match word(0) {
        "failure" => scenario::failure(),
        "superseded" => scenario::superseded(),
        "first" => scenario::first_failure(),
        "build" => scenario::build_failure(),
        "fleet" => scenario::fleet(),
        "plan" => return plans(),
        "tables" => return tables(),
        _ => scenario::success(),
    };
    play(&events, word(1));
    end(&events)
}

fn style() -> Style {
    let terminal = std::io::stdout().is_terminal();
    let columns = terminal_size::terminal_size().map_or(80, |(width, _)| usize::from(width.0));
    Style {
        colour: terminal && std::env::var_os("NO_COLOR").is_none(),
        width: if terminal { columns } else { usize::MAX },
        unicode: std::env::var_os("ASCII").is_none(),
    }
}

/// At the pace at which it happened.
fn play(events: &[Event], form: &str) {
    let out = Box::new(std::io::stdout());
    let live = form.is_empty();
    let mut listener = match form {
        "lines" => seaway_report::lines(out, style()),
        "json" => seaway_report::json_lines(out),
        _ => seaway_report::live(out, style()),
    };
    let mut now = scenario::noon();
    for event in events {
        while live && now < event.at {
            std::thread::sleep(Duration::from_millis(50));
            now += Duration::from_millis(50);
            listener.tick();
        }
        listener.event(event);
    }
    listener.finish();
}

fn end(events: &[Event]) -> std::io::Result<()> {
    let release = scenario::recorded(12, events.to_vec());
    let Some(EventKind::Release(ReleaseEvent::Ended { outcome, .. })) =
        events.last().map(|event| &event.kind)
    else {
        return Ok(());
    };
    let summary = Summary {
        release: ReleaseId(12),
        outcome: *outcome,
        plan: &release.intent.plan,
        took: Duration::from_millis(8_100),
        environment: &release.intent.environment,
        back: None,
    };
    print(&seaway_report::summary(&summary, style()))
}

fn plans() -> std::io::Result<()> {
    for plan in [
        scenario::plan(),
        scenario::motley_plan(),
        scenario::empty_plan(),
    ] {
        print(&seaway_report::plan(&plan, style()))?;
        print("\n")?;
    }
    Ok(())
}

fn tables() -> std::io::Result<()> {
    let now = scenario::later(600_000);
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
        last_event: None,
    };
    let ill = StatusRow {
        service: "catalog".into(),
        running: 1,
        pending: 1,
        failed: 3,
        health: Some((1, 2)),
        rollout: "in_progress".into(),
        reason: Some("ECS deployment ecs-svc/4 in progress.".into()),
        url: None,
        last_event: Some((
            scenario::noon(),
            "(service catalog) has started 1 tasks.".into(),
        )),
        ..well.clone()
    };
    print(&seaway_report::status(&[well, ill], now, style()))?;
    print("\n")?;
    let releases = [
        scenario::recorded(14, scenario::superseded()),
        scenario::recorded(13, scenario::failure()),
        scenario::recorded(12, scenario::success()),
    ];
    print(&seaway_report::history(&releases, now, style()))?;
    print("\n")?;
    print(&seaway_report::release_header(&releases[1], now, style()))?;
    let changed_at = Some(scenario::noon());
    let secret = SecretRow {
        name: "database".into(),
        has_value: true,
        changed_at,
    };
    print(&seaway_report::secrets(&[secret], now, style()))?;
    print("\n")?;
    let failed = Verdict::Failed {
        reason: "it has no value".into(),
        hint: "`seaway secrets set local database#url`".into(),
    };
    let findings = [
        Finding {
            check: "secret database#url of api".into(),
            verdict: failed,
        },
        Finding {
            check: "secret mail of worker".into(),
            verdict: Verdict::Passed,
        },
    ];
    print(&seaway_report::findings(&findings, style()))?;
    print("\n")?;
    for (source, message) in [
        ("api", "GET /api/ 200"),
        ("job-migrate", "a\u{1b}[2Jb"),
        ("web", ""),
    ] {
        let (at, task) = (scenario::noon(), "1a2b3c4d5e6f7081");
        let row = LogRow {
            at,
            source,
            task,
            message,
        };
        let style = LogStyle {
            style: style(),
            timestamps: true,
        };
        print(&seaway_report::log_line(&row, style))?;
    }
    print("\n")?;
    let cause = std::io::Error::other("connection refused");
    let error = std::io::Error::other(cause);
    let hints = ["`seaway local start` starts the platform".to_owned()];
    print(&seaway_report::error(&error, &hints, style()))
}

fn print(text: &str) -> std::io::Result<()> {
    std::io::stdout().write_all(text.as_bytes())
}
