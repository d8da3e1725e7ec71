//! What a model forbids is answered as AWS answers it.

use seaway_aws_wire::ecs;

use crate::support::{form_request, json_request};

fn ecs(operation: &str, body: &str) -> String {
    json_request(
        &format!("AmazonEC2ContainerServiceV20141113.{operation}"),
        body,
    )
    .refused()
}

#[test]
fn all_violations_are_reported_at_once() {
    let body = r#"{
        "launchType": "MOON",
        "loadBalancers": [{"containerPort": 1}],
        "tags": [{"key": "ok"}, {"key": "", "value": "not;allowed"}]
    }"#;
    insta::assert_snapshot!(ecs("CreateService", body), @r"InvalidParameterException: 4 validation errors detected: Value 'MOON' at 'launchType' failed to satisfy constraint: Member must satisfy enum value set: [EC2, FARGATE, EXTERNAL, MANAGED_INSTANCES]; Value null at 'serviceName' failed to satisfy constraint: Member must not be null; Value '' at 'tags.2.member.key' failed to satisfy constraint: Member must have length greater than or equal to 1; Value 'not;allowed' at 'tags.2.member.value' failed to satisfy constraint: Member must satisfy regular expression pattern: ([\p{L}\p{Z}\p{N}_.:/=+\-@]*)");
}

#[test]
fn a_required_member_may_not_be_null() {
    insta::assert_snapshot!(ecs("CreateService", r#"{"serviceName": null}"#), @r"InvalidParameterException: 1 validation error detected: Value null at 'serviceName' failed to satisfy constraint: Member must not be null");
}

#[test]
fn unknown_members_and_optional_nulls_are_ignored() {
    let body = r#"{"cluster": null, "services": ["api"], "newInAYear": {"x": [1]}}"#;
    let request = json_request("AmazonEC2ContainerServiceV20141113.DescribeServices", body)
        .parsed::<ecs::DescribeServices>();
    assert_eq!(request.services, ["api"]);
    assert_eq!(request.cluster, None);
}

#[test]
fn an_empty_body_is_an_empty_request() {
    let target = "AmazonEC2ContainerServiceV20141113.ListClusters";
    let request = json_request(target, "").parsed::<ecs::ListClusters>();
    assert_eq!(request, ecs::ListClustersRequest::default());
}

#[test]
fn wrong_types_cannot_be_read() {
    for (body, refused) in [
        (
            r#"{"desiredCount": "2"}"#,
            "desiredCount: STRING_VALUE can not be converted to Integer",
        ),
        (
            r#"{"desiredCount": 2.5}"#,
            "desiredCount: NUMBER_VALUE can not be converted to Integer",
        ),
        (
            r#"{"desiredCount": 3000000000}"#,
            "desiredCount: NUMBER_VALUE can not be converted to Integer",
        ),
        (
            r#"{"tags": {}}"#,
            "tags: STRUCTURE_VALUE can not be converted to List",
        ),
        (
            r#"{"serviceName": 1}"#,
            "serviceName: NUMBER_VALUE can not be converted to String",
        ),
        (r#"[]"#, ": LIST_VALUE can not be converted to Structure"),
    ] {
        assert_eq!(
            ecs("CreateService", body),
            format!("SerializationException: {refused}")
        );
    }
}

#[test]
fn deep_nesting_is_refused() {
    let body = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert!(ecs("CreateService", &body).starts_with("SerializationException: "));
}

#[test]
fn unknown_operations_are_refused() {
    let target = "AmazonEC2ContainerServiceV20141113.LaunchRocket";
    let refused = format!("UnknownOperationException: Unknown operation: {target}");
    assert_eq!(ecs("LaunchRocket", "{}"), refused);
    let refused = form_request("Action=LaunchRocket&Version=2015-12-01").refused();
    assert!(
        refused.starts_with("InvalidAction: The action LaunchRocket"),
        "{refused}"
    );
    // The classic load balancer has operations of the same name, in another version.
    let refused = form_request("Action=DescribeLoadBalancers&Version=2012-06-01").refused();
    assert!(refused.starts_with("InvalidAction: "), "{refused}");
    assert!(
        form_request("Version=2015-12-01")
            .refused()
            .starts_with("MissingAction: ")
    );
}

#[test]
fn query_services_validate_too() {
    let form = "Action=CreateRule&Version=2015-12-01&ListenerArn=a&Priority=0\
                &Conditions.member.1.Field=path-pattern&Actions.member.1.Type=fly";
    insta::assert_snapshot!(form_request(form).refused(), @r"ValidationError: 2 validation errors detected: Value 'fly' at 'actions.1.member.type' failed to satisfy constraint: Member must satisfy enum value set: [forward, authenticate-oidc, authenticate-cognito, redirect, fixed-response, jwt-validation]; Value '0' at 'priority' failed to satisfy constraint: Member must have value greater than or equal to 1");
}

#[test]
fn query_values_that_do_not_parse_are_malformed() {
    let form = "Action=CreateTargetGroup&Version=2015-12-01&Name=a&Port=eighty";
    insta::assert_snapshot!(form_request(form).refused(), @r"MalformedInput: port: STRING_VALUE can not be converted to Integer");
    let form = "Action=CreateTargetGroup&Version=2015-12-01&Name=%ff";
    assert!(form_request(form).refused().starts_with("MalformedInput: "));
}

#[test]
fn patterns_of_the_models_are_checked() {
    let refused = json_request("Logs_20140328.CreateLogGroup", r#"{"logGroupName":"a b"}"#);
    insta::assert_snapshot!(refused.refused(), @r"InvalidParameterException: 1 validation error detected: Value 'a b' at 'logGroupName' failed to satisfy constraint: Member must satisfy regular expression pattern: [\.\-_/#A-Za-z0-9]+");
}
