//! Parameter Store through signed requests, as the SDKs and the command line speak.

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use crate::testing::{Answer, TestPlatform};

async fn call(platform: &TestPlatform, operation: &str, body: Value) -> Answer {
    let target = format!("AmazonSSM.{operation}");
    platform.call(Service::Ssm, &target, body).await
}

async fn put(platform: &TestPlatform, name: &str, kind: &str, value: &str) -> i64 {
    let body = json!({ "Name": name, "Type": kind, "Value": value, "Overwrite": true });
    let answer = call(platform, "PutParameter", body).await.ok();
    answer["Version"].as_i64().unwrap()
}

async fn get(platform: &TestPlatform, name: &str) -> Value {
    let body = json!({ "Name": name, "WithDecryption": true });
    call(platform, "GetParameter", body).await.ok()["Parameter"].clone()
}

fn names(list: &Value) -> Vec<&str> {
    let names = list.as_array().unwrap().iter();
    names.map(|one| one["Name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn tasks_get_values_by_name_arn_and_version() {
    let platform = TestPlatform::start().await;
    put(&platform, "/shop/url", "SecureString", "one").await;
    put(&platform, "/shop/url", "SecureString", "two").await;
    let resolve = |from: &str| platform.parameters.resolve(from);
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url";
    for (from, value) in [
        ("/shop/url", "two"),
        (arn, "two"),
        ("/shop/url:1", "one"),
        (&format!("{arn}:1"), "one"),
    ] {
        assert_eq!(resolve(from).unwrap().expose(), value, "{from}");
    }
    for missing in ["/shop/other", "/shop/url:7", "/shop/url:live", "", "a b"] {
        let reason = resolve(missing).unwrap_err().to_string();
        let end = format!("unable to retrieve secrets from ssm: invalid ssm parameters: {missing}");
        assert!(reason.ends_with(&end), "{reason}");
    }
}

#[tokio::test]
async fn secrets_are_read_like_parameters_with_decryption() {
    let platform = TestPlatform::start().await;
    let secret = async |operation: &str, body: Value| {
        let target = format!("secretsmanager.{operation}");
        let answer = platform.call(Service::SecretsManager, &target, body).await;
        answer.ok()
    };
    let create = json!({ "Name": "shop/db", "SecretString": "one" });
    let created = secret("CreateSecret", create).await;
    let newer = json!({ "SecretId": "shop/db", "SecretString": "two" });
    secret("PutSecretValue", newer).await;

    let name = "/aws/reference/secretsmanager/shop/db";
    let found = get(&platform, name).await;
    assert_eq!(found["Value"], "two");
    assert_eq!(found["Name"], name);
    assert_eq!(found["Type"], "SecureString");
    assert_eq!(found["Version"], 0);
    assert_eq!(found["ARN"], created["ARN"]);
    let source: Value = serde_json::from_str(found["SourceResult"].as_str().unwrap()).unwrap();
    assert_eq!(source["SecretString"], "two");
    assert_eq!(source["VersionStages"], json!(["AWSCURRENT"]));
    let first = created["VersionId"].as_str().unwrap();
    for selector in ["AWSPREVIOUS", first] {
        let found = get(&platform, &format!("{name}:{selector}")).await;
        assert_eq!(found["Value"], "one", "{selector}");
        assert_eq!(found["Selector"], format!(":{selector}"));
    }

    let sealed = call(&platform, "GetParameter", json!({ "Name": name })).await;
    assert_eq!(sealed.error(), "ValidationException");
    let missing = format!("{name}2");
    let body = json!({ "Name": missing, "WithDecryption": true });
    let refused = call(&platform, "GetParameter", body).await;
    assert_eq!(refused.error(), "ParameterNotFound");
    put(&platform, "/shop/url", "String", "here").await;
    let body = json!({ "Names": [name, missing, "/shop/url"], "WithDecryption": true });
    let several = call(&platform, "GetParameters", body).await.ok();
    assert_eq!(names(&several["Parameters"]), [name, "/shop/url"]);
    assert_eq!(several["InvalidParameters"], json!([missing]));
}

#[tokio::test]
async fn a_parameter_is_found_by_name_arn_version_and_label() {
    let platform = TestPlatform::start().await;
    assert_eq!(put(&platform, "/shop/url", "String", "one").await, 1);
    assert_eq!(put(&platform, "/shop/url", "String", "two").await, 2);
    let label = json!({ "Name": "/shop/url", "ParameterVersion": 1, "Labels": ["live", "aws-x"] });
    let labelled = call(&platform, "LabelParameterVersion", label).await.ok();
    assert_eq!(labelled["InvalidLabels"], json!(["aws-x"]));
    let arn = "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url";
    for (name, value, selector) in [
        ("/shop/url", "two", Value::Null),
        (arn, "two", Value::Null),
        ("/shop/url:1", "one", json!(":1")),
        ("/shop/url:live", "one", json!(":live")),
    ] {
        let found = get(&platform, name).await;
        assert_eq!(found["Value"], value, "{name}");
        assert_eq!(found["Selector"], selector, "{name}");
        assert_eq!(found["ARN"], arn);
        assert_eq!(found["Type"], "String");
        assert_eq!(found["DataType"], "text");
    }
    for (name, error) in [
        ("/shop/other", "ParameterNotFound"),
        ("/shop/url:3", "ParameterVersionNotFound"),
        ("/shop/url:none", "ParameterVersionNotFound"),
    ] {
        let missing = call(&platform, "GetParameter", json!({ "Name": name })).await;
        assert_eq!(missing.error(), error);
    }
    let several = json!({ "Names": ["/shop/url", "/shop/other"] });
    let several = call(&platform, "GetParameters", several).await.ok();
    assert_eq!(names(&several["Parameters"]), ["/shop/url"]);
    assert_eq!(several["InvalidParameters"], json!(["/shop/other"]));
}

#[tokio::test]
async fn a_plain_name_is_read_as_a_path_and_listed_below_the_root() {
    let platform = TestPlatform::start().await;
    put(&platform, "plain", "String", "x").await;
    put(&platform, "/shop/url", "String", "y").await;
    let read = get(&platform, "/plain").await;
    assert_eq!(
        (&read["Name"], &read["Value"]),
        (&json!("/plain"), &json!("x"))
    );
    for (recursive, listed) in [(false, vec!["plain"]), (true, vec!["/shop/url", "plain"])] {
        let body = json!({ "Path": "/", "Recursive": recursive });
        let answer = call(&platform, "GetParametersByPath", body).await.ok();
        assert_eq!(names(&answer["Parameters"]), listed);
    }
    for (name, code) in [
        ("shop/url", "ValidationException"),
        ("/shop//url", "ValidationException"),
        ("/other", "ParameterNotFound"),
    ] {
        let answer = call(&platform, "GetParameter", json!({ "Name": name })).await;
        assert_eq!(answer.error(), code, "{name}");
    }
}

#[tokio::test]
async fn a_parameter_changes_its_type() {
    let platform = TestPlatform::start().await;
    for (kind, value) in [("String", "a"), ("SecureString", "b"), ("String", "c")] {
        put(&platform, "/shop/key", kind, value).await;
        let read = get(&platform, "/shop/key").await;
        assert_eq!(
            (&read["Type"], &read["Value"]),
            (&json!(kind), &json!(value))
        );
    }
}

#[tokio::test]
async fn a_secure_string_is_clear_only_with_decryption() {
    let platform = TestPlatform::start().await;
    let planted = "tr0ub4dor-and-3";
    put(&platform, "/shop/password", "SecureString", planted).await;
    assert_eq!(get(&platform, "/shop/password").await["Value"], planted);
    let sealed = call(
        &platform,
        "GetParameter",
        json!({ "Name": "/shop/password" }),
    )
    .await;
    assert!(!sealed.text().contains(planted), "{}", sealed.text());
    let described = call(&platform, "DescribeParameters", json!({})).await.ok();
    assert_eq!(described["Parameters"][0]["KeyId"], "alias/aws/ssm");
    let mut searched = 0;
    let mut directories = vec![platform.state.root().to_owned()];
    while let Some(directory) = directories.pop() {
        for entry in std::fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                directories.push(path);
                continue;
            }
            let bytes = std::fs::read(&path).unwrap();
            let found = bytes
                .windows(planted.len())
                .any(|window| window == planted.as_bytes());
            assert!(!found, "{}", path.display());
            searched += 1;
        }
    }
    assert!(searched >= 2, "{searched} files were searched");
}

