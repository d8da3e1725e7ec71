//! Task definitions as clients read them back: with what ECS adds to what was said.

use serde_json::{Value, json};

use crate::harness::{run, tests};
use crate::stage::Stage;

tests![
    a_definition_is_read_back_with_the_defaults_of_ecs,
    a_definition_says_where_it_could_run,
];

fn a_definition_is_read_back_with_the_defaults_of_ecs() {
    run(async {
        let stage = Stage::start().await;
        let mapping = json!({ "containerPort": 80 });
        let container = json!({ "name": "main", "image": "i", "memory": 64,
            "portMappings": [mapping] });
        let of = |mode: &str| json!({ "family": "x", "networkMode": mode, "containerDefinitions": [container] });
        let shown = described(&stage, of("awsvpc")).await;
        let expected = json!({
            "name": "main", "image": "i", "memory": 64, "cpu": 0, "essential": true, "environment": [],
            "mountPoints": [], "volumesFrom": [], "systemControls": [],
            "portMappings": [{ "containerPort": 80, "hostPort": 80, "protocol": "tcp" }],
        });
        assert_eq!(shown["containerDefinitions"], json!([expected]));
        // Any port of the machine, where tasks share its addresses.
        let shown = described(&stage, of("bridge")).await;
        let mapping = &shown["containerDefinitions"][0]["portMappings"][0];
        assert_eq!(mapping["hostPort"], 0);
        let bare = json!({ "family": "x", "containerDefinitions": [{ "name": "a", "image": "i", "memory": 64 }] });
        let shown = described(&stage, bare).await;
        assert_eq!(shown["containerDefinitions"][0]["portMappings"], json!([]));
    });
}

fn a_definition_says_where_it_could_run() {
    run(async {
        let stage = Stage::start().await;
        let containers = json!([{ "name": "a", "image": "i", "memory": 64 }]);
        let cases = [
            (
                json!({ "networkMode": "awsvpc", "cpu": "256", "memory": "512",
                    "requiresCompatibilities": ["FARGATE"] }),
                json!(["EC2", "FARGATE"]),
            ),
            (json!({ "networkMode": "awsvpc" }), json!(["EC2"])),
            (json!({}), json!(["EXTERNAL", "EC2"])),
        ];
        for (mut request, compatible) in cases {
            request["family"] = json!("x");
            request["containerDefinitions"] = containers.clone();
            let shown = described(&stage, request.clone()).await;
            assert_eq!(shown["compatibilities"], compatible, "{request}");
            assert_eq!(
                shown["requiresCompatibilities"],
                request["requiresCompatibilities"]
            );
        }
    });
}

async fn described(stage: &Stage, request: Value) -> Value {
    let arn = stage.register(request).await;
    let asked = json!({ "taskDefinition": arn });
    stage.ecs("DescribeTaskDefinition", asked).await["taskDefinition"].clone()
}
