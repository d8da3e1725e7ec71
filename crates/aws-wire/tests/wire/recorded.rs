//! What botocore writes is read as it was meant.

use seaway_aws_wire::codec::{self, Dialect};
use seaway_aws_wire::{Operation, Protocol, Service, cloudwatch, ecr, ecs, elbv2, logs};
use seaway_aws_wire::{secretsmanager, ssm, sts};

use crate::support::Recorded;

#[test]
fn ecs_register_task_definition() {
    let recorded = Recorded::load("recorded/ecs-register-task-definition.http");
    let request = recorded.parsed::<ecs::RegisterTaskDefinition>();
    assert_eq!(request.container_definitions[0].stop_timeout, Some(30));
    let environment = request.container_definitions[0]
        .environment
        .as_ref()
        .unwrap()
        .expose();
    assert_eq!(environment[0].value.as_deref(), Some("planted-environment"));
    insta::assert_debug_snapshot!(request);
}

#[test]
fn ecs_create_service() {
    let recorded = Recorded::load("recorded/ecs-create-service.http");
    insta::assert_debug_snapshot!(recorded.parsed::<ecs::CreateService>());
}

#[test]
fn ecs_list_service_deployments_reads_a_moment_from_a_number() {
    let recorded = Recorded::load("recorded/ecs-list-service-deployments.http");
    let request = recorded.parsed::<ecs::ListServiceDeployments>();
    let after = request.created_at.unwrap().after.unwrap();
    assert_eq!(after.to_iso8601(), "2026-11-21T06:00:00.000Z");
    assert_eq!(
        request.status.unwrap(),
        [
            ecs::ServiceDeploymentStatus::InProgress,
            ecs::ServiceDeploymentStatus::Successful
        ]
    );
}

#[test]
fn secretsmanager_put_secret_value_reads_binary() {
    let recorded = Recorded::load("recorded/secretsmanager-put-secret-value.http");
    let request = recorded.parsed::<secretsmanager::PutSecretValue>();
    let binary = request.secret_binary.unwrap();
    assert_eq!(binary.expose().as_bytes(), b"\x00\xffplanted-binary");
}

#[test]
fn logs_put_log_events_keeps_control_characters() {
    let recorded = Recorded::load("recorded/logs-put-log-events.http");
    let request = recorded.parsed::<logs::PutLogEvents>();
    assert_eq!(request.log_events[0].message, "hello \u{1234} \u{1b}[31m");
    assert_eq!(request.log_events[0].timestamp, 1_795_241_745_123);
}

#[test]
fn elbv2_create_rule_reads_nested_lists() {
    let recorded = Recorded::load("recorded/elbv2-create-rule.http");
    insta::assert_debug_snapshot!(recorded.parsed::<elbv2::CreateRule>());
}

#[test]
fn elbv2_create_target_group() {
    let recorded = Recorded::load("recorded/elbv2-create-target-group.http");
    insta::assert_debug_snapshot!(recorded.parsed::<elbv2::CreateTargetGroup>());
}

#[test]
fn elbv2_list_items_are_ordered_by_number() {
    let recorded = Recorded::load("recorded/elbv2-register-targets.http");
    let request = recorded.parsed::<elbv2::RegisterTargets>();
    let ports: Vec<_> = request
        .targets
        .iter()
        .filter_map(|target| target.port)
        .collect();
    assert_eq!(ports, (8001..8012).collect::<Vec<_>>());
}

#[test]
fn elbv2_an_empty_list_is_not_an_absent_one() {
    let recorded = Recorded::load("recorded/elbv2-describe-target-groups.http");
    let request = recorded.parsed::<elbv2::DescribeTargetGroups>();
    assert_eq!(request.names, Some(vec![]));
    assert_eq!(request.load_balancer_arn, None);
    assert_eq!(request.page_size, Some(400));
}

#[test]
fn sts_get_caller_identity() {
    let recorded = Recorded::load("recorded/sts-get-caller-identity.http");
    recorded.parsed::<sts::GetCallerIdentity>();
}

#[test]
fn ecr_describe_images() {
    let recorded = Recorded::load("recorded/ecr-describe-images.http");
    let request = recorded.parsed::<ecr::DescribeImages>();
    assert_eq!(request.repository_name, "shop/api");
    let filter = request.filter.and_then(|filter| filter.tag_status);
    assert_eq!(filter, Some(ecr::TagStatus::Tagged));
}

#[test]
fn ssm_get_parameters_by_path() {
    let recorded = Recorded::load("recorded/ssm-get-parameters-by-path.http");
    let request = recorded.parsed::<ssm::GetParametersByPath>();
    assert_eq!(request.path, "/shop");
    assert_eq!(request.recursive, Some(true));
}

#[test]
fn cloudwatch_metrics_are_the_same_in_json_and_in_cbor() {
    let json = Recorded::load("recorded/cloudwatch-put-metric-data.http");
    let encoded = include_str!("../data/recorded/cloudwatch-put-metric-data.cbor.hex");
    let cbor = Recorded {
        body: hex::decode(encoded.trim()).unwrap(),
        ..Recorded::parse(
            "POST /service/GraniteServiceVersion20100801/operation/PutMetricData HTTP/1.1\n\
             Smithy-Protocol: rpc-v2-cbor\nContent-Type: application/cbor\n\n",
        )
    };
    let protocol = |recorded: &Recorded| codec::dialect(&recorded.parts, &recorded.body).protocol;
    assert_eq!(protocol(&json), Protocol::Json);
    assert_eq!(protocol(&cbor), Protocol::Cbor);
    assert_eq!(
        codec::dialect(&cbor.parts, &cbor.body).service,
        Some(Service::CloudWatch)
    );
    let request = cbor.parsed::<cloudwatch::PutMetricData>();
    assert_eq!(request, json.parsed::<cloudwatch::PutMetricData>());
    let decoded = codec::decode(&cbor.parts, &cbor.body).unwrap();
    assert_eq!(
        decoded.operation(),
        Operation::CloudWatch(cloudwatch::Operation::PutMetricData)
    );
    insta::assert_debug_snapshot!(request);
}

#[test]
fn the_dialect_is_known_before_anything_is_decoded() {
    let dialect = |path: &str| {
        let recorded = Recorded::load(path);
        codec::dialect(&recorded.parts, &recorded.body)
    };
    assert_eq!(
        dialect("recorded/ecs-create-service.http"),
        Dialect {
            protocol: Protocol::Json,
            service: Some(Service::Ecs)
        }
    );
    assert_eq!(
        dialect("recorded/elbv2-create-rule.http"),
        Dialect {
            protocol: Protocol::Query,
            service: Some(Service::Elbv2)
        }
    );
    assert_eq!(
        dialect("sigv4/get-vanilla.txt"),
        Dialect {
            protocol: Protocol::Query,
            service: None
        }
    );
}
