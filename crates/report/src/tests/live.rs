use seaway_core::event::{Event, EventKind, RolloutEvent};

use super::Paper;
use crate::listener::Listener as _;
use crate::live::Live;
use crate::scenario;
use crate::style::tests::columns;

/// What a terminal of endless height shows; it knows only the sequences that Seaway uses.
fn screen(text: &str) -> Vec<String> {
    let mut rows = vec![String::new()];
    let (mut row, mut column) = (0, 0);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\u{1b}' => {
                let end = rest
                    .find(|c: char| c.is_ascii_alphabetic())
                    .expect("a final byte");
                match rest[end..].chars().next() {
                    Some('A') => row -= rest[1..end].parse::<usize>().expect("a number"),
                    Some('K') => rows[row] = rows[row].chars().take(column).collect(),
                    Some('J') => {
                        rows[row] = rows[row].chars().take(column).collect();
                        rows.truncate(row + 1);
                    }
                    other => panic!("unknown sequence {other:?}"),
                }
                rest = &rest[end + 1..];
            }
            '\r' => column = 0,
            '\n' => (row, column) = (row + 1, 0),
            _ => {
                let mut cells: Vec<char> = rows[row].chars().collect();
                cells.resize(cells.len().max(column + 1), ' ');
                cells[column] = c;
                rows[row] = cells.into_iter().collect();
                column += 1;
            }
        }
        if row == rows.len() {
            rows.push(String::new());
        }
    }
    rows
}

fn played(events: &[Event], width: usize) -> (String, Live) {
    let paper = Paper::default();
    let mut live = Live::sized(Box::new(paper.clone()), columns(width), || None);
    for event in events {
        live.event(event);
        live.draw();
    }
    (paper.text(), live)
}

#[test]
fn what_is_under_way_is_shown_below_what_happened() {
    let events = scenario::success();
    let until = events.len() - 6;
    let (text, _) = played(&events[..until], 76);
    let shown = screen(&text).join("\n");
    insta::with_settings!({ filters => vec![(r"\d+\.\ds", "0.0s")] }, {
        insta::assert_snapshot!(shown, @r"
          api           built 24ff77f6d3d7  3 files, 4.2 MB
          catalog       built f05fa63ae3b4  3 files, 3.8 MB
          worker        built c2ea38119a9e  3 files, 812.4 kB
          release       r12 of local: deploy: api, catalog  by alice@laptop,
                        1a2b3c4d5e6f + changes
          infra         the infrastructure is ready: 2 made
                        target group shop-local-api
                        rule 10: /api/*
          job migrate   runs as task 7f3c2a9b
          job migrate   | applied 0007_prices.sql	in 12 ms
          job migrate   | schema is at version 7
        ✓ job migrate   succeeded
        ⠋ api      rolling      0.0s  ━━━━━━━━━━━━ new 2/2 running; old 1  has sta…
        ⠋ catalog  rolling      0.0s  ━━━━━━╍╍╍╍╍╍ new 1/2 running, 1 pending; old…
          1 of 3 done, 0.0s
        ");
    });
}

#[test]
fn a_narrow_terminal_shows_the_numbers_and_trouble_first() {
    let events = scenario::failure();
    let named = |event: &Event| {
        matches!(
            &event.kind,
            EventKind::Rollout(RolloutEvent::RollbackRequested { .. })
        )
    };
    let until = events.iter().position(named).expect("it goes back");
    let mut events = events[..=until].to_vec();
    // Catalog still rolls.
    let done =
        |event: &Event| matches!(&event.kind, EventKind::Rollout(RolloutEvent::Ended { .. }));
    events.retain(|event| !done(event));
    let (text, _) = played(&events, 60);
    let rows = screen(&text);
    let block = rows[rows.len() - 4..].join("\n");
    insta::with_settings!({ filters => vec![(r"\d+\.\ds", "0.0s")] }, {
        insta::assert_snapshot!(block, @r"
        ⠋ api      going back   0.0s  new 0/2, 2 failed, old 2  ev…
        ⠋ catalog  rolling      0.0s  new 2/2
          1 of 3 done, 0.0s
        ");
    });
}

#[test]
fn nothing_is_left_below_when_all_is_done() {
    let (text, mut live) = played(&scenario::success(), 76);
    live.finish();
    let rows = screen(&text);
    insta::assert_snapshot!(rows.join("\n"), @r"
      api           built 24ff77f6d3d7  3 files, 4.2 MB
      catalog       built f05fa63ae3b4  3 files, 3.8 MB
      worker        built c2ea38119a9e  3 files, 812.4 kB
      release       r12 of local: deploy: api, catalog  by alice@laptop,
                    1a2b3c4d5e6f + changes
      infra         the infrastructure is ready: 2 made
                    target group shop-local-api
                    rule 10: /api/*
      job migrate   runs as task 7f3c2a9b
      job migrate   | applied 0007_prices.sql	in 12 ms
      job migrate   | schema is at version 7
    ✓ job migrate   succeeded
    ✓ catalog       running 2/2 shop-local-catalog:4  in 1.6s
    ✓ api           running 2/2 shop-local-api:7  in 2.0s
    ");
}

#[test]
fn a_hundred_services_do_not_flood_the_screen() {
    let events = scenario::fleet();
    let (text, _) = played(&events[..400], 60);
    let rows = screen(&text);
    let unfinished = rows.iter().filter(|row| row.contains("rolling")).count();
    assert_eq!(unfinished, 20, "{rows:#?}");
    assert!(rows.iter().all(|row| row.chars().count() < 60), "{rows:#?}");
    let last = rows
        .iter()
        .rev()
        .find(|row| !row.is_empty())
        .expect("a summary");
    assert!(
        last.contains("of 100 done") && last.contains("more not shown"),
        "{last}"
    );
}

#[test]
fn others_can_write_below_an_unfinished_block() {
    let paper = Paper::default();
    let mut live = Live::sized(Box::new(paper.clone()), columns(76), || None);
    let events = scenario::success();
    events[..events.len() - 6]
        .iter()
        .for_each(|event| live.event(event));
    live.finish();
    let before = paper.text().len();
    live.draw();
    let text = paper.text();
    assert!(text[before..].contains("1 of 3 done"), "{text}");
    assert!(
        !text[before..].contains('\r'),
        "what is above is left alone: {text:?}"
    );
}

#[test]
fn a_build_that_fails_shows_its_last_lines() {
    let (text, mut live) = played(&scenario::build_failure(), 76);
    live.finish();
    insta::assert_snapshot!(screen(&text).join("\n"), @r"
    ✗ api           no image: `cargo build --release --bin api` ended with exit
                    code 101
                    | error[E0308]: mismatched types
                    |   --> src/main.rs:7:5
    ");
}