#[tokio::test]
async fn a_path_is_read_in_pages_one_level_or_all() {
    let platform = TestPlatform::start().await;
    for name in ["/shop/a", "/shop/b", "/shop/deep/c", "/shopping/d", "plain"] {
        put(&platform, name, "String", name).await;
    }
    put(&platform, "/shop/deep/e", "SecureString", "secret").await;
    let by_path = async |body: Value| call(&platform, "GetParametersByPath", body).await;
    let level = by_path(json!({ "Path": "/shop" })).await.ok();
    assert_eq!(names(&level["Parameters"]), ["/shop/a", "/shop/b"]);
    let mut body = json!({ "Path": "/shop/", "Recursive": true, "MaxResults": 3 });
    let first = by_path(body.clone()).await.ok();
    assert_eq!(
        names(&first["Parameters"]),
        ["/shop/a", "/shop/b", "/shop/deep/c"]
    );
    body["NextToken"] = first["NextToken"].clone();
    let second = by_path(body).await.ok();
    assert_eq!(names(&second["Parameters"]), ["/shop/deep/e"]);
    assert_eq!(second["NextToken"], Value::Null);
    let secure = json!({
        "Path": "/", "Recursive": true,
        "ParameterFilters": [{ "Key": "Type", "Values": ["SecureString"] }],
    });
    assert_eq!(
        names(&by_path(secure).await.ok()["Parameters"]),
        ["/shop/deep/e"]
    );
    let label = json!({ "Name": "/shop/a", "Labels": ["live"] });
    call(&platform, "LabelParameterVersion", label).await.ok();
    put(&platform, "/shop/a", "String", "newer").await;
    let labelled = json!({
        "Path": "/shop", "ParameterFilters": [{ "Key": "Label", "Values": ["live"] }],
    });
    let labelled = by_path(labelled).await.ok();
    assert_eq!(labelled["Parameters"][0]["Value"], "/shop/a");
    assert_eq!(labelled["Parameters"].as_array().unwrap().len(), 1);
    for (body, error) in [
        (json!({ "Path": "shop" }), "ValidationException"),
        (
            json!({ "Path": "/shop", "NextToken": "?" }),
            "InvalidNextToken",
        ),
        (
            json!({ "Path": "/shop", "ParameterFilters": [{ "Key": "Name", "Values": ["x"] }] }),
            "InvalidFilterKey",
        ),
    ] {
        assert_eq!(by_path(body).await.error(), error);
    }
}

