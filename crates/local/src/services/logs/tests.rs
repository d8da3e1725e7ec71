//! CloudWatch Logs through signed requests.

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use crate::clock::EpochMillis;
use crate::testing::{Answer, TestPlatform};

const GROUP: &str = "/shop/api";

async fn call(platform: &TestPlatform, operation: &str, body: Value) -> Answer {
    let target = format!("Logs_20140328.{operation}");
    platform.call(Service::Logs, &target, body).await
}

async fn platform_with_stream() -> TestPlatform {
    let platform = TestPlatform::start().await;
    call(
        &platform,
        "CreateLogGroup",
        json!({ "logGroupName": GROUP }),
    )
    .await
    .ok();
    let stream = json!({ "logGroupName": GROUP, "logStreamName": "one" });
    call(&platform, "CreateLogStream", stream).await.ok();
    platform
}

async fn put(platform: &TestPlatform, stream: &str, events: &[(i64, &str)]) -> Value {
    let events: Vec<Value> = events
        .iter()
        .map(|(at, message)| json!({ "timestamp": at, "message": message }))
        .collect();
    let body = json!({ "logGroupName": GROUP, "logStreamName": stream, "logEvents": events });
    call(platform, "PutLogEvents", body).await.ok()
}

fn messages(answer: &Value) -> Vec<&str> {
    let events = answer["events"].as_array().unwrap();
    events
        .iter()
        .map(|event| event["message"].as_str().unwrap())
        .collect()
}

#[tokio::test]
async fn reading_forward_ends_with_the_same_token_and_goes_on_later() {
    let platform = platform_with_stream().await;
    let now = EpochMillis::now().0;
    put(&platform, "one", &[(now, "a"), (now, "b"), (now + 1, "c")]).await;
    let mut request = json!({
        "logGroupName": GROUP, "logStreamName": "one", "startFromHead": true, "limit": 2,
    });
    let first = call(&platform, "GetLogEvents", request.clone()).await.ok();
    assert_eq!(messages(&first), ["a", "b"]);
    request["nextToken"] = first["nextForwardToken"].clone();
    let second = call(&platform, "GetLogEvents", request.clone()).await.ok();
    assert_eq!(messages(&second), ["c"]);
    request["nextToken"] = second["nextForwardToken"].clone();
    let end = call(&platform, "GetLogEvents", request.clone()).await.ok();
    assert!(messages(&end).is_empty());
    assert_eq!(end["nextForwardToken"], request["nextToken"]);
    put(&platform, "one", &[(now + 2, "d")]).await;
    assert_eq!(
        messages(&call(&platform, "GetLogEvents", request).await.ok()),
        ["d"]
    );

    let back = json!({
        "logGroupName": GROUP, "logStreamName": "one", "nextToken": second["nextBackwardToken"],
    });
    assert_eq!(
        messages(&call(&platform, "GetLogEvents", back).await.ok()),
        ["a", "b"]
    );
}

#[tokio::test]
async fn without_a_token_the_newest_events_are_read() {
    let platform = platform_with_stream().await;
    let now = EpochMillis::now().0;
    put(
        &platform,
        "one",
        &[(now, "a"), (now + 1, "b"), (now + 2, "c")],
    )
    .await;
    let request = json!({ "logGroupName": GROUP, "logStreamName": "one", "limit": 2 });
    assert_eq!(
        messages(&call(&platform, "GetLogEvents", request).await.ok()),
        ["b", "c"]
    );
    let range = json!({
        "logGroupName": GROUP, "logStreamName": "one", "startTime": now + 1, "endTime": now + 2,
    });
    let between = call(&platform, "GetLogEvents", range).await.ok();
    assert_eq!(messages(&between), ["b"], "the end is exclusive");
}

#[tokio::test]
async fn a_follower_of_an_empty_stream_sees_its_first_event() {
    let platform = platform_with_stream().await;
    let mut request = json!({ "logGroupName": GROUP, "logStreamName": "one" });
    let empty = call(&platform, "GetLogEvents", request.clone()).await.ok();
    request["nextToken"] = empty["nextForwardToken"].clone();
    put(&platform, "one", &[(EpochMillis::now().0, "a")]).await;
    assert_eq!(
        messages(&call(&platform, "GetLogEvents", request).await.ok()),
        ["a"]
    );
}

