//! Test suites of others: a second access key, and resets between clean states.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;

use crate::process::Running;
use crate::project::{Project, WEB};
use crate::shown::Shown;

const SECRET: &str = "open sesame, for the suite";
const VARIABLE: &str = "SEAWAY_LOCAL_SECRET_ACCESS_KEY";

fn status(project: &Project) -> serde_json::Value {
    let words = &["local", "status", "--output", "json"];
    project.seaway(words).with_code(0).json()
}

fn with_secret(project: &Project, words: &[&str]) -> Shown {
    let mut command = project.command(words);
    command.env(VARIABLE, SECRET);
    let shown = Running::start(command, b"").end();
    project.remember(&shown);
    shown
}

#[test]
fn a_second_key_is_opened_shown_and_closed() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    assert_eq!(status(&project)["access_key_id"], serde_json::Value::Null);

    let open = &["local", "start", "--access-key-id", "AKIDSUITE"];
    with_secret(&project, open).with_code(0);
    let pid = project.platform();
    with_secret(&project, open).with_code(0);
    assert_eq!(
        project.platform(),
        pid,
        "nothing changed, nothing restarted"
    );
    assert_eq!(project.get("/version"), "1\n", "the tasks are kept");
    assert_eq!(status(&project)["access_key_id"], "AKIDSUITE");
    project
        .seaway(&["local", "status"])
        .with_code(0)
        .prints("second key   AKIDSUITE signs requests, too");

    project
        .seaway_with(open, "short\n")
        .with_code(0)
        .says("can be guessed by others");
    project.seaway(&["local", "stop"]).with_code(0);
    project.seaway(&["local", "start"]).with_code(0);
    assert_eq!(status(&project)["access_key_id"], "AKIDSUITE", "kept");
    project.seaway(&["local", "start", "--closed"]).with_code(0);
    assert_eq!(status(&project)["access_key_id"], serde_json::Value::Null);
    for shown in project.everything_shown() {
        assert!(!shown.to_string().contains(SECRET), "{shown}");
    }
    let refused = ["local", "start", "--access-key-id", "a/b"];
    let refused = project.seaway(&refused).with_code(2);
    refused.says("an access key ID has 1 to 128 letters, digits, `_` or `-`");
    project
        .seaway(&["local", "start", "--access-key-id", "AKIDSUITE"])
        .with_code(2)
        .says("the value is empty");
}

#[test]
fn whoever_has_the_token_empties_the_platform() {
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let words = &["local", "start", "--reset-token", "--output", "json"];
    let started = project.seaway(words).with_code(0).json();
    let token = started["reset_token"].as_str().expect("a token");
    let endpoint = started["endpoint"].as_str().expect("an endpoint");
    let status = |name: &str| status(&project)[name].clone();
    assert_eq!(status("reset_by_token"), true);
    assert_eq!(status("services"), 1);
    assert!(
        !holds(project.state().as_path(), token) && !holds(&project.data(), token),
        "the token is written nowhere"
    );

    assert_eq!(reset(endpoint, &token[1..]), "HTTP/1.1 403 Forbidden");
    assert_eq!(status("services"), 1);
    assert_eq!(reset(endpoint, token), "HTTP/1.1 204 No Content");
    assert_eq!(status("services"), 0);
    project.seaway(&["up"]).with_code(0);
    assert_eq!(project.get("/version"), "1\n", "and it works on");

    let again = project.seaway(&["local", "start"]).with_code(0).stdout();
    assert!(!again.contains("token"), "told once: {again}");
    project.seaway(&["local", "start", "--closed"]).with_code(0);
    assert_eq!(reset(endpoint, token), "HTTP/1.1 403 Forbidden");
    assert_eq!(status("services"), 1);
}

#[test]
fn a_person_is_asked_before_everything_is_removed() {
    let project = Project::new(WEB);
    let reset = |rest: &[&str]| project.seaway(&[&["local", "reset"], rest].concat());
    reset(&["--yes"])
        .with_code(3)
        .says("`seaway local start` starts it");
    project.seaway(&["up"]).with_code(0);
    reset(&[])
        .with_code(4)
        .says("nothing was removed")
        .says("`--yes` confirms in scripts");
    assert_eq!(project.get("/version"), "1\n");
    reset(&["--yes"])
        .with_code(0)
        .says("The platform is empty.");
    assert_eq!(status(&project)["services"], 0);
    project.seaway(&["up"]).with_code(0);
    let done = reset(&["--yes", "--output", "json"]).with_code(0).json();
    assert_eq!(done, serde_json::json!({ "reset": true }));
    assert_eq!(status(&project)["tasks"], 0);
}

/// The first line of the answer to a request that has nothing but the token.
fn reset(endpoint: &str, token: &str) -> String {
    let address = endpoint.trim_start_matches("http://");
    let mut stream = TcpStream::connect(address).expect("the platform listens");
    let request = format!(
        "POST /_seaway/v1/reset HTTP/1.1\r\nhost: {address}\r\nx-seaway-reset-token: {token}\r\n\
         content-length: 0\r\nconnection: close\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).expect("it is sent");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    answer.lines().next().unwrap_or_default().to_owned()
}

/// Whether a file below `directory` has the text.
fn holds(directory: &Path, text: &str) -> bool {
    let entries = fs::read_dir(directory).expect("a directory").flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return holds(&path, text);
        }
        let bytes = fs::read(&path).unwrap_or_default();
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    })
}
