//! The background process as commands meet it: started, found, replaced, stopped.

use std::fs;
use std::io::Read;
use std::os::fd::AsFd;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use seaway_local::launch::{
    Connection, LaunchError, PlatformClient, ProcessIdentity, Stopped, ensure_running,
    find_running, stop,
};
use seaway_local::layout::StateDir;

use crate::harness::{run, tests};
use crate::stage::{options, own_binary, wait_for_end};

tests![
    a_started_platform_answers_and_is_used_again,
    a_started_platform_holds_nothing_of_the_command,
    commands_at_the_same_time_start_one_platform,
    a_killed_platform_comes_back_at_its_port,
    a_platform_of_another_build_is_replaced,
    a_platform_whose_state_vanished_ends,
    a_platform_that_dies_early_is_explained,
    a_newer_store_is_refused_with_the_reason,
    stopping_what_does_not_run_is_fine,
];

/// A state directory whose platform is stopped at the end.
struct Fixture {
    state: StateDir,
    dir: tempfile::TempDir,
}

impl Fixture {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let state = StateDir::new(dir.path().join("state"), dir.path().join("keys"));
        Self { state, dir }
    }

    async fn start(&self) -> Connection {
        ensure_running(&self.state, &options(&own_binary()))
            .await
            .unwrap()
    }

    async fn stop(&self) {
        stop(&self.state).await.unwrap();
    }
}

async fn process(connection: &Connection) -> ProcessIdentity {
    let ping = PlatformClient::new(connection.clone())
        .ping()
        .await
        .unwrap();
    ProcessIdentity::of(ping.pid).unwrap().unwrap()
}

fn a_started_platform_answers_and_is_used_again() {
    run(async {
        let fixture = Fixture::new();
        let begun = Instant::now();
        let first = fixture.start().await;
        let took = begun.elapsed();
        let running = process(&first).await;
        eprintln!(
            "start to first answer: {took:?}, resident: {} kB",
            resident(&running)
        );
        assert!(took < Duration::from_secs(5), "the target is 0.1 s");
        let second = fixture.start().await;
        assert_eq!(process(&second).await, running);
        let found = find_running(&fixture.state).await.unwrap().unwrap();
        assert_eq!(found.endpoint, first.endpoint);
        assert_eq!(stop(&fixture.state).await.unwrap(), Stopped::Ended);
        wait_for_end(&running).await;
        assert!(find_running(&fixture.state).await.unwrap().is_none());
        let begun = Instant::now();
        fixture.start().await;
        eprintln!(
            "start to first answer, not for the first time: {:?}",
            begun.elapsed()
        );
        fixture.stop().await;
    });
}

/// Resident memory in kB.
fn resident(process: &ProcessIdentity) -> String {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
    let line = status
        .lines()
        .find(|line| line.starts_with("VmRSS:"))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().to_owned()
}

fn a_started_platform_holds_nothing_of_the_command() {
    run(async {
        let fixture = Fixture::new();
        // Like the pipe of a CI job: it ends when the last process that has it does.
        let (mut reader, writer) = std::io::pipe().unwrap();
        fcntl(writer.as_fd(), FcntlArg::F_SETFD(FdFlag::empty())).unwrap();
        let connection = fixture.start().await;
        drop(writer);
        let mut rest = Vec::new();
        let end = tokio::task::spawn_blocking(move || reader.read_to_end(&mut rest));
        let ended = tokio::time::timeout(Duration::from_secs(5), end).await;
        assert!(ended.is_ok(), "the platform keeps the pipe open");

        let running = process(&connection).await;
        let own = nix::unistd::getsid(None).unwrap();
        let pid = nix::unistd::Pid::from_raw(i32::try_from(running.pid).unwrap());
        let session = nix::unistd::getsid(Some(pid)).unwrap();
        assert_ne!(session, own);
        let input = fs::read_link(format!("/proc/{}/fd/0", running.pid)).unwrap();
        assert_eq!(input, Path::new("/dev/null"));
        let output = fs::read_link(format!("/proc/{}/fd/2", running.pid)).unwrap();
        assert_eq!(output, fixture.state.platform_log());
        fixture.stop().await;
    });
}

fn commands_at_the_same_time_start_one_platform() {
    run(async {
        let fixture = Fixture::new();
        let (first, second) = tokio::join!(fixture.start(), fixture.start());
        assert_eq!(first.endpoint, second.endpoint);
        assert_eq!(process(&first).await, process(&second).await);
        fixture.stop().await;
    });
}

fn a_killed_platform_comes_back_at_its_port() {
    run(async {
        let fixture = Fixture::new();
        let before = fixture.start().await;
        let first = process(&before).await;
        first.kill().unwrap();
        wait_for_end(&first).await;
        assert!(find_running(&fixture.state).await.unwrap().is_none());
        let after = fixture.start().await;
        assert_ne!(process(&after).await, first);
        assert_eq!(after.endpoint, before.endpoint, "the port is kept");
        assert_eq!(after.access_key_id, before.access_key_id);
        fixture.stop().await;
    });
}

fn a_platform_of_another_build_is_replaced() {
    run(async {
        let fixture = Fixture::new();
        let first = process(&fixture.start().await).await;
        let rebuilt = fixture.dir.path().join("rebuilt");
        fs::copy(own_binary(), &rebuilt).unwrap();
        let connection = ensure_running(&fixture.state, &options(&rebuilt))
            .await
            .unwrap();
        assert_ne!(process(&connection).await, first);
        wait_for_end(&first).await;
        fixture.stop().await;
    });
}

fn a_platform_whose_state_vanished_ends() {
    run(async {
        let fixture = Fixture::new();
        let running = process(&fixture.start().await).await;
        fs::remove_dir_all(fixture.state.root()).unwrap();
        wait_for_end(&running).await;
        assert!(!fixture.state.root().exists(), "nothing is created again");
    });
}

fn a_platform_that_dies_early_is_explained() {
    run(async {
        let fixture = Fixture::new();
        fixture.state.create().unwrap();
        // A file where a directory is needed: the platform cannot start.
        fs::write(fixture.state.registry(), "in the way").unwrap();
        let failed = ensure_running(&fixture.state, &options(&own_binary()))
            .await
            .unwrap_err();
        let LaunchError::Died { last_lines, .. } = &failed else {
            panic!("{failed}")
        };
        assert!(last_lines.contains("registry"), "{failed}");
    });
}

fn a_newer_store_is_refused_with_the_reason() {
    run(async {
        let fixture = Fixture::new();
        fixture.state.create().unwrap();
        let newer = rusqlite::Connection::open(fixture.state.store()).unwrap();
        newer.pragma_update(None, "user_version", 4711).unwrap();
        drop(newer);
        let refused = ensure_running(&fixture.state, &options(&own_binary()))
            .await
            .unwrap_err();
        let text = refused.to_string();
        assert!(text.contains("has version 4711"), "{text}");
        assert!(text.contains("a newer seaway wrote it"), "{text}");
    });
}

fn stopping_what_does_not_run_is_fine() {
    run(async {
        let fixture = Fixture::new();
        assert_eq!(stop(&fixture.state).await.unwrap(), Stopped::NoneRan);
        assert!(!fixture.state.root().exists(), "looking creates nothing");
        fixture.start().await;
        fixture.stop().await;
        assert_eq!(stop(&fixture.state).await.unwrap(), Stopped::NoneRan);
    });
}
