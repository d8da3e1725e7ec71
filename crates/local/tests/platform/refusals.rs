//! What ECS refuses, and in which words.

use serde_json::json;

use crate::harness::{run, tests};
use crate::stage::Stage;

tests![what_cannot_be_is_refused_in_the_words_of_ecs];

fn what_cannot_be_is_refused_in_the_words_of_ecs() {
    run(async {
        let stage = Stage::start().await;
        let definition = stage.define("api", "exec sleep 600").await;
        let create = |more: serde_json::Value| {
            let mut body = json!({ "serviceName": "api", "taskDefinition": definition });
            body.as_object_mut()
                .unwrap()
                .extend(more.as_object().unwrap().clone());
            body
        };
        let percent = |minimum: i32, maximum: i32| {
            create(json!({ "deploymentConfiguration":
                { "minimumHealthyPercent": minimum, "maximumPercent": maximum } }))
        };
        let group = "arn:aws:elasticloadbalancing:us-east-1:000000000000:targetgroup/x/1";
        let balanced = json!([{ "targetGroupArn": group, "containerName": "main",
            "containerPort": 80 }]);
        let strategy = json!({ "strategy": "BLUE_GREEN" });
        let hasty = json!({ "earlySuccessCriteria": {
            "enable": true, "healthyPercent": 99, "sourceServiceRevisionCleanup": "BLOCKING",
        } });
        let cases = [
            (
                "CreateService",
                create(json!({ "cluster": "none" })),
                "ClusterNotFoundException",
                "Cluster not found.",
            ),
            (
                "CreateService",
                create(json!({ "taskDefinition": "none" })),
                "ClientException",
                "TaskDefinition not found.",
            ),
            (
                "CreateService",
                create(json!({ "serviceName": "a/b" })),
                "InvalidParameterException",
                "The service name",
            ),
            (
                "CreateCluster",
                json!({ "clusterName": "a.b" }),
                "InvalidParameterException",
                "Cluster names",
            ),
            (
                "RegisterTaskDefinition",
                json!({ "family": "a:b", "containerDefinitions": [{ "name": "a", "image": "i" }] }),
                "ClientException",
                "Family contains invalid characters.",
            ),
            (
                "DescribeTasks",
                json!({ "tasks": [] }),
                "InvalidParameterException",
                "Tasks cannot be empty.",
            ),
            (
                "CreateService",
                create(json!({ "desiredCount": -1 })),
                "InvalidParameterException",
                "Desired count must not be negative.",
            ),
            (
                "CreateService",
                percent(100, 100),
                "InvalidParameterException",
                "Both maximumPercent and minimumHealthyPercent cannot be 100 as this will block \
                 deployments.",
            ),
            (
                "CreateService",
                create(json!({ "loadBalancers": balanced })),
                "InvalidParameterException",
                "The target group with targetGroupArn",
            ),
            (
                "CreateService",
                create(json!({ "placementConstraints": [{ "type": "distinctInstance" }] })),
                "InvalidParameterException",
                "Placement constraints are not supported with FARGATE launch type.",
            ),
            (
                "CreateService",
                create(json!({ "serviceRegistries": [{ "registryArn": "arn" }] })),
                "UnsupportedFeatureException",
                "The embedded platform has no service discovery.",
            ),
            (
                "CreateService",
                create(json!({ "launchType": "FARGATE" })),
                "InvalidParameterException",
                "Task definition does not support launch_type FARGATE.",
            ),
            (
                "CreateService",
                create(json!({ "deploymentConfiguration": strategy })),
                "UnsupportedFeatureException",
                "a deployment strategy other than ROLLING",
            ),
            (
                "CreateService",
                create(json!({ "deploymentConfiguration": hasty })),
                "InvalidParameterException",
                "The healthyPercent must be greater than or equal to the minimumHealthyPercent.",
            ),
            (
                "CreateService",
                create(json!({ "deploymentController": { "type": "CODE_DEPLOY" } })),
                "UnsupportedFeatureException",
                "deployment controller CODE_DEPLOY",
            ),
            (
                "CreateService",
                create(json!({ "launchType": "EC2" })),
                "UnsupportedFeatureException",
                "no container instances for the launch type EC2",
            ),
            (
                "RunTask",
                json!({ "taskDefinition": definition, "launchType": "EXTERNAL" }),
                "InvalidParameterException",
                "No Container Instances were found in your cluster.",
            ),
            (
                "CreateService",
                create(json!({ "tags": [{ "key": "aws:a" }] })),
                "InvalidParameterException",
                "reserved prefix 'aws:'",
            ),
            (
                "TagResource",
                json!({ "resourceArn": definition, "tags": [{ "key": "a" }, { "key": "a" }] }),
                "InvalidParameterException",
                "Duplicate tag key a",
            ),
            (
                "UpdateService",
                json!({ "service": "none" }),
                "ServiceNotFoundException",
                "Service not found.",
            ),
            (
                "DeleteService",
                json!({ "service": "none" }),
                "ServiceNotFoundException",
                "Service not found.",
            ),
            (
                "StopTask",
                json!({ "task": "none" }),
                "InvalidParameterException",
                "The referenced task was not found.",
            ),
            (
                "RunTask",
                json!({ "taskDefinition": definition, "count": 11 }),
                "InvalidParameterException",
                "count",
            ),
            (
                "RegisterTaskDefinition",
                json!({ "family": "x", "containerDefinitions": [] }),
                "ClientException",
                "Container list cannot be empty.",
            ),
            (
                "RegisterTaskDefinition",
                json!({ "family": "x", "containerDefinitions": [
                { "name": "a", "image": "i", "healthCheck": { "command": ["true"] } }] }),
                "ClientException",
                "The health check command of container a must begin with",
            ),
            (
                "DescribeTaskDefinition",
                json!({ "taskDefinition": "none" }),
                "ClientException",
                "Unable to describe task definition.",
            ),
        ];
        for (operation, body, code, words) in cases {
            let (got, message) = stage.refused(operation, body.clone()).await;
            assert_eq!(got, code, "{operation} {body}: {message}");
            assert!(message.contains(words), "{operation}: {message}");
        }
    });
}