#[tokio::test]
async fn the_way_on_from_an_empty_window_does_not_lead_before_it() {
    let platform = platform_with_stream().await;
    let now = EpochMillis::now().0;
    put(&platform, "one", &[(now - 5000, "early")]).await;
    for from_head in [true, false] {
        let empty = json!({
            "logGroupName": GROUP, "logStreamName": "one", "startTime": now,
            "startFromHead": from_head,
        });
        let empty = call(&platform, "GetLogEvents", empty).await.ok();
        assert!(messages(&empty).is_empty());
        let next = json!({
            "logGroupName": GROUP, "logStreamName": "one",
            "nextToken": empty["nextForwardToken"],
        });
        let after = call(&platform, "GetLogEvents", next).await.ok();
        assert!(messages(&after).is_empty(), "{from_head}: {after}");
    }
}

/// How many names a client sees that deletes each one while it goes through the pages of a list.
async fn seen_while_deleting(
    platform: &TestPlatform,
    [list, items, name, delete]: [&str; 4],
    mut request: Value,
) -> usize {
    let mut seen = 0;
    loop {
        let page = call(platform, list, request.clone()).await.ok();
        for item in page[items].as_array().unwrap() {
            seen += 1;
            let mut body = json!({ "logGroupName": GROUP });
            body[name] = item[name].clone();
            call(platform, delete, body).await.ok();
        }
        request["nextToken"] = page["nextToken"].clone();
        if request["nextToken"].is_null() {
            return seen;
        }
    }
}

#[tokio::test]
async fn deleting_while_listing_skips_nothing() {
    let platform = platform_with_stream().await;
    let streams = [
        "DescribeLogStreams",
        "logStreams",
        "logStreamName",
        "DeleteLogStream",
    ];
    for request in [
        json!({ "logGroupName": GROUP, "limit": 2 }),
        json!({ "logGroupName": GROUP, "limit": 2, "descending": true }),
        json!({ "logGroupName": GROUP, "limit": 2, "orderBy": "LastEventTime" }),
        json!({
            "logGroupName": GROUP, "limit": 2, "orderBy": "LastEventTime", "descending": true,
        }),
    ] {
        for name in ["a", "b", "c", "d", "e"] {
            let stream = json!({ "logGroupName": GROUP, "logStreamName": name });
            call(&platform, "CreateLogStream", stream).await.ok();
        }
        let delete_one = json!({ "logGroupName": GROUP, "logStreamName": "one" });
        call(&platform, "DeleteLogStream", delete_one.clone()).await;
        let at = EpochMillis::now().0;
        put(&platform, "c", &[(at, "x")]).await;
        put(&platform, "a", &[(at, "x")]).await;
        let seen = seen_while_deleting(&platform, streams, request.clone()).await;
        assert_eq!(seen, 5, "{request}");
    }
    for name in ["/z/1", "/z/2", "/z/3"] {
        call(&platform, "CreateLogGroup", json!({ "logGroupName": name }))
            .await
            .ok();
    }
    let groups = [
        "DescribeLogGroups",
        "logGroups",
        "logGroupName",
        "DeleteLogGroup",
    ];
    let seen = seen_while_deleting(&platform, groups, json!({ "limit": 1 })).await;
    assert_eq!(seen, 4);
}

