//! What a person sees on a terminal: the live display, questions, Ctrl-C.

use nix::sys::signal::{Signal, kill};

use crate::project::{Project, WEB};
use crate::pty::Terminal;

/// A rollout that takes a while: healthy only at the second check.
const SLOW: &str = "READY_AFTER_MS = \"2000\"";
const QUESTION: &str = "Type the environment's name (local) to go on: ";

/// Someone is asked before anything changes.
fn production() -> Project {
    let class = "platform = \"local\"\nclass = \"production\"";
    Project::new(&WEB.replace("platform = \"local\"", class))
}

/// Version 1 runs, a slow version 2 is next.
fn deployed() -> Project {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    project.edit("VERSION = \"1\"", &format!("VERSION = \"2\", {SLOW}"));
    project
}

#[test]
fn a_release_moves_in_place_and_leaves_a_clean_screen() {
    let project = deployed();
    let mut terminal = Terminal::start(&project, &["deploy", "local"], &[]);
    terminal.wait_for("Plan: 1 to deploy.");
    terminal.wait_for("web  rolling");
    terminal.ends_with(0);
    let raw = terminal.raw();
    assert!(
        raw.contains("\u{1b}[2A"),
        "the block moves in place: {raw:?}"
    );
    assert!(raw.contains("\u{1b}[32m"), "good news is green: {raw:?}");
    let text = terminal.text();
    let last = text
        .rsplit("r2 of local succeeded")
        .next()
        .unwrap_or_default();
    assert!(text.contains("✓ r2 of local succeeded in"), "{text}");
    assert_eq!(
        last.matches("rolling").count(),
        0,
        "nothing is drawn after the end: {text}"
    );
}

#[test]
fn no_color_is_respected() {
    let project = deployed();
    let mut terminal = Terminal::start(&project, &["deploy", "local"], &[("NO_COLOR", "1")]);
    terminal.ends_with(0);
    let raw = terminal.raw();
    let colours = raw.split("\u{1b}[").skip(1).filter(|rest| {
        let end = rest.find(|c: char| c.is_ascii_alphabetic());
        end.is_some_and(|end| rest[end..].starts_with('m'))
    });
    assert_eq!(colours.count(), 0, "{raw:?}");
    assert!(raw.contains("\u{1b}[2A"), "it moves all the same: {raw:?}");
}

#[test]
fn a_question_is_answered_by_the_environments_name_alone() {
    let project = production();
    let mut asked = Terminal::start(&project, &["deploy", "local"], &[]);
    asked.wait_for(QUESTION);
    asked.types("yes\n");
    asked.ends_with(4);
    let text = asked.text();
    assert!(
        text.contains(&format!("{QUESTION}yes\n")),
        "nothing is drawn over it: {text}"
    );
    assert!(
        text.contains("nothing was changed: the plan was not confirmed"),
        "{text}"
    );

    let mut asked = Terminal::start(&project, &["deploy", "local"], &[]);
    asked.wait_for(QUESTION);
    asked.presses_ctrl_c();
    asked.ends_with(1);
    assert!(asked.text().contains("stopped before anything was changed"));
    let history = project.seaway(&["history", "local"]).with_code(0);
    assert_eq!(history.stdout(), "No release yet.\n");

    let mut asked = Terminal::start(&project, &["deploy", "local"], &[]);
    asked.wait_for(QUESTION);
    asked.types("local\n");
    asked.ends_with(0);
    assert!(
        asked.text().contains("r1 of local succeeded"),
        "{}",
        asked.text()
    );
}

#[test]
fn ctrl_c_leaves_the_rollout_to_the_platform() {
    let project = deployed();
    let mut terminal = Terminal::start(&project, &["deploy", "local"], &[]);
    terminal.wait_for("web  rolling");
    terminal.presses_ctrl_c();
    terminal.ends_with(1);
    let text = terminal.text();
    assert!(text.contains("Stopping at the next safe point"), "{text}");
    assert!(text.contains("web  goes on to tiny-local-web:2"), "{text}");
    project.seaway(&["resume", "local"]).with_code(0);
    assert_eq!(project.get("/version"), "2\n");
}

