//! What a process gets, what it does not get, and where secrets never are.

use std::fs;
use std::io::{Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use seaway_runtime::event::ExitStatus;
use seaway_runtime::task::{Environment, TaskSpec, Volume};

use crate::stage::{
    PATIENCE, Stage, all_events, block_on, exit_of, is_alive, run_to_end, start_failure, stop,
};

crate::harness::tests![
    a_process_gets_only_what_was_declared,
    declared_variables_win_except_for_the_port,
    a_volume_is_named_in_the_environment,
    a_process_begins_with_clean_signals_and_descriptors,
    the_supervisor_holds_nothing_of_its_starter,
    a_secret_is_neither_on_disk_nor_on_a_command_line,
    an_idle_supervisor_is_small,
    directories_are_readable_by_their_owner_alone,
    garbage_on_the_socket_is_refused_without_quoting_it,
];

fn with_env(mut spec: TaskSpec, variables: &[(&str, &str)]) -> TaskSpec {
    let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    spec.containers[0].env = Environment::new(variables.iter().map(owned).collect());
    spec
}

/// The environment as the kernel has it, because a shell adds to it.
fn names_and_values(stage: &Stage, id: &str) -> Vec<(String, String)> {
    let mut variables: Vec<_> = stage
        .stdout(id)
        .iter()
        .map(|line| line.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    variables.sort();
    variables
}

fn a_process_gets_only_what_was_declared() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut spec = with_env(stage.task("env", &["env"]), &[("GREETING", "ahoy = there")]);
        spec.containers[0].port = Some(8123);
        run_to_end(&supervisor, spec).await;
        let variables = names_and_values(&stage, "env");
        let names: Vec<_> = variables.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["GREETING", "HOME", "PATH", "PORT"]);
        assert_eq!(variables[0].1, "ahoy = there");
        let home = PathBuf::from(&variables[1].1);
        assert!(
            home.starts_with(stage.directory().canonicalize().unwrap()),
            "{home:?}"
        );
        assert!(home.is_dir());
        assert_eq!(variables[3].1, "8123");

        run_to_end(&supervisor, stage.task("pwd", &["/bin/pwd", "-P"])).await;
        let app = stage.path().join("image/app").canonicalize().unwrap();
        assert_eq!(stage.stdout("pwd"), [app.to_str().unwrap()]);
    });
}

fn declared_variables_win_except_for_the_port() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let declared = [("PATH", "/usr/bin:/bin"), ("HOME", "/tmp"), ("PORT", "80")];
        let mut spec = with_env(stage.task("env", &["env"]), &declared);
        spec.containers[0].port = Some(8123);
        run_to_end(&supervisor, spec).await;
        let expected = [
            ("HOME", "/tmp"),
            ("PATH", "/usr/bin:/bin"),
            ("PORT", "8123"),
        ];
        let owned = expected.map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(names_and_values(&stage, "env"), owned);
    });
}

fn a_volume_is_named_in_the_environment() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let host_path = stage.path().join("volumes/data");
        let mut spec = stage.script("volume", "echo kept > \"$SEAWAY_VOLUME_DATA/file\"");
        spec.containers[0].volumes = vec![Volume {
            name: "data".into(),
            host_path: host_path.clone(),
            container_path: "/data".into(),
            access: seaway_runtime::task::Access::Write,
        }];
        let exit = run_to_end(&supervisor, spec).await;
        assert_eq!(exit.status, ExitStatus::Code(0));
        assert_eq!(fs::read(host_path.join("file")).unwrap(), b"kept\n");
    });
}

fn a_process_begins_with_clean_signals_and_descriptors() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        // No shell: it would change both.
        run_to_end(
            &supervisor,
            stage.task("status", &["cat", "/proc/self/status"]),
        )
        .await;
        let status = stage.stdout("status");
        let field = |name: &str| {
            let line = status
                .iter()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            u64::from_str_radix(line.trim(), 16).unwrap()
        };
        assert_eq!(
            (field("SigBlk:"), field("SigIgn:") & (1 << 12)),
            (0, 0),
            "SIGPIPE is 13"
        );
        run_to_end(&supervisor, stage.task("fds", &["ls", "/proc/self/fd"])).await;
        assert_eq!(
            stage.stdout("fds"),
            ["0", "1", "2", "3"],
            "3 is the directory being listed"
        );
        run_to_end(
            &supervisor,
            stage.task("stdin", &["readlink", "/proc/self/fd/0"]),
        )
        .await;
        assert_eq!(stage.stdout("stdin"), ["/dev/null"]);
        let script = "cut -d' ' -f1,5,6 < /proc/$$/stat";
        run_to_end(&supervisor, stage.script("session", script)).await;
        let numbers = stage.stdout("session").remove(0);
        let numbers: Vec<_> = numbers.split(' ').collect();
        assert!(
            numbers.iter().all(|number| *number == numbers[0]),
            "leads both: {numbers:?}"
        );
    });
}

fn the_supervisor_holds_nothing_of_its_starter() {
    let stage = Stage::new();
    // Without the close-on-exec flag, as a shell passes its pipes on.
    let (read, write) = nix::unistd::pipe().unwrap();
    let link = fs::read_link(format!("/proc/self/fd/{}", write.as_raw_fd())).unwrap();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let held = fs::read_dir(format!("/proc/{}/fd", supervisor.pid())).unwrap();
        let held: Vec<_> = held
            .map(|entry| fs::read_link(entry.unwrap().path()).unwrap())
            .collect();
        assert!(!held.contains(&link), "{held:?}");
        let stat = fs::read_to_string(format!("/proc/{}/stat", supervisor.pid())).unwrap();
        let session = stat
            .rsplit(')')
            .next()
            .unwrap()
            .split_whitespace()
            .nth(3)
            .unwrap()
            .to_owned();
        assert_eq!(
            session,
            supervisor.pid().to_string(),
            "a session of its own"
        );
        let environ = fs::read(format!("/proc/{}/environ", supervisor.pid())).unwrap();
        assert!(environ.is_empty());
    });
    drop((read, write));
}

