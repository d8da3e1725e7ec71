//! The life of a service: create, describe, update, list, delete.

use serde_json::json;

use crate::api::elb;
use crate::harness::{run, tests};
use crate::stage::{Stage, network, own_binary, text};

tests![
    a_service_lives_from_create_to_delete,
    a_service_behind_a_load_balancer_is_registered_and_drained,
    a_second_service_of_a_name_is_refused_unless_it_is_the_same_call,
    a_service_is_looked_for_in_the_cluster_that_is_named,
    a_service_that_goes_is_deleted_again_without_an_error,
    an_update_that_changes_no_revision_makes_no_deployment,
    settings_are_kept_as_they_were_asked_for,
    services_are_listed_in_pages,
    tags_are_kept_with_what_they_are_on,
    tasks_of_a_service_have_the_tags_that_were_asked_for,
    definitions_are_listed_by_family_and_revision,
];

fn a_service_lives_from_create_to_delete() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let created = stage
            .create("api", &definition, json!({ "desiredCount": 2 }))
            .await;
        // What the API answers before anything has happened.
        assert_eq!(created["status"], "ACTIVE");
        assert_eq!(created["deployments"][0]["desiredCount"], 0);
        assert_eq!(created["deployments"][0]["rolloutState"], "IN_PROGRESS");
        assert_eq!(created["events"], json!([]));
        let steady = stage.steady("api").await;
        let deployment = text(&steady["deployments"][0]["id"]);
        assert_eq!(steady["runningCount"], 2);
        assert_eq!(steady["taskDefinition"], definition.as_str());
        let number = deployment.trim_start_matches("ecs-svc/");
        let revision = text(&steady["currentServiceRevisions"][0]["arn"]);
        assert!(revision.ends_with(&format!(":service-revision/shop/api/{number}")));
        let events = stage.events("api").await;
        let last: Vec<&String> = events.iter().rev().take(2).collect();
        assert_eq!(
            last[1],
            &format!("(service api) (deployment {deployment}) deployment completed.")
        );
        assert_eq!(last[0], "(service api) has reached a steady state.");
        for task in stage.tasks("api").await {
            assert_eq!(task["startedBy"], deployment.as_str());
            assert_eq!(task["group"], "service:api");
            let digest = text(&task["containers"][0]["imageDigest"]);
            assert!(stage.image.ends_with(&digest) && digest.starts_with("sha256:"));
        }

        let refused = stage
            .refused("DeleteService", json!({ "service": "api" }))
            .await;
        let words = "The service cannot be stopped while it is scaled above 0.";
        assert_eq!(refused, ("InvalidParameterException".into(), words.into()));
        let body = json!({ "service": "api", "force": true });
        let draining = stage.ecs("DeleteService", body).await["service"].clone();
        assert_eq!(draining["status"], "DRAINING");
        assert_eq!(draining["desiredCount"], 0);
        let gone = stage
            .service_when("api", "INACTIVE", |service| service["status"] == "INACTIVE")
            .await;
        assert_eq!(gone["runningCount"], 0);
        assert_eq!(gone["deployments"], json!([]));
        let listed = stage.ecs("ListServices", json!({})).await;
        assert_eq!(listed["serviceArns"], json!([]));
        let refused = stage
            .refused(
                "UpdateService",
                json!({ "service": "api", "desiredCount": 1 }),
            )
            .await;
        assert_eq!(refused.0, "ServiceNotActiveException");

        // The name is free again, and nothing of the old service is the new one's.
        let again = stage.create("api", &definition, json!({})).await;
        assert_eq!(again["events"], json!([]));
        let events = stage.events("api").await;
        assert!(!events.contains(&"(service api) has reached a steady state.".to_owned()));
        stage.steady("api").await;
    });
}

