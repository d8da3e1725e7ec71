//! Answers, as bytes.

use bytes::Bytes;
use http::Response;
use seaway_aws_wire::codec::{self, Dialect, RequestId};
use seaway_aws_wire::error::common;
use seaway_aws_wire::{AwsOperation, Protocol, Service, WireError, cloudwatch, ecs, elbv2, logs};
use seaway_aws_wire::{secretsmanager, sts};

use crate::support::moment;

const ID: RequestId = RequestId::new(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef);

fn written<O: AwsOperation>(response: &O::Response) -> String {
    let dialect = Dialect {
        protocol: O::SERVICE.protocols()[0],
        service: Some(O::SERVICE),
    };
    shown(&codec::encode::<O>(dialect, response, &ID).unwrap())
}

/// Status, headers and body.
fn shown(response: &Response<Bytes>) -> String {
    let headers: Vec<String> = response
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .collect();
    let body = std::str::from_utf8(response.body()).unwrap();
    format!("{}\n{}\n\n{body}", response.status(), headers.join("\n"))
}

#[test]
fn json_leaves_out_what_is_absent_and_writes_moments_as_seconds() {
    let service = ecs::Service {
        service_name: Some("api".into()),
        desired_count: Some(2),
        created_at: Some(moment("2026-11-21T06:15:45.123Z")),
        launch_type: Some(ecs::LaunchType::Fargate),
        load_balancers: Some(vec![]),
        deployments: Some(vec![ecs::Deployment {
            id: Some("ecs-svc/1".into()),
            rollout_state: Some(ecs::DeploymentRolloutState::InProgress),
            ..Default::default()
        }]),
        ..Default::default()
    };
    let response = ecs::CreateServiceResponse {
        service: Some(service),
    };
    insta::assert_snapshot!(written::<ecs::CreateService>(&response), @r#"
    200 OK
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    {"service":{"createdAt":1795241745.123,"deployments":[{"id":"ecs-svc/1","rolloutState":"IN_PROGRESS"}],"desiredCount":2,"launchType":"FARGATE","loadBalancers":[],"serviceName":"api"}}
    "#);
}

#[test]
fn json_answers_nothing_where_the_model_has_no_output() {
    let response = logs::CreateLogGroupResponse {};
    insta::assert_snapshot!(written::<logs::CreateLogGroup>(&response), @r"
    200 OK
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef
    ");
}

#[test]
fn xml_nests_lists_and_escapes() {
    let rule = elbv2::Rule {
        rule_arn: Some("arn:rule".into()),
        priority: Some("10".into()),
        is_default: Some(false),
        conditions: Some(vec![elbv2::RuleCondition {
            field: Some("path-pattern".into()),
            values: Some(vec!["/a?b=<c>&d".into(), "/e\u{1}\r".into()]),
            ..Default::default()
        }]),
        actions: Some(vec![]),
        ..Default::default()
    };
    let response = elbv2::CreateRuleResponse {
        rules: Some(vec![rule]),
    };
    insta::assert_snapshot!(written::<elbv2::CreateRule>(&response), @r#"
    200 OK
    content-type: text/xml
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    <CreateRuleResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
    <CreateRuleResult><Rules><member><Actions></Actions><Conditions><member><Field>path-pattern</Field><Values><member>/a?b=&lt;c&gt;&amp;d</member><member>/e�&#13;</member></Values></member></Conditions><IsDefault>false</IsDefault><Priority>10</Priority><RuleArn>arn:rule</RuleArn></member></Rules></CreateRuleResult>
    <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
    </CreateRuleResponse>
    "#);
}

#[test]
fn xml_writes_moments_as_iso_8601() {
    let balancer = elbv2::LoadBalancer {
        created_time: Some(moment("2026-11-21T06:15:45Z")),
        ..Default::default()
    };
    let response = elbv2::DescribeLoadBalancersResponse {
        load_balancers: Some(vec![balancer]),
        next_marker: None,
    };
    let xml = written::<elbv2::DescribeLoadBalancers>(&response);
    assert!(
        xml.contains("<CreatedTime>2026-11-21T06:15:45.000Z</CreatedTime>"),
        "{xml}"
    );
}

#[test]
fn xml_has_an_empty_result_where_nothing_is_returned() {
    let response = elbv2::DeleteRuleResponse {};
    insta::assert_snapshot!(written::<elbv2::DeleteRule>(&response), @r#"
    200 OK
    content-type: text/xml
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    <DeleteRuleResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
    <DeleteRuleResult></DeleteRuleResult>
    <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
    </DeleteRuleResponse>
    "#);
}

#[test]
fn xml_of_another_service_has_its_namespace() {
    let response = sts::GetCallerIdentityResponse {
        account: Some("000000000000".into()),
        arn: Some("arn:aws:iam::000000000000:root".into()),
        user_id: Some("000000000000".into()),
    };
    insta::assert_snapshot!(written::<sts::GetCallerIdentity>(&response), @r#"
    200 OK
    content-type: text/xml
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    <GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">
    <GetCallerIdentityResult><Account>000000000000</Account><Arn>arn:aws:iam::000000000000:root</Arn><UserId>000000000000</UserId></GetCallerIdentityResult>
    <ResponseMetadata><RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId></ResponseMetadata>
    </GetCallerIdentityResponse>
    "#);
}

#[test]
fn json_errors_name_their_type() {
    let dialect = Dialect {
        protocol: Protocol::Json,
        service: Some(Service::Ecs),
    };
    let error = WireError::new(ecs::ErrorKind::ConflictException, "The token is in use.")
        .with_member("resourceIds", vec!["arn:aws:ecs:task/1"]);
    insta::assert_snapshot!(shown(&codec::encode_error(dialect, &error, &ID)), @r#"
    400 Bad Request
    content-type: application/x-amz-json-1.1
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    {"__type":"ConflictException","message":"The token is in use.","resourceIds":["arn:aws:ecs:task/1"]}
    "#);
}

#[test]
fn json_errors_of_secrets_manager_spell_message_with_a_capital() {
    let dialect = Dialect {
        protocol: Protocol::Json,
        service: Some(Service::SecretsManager),
    };
    let kind = secretsmanager::ErrorKind::ResourceNotFoundException;
    let error = WireError::new(kind, "Secrets Manager can't find the specified secret.");
    let response = codec::encode_error(dialect, &error, &ID);
    let body: serde_json::Value = serde_json::from_slice(response.body()).unwrap();
    assert_eq!(body["__type"], "ResourceNotFoundException");
    assert_eq!(
        body["Message"],
        "Secrets Manager can't find the specified secret."
    );
}

#[test]
fn faults_of_the_service_are_500() {
    let error = WireError::new(secretsmanager::ErrorKind::InternalServiceError, "");
    assert_eq!(error.status(), 500);
}

#[test]
fn xml_errors_use_the_query_code() {
    let dialect = Dialect {
        protocol: Protocol::Query,
        service: Some(Service::Elbv2),
    };
    let error = WireError::new(
        elbv2::ErrorKind::TargetGroupNotFoundException,
        "No <such> group",
    );
    insta::assert_snapshot!(shown(&codec::encode_error(dialect, &error, &ID)), @r#"
    400 Bad Request
    content-type: text/xml
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef

    <ErrorResponse xmlns="http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/">
    <Error><Type>Sender</Type><Code>TargetGroupNotFound</Code><Message>No &lt;such&gt; group</Message></Error>
    <RequestId>01234567-89ab-cdef-0123-456789abcdef</RequestId>
    </ErrorResponse>
    "#);
}

#[test]
fn xml_errors_before_a_service_is_known_have_the_common_namespace() {
    let dialect = Dialect {
        protocol: Protocol::Query,
        service: None,
    };
    let error = WireError::new(&common::INTERNAL_FAILURE, "");
    let text = shown(&codec::encode_error(dialect, &error, &ID));
    assert!(text.starts_with("500 Internal Server Error\n"), "{text}");
    assert!(
        text.contains("http://webservices.amazon.com/AWSFault/2005-15-09"),
        "{text}"
    );
    assert!(
        text.contains("<Type>Receiver</Type><Code>InternalFailure</Code>"),
        "{text}"
    );
}

#[test]
fn cloudwatch_errors_carry_their_older_name() {
    let error = WireError::new(
        cloudwatch::ErrorKind::InvalidParameterValueException,
        "The value is wrong.",
    );
    let shown = |protocol| {
        let dialect = Dialect {
            protocol,
            service: Some(Service::CloudWatch),
        };
        shown(&codec::encode_error(dialect, &error, &ID))
    };
    insta::assert_snapshot!(shown(Protocol::Json), @r#"
    400 Bad Request
    content-type: application/x-amz-json-1.0
    x-amzn-requestid: 01234567-89ab-cdef-0123-456789abcdef
    x-amzn-query-error: InvalidParameterValue;Sender

    {"__type":"InvalidParameterValueException","message":"The value is wrong."}
    "#);
    let query = shown(Protocol::Query);
    assert!(
        query.contains("<Code>InvalidParameterValue</Code>"),
        "{query}"
    );
    assert!(!query.contains("x-amzn-query-error"), "{query}");
}

#[test]
fn cbor_answers_name_their_protocol() {
    let dialect = Dialect {
        protocol: Protocol::Cbor,
        service: Some(Service::CloudWatch),
    };
    let answer = cloudwatch::GetMetricStatisticsResponse {
        label: Some("Orders".into()),
        datapoints: Some(vec![cloudwatch::Datapoint {
            timestamp: Some(moment("2026-11-21T06:15:45Z")),
            sum: Some(1.5),
            ..Default::default()
        }]),
    };
    let response = codec::encode::<cloudwatch::GetMetricStatistics>(dialect, &answer, &ID).unwrap();
    assert_eq!(response.headers()["smithy-protocol"], "rpc-v2-cbor");
    assert_eq!(response.headers()["content-type"], "application/cbor");
    // {"Datapoints": [{"Sum": 1.5, "Timestamp": 1(1795241745.0)}], "Label": "Orders"}
    let body = "a26a44617461706f696e747381a26353756dfb3ff80000000000006954696d657374616d70\
                c1fb41dac04dc4400000654c6162656c664f7264657273";
    assert_eq!(hex::encode(response.body()), body);

    let error = WireError::new(cloudwatch::ErrorKind::ResourceNotFound, "None.");
    let response = codec::encode_error(dialect, &error, &ID);
    assert_eq!(
        response.headers()["x-amzn-query-error"],
        "ResourceNotFound;Sender"
    );
    // {"__type": "ResourceNotFound", "message": "None."}
    let body = "a2665f5f74797065705265736f757263654e6f74466f756e64676d657373616765654e6f6e652e";
    assert_eq!(hex::encode(response.body()), body);
}
