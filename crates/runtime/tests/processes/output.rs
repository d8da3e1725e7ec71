//! What processes print survives, whatever it is.

use seaway_runtime::event::ExitStatus;
use seaway_runtime::logs::Stream;
use seaway_runtime::task::LogLimits;

use crate::stage::{Stage, block_on, run_to_end};

crate::harness::tests![
    both_streams_are_kept_apart,
    any_bytes_survive,
    a_very_long_line_survives,
    much_output_is_complete,
    a_log_without_end_stays_within_its_bounds,
    the_last_line_needs_no_end,
];

fn both_streams_are_kept_apart() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        run_to_end(
            &supervisor,
            stage.script("both", "echo out; echo err >&2; echo again"),
        )
        .await;
        assert_eq!(stage.stdout("both"), ["out", "again"]);
        assert_eq!(stage.printed("both", Stream::Stderr), [b"err"]);
    });
}

fn any_bytes_survive() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = r"printf 'a\377\376b\033[31m\000c\r\n\n'";
        run_to_end(&supervisor, stage.script("bytes", script)).await;
        let lines = stage.printed("bytes", Stream::Stdout);
        assert_eq!(lines, [&b"a\xff\xfeb\x1b[31m\0c\r"[..], b""]);
    });
}

fn a_very_long_line_survives() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo after";
        run_to_end(&supervisor, stage.script("long", script)).await;
        let lines = stage.printed("long", Stream::Stdout);
        let (after, long) = lines.split_last().unwrap();
        assert_eq!(after, b"after");
        assert!(long.len() > 1, "handed out in parts");
        let whole: Vec<u8> = long.concat();
        assert!(whole.len() == 1_000_000 && whole.iter().all(|byte| *byte == b'x'));
    });
}

fn much_output_is_complete() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let exit = run_to_end(&supervisor, stage.script("much", "seq 1 100000")).await;
        assert_eq!(exit.status, ExitStatus::Code(0));
        let lines = stage.stdout("much");
        assert!(
            lines
                .iter()
                .enumerate()
                .all(|(at, line)| *line == (at + 1).to_string())
        );
        assert_eq!(
            lines.len(),
            100_000,
            "all of it is there when the exit is reported"
        );
    });
}

fn a_log_without_end_stays_within_its_bounds() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        let mut spec = stage.script("endless", "seq 1 200000");
        spec.log_limits = LogLimits {
            segment_bytes: 100_000,
            segments: 3,
        };
        let directory = spec.log_dir.clone();
        run_to_end(&supervisor, spec).await;
        let sizes = std::fs::read_dir(directory)
            .unwrap()
            .map(|e| e.unwrap().metadata().unwrap());
        let total: u64 = sizes.map(|metadata| metadata.len()).sum();
        assert!(total > 100_000 && total < 30_000_000 / 3, "{total}");
        assert_eq!(
            stage.stdout("endless").last().map(String::as_str),
            Some("200000")
        );
    });
}

fn the_last_line_needs_no_end() {
    let stage = Stage::new();
    block_on(async {
        let supervisor = stage.supervisor().await;
        run_to_end(&supervisor, stage.script("open", "printf 'no end'")).await;
        assert_eq!(stage.stdout("open"), ["no end"]);
    });
}