fn a_service_behind_a_load_balancer_is_registered_and_drained() {
    run(async {
        let stage = Stage::start().await;
        let group = target_group(&stage).await;
        let balancers = json!([{ "targetGroupArn": group, "containerName": "main",
            "containerPort": 8000 }]);
        let shared = stage.define("shared", "exec sleep 600").await;
        let body = json!({ "serviceName": "shared", "taskDefinition": shared, "desiredCount": 1,
            "loadBalancers": balancers });
        let (_, refused) = stage.refused("CreateService", body).await;
        assert!(
            refused.contains("incompatible with the bridge network mode"),
            "{refused}"
        );
        let good = server(&stage, "200").await;
        let threshold = json!({ "type": "COUNT", "value": 1 });
        let more = json!({ "loadBalancers": balancers, "desiredCount": 1,
            "networkConfiguration": network(),
            "deploymentConfiguration": { "deploymentCircuitBreaker":
                { "enable": true, "rollback": true, "thresholdConfiguration": threshold } } });
        stage.create("web", &good, more).await;
        stage.steady("web").await;
        let events = stage.events("web").await;
        let registered = format!("(service web) registered 1 targets in (target-group {group})");
        assert!(events.contains(&registered), "{events:#?}");

        // A revision that never becomes healthy: its tasks are replaced and say why.
        let bad = server(&stage, "503").await;
        stage
            .update(
                "web",
                json!({ "taskDefinition": bad, "healthCheckGracePeriodSeconds": 0 }),
            )
            .await;
        let back = stage
            .service_when("web", "rolled back", |service| {
                service["taskDefinition"] == good.as_str()
                    && service["deployments"][0]["rolloutState"] == "COMPLETED"
                    && service["deployments"].as_array().unwrap().len() == 1
            })
            .await;
        assert_eq!(back["runningCount"], 1);
        let events = stage.events("web").await;
        let words = [
            format!(
                "is unhealthy in (target-group {group}) due to (reason Health checks failed with \
                 these codes: [503])"
            ),
            format!("(service web) deregistered 1 targets in (target-group {group})"),
            "deployment failed: tasks failed to start.".to_owned(),
            "rolling back to deployment ecs-svc/".to_owned(),
        ];
        for words in words {
            assert!(
                events.iter().any(|e| e.contains(&words)),
                "{words}: {events:#?}"
            );
        }
        let stopped = stage
            .ecs(
                "ListTasks",
                json!({ "serviceName": "web", "desiredStatus": "STOPPED" }),
            )
            .await;
        let tasks = stage
            .ecs("DescribeTasks", json!({ "tasks": stopped["taskArns"] }))
            .await;
        let reason = format!("Task failed ELB health checks in (target-group {group})");
        let tasks = tasks["tasks"].as_array().unwrap();
        assert!(
            tasks.iter().any(|t| t["stoppedReason"] == reason.as_str()),
            "{tasks:#?}"
        );
    });
}

/// A target group that a rule of a load balancer refers to.
pub(crate) async fn target_group(stage: &Stage) -> String {
    let to = &stage.connection;
    let form = "CreateLoadBalancer&Name=shop&Scheme=internal\
                &Subnets.member.1=subnet-a&Subnets.member.2=subnet-b";
    let balancer = elb(to, form, "LoadBalancerArn").await;
    let form = "CreateTargetGroup&Name=web&TargetType=ip&Protocol=HTTP&Port=8000\
                &HealthCheckPath=%2Fhealth&HealthCheckIntervalSeconds=5\
                &HealthCheckTimeoutSeconds=2&UnhealthyThresholdCount=2&HealthyThresholdCount=2";
    let group = elb(to, form, "TargetGroupArn").await;
    let form = format!(
        "CreateListener&LoadBalancerArn={balancer}&Port=80&Protocol=HTTP\
         &DefaultActions.member.1.Type=forward&DefaultActions.member.1.TargetGroupArn={group}"
    );
    elb(to, &form, "ListenerArn").await;
    group
}