#[tokio::test]
async fn what_aws_refuses_to_put_is_refused() {
    let platform = TestPlatform::start().await;
    put(&platform, "/a", "String", "one").await;
    let long = "x".repeat(4097);
    for (body, error) in [
        (
            json!({ "Name": "/a", "Type": "String", "Value": "x" }),
            "ParameterAlreadyExists",
        ),
        (json!({ "Name": "/b", "Value": "x" }), "ValidationException"),
        (
            json!({ "Name": "b/c", "Type": "String", "Value": "x" }),
            "ValidationException",
        ),
        (
            json!({ "Name": "/b", "Type": "Text", "Value": "x" }),
            "ValidationException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": long }),
            "ValidationException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": "" }),
            "ValidationException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": "x", "KeyId": "alias/own" }),
            "ValidationException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": "x", "AllowedPattern": "[0-9]+" }),
            "ParameterPatternMismatchException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": "x", "AllowedPattern": "[" }),
            "InvalidAllowedPatternException",
        ),
        (
            json!({ "Name": "/b", "Type": "String", "Value": "x", "Overwrite": true,
                "Tags": [{ "Key": "a", "Value": "b" }] }),
            "ValidationException",
        ),
    ] {
        let shown = body.to_string();
        assert_eq!(
            call(&platform, "PutParameter", body).await.error(),
            error,
            "{shown}"
        );
    }
    let tiered =
        |tier: &str| json!({ "Name": "/t", "Type": "String", "Value": long, "Tier": tier });
    let advanced = call(&platform, "PutParameter", tiered("Intelligent-Tiering")).await;
    assert_eq!(advanced.ok()["Tier"], "Advanced");
    let back = json!({ "Name": "/t", "Value": "x", "Overwrite": true, "Tier": "Standard" });
    let back = call(&platform, "PutParameter", back).await;
    assert_eq!(back.error(), "ValidationException");
}

