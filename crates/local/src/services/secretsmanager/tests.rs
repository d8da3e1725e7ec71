//! Secrets Manager through signed requests, as the SDKs and the command line speak.

use seaway_aws_wire::Service;
use serde_json::{Value, json};

use crate::clock::EpochMillis;
use crate::testing::{Answer, TestPlatform};

async fn call(platform: &TestPlatform, operation: &str, body: Value) -> Answer {
    let target = format!("secretsmanager.{operation}");
    platform.call(Service::SecretsManager, &target, body).await
}

async fn create(platform: &TestPlatform, name: &str, value: &str) -> Value {
    call(
        platform,
        "CreateSecret",
        json!({ "Name": name, "SecretString": value }),
    )
    .await
    .ok()
}

async fn value(platform: &TestPlatform, body: Value) -> String {
    let answer = call(platform, "GetSecretValue", body).await.ok();
    answer["SecretString"].as_str().unwrap().to_owned()
}

fn token(number: u32) -> String {
    format!("{number:08}-0000-4000-8000-000000000000")
}

#[tokio::test]
async fn a_secret_is_found_by_name_and_by_arn() {
    let platform = TestPlatform::start().await;
    let created = create(&platform, "shop/database", "hunter2").await;
    let arn = created["ARN"].as_str().unwrap();
    let prefix = "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/database-";
    assert!(
        arn.starts_with(prefix) && arn.len() == prefix.len() + 6,
        "{arn}"
    );
    for id in ["shop/database", arn, &arn[..arn.len() - 7]] {
        assert_eq!(
            value(&platform, json!({ "SecretId": id })).await,
            "hunter2",
            "{id}"
        );
    }
    let described = call(&platform, "DescribeSecret", json!({ "SecretId": arn }))
        .await
        .ok();
    let version = created["VersionId"].as_str().unwrap();
    assert_eq!(
        described["VersionIdsToStages"][version],
        json!(["AWSCURRENT"])
    );
    let missing = call(&platform, "GetSecretValue", json!({ "SecretId": "other" })).await;
    assert_eq!(missing.error(), "ResourceNotFoundException");
}

#[tokio::test]
async fn a_new_value_is_current_and_the_old_one_previous() {
    let platform = TestPlatform::start().await;
    let first = create(&platform, "a", "one").await["VersionId"].clone();
    let put = json!({ "SecretId": "a", "SecretString": "two", "ClientRequestToken": token(2) });
    call(&platform, "PutSecretValue", put).await.ok();
    assert_eq!(value(&platform, json!({ "SecretId": "a" })).await, "two");
    let previous = json!({ "SecretId": "a", "VersionStage": "AWSPREVIOUS" });
    assert_eq!(value(&platform, previous).await, "one");
    assert_eq!(
        value(&platform, json!({ "SecretId": "a", "VersionId": first })).await,
        "one"
    );

    let update = json!({ "SecretId": "a", "SecretString": "three", "Description": "new" });
    call(&platform, "UpdateSecret", update).await.ok();
    assert_eq!(value(&platform, json!({ "SecretId": "a" })).await, "three");
    let listed = json!({ "SecretId": "a", "IncludeDeprecated": true });
    let versions = call(&platform, "ListSecretVersionIds", listed).await.ok();
    assert_eq!(versions["Versions"].as_array().unwrap().len(), 3);
    let current = call(
        &platform,
        "ListSecretVersionIds",
        json!({ "SecretId": "a" }),
    )
    .await
    .ok();
    assert_eq!(
        current["Versions"].as_array().unwrap().len(),
        2,
        "the first is deprecated"
    );

    let back = json!({
        "SecretId": "a", "VersionStage": "AWSCURRENT",
        "MoveToVersionId": token(2), "RemoveFromVersionId": versions["Versions"][0]["VersionId"],
    });
    call(&platform, "UpdateSecretVersionStage", back).await.ok();
    assert_eq!(value(&platform, json!({ "SecretId": "a" })).await, "two");
    let previous = json!({ "SecretId": "a", "VersionStage": "AWSPREVIOUS" });
    assert_eq!(value(&platform, previous).await, "three");
}

