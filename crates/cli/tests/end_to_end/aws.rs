//! The aws command line against the platform, as `seaway local env` sets it up.

use std::process::Command;

use crate::process::Running;
use crate::project::{Project, WEB};

#[test]
fn the_aws_command_line_works_with_what_local_env_prints() {
    if !is_installed() {
        println!("skipped: the aws command line is not installed");
        return;
    }
    let project = Project::new(WEB);
    project.seaway(&["up"]).with_code(0);
    let script = r#"
        set -e
        eval "$("$0" local env)"
        aws sts get-caller-identity --query Account
        aws ecs describe-services --cluster tiny-local --services web \
            --query 'services[0].[status,desiredCount,runningCount]'
        aws logs filter-log-events --log-group-name /seaway/tiny/local/web --query 'events[].message'
    "#;
    let mut command = Command::new("sh");
    project.isolate(&mut command);
    own_aws(&mut command);
    command
        .env("AWS_DEFAULT_OUTPUT", "text")
        .args(["-c", script, env!("CARGO_BIN_EXE_seaway")]);
    let shown = Running::start(command, b"").end().with_code(0);
    assert_eq!(
        shown.stdout(),
        "000000000000\nACTIVE\t1\t1\nversion 1 starts\n",
        "{shown}"
    );
}

fn is_installed() -> bool {
    let mut command = Command::new("aws");
    own_aws(command.arg("--version"));
    let found = command.output();
    found.is_ok_and(|output| output.status.success())
}

/// The tester's own installation, which may live in the home, and nothing of its configuration.
fn own_aws(command: &mut Command) {
    if let Some(home) = std::env::var_os("HOME") {
        command.env("HOME", home);
    }
    command
        .env("AWS_CONFIG_FILE", "/dev/null")
        .env("AWS_SHARED_CREDENTIALS_FILE", "/dev/null");
}