#[tokio::test]
async fn history_keeps_a_hundred_versions_and_their_labels() {
    let platform = TestPlatform::start().await;
    for number in 1..=101 {
        put(&platform, "/a", "String", &number.to_string()).await;
    }
    let label =
        |version: i64| json!({ "Name": "/a", "ParameterVersion": version, "Labels": ["old"] });
    call(&platform, "LabelParameterVersion", label(2))
        .await
        .ok();
    let first = call(&platform, "GetParameterHistory", json!({ "Name": "/a" }))
        .await
        .ok();
    let versions = first["Parameters"].as_array().unwrap();
    assert_eq!(versions.len(), 50);
    assert_eq!(versions[0]["Version"], 2);
    assert_eq!(versions[0]["Value"], "2");
    assert_eq!(versions[0]["Labels"], json!(["old"]));
    let rest = json!({ "Name": "/a", "NextToken": first["NextToken"] });
    let rest = call(&platform, "GetParameterHistory", rest).await.ok();
    assert_eq!(rest["Parameters"][49]["Version"], 101);
    assert_eq!(rest["NextToken"], Value::Null);

    let again = json!({ "Name": "/a", "Value": "x", "Overwrite": true });
    let held = call(&platform, "PutParameter", again.clone()).await;
    assert_eq!(held.error(), "ParameterMaxVersionLimitExceeded");
    let unlabel = json!({ "Name": "/a", "ParameterVersion": 2, "Labels": ["old", "none"] });
    let removed = call(&platform, "UnlabelParameterVersion", unlabel)
        .await
        .ok();
    assert_eq!(removed["RemovedLabels"], json!(["old"]));
    assert_eq!(removed["InvalidLabels"], json!(["none"]));
    call(&platform, "PutParameter", again).await.ok();
    let gone = call(&platform, "GetParameter", json!({ "Name": "/a:2" })).await;
    assert_eq!(gone.error(), "ParameterVersionNotFound");
}

#[tokio::test]
async fn a_value_that_cannot_be_read_hides_no_parameter() {
    let platform = TestPlatform::start().await;
    put(&platform, "/shop/a", "String", "x").await;
    put(&platform, "/shop/b", "String", "x").await;
    let connection = rusqlite::Connection::open(platform.state.store()).unwrap();
    let damaged = connection.execute(
        "UPDATE documents SET body = json_set(body, '$.sealed', 'AAAA') \
         WHERE kind = 'parameter-version' AND key LIKE '/shop/a:%'",
        [],
    );
    assert_eq!(damaged.unwrap(), 1);
    let read = call(&platform, "GetParameter", json!({ "Name": "/shop/a" })).await;
    assert!(read.status.is_server_error(), "{}", read.text());
    let all = call(&platform, "DescribeParameters", json!({})).await.ok();
    assert_eq!(names(&all["Parameters"]), ["/shop/a", "/shop/b"]);
}