#[tokio::test]
async fn a_repeated_request_changes_nothing_and_a_conflicting_one_is_refused() {
    let platform = TestPlatform::start().await;
    let request = json!({ "Name": "a", "SecretString": "one", "ClientRequestToken": token(1) });
    let first = call(&platform, "CreateSecret", request.clone()).await.ok();
    assert_eq!(call(&platform, "CreateSecret", request).await.ok(), first);
    let other = json!({ "Name": "a", "SecretString": "two", "ClientRequestToken": token(1) });
    assert_eq!(
        call(&platform, "CreateSecret", other).await.error(),
        "ResourceExistsException"
    );

    let put = |text: &str| json!({ "SecretId": "a", "SecretString": text, "ClientRequestToken": token(2) });
    call(&platform, "PutSecretValue", put("two")).await.ok();
    call(&platform, "PutSecretValue", put("two")).await.ok();
    let conflict = call(&platform, "PutSecretValue", put("three")).await;
    assert_eq!(conflict.error(), "ResourceExistsException");
    let both = json!({ "SecretId": "a", "SecretString": "x", "SecretBinary": "eA==" });
    assert_eq!(
        call(&platform, "PutSecretValue", both).await.error(),
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn a_deleted_secret_can_be_restored_within_its_window() {
    let platform = TestPlatform::start().await;
    create(&platform, "a", "one").await;
    let id = || json!({ "SecretId": "a" });
    let week = json!({ "SecretId": "a", "RecoveryWindowInDays": 7 });
    call(&platform, "DeleteSecret", week).await.ok();
    assert_eq!(
        call(&platform, "GetSecretValue", id()).await.error(),
        "InvalidRequestException"
    );
    let again = json!({ "Name": "a", "SecretString": "x" });
    assert_eq!(
        call(&platform, "CreateSecret", again).await.error(),
        "InvalidRequestException"
    );
    let listed = call(&platform, "ListSecrets", json!({})).await.ok();
    assert_eq!(listed["SecretList"], json!([]));
    call(&platform, "RestoreSecret", id()).await.ok();
    assert_eq!(value(&platform, id()).await, "one");

    call(&platform, "DeleteSecret", id()).await.ok();
    let in_days = |days: i64| EpochMillis::now().plus(days * 24 * 60 * 60 * 1000);
    platform.secrets.remove_expired(in_days(29)).unwrap();
    call(&platform, "DescribeSecret", id()).await.ok();
    platform.secrets.remove_expired(in_days(31)).unwrap();
    assert_eq!(
        call(&platform, "DescribeSecret", id()).await.error(),
        "ResourceNotFoundException"
    );
}

#[tokio::test]
async fn a_forced_deletion_is_final_and_repeatable() {
    let platform = TestPlatform::start().await;
    create(&platform, "a", "one").await;
    let force = || json!({ "SecretId": "a", "ForceDeleteWithoutRecovery": true });
    call(&platform, "DeleteSecret", force()).await.ok();
    call(&platform, "DeleteSecret", force()).await.ok();
    create(&platform, "a", "two").await;
    assert_eq!(value(&platform, json!({ "SecretId": "a" })).await, "two");
    let both = json!({
        "SecretId": "a", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7,
    });
    assert_eq!(
        call(&platform, "DeleteSecret", both).await.error(),
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn deleting_while_listing_skips_no_secret() {
    let platform = TestPlatform::start().await;
    for orders in [
        json!({ "MaxResults": 2 }),
        json!({ "MaxResults": 2, "SortBy": "name", "SortOrder": "asc" }),
        json!({ "MaxResults": 2, "SortBy": "last-changed-date", "SortOrder": "asc" }),
        json!({ "MaxResults": 2, "SortBy": "last-accessed-date" }),
    ] {
        for number in 0..5 {
            create(&platform, &format!("shop/{number}"), "x").await;
        }
        let (mut request, mut seen) = (orders, 0);
        loop {
            let page = call(&platform, "ListSecrets", request.clone()).await.ok();
            for secret in page["SecretList"].as_array().unwrap() {
                seen += 1;
                let delete =
                    json!({ "SecretId": secret["Name"], "ForceDeleteWithoutRecovery": true });
                call(&platform, "DeleteSecret", delete).await.ok();
            }
            request["NextToken"] = page["NextToken"].clone();
            if request["NextToken"].is_null() {
                break;
            }
        }
        assert_eq!(seen, 5, "{request}");
    }
}

#[tokio::test]
async fn a_new_version_between_two_pages_of_versions_shifts_none() {
    let platform = TestPlatform::start().await;
    create(&platform, "a", "0").await;
    let put = |number: u32| json!({ "SecretId": "a", "SecretString": number.to_string(), "ClientRequestToken": token(number) });
    for number in 1..3 {
        call(&platform, "PutSecretValue", put(number)).await.ok();
    }
    let mut request = json!({ "SecretId": "a", "IncludeDeprecated": true, "MaxResults": 1 });
    let first = call(&platform, "ListSecretVersionIds", request.clone()).await;
    let first = first.ok();
    call(&platform, "PutSecretValue", put(3)).await.ok();
    request["NextToken"] = first["NextToken"].clone();
    let second = call(&platform, "ListSecretVersionIds", request.clone()).await;
    let second = second.ok();
    let version = |page: &Value| page["Versions"][0]["VersionId"].clone();
    assert_ne!(version(&first), version(&second));
    request["NextToken"] = json!("made up");
    let refused = call(&platform, "ListSecretVersionIds", request).await;
    assert_eq!(refused.error(), "InvalidNextTokenException");
}

#[tokio::test]
async fn secrets_are_listed_by_filter_and_page_and_tags_change() {
    let platform = TestPlatform::start().await;
    for name in ["shop/a", "shop/b", "other/c"] {
        create(&platform, name, "x").await;
    }
    let tag = json!({ "SecretId": "shop/b", "Tags": [{ "Key": "team", "Value": "blue" }] });
    call(&platform, "TagResource", tag).await.ok();
    let names = |answer: &Value| -> Vec<String> {
        let secrets = answer["SecretList"].as_array().unwrap();
        secrets
            .iter()
            .map(|secret| secret["Name"].as_str().unwrap().to_owned())
            .collect()
    };
    let by_name = json!({
        "Filters": [{ "Key": "name", "Values": ["shop/"] }], "SortBy": "name",
        "SortOrder": "asc", "MaxResults": 1,
    });
    let first = call(&platform, "ListSecrets", by_name.clone()).await.ok();
    assert_eq!(names(&first), ["shop/a"]);
    let mut next = by_name;
    next["NextToken"] = first["NextToken"].clone();
    let second = call(&platform, "ListSecrets", next).await.ok();
    assert_eq!(names(&second), ["shop/b"]);
    assert_eq!(second["NextToken"], Value::Null);
    let by_tag = json!({ "Filters": [{ "Key": "tag-key", "Values": ["team"] }] });
    assert_eq!(
        names(&call(&platform, "ListSecrets", by_tag.clone()).await.ok()),
        ["shop/b"]
    );
    let untag = json!({ "SecretId": "shop/b", "TagKeys": ["team"] });
    call(&platform, "UntagResource", untag).await.ok();
    assert!(names(&call(&platform, "ListSecrets", by_tag).await.ok()).is_empty());
}

#[tokio::test]
async fn binary_values_come_back_as_they_were() {
    let platform = TestPlatform::start().await;
    let secret = json!({ "Name": "a", "SecretBinary": "AP8Q" });
    call(&platform, "CreateSecret", secret).await.ok();
    let answer = call(&platform, "GetSecretValue", json!({ "SecretId": "a" }))
        .await
        .ok();
    assert_eq!(answer["SecretBinary"], "AP8Q");
    assert_eq!(answer["SecretString"], Value::Null);
}

#[tokio::test]
async fn tasks_get_whole_values_and_keys_of_them() {
    let platform = TestPlatform::start().await;
    let json_value = r#"{"url":"postgres://x","port":5432}"#;
    let arn = create(&platform, "db", json_value).await["ARN"]
        .as_str()
        .unwrap()
        .to_owned();
    let resolve = |from: &str| platform.secrets.resolve(from, EpochMillis::now());
    assert_eq!(resolve("db").unwrap().expose(), json_value);
    assert_eq!(resolve(&arn).unwrap().expose(), json_value);
    assert_eq!(
        resolve(&format!("{arn}:url::")).unwrap().expose(),
        "postgres://x"
    );
    assert_eq!(resolve("db:port").unwrap().expose(), "5432");

    let reason = |from: &str| resolve(from).unwrap_err().to_string();
    let start = "ResourceInitializationError: unable to pull secrets or registry auth: ";
    let missing = reason("nothing");
    assert!(missing.starts_with(start), "{missing}");
    assert!(missing.contains("ResourceNotFoundException"), "{missing}");
    let no_key = reason("db:password");
    assert!(
        no_key.ends_with("did not contain json key password"),
        "{no_key}"
    );
    assert!(!no_key.contains("postgres"), "the value is not shown");
}

#[tokio::test]
async fn no_file_of_the_platform_holds_a_value_in_clear() {
    let platform = TestPlatform::start().await;
    let planted = "tr0ub4dor-and-3";
    create(&platform, "a", planted).await;
    let put = json!({ "SecretId": "a", "SecretString": format!("\"{planted}\"") });
    call(&platform, "PutSecretValue", put).await.ok();
    value(&platform, json!({ "SecretId": "a" })).await;
    let mut directories = vec![
        platform.state.root().to_owned(),
        platform.state.keys_root().into(),
    ];
    let mut searched = 0;
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
    assert!(searched >= 5, "{searched} files were searched");
}

#[tokio::test]
async fn several_values_come_at_once_and_what_is_missing_is_named() {
    let platform = TestPlatform::start().await;
    create(&platform, "shop/a", "one").await;
    create(&platform, "shop/b", "two").await;
    let ids = json!({ "SecretIdList": ["shop/a", "shop/b", "shop/c"] });
    let batch = call(&platform, "BatchGetSecretValue", ids).await.ok();
    assert_eq!(batch["SecretValues"][0]["SecretString"], "one");
    assert_eq!(batch["SecretValues"][1]["SecretString"], "two");
    assert_eq!(batch["Errors"][0]["SecretId"], "shop/c");
    assert_eq!(batch["Errors"][0]["ErrorCode"], "ResourceNotFoundException");
    let filters = json!([{ "Key": "name", "Values": ["shop/"] }]);
    let page = json!({ "Filters": filters, "MaxResults": 1 });
    let batch = call(&platform, "BatchGetSecretValue", page).await.ok();
    assert_eq!(batch["SecretValues"].as_array().unwrap().len(), 1);
    assert!(batch["NextToken"].is_string());
    let both = json!({ "Filters": filters, "SecretIdList": ["shop/a"] });
    assert_eq!(
        call(&platform, "BatchGetSecretValue", both).await.error(),
        "InvalidParameterException"
    );
}

#[tokio::test]
async fn a_policy_is_kept_until_it_is_deleted() {
    let platform = TestPlatform::start().await;
    create(&platform, "a", "one").await;
    let id = || json!({ "SecretId": "a" });
    let none = call(&platform, "GetResourcePolicy", id()).await.ok();
    assert_eq!(none["ResourcePolicy"], Value::Null);
    let policy = |principal: &str| {
        json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": { "AWS": principal }, "Resource": "*",
            "Action": "secretsmanager:GetSecretValue",
        }]})
        .to_string()
    };
    let put = |policy: &str| json!({ "SecretId": "a", "ResourcePolicy": policy, "BlockPublicPolicy": true });
    let own = policy("arn:aws:iam::000000000000:root");
    call(&platform, "PutResourcePolicy", put(&own)).await.ok();
    let kept = call(&platform, "GetResourcePolicy", id()).await.ok();
    assert_eq!(kept["ResourcePolicy"], own.as_str());
    let everybody = call(&platform, "PutResourcePolicy", put(&policy("*"))).await;
    assert_eq!(everybody.error(), "PublicPolicyException");
    let broken = call(&platform, "PutResourcePolicy", put("{")).await;
    assert_eq!(broken.error(), "MalformedPolicyDocumentException");
    let valid = json!({ "SecretId": "a", "ResourcePolicy": own });
    let validated = call(&platform, "ValidateResourcePolicy", valid).await.ok();
    assert_eq!(validated["PolicyValidationPassed"], true);
    call(&platform, "DeleteResourcePolicy", id()).await.ok();
    let none = call(&platform, "GetResourcePolicy", id()).await.ok();
    assert_eq!(none["ResourcePolicy"], Value::Null);
}

