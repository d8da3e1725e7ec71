//! Many services and tasks at once: what they cost. Figures are printed; what gates is a generous
//! multiple of what was measured.

use std::time::{Duration, Instant};

use seaway_local::launch::ProcessIdentity;
use serde_json::json;

use crate::harness::{run, tests};
use crate::stage::Stage;

tests![sixty_services_at_once_come_up, idle_tasks_cost_little,];

fn sixty_services_at_once_come_up() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let begun = Instant::now();
        for number in 0..60 {
            stage
                .create(&format!("s-{number}"), &definition, json!({}))
                .await;
        }
        let created = begun.elapsed();
        for number in 0..60 {
            stage.steady(&format!("s-{number}")).await;
        }
        let steady = begun.elapsed();
        println!("60 services created in {created:.1?}, steady in {steady:.1?}");
        assert!(steady < Duration::from_secs(60), "took {steady:?}");
        let begun = Instant::now();
        let names: Vec<String> = (0..10).map(|number| format!("s-{number}")).collect();
        for _ in 0..20 {
            stage
                .ecs("DescribeServices", json!({ "services": names }))
                .await;
        }
        println!("DescribeServices of 10: {:?}", begun.elapsed() / 20);
    });
}

fn idle_tasks_cost_little() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let more = json!({ "desiredCount": 200 });
        stage.create("api", &definition, more).await;
        stage.steady("api").await;
        let processes = [stage.platform().await, stage.supervisor().await];
        // Silent logs are looked at less and less often.
        tokio::time::sleep(Duration::from_secs(6)).await;
        let before = processes.each_ref().map(cpu);
        let watched = Duration::from_secs(5);
        tokio::time::sleep(watched).await;
        let after = processes.each_ref().map(cpu);
        for (name, index) in [("platform", 0), ("supervisor", 1)] {
            let used = (after[index] - before[index]).as_secs_f64() / watched.as_secs_f64();
            let resident = resident(&processes[index]);
            println!(
                "{name} of 200 idle tasks: {:.1} % CPU, {resident} kB",
                used * 100.0
            );
            assert!(used < 0.25, "{name}: {used}");
        }
    });
}

/// Processor time so far; a tick is 10 ms on every Linux that Seaway runs on.
fn cpu(process: &ProcessIdentity) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.pid)).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Resident memory in kB.
fn resident(process: &ProcessIdentity) -> String {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:"));
    line.unwrap().split_whitespace().nth(1).unwrap().to_owned()
}