#[tokio::test]
async fn parameters_are_described_by_filter_and_tag() {
    let platform = TestPlatform::start().await;
    let tagged = json!({
        "Name": "/shop/a", "Type": "StringList", "Value": "x,y", "Description": "a list",
        "Tags": [{ "Key": "team", "Value": "blue" }],
    });
    call(&platform, "PutParameter", tagged).await.ok();
    put(&platform, "/shop/deep/b", "String", "x").await;
    put(&platform, "plain", "String", "x").await;
    let described = async |key: &str, option: Value, value: &str| {
        let mut filter = json!({ "Key": key, "Values": [value] });
        if !option.is_null() {
            filter["Option"] = option;
        }
        let body = json!({ "ParameterFilters": [filter] });
        call(&platform, "DescribeParameters", body).await
    };
    for (key, option, value, expected) in [
        ("Name", json!("Contains"), "deep", vec!["/shop/deep/b"]),
        ("Name", json!("BeginsWith"), "pl", vec!["plain"]),
        ("Name", Value::Null, "/shop/a", vec!["/shop/a"]),
        ("Path", Value::Null, "/shop", vec!["/shop/a"]),
        (
            "Path",
            json!("Recursive"),
            "/shop",
            vec!["/shop/a", "/shop/deep/b"],
        ),
        ("Type", Value::Null, "StringList", vec!["/shop/a"]),
        ("tag:team", Value::Null, "blue", vec!["/shop/a"]),
        ("tag:team", Value::Null, "red", vec![]),
    ] {
        let answer = described(key, option, value).await.ok();
        assert_eq!(names(&answer["Parameters"]), expected, "{key} {value}");
    }
    let all = call(&platform, "DescribeParameters", json!({})).await.ok();
    assert_eq!(all["Parameters"][0]["Description"], "a list");
    assert_eq!(all["Parameters"][0]["Tier"], "Standard");
    assert!(!all.to_string().contains("x,y"));
    assert_eq!(
        described("Path", json!("Below"), "/shop").await.error(),
        "InvalidFilterOption"
    );
    assert_eq!(
        described("Label", Value::Null, "live").await.error(),
        "InvalidFilterKey"
    );

    let resource = json!({ "ResourceType": "Parameter", "ResourceId": "/shop/a" });
    let mut remove = resource.clone();
    remove["TagKeys"] = json!(["team"]);
    let tags = call(&platform, "ListTagsForResource", resource.clone())
        .await
        .ok();
    assert_eq!(tags["TagList"], json!([{ "Key": "team", "Value": "blue" }]));
    call(&platform, "RemoveTagsFromResource", remove).await.ok();
    let tags = call(&platform, "ListTagsForResource", resource).await.ok();
    assert_eq!(tags["TagList"], json!([]));
    let missing = json!({ "ResourceType": "Parameter", "ResourceId": "/none" });
    let missing = call(&platform, "ListTagsForResource", missing).await;
    assert_eq!(missing.error(), "InvalidResourceId");
}

#[tokio::test]
async fn deleted_parameters_are_gone_with_their_versions() {
    let platform = TestPlatform::start().await;
    put(&platform, "/a", "String", "one").await;
    put(&platform, "/a", "String", "two").await;
    let id = || json!({ "Name": "/a" });
    call(&platform, "DeleteParameter", id()).await.ok();
    let again = call(&platform, "DeleteParameter", id()).await;
    assert_eq!(again.error(), "ParameterNotFound");
    assert_eq!(put(&platform, "/a", "SecureString", "x").await, 1);
    let several = json!({ "Names": ["/a", "/b"] });
    let several = call(&platform, "DeleteParameters", several).await.ok();
    assert_eq!(several["DeletedParameters"], json!(["/a"]));
    assert_eq!(several["InvalidParameters"], json!(["/b"]));
}