#[test]
fn ctrl_c_twice_leaves_at_once() {
    let project = deployed();
    let pid = project.platform();
    let words = ["deploy", "local", "--output", "json"];
    let mut terminal = Terminal::start(&project, &words, &[]);
    terminal.wait_for("\"old\":");
    // A platform that does not answer holds up the next safe point.
    kill(pid, Signal::SIGSTOP).expect("the platform runs");
    std::thread::sleep(std::time::Duration::from_millis(300));
    terminal.presses_ctrl_c();
    terminal.wait_for("Ctrl-C again leaves at once.");
    terminal.presses_ctrl_c();
    terminal.ends_with(130);
    kill(pid, Signal::SIGCONT).expect("the platform is there");
    assert_left(&terminal, r#"{"web":"goes_on"}"#);
    project.seaway(&["resume", "local"]).with_code(0);
    assert_eq!(project.get("/version"), "2\n");
}

#[test]
fn ctrl_c_twice_during_a_plan_is_told_to_programs() {
    let image = "image   = { bundle = [\"service\", \"greeting\"]";
    let slow = format!("{image}, build = \"sleep 1\"");
    let project = Project::new(&WEB.replace(image, &slow));
    project.seaway(&["local", "start"]).with_code(0);
    let pid = project.platform();
    let words = ["plan", "local", "--output", "json"];
    let mut terminal = Terminal::start(&project, &words, &[]);
    terminal.wait_for("building");
    kill(pid, Signal::SIGSTOP).expect("the platform runs");
    terminal.wait_for("built ");
    terminal.presses_ctrl_c();
    terminal.wait_for("Ctrl-C again leaves at once.");
    terminal.presses_ctrl_c();
    terminal.ends_with(130);
    kill(pid, Signal::SIGCONT).expect("the platform is there");
    assert_left(&terminal, r#"{"web":"waits"}"#);
}

/// The last line for programs of a command that did not wait for its end.
#[track_caller]
fn assert_left(terminal: &Terminal, fates: &str) {
    let text = terminal.text();
    let left = format!(r#"{{"exit_code":130,"fates":{fates},"result":"left"}}"#);
    // The terminal shows the key before it.
    let last = text
        .lines()
        .last()
        .map(|line| line.trim_start_matches("^C"));
    assert_eq!(last, Some(left.as_str()), "{text}");
}

#[test]
fn ctrl_c_after_a_secret_was_typed_ends_the_command() {
    let project = Project::new(WEB);
    project.seaway(&["local", "start"]).with_code(0);
    let pid = project.platform();
    let words = ["secrets", "set", "local", "token"];
    let mut prompt = Terminal::start(&project, &words, &[]);
    prompt.wait_for("Value of token: ");
    kill(pid, Signal::SIGSTOP).expect("the platform runs");
    prompt.types("hush hush\n");
    prompt.wait_for("Value of token: \n");
    std::thread::sleep(std::time::Duration::from_millis(300));
    prompt.presses_ctrl_c();
    prompt.ends_with(130);
    kill(pid, Signal::SIGCONT).expect("the platform is there");
}

#[test]
fn a_secret_is_typed_unseen_and_ctrl_c_leaves_a_terminal_that_shows() {
    let project = Project::new(WEB);
    let words = ["secrets", "set", "local", "token"];
    let mut prompt = Terminal::start(&project, &words, &[]);
    prompt.wait_for("Value of token: ");
    prompt.types("hush hush\n");
    prompt.ends_with(0);
    let text = prompt.text();
    assert!(text.contains("token is set in local"), "{text}");
    assert!(!text.contains("hush"), "{text}");

    let mut prompt = Terminal::start(&project, &words, &[]);
    prompt.wait_for("Value of token: ");
    prompt.presses_ctrl_c();
    prompt.ends_with(1);
}