pub(crate) async fn server(stage: &Stage, health: &str) -> String {
    let more = json!({
        "command": [own_binary(), crate::SERVER], "portMappings": [{ "containerPort": 8000 }],
        "environment": [{ "name": "HEALTH", "value": health }],
    });
    stage.define_for_fargate("web", "", more).await
}

fn a_second_service_of_a_name_is_refused_unless_it_is_the_same_call() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let body = json!({ "serviceName": "api", "taskDefinition": definition,
            "desiredCount": 1, "clientToken": "once" });
        let first = stage.ecs("CreateService", body.clone()).await;
        let again = stage.ecs("CreateService", body).await;
        assert_eq!(
            first["service"]["deployments"][0]["id"],
            again["service"]["deployments"][0]["id"]
        );
        let other =
            json!({ "serviceName": "api", "taskDefinition": definition, "clientToken": "x" });
        let refused = stage.refused("CreateService", other).await;
        let words = "Creation of service was not idempotent.";
        assert_eq!(refused, ("InvalidParameterException".into(), words.into()));
    });
}

fn a_service_is_looked_for_in_the_cluster_that_is_named() {
    run(async {
        let stage = Stage::start().await;
        stage
            .ecs("CreateCluster", json!({ "clusterName": "default" }))
            .await;
        let definition = stage.define("api", "exec sleep 600").await;
        let service = stage.create("api", &definition, json!({})).await;
        let task = stage.run_task(&definition, json!({})).await;
        let arn = &service["serviceArn"];
        let words = "Invalid identifier: Identifier is for cluster shop. Your cluster is default";
        for (operation, body) in [
            ("DescribeServices", json!({ "services": [arn] })),
            ("UpdateService", json!({ "service": arn })),
            ("DeleteService", json!({ "service": arn })),
            ("ListTasks", json!({ "serviceName": arn })),
        ] {
            let mut body = body;
            body["cluster"] = "default".into();
            let refused = stage.refused(operation, body).await;
            let expected = ("InvalidParameterException".into(), words.into());
            assert_eq!(refused, expected, "{operation}");
        }
        let elsewhere = json!({ "cluster": "default", "task": task["taskArn"] });
        let (code, message) = stage.refused("StopTask", elsewhere).await;
        let words = "The referenced task was not found.";
        assert_eq!(
            (code.as_str(), message.as_str()),
            ("InvalidParameterException", words)
        );
    });
}

fn a_service_that_goes_is_deleted_again_without_an_error() {
    run(async {
        let stage = Stage::start().await;
        // It takes its time to end.
        let script = "trap 'sleep 1; exit 0' TERM; while :; do sleep 0.05; done";
        let definition = stage.define("api", script).await;
        stage.create("api", &definition, json!({})).await;
        stage.steady("api").await;
        let delete = json!({ "service": "api", "force": true });
        for status in ["DRAINING", "DRAINING"] {
            let deleted = stage.ecs("DeleteService", delete.clone()).await;
            assert_eq!(deleted["service"]["status"], status);
        }
        stage
            .service_when("api", "inactive", |service| service["status"] == "INACTIVE")
            .await;
        let deleted = stage.ecs("DeleteService", delete).await;
        assert_eq!(deleted["service"]["status"], "INACTIVE");
    });
}

fn an_update_that_changes_no_revision_makes_no_deployment() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        stage.create("api", &definition, json!({})).await;
        let before = stage.steady("api").await["deployments"][0]["id"].clone();
        let configuration = json!({ "minimumHealthyPercent": 50, "maximumPercent": 150 });
        let more = json!({ "desiredCount": 3, "taskDefinition": definition,
            "deploymentConfiguration": configuration });
        let updated = stage.update("api", more).await;
        assert_eq!(updated["deployments"][0]["id"], before);
        assert_eq!(updated["deploymentConfiguration"]["maximumPercent"], 150);
        let breaker = &updated["deploymentConfiguration"]["deploymentCircuitBreaker"];
        assert_eq!(breaker["rollback"], true, "what is not named stays");
        stage
            .service_when("api", "grown", |service| service["runningCount"] == 3)
            .await;
        let forced = stage
            .update("api", json!({ "forceNewDeployment": true }))
            .await;
        assert_ne!(forced["deployments"][0]["id"], before);
        assert_eq!(forced["deployments"][0]["desiredCount"], 0);
        assert_eq!(forced["deployments"][1]["rolloutState"], "COMPLETED");
        stage.steady("api").await;
    });
}