#[tokio::test]
async fn passwords_have_the_characters_that_are_asked_for() {
    let platform = TestPlatform::start().await;
    let password = async |body: Value| {
        let answer = call(&platform, "GetRandomPassword", body).await.ok();
        answer["RandomPassword"].as_str().unwrap().to_owned()
    };
    let any = password(json!({})).await;
    assert_eq!(any.len(), 32);
    for of in [
        char::is_uppercase,
        char::is_lowercase,
        |c| char::is_ascii_digit(&c),
        |c| char::is_ascii_punctuation(&c),
    ] as [fn(char) -> bool; 4]
    {
        assert!(any.chars().any(of), "{any}");
    }
    assert_ne!(any, password(json!({})).await);
    let only = json!({
        "PasswordLength": 100, "ExcludePunctuation": true, "ExcludeUppercase": true,
        "ExcludeNumbers": true, "ExcludeCharacters": "aeiou",
    });
    let only = password(only).await;
    let fits = |c: char| c.is_ascii_lowercase() && !"aeiou".contains(c);
    assert!(only.len() == 100 && only.chars().all(fits), "{only}");
    let short = call(
        &platform,
        "GetRandomPassword",
        json!({ "PasswordLength": 3 }),
    )
    .await;
    assert_eq!(short.error(), "InvalidParameterException");
}

#[tokio::test]
async fn reserved_and_too_many_tags_are_refused() {
    let platform = TestPlatform::start().await;
    create(&platform, "a", "one").await;
    let tag = async |tags: Value| {
        let body = json!({ "SecretId": "a", "Tags": tags });
        call(&platform, "TagResource", body).await
    };
    let reserved = tag(json!([{ "Key": "aws:x", "Value": "y" }])).await;
    assert_eq!(reserved.error(), "InvalidParameterException");
    let many: Vec<Value> = (0..51)
        .map(|at| json!({ "Key": format!("k{at}"), "Value": "v" }))
        .collect();
    assert_eq!(tag(many.into()).await.error(), "InvalidParameterException");
    let described = call(&platform, "DescribeSecret", json!({ "SecretId": "a" })).await;
    assert_eq!(described.ok()["Tags"], json!([]));
}
