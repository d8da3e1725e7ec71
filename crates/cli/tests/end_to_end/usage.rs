//! Exit codes of what is refused before anything begins.

use std::process::Command;

use crate::process::Running;
use crate::project::{Project, WEB};

#[test]
fn variables_that_lead_to_another_cloud_are_refused_by_a_guard() {
    let elsewhere = "\n[environments.production]\nplatform = \"ecs\"\nregion = \"us-east-1\"\naccount = \"111122223333\"\n";
    let project = Project::new(&format!("{WEB}{elsewhere}"));
    for words in [
        &["deploy", "production"][..],
        &["status", "production"],
        &["restart", "production"],
    ] {
        let mut command = project.command(words);
        command.env("AWS_ENDPOINT_URL_ECS", "http://192.0.2.1:80");
        let refused = Running::start(command, b"").end().with_code(4);
        refused.says("AWS_ENDPOINT_URL_ECS");
        refused.says("hint: ");
    }
}

#[test]
fn local_env_takes_away_what_leads_elsewhere() {
    let project = Project::new(WEB);
    project.seaway(&["local", "start"]).with_code(0);
    let script = r#"eval "$("$0" local env)" && env | grep ^AWS_ | cut -d= -f1 | sort"#;
    let mut command = Command::new("sh");
    project.isolate(&mut command);
    command
        .env("AWS_ENDPOINT_URL_ECS", "http://192.0.2.1:80")
        .env("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "true")
        .env("AWS_PROFILE", "production")
        .env("AWS_SESSION_TOKEN", "of another account")
        .args(["-c", script, env!("CARGO_BIN_EXE_seaway")]);
    let shown = Running::start(command, b"").end().with_code(0);
    assert_eq!(
        shown.stdout(),
        "AWS_ACCESS_KEY_ID\nAWS_DEFAULT_REGION\nAWS_ENDPOINT_URL\nAWS_REGION\nAWS_SECRET_ACCESS_KEY\n",
        "{shown}"
    );
}