fn settings_are_kept_as_they_were_asked_for() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let none = json!({ "desiredCount": 0 });
        let created = stage.create("plain", &definition, none).await;
        assert_eq!(created["availabilityZoneRebalancing"], "ENABLED");
        let settings = json!({ "desiredCount": 0, "availabilityZoneRebalancing": "DISABLED",
            "propagateTags": "SERVICE", "enableECSManagedTags": true });
        let created = stage.create("set", &definition, settings).await;
        assert_eq!(created["availabilityZoneRebalancing"], "DISABLED");
        let deployment = created["deployments"][0]["id"].clone();
        let change = json!({ "availabilityZoneRebalancing": "ENABLED",
            "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": false });
        stage.update("set", change).await;
        // What an update does not name stays, and none of it makes a deployment.
        stage.update("set", json!({ "desiredCount": 0 })).await;
        let service = stage.service("set").await;
        assert_eq!(service["availabilityZoneRebalancing"], "ENABLED");
        assert_eq!(service["propagateTags"], "TASK_DEFINITION");
        assert_eq!(service["enableECSManagedTags"], false);
        assert_eq!(service["deployments"][0]["id"], deployment);
    });
}

fn services_are_listed_in_pages() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        for number in 0..12 {
            let more = json!({ "desiredCount": 0 });
            stage
                .create(&format!("s-{number:02}"), &definition, more)
                .await;
        }
        let first = stage.ecs("ListServices", json!({})).await;
        assert_eq!(first["serviceArns"].as_array().unwrap().len(), 10);
        let body = json!({ "nextToken": first["nextToken"] });
        let second = stage.ecs("ListServices", body).await;
        assert_eq!(second["serviceArns"].as_array().unwrap().len(), 2);
        assert!(second["nextToken"].is_null());
        let refused = stage
            .refused("ListServices", json!({ "nextToken": "made up" }))
            .await;
        assert_eq!(refused.0, "InvalidParameterException");
        let all: Vec<String> = (0..11).map(|number| format!("s-{number:02}")).collect();
        let refused = stage
            .refused("DescribeServices", json!({ "services": all }))
            .await;
        assert_eq!(refused.0, "InvalidParameterException");
        let missing = stage
            .ecs("DescribeServices", json!({ "services": ["nobody"] }))
            .await;
        assert_eq!(missing["failures"][0]["reason"], "MISSING");
    });
}

fn tags_are_kept_with_what_they_are_on() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let tags = json!([{ "key": "team", "value": "shop" }]);
        let more = json!({ "desiredCount": 0, "tags": tags });
        let service = stage.create("api", &definition, more).await;
        let task = stage.run_task(&definition, json!({ "tags": tags })).await;
        for arn in [&service["serviceArn"], &task["taskArn"], &json!(definition)] {
            let new = json!({ "resourceArn": arn, "tags": [{ "key": "a", "value": "b" }] });
            stage.ecs("TagResource", new).await;
            let gone = json!({ "resourceArn": arn, "tagKeys": ["team"] });
            stage.ecs("UntagResource", gone).await;
            let listed = stage
                .ecs("ListTagsForResource", json!({ "resourceArn": arn }))
                .await;
            assert_eq!(
                listed["tags"],
                json!([{ "key": "a", "value": "b" }]),
                "{arn}"
            );
        }
        stage
            .ecs("StopTask", json!({ "task": task["taskArn"] }))
            .await;
        let stopped = stage.task_when(&task["taskArn"], "STOPPED").await;
        assert_eq!(stopped["tags"], json!([{ "key": "a", "value": "b" }]));
        let unasked = json!({ "tasks": [task["taskArn"]] });
        let described = stage.ecs("DescribeTasks", unasked).await;
        assert_eq!(described["tasks"][0]["tags"], json!([]));
        let body = json!({ "services": ["api"], "include": ["TAGS"] });
        let described = stage.ecs("DescribeServices", body).await;
        let tags = &described["services"][0]["tags"];
        assert_eq!(tags, &json!([{ "key": "a", "value": "b" }]));
    });
}

