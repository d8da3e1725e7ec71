//! Secrets as a person handles them.

use crate::project::{Project, WEB};

/// What `/fingerprint` answers for a value (FNV-1a, as in the fixture).
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}\n")
}

#[test]
fn a_secret_is_set_used_rotated_and_removed() {
    let project = Project::new(&WEB.replace(
        "drain   =",
        "secrets = { TOKEN = \"vault#token\" }\ndrain   =",
    ));
    let settled = |words: &[&str], code| {
        project
            .seaway(words)
            .with_code(code)
            .settled(&project.root())
    };
    let set = |value: &str, code| {
        let words = &["secrets", "set", "local", "vault#token"];
        project
            .seaway_with(words, value)
            .with_code(code)
            .settled(&project.root())
    };

    project.seaway(&["local", "start"]).with_code(0);
    insta::assert_snapshot!(
        "check_without_a_value",
        settled(&["secrets", "check", "local"], 1)
    );
    insta::assert_snapshot!("list_of_nothing", settled(&["secrets", "list", "local"], 0));
    insta::assert_snapshot!("deploy_without_a_value", settled(&["deploy", "local"], 1));
    insta::assert_snapshot!("set_to_nothing", set("", 2));
    insta::assert_snapshot!("set", set("first value\n", 0));
    insta::assert_snapshot!("list", settled(&["secrets", "list", "local"], 0));
    insta::assert_snapshot!("check", settled(&["secrets", "check", "local"], 0));
    project.seaway(&["up"]).with_code(0);
    assert_eq!(project.get("/fingerprint"), fingerprint("first value"));

    set("first value", 0);
    project
        .seaway(&["deploy", "local"])
        .with_code(0)
        .says("Nothing to do");
    // As on ECS, tasks read secrets when they start.
    set("second value", 0);
    project
        .seaway(&["deploy", "local"])
        .with_code(0)
        .says("Nothing to do");
    project.seaway(&["restart", "local"]).with_code(0);
    assert_eq!(project.get("/fingerprint"), fingerprint("second value"));

    insta::assert_snapshot!("removed", settled(&["secrets", "rm", "local", "vault"], 0));
    insta::assert_snapshot!(
        "removed_twice",
        settled(&["secrets", "rm", "local", "vault"], 2)
    );
}

#[test]
fn a_value_is_never_an_argument() {
    let project = Project::new(WEB);
    let words = &["secrets", "set", "local", "token", "hunter2"];
    let shown = project.seaway(words).with_code(2);
    assert!(
        !shown.stderr().contains("hunter2"),
        "a value is not repeated:\n{shown}"
    );
    insta::assert_snapshot!("value_as_an_argument", shown.to_string());
}
