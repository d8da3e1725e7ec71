//! What tasks wrote, whatever they wrote.

use nix::sys::signal::{Signal, kill};

use crate::project::{Project, WEB, eventually, get};

/// Writes control sequences, bytes that are no UTF-8 and a megabyte in one line.
const WORKER: &str = r#"
[services.worker]
path    = "."
image   = { bundle = ["service"] }
command = ["./service", "worker"]
"#;

#[test]
fn logs_are_merged_filtered_bounded_and_harmless() {
    let project = Project::new(&format!("{WEB}{WORKER}"));
    project.seaway(&["up"]).with_code(0);
    let logs = |words: &[&str]| {
        project
            .seaway(&[&["logs", "local"], words].concat())
            .with_code(0)
    };
    assert!(
        eventually(|| logs(&[]).stdout().contains("last of the worker")),
        "the worker's lines arrive:\n{}",
        logs(&["-n", "2"])
    );

    let text = logs(&[]).stdout();
    assert!(text.contains("version 1 starts"), "web is there, too");
    let controls = |c: char| c.is_control() && c != '\n';
    assert!(!text.contains(controls), "no control character passes");
    let named = |line: &str| line.starts_with("web ") || line.starts_with("worker ");
    assert!(text.lines().all(named), "every line says whose it is");

    let worker = logs(&["worker"]).stdout();
    let short: Vec<&str> = worker
        .lines()
        .filter(|line| !line.contains("xxx"))
        .collect();
    insta::assert_snapshot!("logs", without_tasks(&short.join("\n")));

    let filtered = logs(&["--filter", "of the worker"]).stdout();
    insta::assert_snapshot!("logs_filtered", without_tasks(&filtered));
    let newest = logs(&["worker", "-n", "1"]).stdout();
    insta::assert_snapshot!("logs_newest", without_tasks(&newest));
    assert_eq!(logs(&["web", "--since", "1h"]).stdout().lines().count(), 1);
    assert!(
        !logs(&["web"]).stdout().contains("worker"),
        "only what was asked for"
    );

    let lines = logs(&["worker", "--output", "json"]).json_lines();
    let messages: Vec<&str> = lines
        .iter()
        .filter_map(|line| line["message"].as_str())
        .collect();
    let coloured = messages
        .iter()
        .any(|message| message.contains("\u{1b}[31mred"));
    assert!(coloured, "JSON keeps what was written");
    let long: usize = messages
        .iter()
        .map(|message| message.matches('x').count())
        .sum();
    assert_eq!(long, 1 << 20, "the long line is whole");
    let wrong = project.seaway(&["logs", "local", "wroker"]).with_code(2);
    insta::assert_snapshot!("logs_of_no_service", wrong.to_string());
}

#[test]
fn following_shows_new_lines_until_ctrl_c() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let url = project.url();
    let follow = project.start(&["logs", "local", "web", "-F"]);
    assert!(eventually(|| follow.stdout().contains("version 1 starts")));
    get(&url, "/say");
    assert!(
        eventually(|| follow.stdout().contains("said at ")),
        "a line that came later:\n{}",
        follow.stdout()
    );
    follow.signal(Signal::SIGINT);
    let shown = follow.end().with_code(0);
    assert_eq!(shown.stdout().lines().count(), 2, "each line once: {shown}");
}

#[test]
fn ctrl_c_ends_following_while_the_platform_does_not_answer() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let pid = project.platform();
    let follow = project.start(&["logs", "local", "-F", "--output", "json"]);
    assert!(eventually(|| follow.stdout().contains("version 1 starts")));
    kill(pid, Signal::SIGSTOP).expect("the platform runs");
    // Longer than between two looks: it waits for an answer.
    std::thread::sleep(std::time::Duration::from_secs(1));
    follow.signal(Signal::SIGINT);
    let shown = follow.end().with_code(0);
    kill(pid, Signal::SIGCONT).expect("the platform is there");
    let last = shown.json_lines().pop();
    let expected = serde_json::json!({ "result": "logs", "lines": 1 });
    assert_eq!(last, Some(expected), "{shown}");
}

/// The second word of each line is a task's id.
fn without_tasks(text: &str) -> String {
    let line = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let source = words.next().unwrap_or_default();
        format!("{source} [task] {}\n", words.nth(1).unwrap_or_default())
    };
    text.lines().map(line).collect()
}