fn a_secret_is_neither_on_disk_nor_on_a_command_line() {
    const SECRET: &str = "hunter2-\"quoted\"-swordfish";
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "test -n \"$TOKEN\" && echo $$; exec sleep 1000";
        let spec = with_env(stage.script("secret", script), &[("TOKEN", SECRET)]);
        let id = spec.id.clone();
        supervisor.start(spec).await.unwrap();
        let pid: i32 = stage.line("secret", 0).await.parse().unwrap();
        // One that never starts, too: its report must not quote anything.
        let bad = with_env(stage.task("bad", &["./missing"]), &[("TOKEN", SECRET)]);
        start_failure(&supervisor, bad).await;
        supervisor.list().await.unwrap();

        for process in [pid, i32::try_from(supervisor.pid()).unwrap()] {
            let line = fs::read(format!("/proc/{process}/cmdline")).unwrap();
            assert!(!contains(&line, b"hunter2"), "command line of {process}");
        }
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap();
        assert!(
            contains(&environ, SECRET.as_bytes()),
            "the process itself has it"
        );
        stop(&supervisor, "secret", PATIENCE).await;
        exit_of(&mut all_events(&supervisor).await, &id).await;
        assert!(!is_alive(pid));
        // `aHVudGVyMi` is how base64 of the value begins.
        for needle in [&b"hunter2"[..], b"swordfish", b"aHVudGVyMi"] {
            let found = files(stage.path())
                .into_iter()
                .find(|(_, text)| contains(text, needle));
            assert!(found.is_none(), "{:?}", found.map(|(path, _)| path));
        }
        let recorded = files(stage.path())
            .into_iter()
            .any(|(_, text)| contains(&text, b"TOKEN"));
        assert!(recorded, "the search does look into the records");
    });
}

fn an_idle_supervisor_is_small() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        run_to_end(&supervisor, stage.script("once", "seq 1 20000")).await;
        let status = fs::read_to_string(format!("/proc/{}/status", supervisor.pid())).unwrap();
        let kilobytes = |name: &str| -> u64 {
            let line = status
                .lines()
                .find_map(|line| line.strip_prefix(name))
                .unwrap();
            line.trim().trim_end_matches(" kB").parse().unwrap()
        };
        let (resident, own) = (kilobytes("VmRSS:"), kilobytes("RssAnon:"));
        println!("an idle supervisor holds {resident} kB, {own} kB of them its own");
        assert!(own < 6 * 1024, "{own} kB");
    });
}

fn garbage_on_the_socket_is_refused_without_quoting_it() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let socket = stage.directory().join("control.sock");
        assert_eq!(fs::metadata(&socket).unwrap().mode() & 0o777, 0o600);
        assert_eq!(
            fs::metadata(stage.directory()).unwrap().mode() & 0o777,
            0o700
        );
        let ask = |request: &[u8]| {
            let mut stream = UnixStream::connect(&socket).unwrap();
            // It may close before everything is sent.
            let _ = stream.write_all(request);
            let mut answer = Vec::new();
            let _ = stream.read_to_end(&mut answer);
            String::from_utf8(answer).unwrap()
        };
        let answer = ask(b"{\"start\":{\"spec\":\"hunter2\"}}\n");
        assert!(
            answer.contains("malformed") && !answer.contains("hunter2"),
            "{answer}"
        );
        let answer = ask(b"\"list\"\n");
        assert!(answer.contains("not greeted"), "{answer}");
        let answer = ask(b"{\"hello\":{\"protocol\":0}}\n\"nonsense\"\n");
        assert!(answer.contains("\"platform\":0"), "{answer}");
        ask(&vec![b'x'; 5 << 20]);
        assert!(supervisor.list().await.unwrap().is_empty(), "it goes on");
    });
}

fn directories_are_readable_by_their_owner_alone() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut spec = stage.script("private", "echo hello");
        let logs = spec.log_dir.clone();
        let service = logs.with_file_name("volumes").join("shop");
        spec.containers[0].volumes = vec![Volume {
            name: "data".to_owned(),
            host_path: service.join("data"),
            container_path: "/data".to_owned(),
            access: seaway_runtime::task::Access::Write,
        }];
        run_to_end(&supervisor, spec).await;
        for path in [&logs, &service, &service.join("data")] {
            let mode = fs::metadata(path).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o700, "{}", path.display());
        }
        for (path, _) in files(&logs) {
            let mode = fs::metadata(&path).unwrap().mode() & 0o777;
            assert_eq!(mode, 0o600, "{}", path.display());
        }
    });
}

fn contains(text: &[u8], needle: &[u8]) -> bool {
    text.windows(needle.len()).any(|window| window == needle)
}

fn files(directory: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        // A record is replaced by renaming: its temporary file may be gone by now.
        let Ok(about) = fs::symlink_metadata(&path) else {
            continue;
        };
        if about.is_dir() {
            found.extend(files(&path));
        } else if about.is_file()
            && let Ok(text) = fs::read(&path)
        {
            found.push((path, text));
        }
    }
    found
}
