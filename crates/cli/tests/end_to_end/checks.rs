//! A health check changes with its service, and no request is lost over it.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use crate::project::{Project, WEB, get};

/// The fixture answers one request per connection and ends with its signal.
fn drained() -> String {
    WEB.replace(r#"drain   = "0s""#, r#"drain   = "3s""#)
}

/// A project whose version 1 runs; then its version 2, which tells its health at `/ready` alone.
fn moved() -> Project {
    let project = Project::new(&drained());
    project.seaway(&["up"]).with_code(0);
    project.edit(r#"path = "/health""#, r#"path = "/ready""#);
    project.edit(
        r#"VERSION = "1""#,
        r#"VERSION = "2", HEALTH_PATH = "/ready", READY_AFTER_MS = "1500""#,
    );
    project
}

/// Runs `work` while the service is asked again and again; every answer must be a version.
fn under_requests(project: &Project, work: impl FnOnce()) {
    let (url, is_over) = (project.url(), AtomicBool::new(false));
    thread::scope(|scope| {
        let asked = scope.spawn(|| {
            let mut asked = 0;
            while !is_over.load(Ordering::Relaxed) {
                let version = get(&url, "/version");
                assert!(["1\n", "2\n"].contains(&version.as_str()), "{version:?}");
                asked += 1;
            }
            asked
        });
        let worked = catch_unwind(AssertUnwindSafe(work));
        is_over.store(true, Ordering::Relaxed);
        if let Err(panic) = worked {
            resume_unwind(panic);
        }
        let asked = asked.join().expect("every request is answered");
        assert!(asked > 10, "only {asked} requests");
    });
}

#[test]
fn a_check_that_the_old_version_fails_harms_it_not() {
    let project = moved();
    under_requests(&project, || {
        project.seaway(&["deploy", "local"]).with_code(0);
    });
    assert_eq!(project.get("/version"), "2\n");
    let again = project.seaway(&["deploy", "local"]).with_code(0);
    assert!(again.settled(&project.root()).contains("Nothing to do"));

    // And back: version 1 fails the check of version 2.
    under_requests(&project, || {
        project.seaway(&["rollback", "local", "--yes"]).with_code(0);
    });
    assert_eq!(project.get("/version"), "1\n");
}

#[test]
fn a_check_that_fails_goes_back_with_its_service() {
    let project = Project::new(&drained());
    project.seaway(&["up"]).with_code(0);
    project.edit(
        r#"path = "/health", interval = "5s""#,
        r#"path = "/nowhere", interval = "5s""#,
    );
    project.edit(r#"grace = "10s""#, r#"grace = "1s""#);
    under_requests(&project, || {
        let failed = project.seaway(&["deploy", "local"]).with_code(1);
        let shown = failed.settled(&project.root());
        assert!(shown.contains("health check"), "{shown}");
        assert!(shown.contains("/nowhere"), "{shown}");
    });
    project.edit("/nowhere", "/health");
    project.edit(r#"grace = "1s""#, r#"grace = "10s""#);
    let again = project.seaway(&["deploy", "local"]).with_code(0);
    assert!(again.settled(&project.root()).contains("Nothing to do"));
}