#[tokio::test]
async fn filtering_merges_streams_in_pages() {
    let platform = platform_with_stream().await;
    let second = json!({ "logGroupName": GROUP, "logStreamName": "two" });
    call(&platform, "CreateLogStream", second).await.ok();
    let now = EpochMillis::now().0;
    put(
        &platform,
        "one",
        &[(now, "GET /a 200"), (now + 2, "GET /c 500")],
    )
    .await;
    put(
        &platform,
        "two",
        &[(now + 1, "GET /b 500"), (now + 3, "POST /d 500")],
    )
    .await;
    let mut request = json!({ "logGroupName": GROUP, "filterPattern": "500", "limit": 2 });
    let first = call(&platform, "FilterLogEvents", request.clone())
        .await
        .ok();
    assert_eq!(messages(&first), ["GET /b 500", "GET /c 500"]);
    assert_eq!(first["events"][0]["logStreamName"], "two");
    request["nextToken"] = first["nextToken"].clone();
    let rest = call(&platform, "FilterLogEvents", request).await.ok();
    assert_eq!(messages(&rest), ["POST /d 500"]);
    assert_eq!(rest["nextToken"], Value::Null);

    let filter = async |mut extra: Value| {
        extra["logGroupName"] = json!(GROUP);
        let answer = call(&platform, "FilterLogEvents", extra).await.ok();
        messages(&answer).len()
    };
    assert_eq!(filter(json!({ "logStreamNames": ["one"] })).await, 2);
    assert_eq!(filter(json!({ "logStreamNamePrefix": "tw" })).await, 2);
    assert_eq!(
        filter(json!({ "startTime": now + 1, "endTime": now + 2 })).await,
        2
    );
    assert_eq!(
        filter(json!({ "filterPattern": "\"GET /\" -500" })).await,
        1
    );
    let columns = "[method, path = /c, status = 5*]";
    assert_eq!(filter(json!({ "filterPattern": columns })).await, 1);
    assert_eq!(
        filter(json!({ "filterPattern": "{ $.status = 500 }" })).await,
        0,
        "no message is JSON"
    );
    let broken = json!({ "logGroupName": GROUP, "filterPattern": "{ $.status = }" });
    let refused = call(&platform, "FilterLogEvents", broken).await;
    assert_eq!(refused.error(), "InvalidParameterException");
    assert_eq!(
        refused.json()["message"],
        "Invalid filter pattern: `a value` is missing"
    );
}

#[tokio::test]
async fn batches_in_disorder_and_old_events_are_refused() {
    let platform = platform_with_stream().await;
    let now = EpochMillis::now().0;
    let disorder = json!({
        "logGroupName": GROUP, "logStreamName": "one",
        "logEvents": [
            { "timestamp": now, "message": "b" },
            { "timestamp": now - 1, "message": "a" },
        ],
    });
    let refused = call(&platform, "PutLogEvents", disorder).await;
    assert_eq!(refused.error(), "InvalidParameterException");
    let old = now - 14 * 24 * 60 * 60 * 1000;
    let answer = put(
        &platform,
        "one",
        &[(old - 60_000, "old"), (old + 60_000, "just in")],
    )
    .await;
    assert_eq!(
        answer["rejectedLogEventsInfo"],
        json!({ "tooOldLogEventEndIndex": 1 })
    );
    let ahead = put(
        &platform,
        "one",
        &[(now, "now"), (now + 3 * 60 * 60 * 1000, "ahead")],
    )
    .await;
    assert_eq!(
        ahead["rejectedLogEventsInfo"],
        json!({ "tooNewLogEventStartIndex": 1 })
    );
    let all = json!({ "logGroupName": GROUP });
    let kept = call(&platform, "FilterLogEvents", all).await.ok();
    assert_eq!(messages(&kept), ["just in", "now"]);
}

#[tokio::test]
async fn the_events_of_a_batch_that_are_taken_are_of_one_day() {
    let platform = platform_with_stream().await;
    let (now, hour) = (EpochMillis::now().0, 60 * 60 * 1000);
    // What is too old is left out, and does not make the batch too long.
    let answer = put(&platform, "one", &[(now - 400 * hour, "old"), (now, "now")]).await;
    let left_out = json!({ "tooOldLogEventEndIndex": 1 });
    assert_eq!(answer["rejectedLogEventsInfo"], left_out);
    assert_eq!(answer["nextSequenceToken"].as_str().map(str::len), Some(56));
    let events = [now - 25 * hour, now].map(|at| json!({ "timestamp": at, "message": "x" }));
    let long = json!({ "logGroupName": GROUP, "logStreamName": "one", "logEvents": events });
    let refused = call(&platform, "PutLogEvents", long).await;
    assert_eq!(refused.error(), "InvalidParameterException");
}

