//! What leads to a service stays as long as the service does.

use crate::project::{Project, WEB};

/// A second service, with a route inside that of the first.
const INNER: &str = r#"
[services.inner]
path    = "."
image   = { bundle = ["service"] }
command = ["./service"]
port    = 8000
count   = 1
route   = { path = "/version" }
health  = { path = "/health", interval = "5s", timeout = "2s", grace = "10s" }
drain   = "0s"
env     = { VERSION = "inner" }
"#;

#[test]
fn a_service_that_left_the_manifest_serves_until_it_is_pruned() {
    let project = Project::new(&format!("{WEB}{INNER}"));
    project.seaway(&["up"]).with_code(0);
    assert_eq!(project.get("/version"), "inner\n");

    project.edit(INNER, "");
    project.edit("VERSION = \"1\"", "VERSION = \"2\"");
    project
        .seaway(&["deploy", "local", "-s", "web"])
        .with_code(0);
    project.seaway(&["deploy", "local"]).with_code(0);
    assert_eq!(project.get("/version"), "inner\n");

    project.seaway(&["deploy", "local", "--prune"]).with_code(0);
    assert_eq!(project.get("/version"), "2\n");
}
