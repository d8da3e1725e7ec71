//! What tasks print is in CloudWatch Logs: all of it, in order, once.

use std::time::Duration;

use serde_json::json;

use crate::api;
use crate::harness::{run, tests};
use crate::stage::{Stage, id_of};

tests![
    everything_a_task_printed_before_it_ended_is_there_when_it_has,
    a_task_that_printed_much_loses_nothing,
    a_long_line_becomes_events_of_the_size_that_cloudwatch_logs_takes,
    a_line_after_a_long_silence_is_there_when_somebody_looks,
    a_stream_is_there_before_its_first_line,
    a_task_does_not_start_without_its_log_group,
];

fn everything_a_task_printed_before_it_ended_is_there_when_it_has() {
    run(async {
        let stage = Stage::start().await;
        let script = "i=0; while [ $i -lt 200 ]; do echo line $i; i=$((i+1)); done; printf end";
        let definition = stage.define("job", script).await;
        let task = stage.finished(&definition).await;
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        let mut expected: Vec<String> = (0..200).map(|number| format!("line {number}")).collect();
        expected.push("end".into());
        assert_eq!(stage.log(&stream).await, expected);
    });
}

fn a_task_that_printed_much_loses_nothing() {
    run(async {
        let stage = Stage::start().await;
        // More than is shipped in one pass: 40,000 lines of 100 bytes.
        let pad = "x".repeat(90);
        let script = format!("seq -f '%08.0f {pad}' 1 40000");
        let definition = stage.define("job", &script).await;
        let task = stage.finished(&definition).await;
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        let mut lines = stage.log(&stream).await;
        let begun = std::time::Instant::now();
        while lines.len() < 40_000 && begun.elapsed().as_secs() < 20 {
            lines = stage.log(&stream).await;
        }
        let numbers: Vec<u32> = lines
            .iter()
            .map(|line| line[..8].parse().unwrap())
            .collect();
        let expected: Vec<u32> = (1..=40_000).collect();
        assert!(numbers == expected, "{} lines", numbers.len());
    });
}

fn a_long_line_becomes_events_of_the_size_that_cloudwatch_logs_takes() {
    run(async {
        let stage = Stage::start().await;
        let script = "head -c 1000000 /dev/zero | tr '\\0' x; echo; echo after";
        let definition = stage.define("job", script).await;
        let task = stage.finished(&definition).await;
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        let events = stage.log(&stream).await;
        let (after, parts) = events.split_last().unwrap();
        assert_eq!(after, "after");
        assert!(parts.concat() == "x".repeat(1_000_000), "nothing is lost");
        let longest = 256 * 1024 - 26;
        let sizes: Vec<usize> = parts.iter().map(String::len).collect();
        assert!(sizes.iter().all(|size| *size <= longest), "{sizes:?}");
        assert_eq!(sizes.len(), 1_000_000_usize.div_ceil(longest), "{sizes:?}");
    });
}

fn a_line_after_a_long_silence_is_there_when_somebody_looks() {
    run(async {
        let stage = Stage::start().await;
        let script = "echo before; sleep 7; echo after; exec sleep 600";
        let definition = stage.define("job", script).await;
        let task = stage.run_task(&definition, json!({})).await;
        stage.task_when(&task["taskArn"], "RUNNING").await;
        // By now the log is looked at every few seconds only: after 6.3 s, then after 11.3 s.
        tokio::time::sleep(Duration::from_millis(7_500)).await;
        let stream = format!("job/main/{}", id_of(&task["taskArn"]));
        assert_eq!(stage.log(&stream).await, ["before", "after"]);
    });
}

fn a_stream_is_there_before_its_first_line() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("silent", "exec sleep 600").await;
        let task = stage.run_task(&definition, json!({})).await;
        stage.task_when(&task["taskArn"], "RUNNING").await;
        let stream = format!("silent/main/{}", id_of(&task["taskArn"]));
        assert!(stage.log(&stream).await.is_empty());
    });
}

fn a_task_does_not_start_without_its_log_group() {
    run(async {
        let stage = Stage::start().await;
        let log = json!({ "logDriver": "awslogs", "options": {
            "awslogs-group": "/nobody", "awslogs-region": "us-east-1",
            "awslogs-stream-prefix": "job" } });
        let with = json!({ "logConfiguration": log });
        let definition = stage.define_with("job", "echo lost", with).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["stopCode"], "TaskFailedToStart", "{task:#}");
        let reason = task["stoppedReason"].as_str().unwrap();
        assert!(
            reason.starts_with("ResourceInitializationError:"),
            "{reason}"
        );
        assert!(reason.ends_with("log group does not exist."), "{reason}");

        let group = json!({ "logGroupName": "/nobody" });
        stage.call(api::LOGS, "CreateLogGroup", group).await;
        let task = stage.finished(&definition).await;
        assert_eq!(task["containers"][0]["exitCode"], 0, "{task:#}");
    });
}