#[tokio::test]
async fn a_group_is_named_once_and_matched_to_the_letter() {
    let platform = platform_with_stream().await;
    let twice = json!({ "logGroupName": GROUP, "logGroupIdentifier": GROUP });
    let refused = call(&platform, "DescribeLogStreams", twice).await;
    assert_eq!(refused.error(), "ValidationException");
    for (pattern, found) in [("hop/a", 1), ("HOP", 0)] {
        let body = json!({ "logGroupNamePattern": pattern });
        let groups = call(&platform, "DescribeLogGroups", body).await.ok();
        assert_eq!(
            groups["logGroups"].as_array().unwrap().len(),
            found,
            "{pattern}"
        );
    }
    let kept = json!({ "logGroupName": "/kept", "deletionProtectionEnabled": true });
    let refused = call(&platform, "CreateLogGroup", kept).await;
    assert_eq!(refused.error(), "InvalidParameterException");
}

#[tokio::test]
async fn groups_and_streams_are_described() {
    let platform = platform_with_stream().await;
    call(
        &platform,
        "CreateLogGroup",
        json!({ "logGroupName": "/shop/web" }),
    )
    .await
    .ok();
    let exists = call(
        &platform,
        "CreateLogGroup",
        json!({ "logGroupName": GROUP }),
    )
    .await;
    assert_eq!(exists.error(), "ResourceAlreadyExistsException");
    let retention = json!({ "logGroupName": GROUP, "retentionInDays": 7 });
    call(&platform, "PutRetentionPolicy", retention).await.ok();
    let odd = json!({ "logGroupName": GROUP, "retentionInDays": 8 });
    let refused = call(&platform, "PutRetentionPolicy", odd).await;
    assert_eq!(refused.error(), "InvalidParameterException");

    let prefix = json!({ "logGroupNamePrefix": "/shop/a" });
    let groups = call(&platform, "DescribeLogGroups", prefix).await.ok();
    assert_eq!(groups["logGroups"].as_array().unwrap().len(), 1);
    assert_eq!(groups["logGroups"][0]["retentionInDays"], 7);
    let arn = groups["logGroups"][0]["logGroupArn"].as_str().unwrap();
    assert_eq!(
        arn,
        "arn:aws:logs:us-east-1:000000000000:log-group:/shop/api"
    );

    let tags = json!({ "resourceArn": arn, "tags": { "team": "blue" } });
    call(&platform, "TagResource", tags).await.ok();
    let listed = call(
        &platform,
        "ListTagsForResource",
        json!({ "resourceArn": arn }),
    )
    .await
    .ok();
    assert_eq!(listed["tags"], json!({ "team": "blue" }));

    let second = json!({ "logGroupName": GROUP, "logStreamName": "two" });
    call(&platform, "CreateLogStream", second).await.ok();
    let now = EpochMillis::now().0;
    put(&platform, "two", &[(now - 5, "x")]).await;
    put(&platform, "one", &[(now, "y")]).await;
    let newest = json!({ "logGroupName": GROUP, "orderBy": "LastEventTime", "descending": true, "limit": 1 });
    let streams = call(&platform, "DescribeLogStreams", newest).await.ok();
    assert_eq!(streams["logStreams"][0]["logStreamName"], "one");
    assert_eq!(streams["logStreams"][0]["lastEventTimestamp"], now);
    assert!(streams["nextToken"].is_string());

    call(
        &platform,
        "DeleteLogGroup",
        json!({ "logGroupName": GROUP }),
    )
    .await
    .ok();
    let gone = json!({ "logGroupName": GROUP, "logStreamName": "one" });
    let refused = call(&platform, "GetLogEvents", gone).await;
    assert_eq!(refused.error(), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_group_keeps_its_class_and_its_key() {
    let platform = TestPlatform::start().await;
    let key = "arn:aws:kms:us-east-1:000000000000:key/logs";
    let create = async |body: Value| call(&platform, "CreateLogGroup", body).await;
    let group = json!({
        "logGroupName": "/rare", "logGroupClass": "INFREQUENT_ACCESS", "kmsKeyId": key,
    });
    create(group).await.ok();
    create(json!({ "logGroupName": "/usual" })).await.ok();
    let groups = call(&platform, "DescribeLogGroups", json!({})).await.ok();
    let (rare, usual) = (&groups["logGroups"][0], &groups["logGroups"][1]);
    assert_eq!(rare["logGroupClass"], "INFREQUENT_ACCESS");
    assert_eq!(rare["kmsKeyId"], key);
    assert_eq!(usual["logGroupClass"], "STANDARD");
    assert_eq!(usual["kmsKeyId"], Value::Null);
    for body in [
        json!({ "logGroupName": "/x", "logGroupClass": "FAST" }),
        json!({ "logGroupName": "aws/x" }),
        json!({ "logGroupName": "AWS/x" }),
    ] {
        let refused = create(body.clone()).await;
        assert_eq!(refused.error(), "InvalidParameterException", "{body}");
    }
    create(json!({ "logGroupName": "/aws/x" })).await.ok();
}

#[tokio::test]
async fn a_pattern_can_be_tried_on_messages() {
    let platform = TestPlatform::start().await;
    let tried = json!({
        "filterPattern": "{ $.level = \"error\" && $.ms > 100 }",
        "logEventMessages": [
            r#"{"level":"info","ms":200}"#, "plain", r#"{"level":"error","ms":250}"#,
        ],
    });
    let tried = call(&platform, "TestMetricFilter", tried).await.ok();
    assert_eq!(
        tried["matches"],
        json!([{
            "eventNumber": 3, "eventMessage": r#"{"level":"error","ms":250}"#,
            "extractedValues": { "$.level": "error", "$.ms": "250" },
        }])
    );
}

#[tokio::test]
async fn tags_have_older_operations_by_name() {
    let platform = platform_with_stream().await;
    let tags = json!({ "logGroupName": GROUP, "tags": { "team": "blue", "a": "b" } });
    call(&platform, "TagLogGroup", tags).await.ok();
    let untag = json!({ "logGroupName": GROUP, "tags": ["a"] });
    call(&platform, "UntagLogGroup", untag).await.ok();
    let name = json!({ "logGroupName": GROUP });
    let listed = call(&platform, "ListTagsLogGroup", name).await.ok();
    assert_eq!(listed["tags"], json!({ "team": "blue" }));
}

#[tokio::test]
async fn what_retention_does_not_keep_is_removed() {
    let platform = platform_with_stream().await;
    let (now, day) = (EpochMillis::now(), 24 * 60 * 60 * 1000);
    put(&platform, "one", &[(now.0 - 2 * day, "old")]).await;
    put(&platform, "one", &[(now.0, "new")]).await;
    let all = async || {
        let request = json!({ "logGroupName": GROUP });
        let answer = call(&platform, "FilterLogEvents", request).await.ok();
        messages(&answer).join(" ")
    };
    let week = json!({ "logGroupName": GROUP, "retentionInDays": 7 });
    call(&platform, "PutRetentionPolicy", week).await.ok();
    assert_eq!(all().await, "old new");
    let one = json!({ "logGroupName": GROUP, "retentionInDays": 1 });
    call(&platform, "PutRetentionPolicy", one).await.ok();
    assert_eq!(all().await, "new");
    platform.logs.remove_expired(now.plus(2 * day)).unwrap();
    assert_eq!(all().await, "");
}

#[tokio::test(flavor = "multi_thread")]
async fn puts_at_the_same_time_are_all_stored_and_a_refused_one_harms_no_other() {
    let platform = platform_with_stream().await;
    let now = EpochMillis::now().0;
    let put = async |number: usize| {
        let stream = if number % 5 == 4 { "none" } else { "one" };
        let message = format!("{number:02}");
        let body = json!({
            "logGroupName": GROUP, "logStreamName": stream,
            "logEvents": [{ "timestamp": now, "message": message }],
        });
        call(&platform, "PutLogEvents", body).await
    };
    let answers = futures::future::join_all((0..40).map(put)).await;
    for (number, answer) in answers.into_iter().enumerate() {
        match number % 5 {
            4 => assert_eq!(answer.error(), "ResourceNotFoundException"),
            _ => drop(answer.ok()),
        }
    }
    let all = json!({ "logGroupName": GROUP, "logStreamName": "one", "startFromHead": true });
    let all = call(&platform, "GetLogEvents", all).await.ok();
    let mut stored = messages(&all);
    stored.sort_unstable();
    let sent = (0..40).filter(|number| number % 5 != 4);
    assert_eq!(
        stored,
        sent.map(|number| format!("{number:02}"))
            .collect::<Vec<_>>()
    );
}