fn tasks_of_a_service_have_the_tags_that_were_asked_for() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let tag = |key: &str, value: &str| json!({ "key": key, "value": value });
        let own = json!({ "resourceArn": definition, "tags": [tag("from", "definition")] });
        stage.ecs("TagResource", own).await;
        let more = json!({ "tags": [tag("from", "service")],
            "propagateTags": "SERVICE", "enableECSManagedTags": true });
        stage.create("api", &definition, more).await;
        stage.steady("api").await;
        let task = stage.tasks("api").await[0].clone();
        let managed = [
            tag("aws:ecs:clusterName", "shop"),
            tag("aws:ecs:serviceName", "api"),
        ];
        let [cluster, service] = managed;
        assert_eq!(
            task["tags"],
            json!([cluster, service, tag("from", "service")])
        );

        let arn = &task["taskArn"];
        let new = json!({ "resourceArn": arn, "tags": [tag("a", "b")] });
        stage.ecs("TagResource", new).await;
        let gone = json!({ "resourceArn": arn, "tagKeys": ["from"] });
        stage.ecs("UntagResource", gone).await;
        let left = json!([tag("a", "b"), cluster, service]);
        let listed = json!({ "resourceArn": arn });
        let listed = stage.ecs("ListTagsForResource", listed).await;
        assert_eq!(listed["tags"], left);

        // What is asked for later holds for tasks that are started later.
        let change = json!({ "propagateTags": "TASK_DEFINITION", "enableECSManagedTags": false });
        stage.update("api", change).await;
        stage.ecs("StopTask", json!({ "task": arn })).await;
        assert_eq!(stage.task_when(arn, "STOPPED").await["tags"], left);
        stage
            .service_when("api", "replaced", |service| service["runningCount"] == 1)
            .await;
        let next = stage.tasks("api").await[0].clone();
        assert_eq!(next["tags"], json!([tag("from", "definition")]));
    });
}

fn definitions_are_listed_by_family_and_revision() {
    run(async {
        let stage = Stage::start().await;
        let mut arns = Vec::new();
        for family in ["a", "a", "a-b", "b"] {
            arns.push(stage.define(family, "exit 0").await);
        }
        let page = async |body: serde_json::Value| {
            let page = stage.ecs("ListTaskDefinitions", body).await;
            (
                page["taskDefinitionArns"].clone(),
                page["nextToken"].clone(),
            )
        };
        assert_eq!(page(json!({})).await.0, json!(arns));
        let descending = |more: serde_json::Value| {
            let mut body = json!({ "sort": "DESC", "maxResults": 2 });
            body["nextToken"] = more;
            body
        };
        let (first, next) = page(descending(serde_json::Value::Null)).await;
        assert_eq!(first, json!([arns[3], arns[2]]));
        // The last item of the first page goes before the second one is asked for.
        let gone = json!({ "taskDefinition": arns[2] });
        stage.ecs("DeregisterTaskDefinition", gone).await;
        let (second, next) = page(descending(next)).await;
        assert_eq!((second, next), (json!([arns[1], arns[0]]), json!(null)));
    });
}
