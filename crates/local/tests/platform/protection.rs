//! Scale-in protection of tasks, as clients set it.

use serde_json::{Value, json};

use crate::harness::{run, tests};
use crate::stage::Stage;

tests![
    a_protected_task_outlives_the_scale_in,
    what_cannot_be_protected_is_told_why,
];

async fn protect(stage: &Stage, task: &Value, more: Value) -> Value {
    let mut body = json!({ "tasks": [task], "protectionEnabled": true });
    if let (Value::Object(into), Value::Object(more)) = (&mut body, more) {
        into.extend(more);
    }
    stage.ecs("UpdateTaskProtection", body).await
}

fn a_protected_task_outlives_the_scale_in() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let more = json!({ "desiredCount": 2 });
        stage.create("api", &definition, more).await;
        stage.steady("api").await;
        let kept = stage.tasks("api").await[0]["taskArn"].clone();
        let answer = protect(&stage, &kept, json!({ "expiresInMinutes": 60 })).await;
        assert_eq!(answer["protectedTasks"][0]["taskArn"], kept);
        let expires = answer["protectedTasks"][0]["expirationDate"].as_f64();
        let now = stage.service("api").await["events"][0]["createdAt"].as_f64();
        let minutes = (expires.unwrap() - now.unwrap()) / 60.0;
        assert!((59.0..61.0).contains(&minutes), "{minutes}");

        stage.update("api", json!({ "desiredCount": 0 })).await;
        let one_left = |service: &Value| service["runningCount"] == 1;
        stage.service_when("api", "down to one", one_left).await;
        let held = "(service api) was unable to scale in due to (reason 1 tasks under protection).";
        let events = stage.events("api").await;
        assert!(events.iter().any(|event| event == held), "{events:#?}");
        let left = stage.tasks("api").await;
        assert_eq!(left[0]["taskArn"], kept);

        let body = json!({ "tasks": [kept], "protectionEnabled": false });
        let answer = stage.ecs("UpdateTaskProtection", body).await;
        assert_eq!(answer["protectedTasks"][0]["protectionEnabled"], false);
        assert!(answer["protectedTasks"][0]["expirationDate"].is_null());
        stage.steady("api").await;
        assert!(stage.tasks("api").await.is_empty());
    });
}

fn what_cannot_be_protected_is_told_why() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let task = stage.run_task(&definition, json!({})).await;
        let body = json!({ "tasks": [task["taskArn"], "nobody"] });
        let answer = stage.ecs("GetTaskProtection", body).await;
        assert_eq!(answer["protectedTasks"], json!([]));
        assert_eq!(answer["failures"][0]["reason"], "TASK_NOT_VALID");
        assert_eq!(answer["failures"][1]["reason"], "MISSING");
        let answer = protect(&stage, &task["taskArn"], json!({})).await;
        assert_eq!(answer["failures"][0]["reason"], "TASK_NOT_VALID");
        for wrong in [
            json!({ "tasks": ["a"], "protectionEnabled": true, "expiresInMinutes": 2881 }),
            json!({ "tasks": ["a"], "protectionEnabled": true, "expiresInMinutes": 0 }),
            json!({ "tasks": [], "protectionEnabled": true }),
            json!({ "tasks": ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k"],
                    "protectionEnabled": true }),
        ] {
            let (code, message) = stage.refused("UpdateTaskProtection", wrong).await;
            assert_eq!(code, "InvalidParameterException", "{message}");
        }
    });
}
