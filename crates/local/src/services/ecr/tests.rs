//! ECR through signed requests, and the registry's endpoint with the token that ECR gives out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, StatusCode};
use seaway_aws_wire::Service;
use serde_json::{Value, json};

use crate::clock::EpochMillis;
use crate::registry::Digest;
use crate::testing::{Answer, TestPlatform};

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const DAY: i64 = 24 * 60 * 60 * 1000;

async fn call(platform: &TestPlatform, operation: &str, body: Value) -> Answer {
    let target = format!("AmazonEC2ContainerRegistry_V20150921.{operation}");
    platform.call(Service::Ecr, &target, body).await
}

/// Asks the registry's endpoint as a client that has logged in with ECR's token.
async fn ask(platform: &TestPlatform, method: Method, path: &str, body: &[u8]) -> Answer {
    let login = call(platform, "GetAuthorizationToken", json!({}))
        .await
        .ok();
    let token = login["authorizationData"][0]["authorizationToken"].clone();
    let request = platform
        .request(method, path)
        .header(AUTHORIZATION, format!("Basic {}", token.as_str().unwrap()))
        .header(CONTENT_TYPE, MANIFEST);
    platform.send(request.body(body.to_vec()).unwrap()).await
}

/// Pushes the blobs of an image with this layer and returns its manifest.
async fn prepared(platform: &TestPlatform, layer: &str) -> String {
    let descriptor = |kind: &str, bytes: &[u8]| json!({ "mediaType": kind, "digest": Digest::of(bytes).as_str(), "size": bytes.len() });
    for bytes in [b"{}", layer.as_bytes()] {
        let digest = Digest::of(bytes);
        let path = format!("/v2/shop/api/blobs/uploads/?digest={digest}");
        let pushed = ask(platform, Method::POST, &path, bytes).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    }
    let config = "application/vnd.oci.image.config.v1+json";
    let tar = "application/vnd.oci.image.layer.v1.tar";
    let manifest = json!({
        "schemaVersion": 2, "mediaType": MANIFEST, "config": descriptor(config, b"{}"),
        "layers": [descriptor(tar, layer.as_bytes())],
    });
    manifest.to_string()
}

async fn push(platform: &TestPlatform, layer: &str, tag: &str) -> String {
    let manifest = prepared(platform, layer).await;
    let path = format!("/v2/shop/api/manifests/{tag}");
    let pushed = ask(platform, Method::PUT, &path, manifest.as_bytes()).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    Digest::of(manifest.as_bytes()).to_string()
}

async fn create(platform: &TestPlatform, mut body: Value) -> Answer {
    body["repositoryName"] = json!("shop/api");
    call(platform, "CreateRepository", body).await
}

#[tokio::test]
async fn a_repository_is_created_described_and_deleted() {
    let platform = TestPlatform::start().await;
    let tags = json!([{ "Key": "team", "Value": "shop" }]);
    let created = create(&platform, json!({ "tags": tags })).await.ok()["repository"].clone();
    let arn = "arn:aws:ecr:us-east-1:000000000000:repository/shop/api";
    assert_eq!(created["repositoryArn"], arn);
    assert_eq!(
        created["repositoryUri"],
        "registry.seaway.internal/shop/api"
    );
    assert_eq!(created["imageTagMutability"], "MUTABLE");
    let again = create(&platform, json!({})).await;
    assert_eq!(again.error(), "RepositoryAlreadyExistsException");
    let bad = json!({ "repositoryName": "Shop" });
    let bad = call(&platform, "CreateRepository", bad).await;
    assert_eq!(bad.error(), "InvalidParameterException");

    let described = call(&platform, "DescribeRepositories", json!({}))
        .await
        .ok();
    assert_eq!(described["repositories"], json!([created]));
    let missing = json!({ "repositoryNames": ["other"] });
    let missing = call(&platform, "DescribeRepositories", missing).await;
    assert_eq!(missing.error(), "RepositoryNotFoundException");
    assert!(
        missing
            .text()
            .contains("The repository with name 'other' does not exist in the registry with id")
    );

    let resource = json!({ "resourceArn": arn });
    let untag = json!({ "resourceArn": arn, "tagKeys": ["team"] });
    let reserved = json!({ "resourceArn": arn, "tags": [{ "Key": "aws:a", "Value": "b" }] });
    let reserved = call(&platform, "TagResource", reserved).await;
    assert_eq!(reserved.error(), "InvalidTagParameterException");
    let tag = json!({ "resourceArn": arn, "tags": [{ "Key": "a", "Value": "b" }] });
    call(&platform, "TagResource", tag).await.ok();
    call(&platform, "UntagResource", untag).await.ok();
    let listed = call(&platform, "ListTagsForResource", resource).await.ok();
    assert_eq!(listed["tags"], json!([{ "Key": "a", "Value": "b" }]));

    push(&platform, "layer", "v1").await;
    let delete = |force: bool| json!({ "repositoryName": "shop/api", "force": force });
    let full = call(&platform, "DeleteRepository", delete(false)).await;
    assert_eq!(full.error(), "RepositoryNotEmptyException");
    call(&platform, "DeleteRepository", delete(true)).await.ok();
    let gone = ask(&platform, Method::GET, "/v2/shop/api/manifests/v1", b"").await;
    assert_eq!(gone.status, StatusCode::NOT_FOUND);
    platform
        .registry
        .images()
        .remove_unused(EpochMillis::now())
        .unwrap();
    let blobs = platform.state.registry().join("blobs/sha256");
    assert_eq!(std::fs::read_dir(blobs).unwrap().count(), 0);
}

#[tokio::test]
async fn repositories_come_in_pages() {
    let platform = TestPlatform::start().await;
    for name in ["aa", "bb", "cc"] {
        let body = json!({ "repositoryName": name });
        call(&platform, "CreateRepository", body).await.ok();
    }
    let mut names = Vec::new();
    let mut body = json!({ "maxResults": 2 });
    for _ in 0..2 {
        let page = call(&platform, "DescribeRepositories", body.clone()).await;
        let page = page.ok();
        let repositories = page["repositories"].as_array().unwrap().clone();
        names.extend(
            repositories
                .into_iter()
                .map(|one| one["repositoryName"].clone()),
        );
        body["nextToken"] = page["nextToken"].clone();
    }
    assert_eq!(json!(names), json!(["aa", "bb", "cc"]));
    assert_eq!(body["nextToken"], Value::Null);
    let wrong = json!({ "nextToken": "?" });
    let wrong = call(&platform, "DescribeRepositories", wrong).await;
    assert_eq!(wrong.error(), "InvalidParameterException");
}

#[tokio::test]
async fn the_token_of_ecr_opens_the_registry() {
    let platform = TestPlatform::start().await;
    let login = call(&platform, "GetAuthorizationToken", json!({}))
        .await
        .ok();
    let data = &login["authorizationData"][0];
    let endpoint = format!("http://127.0.0.1:{}", platform.connection.port);
    assert_eq!(data["proxyEndpoint"], endpoint);
    let token = BASE64.decode(data["authorizationToken"].as_str().unwrap());
    let token = String::from_utf8(token.unwrap()).unwrap();
    assert!(token.starts_with("AWS:"));
    let root = ask(&platform, Method::GET, "/v2/", b"").await;
    assert_eq!(root.status, StatusCode::OK);
    let forged = BASE64.encode(token.replace("AWS:1", "AWS:2"));
    let request = platform
        .request(Method::GET, "/v2/")
        .header(AUTHORIZATION, format!("Basic {forged}"));
    let refused = platform.send(request.body(Vec::new()).unwrap()).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn an_immutable_tag_stays_where_it_is() {
    let platform = TestPlatform::start().await;
    let filters = json!([{ "filter": "dev*", "filterType": "WILDCARD" }]);
    let wrong = create(
        &platform,
        json!({ "imageTagMutabilityExclusionFilters": filters }),
    );
    assert_eq!(wrong.await.error(), "InvalidParameterException");
    let body = json!({ "imageTagMutability": "IMMUTABLE" });
    create(&platform, body).await.ok();
    push(&platform, "one", "v1").await;
    push(&platform, "one", "v1").await;
    let other = prepared(&platform, "two").await;
    let path = "/v2/shop/api/manifests/v1";
    let refused = ask(&platform, Method::PUT, path, other.as_bytes()).await;
    assert_eq!(refused.status, StatusCode::BAD_REQUEST);
    assert_eq!(refused.json()["errors"][0]["code"], "TAG_INVALID");
    let put = json!({ "repositoryName": "shop/api", "imageManifest": other, "imageTag": "v1" });
    let refused = call(&platform, "PutImage", put).await;
    assert_eq!(refused.error(), "ImageTagAlreadyExistsException");

    let except = json!({
        "repositoryName": "shop/api", "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": filters,
    });
    let changed = call(&platform, "PutImageTagMutability", except).await.ok();
    assert_eq!(changed["imageTagMutability"], "IMMUTABLE_WITH_EXCLUSION");
    push(&platform, "one", "dev-1").await;
    push(&platform, "two", "dev-1").await;
    let refused = ask(&platform, Method::PUT, path, other.as_bytes()).await;
    assert_eq!(refused.json()["errors"][0]["code"], "TAG_INVALID");
}

#[tokio::test]
async fn images_are_listed_described_and_fetched() {
    let platform = TestPlatform::start().await;
    let digest = push(&platform, "layer", "v1").await;
    push(&platform, "layer", "v2").await;
    let moved = push(&platform, "other", "v3").await;
    push(&platform, "layer", "v3").await;
    let list = |status: &str| {
        let filter = json!({ "tagStatus": status });
        json!({ "repositoryName": "shop/api", "filter": filter })
    };
    let untagged = call(&platform, "ListImages", list("UNTAGGED")).await.ok();
    assert_eq!(untagged["imageIds"], json!([{ "imageDigest": moved }]));
    let tagged = call(&platform, "ListImages", list("TAGGED")).await.ok();
    assert_eq!(tagged["imageIds"].as_array().unwrap().len(), 3);

    let describe =
        |tag: &str| json!({ "repositoryName": "shop/api", "imageIds": [{ "imageTag": tag }] });
    let described = call(&platform, "DescribeImages", describe("v2")).await.ok();
    let detail = &described["imageDetails"][0];
    assert_eq!(detail["imageDigest"], digest);
    assert_eq!(detail["imageTags"], json!(["v1", "v2", "v3"]));
    assert_eq!(detail["imageSizeInBytes"], "layer".len() + "{}".len());
    assert_eq!(detail["imageManifestMediaType"], MANIFEST);
    assert!(detail["imagePushedAt"].is_number());
    let missing = call(&platform, "DescribeImages", describe("v9")).await;
    assert_eq!(missing.error(), "ImageNotFoundException");
    let text = "The image with imageId {imageDigest:'null', imageTag:'v9'} does not exist within \
                the repository with name 'shop/api' in the registry with id '000000000000'";
    assert!(missing.text().contains(text), "{}", missing.text());

    let ids = json!([{}, { "imageTag": "v9" }, { "imageTag": "v1", "imageDigest": moved }, { "imageTag": "v1" }]);
    let get = json!({ "repositoryName": "shop/api", "imageIds": ids });
    let got = call(&platform, "BatchGetImage", get).await.ok();
    let manifest = got["images"][0]["imageManifest"].as_str().unwrap();
    assert_eq!(Digest::of(manifest.as_bytes()).as_str(), digest);
    let codes = |answer: &Value| -> Vec<Value> {
        let failures = answer["failures"].as_array().unwrap();
        failures
            .iter()
            .map(|one| one["failureCode"].clone())
            .collect()
    };
    let expected = [
        "MissingDigestAndTag",
        "ImageNotFound",
        "ImageTagDoesNotMatchDigest",
    ];
    assert_eq!(codes(&got), expected);
    let ids = json!([{}, { "imageTag": "v1", "imageDigest": moved }, { "imageTag": "v2" }]);
    let delete = json!({ "repositoryName": "shop/api", "imageIds": ids });
    let deleted = call(&platform, "BatchDeleteImage", delete).await.ok();
    let expected = ["MissingDigestAndTag", "ImageTagDoesNotMatchDigest"];
    assert_eq!(codes(&deleted), expected);
    assert_eq!(deleted["imageIds"][0]["imageTag"], "v2");
    let unnamed = json!({ "repositoryName": "shop/api", "imageIds": [{}] });
    let unnamed = call(&platform, "DescribeImages", unnamed).await;
    assert_eq!(unnamed.error(), "InvalidParameterException");
    let retag = json!({
        "repositoryName": "shop/api", "imageManifest": manifest, "imageTag": "stable",
    });
    call(&platform, "PutImage", retag.clone()).await.ok();
    let again = call(&platform, "PutImage", retag).await;
    assert_eq!(again.error(), "ImageAlreadyExistsException");

    let layers = [Digest::of(b"layer"), Digest::of(b"none")];
    let layers = layers.map(|digest| digest.to_string());
    let check = json!({ "repositoryName": "shop/api", "layerDigests": layers });
    let checked = call(&platform, "BatchCheckLayerAvailability", check).await;
    let checked = checked.ok();
    assert_eq!(checked["layers"][0]["layerAvailability"], "AVAILABLE");
    assert_eq!(checked["layers"][1]["layerAvailability"], "UNAVAILABLE");
}

#[tokio::test]
async fn what_says_something_about_an_image_is_listed() {
    let platform = TestPlatform::start().await;
    let digest = push(&platform, "layer", "v1").await;
    let mut signature: Value =
        serde_json::from_str(&prepared(&platform, "signature").await).unwrap();
    signature["artifactType"] = json!("test/signature");
    signature["annotations"] = json!({ "by": "somebody" });
    signature["subject"] = json!({ "mediaType": MANIFEST, "digest": digest, "size": 1 });
    let put = json!({ "repositoryName": "shop/api", "imageManifest": signature.to_string() });
    call(&platform, "PutImage", put).await.ok();
    let list = |wanted: &str| {
        json!({
            "repositoryName": "shop/api", "subjectId": { "imageDigest": digest },
            "filter": { "artifactTypes": [wanted] },
        })
    };
    let listed = call(&platform, "ListImageReferrers", list("test/signature")).await;
    let listed = listed.ok()["referrers"].clone();
    assert_eq!(listed[0]["artifactType"], "test/signature");
    assert_eq!(listed[0]["annotations"]["by"], "somebody");
    let none = call(&platform, "ListImageReferrers", list("test/other")).await;
    assert_eq!(none.ok()["referrers"], json!([]));
}

#[tokio::test]
async fn images_are_deleted_by_tag_and_by_digest() {
    let platform = TestPlatform::start().await;
    let digest = push(&platform, "layer", "v1").await;
    push(&platform, "layer", "v2").await;
    let delete = |ids: Value| json!({ "repositoryName": "shop/api", "imageIds": ids });
    let one = delete(json!([{ "imageTag": "v1" }, { "imageTag": "v9" }]));
    let one = call(&platform, "BatchDeleteImage", one).await.ok();
    assert_eq!(
        one["imageIds"],
        json!([{ "imageDigest": digest, "imageTag": "v1" }])
    );
    assert_eq!(one["failures"][0]["failureCode"], "ImageNotFound");
    let last = delete(json!([{ "imageTag": "v2" }]));
    call(&platform, "BatchDeleteImage", last).await.ok();
    let list = json!({ "repositoryName": "shop/api" });
    let left = call(&platform, "ListImages", list).await.ok();
    assert_eq!(left["imageIds"], json!([]), "with its last tag it goes");

    let digest = push(&platform, "layer", "v1").await;
    let index = json!({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{
            "mediaType": MANIFEST, "digest": digest,
            "size": prepared(&platform, "layer").await.len(),
        }],
    });
    let put = json!({
        "repositoryName": "shop/api", "imageManifest": index.to_string(), "imageTag": "all",
    });
    call(&platform, "PutImage", put.clone()).await.ok();
    let mut lacking = put;
    let other = Digest::of(b"never pushed");
    lacking["imageManifest"] = json!(index.to_string().replace(&digest, other.as_str()));
    let lacking = call(&platform, "PutImage", lacking).await;
    assert_eq!(lacking.error(), "ReferencedImagesNotFoundException");
    let all = json!({ "repositoryName": "shop/api", "imageIds": [{ "imageTag": "all" }] });
    let all = call(&platform, "DescribeImages", all).await.ok();
    let size = &all["imageDetails"][0]["imageSizeInBytes"];
    assert_eq!(*size, "layer".len() + "{}".len(), "that of its image");
    let part = delete(json!([{ "imageDigest": digest }]));
    let part = call(&platform, "BatchDeleteImage", part).await.ok();
    let failure = &part["failures"][0];
    assert_eq!(failure["failureCode"], "ImageReferencedByManifestList");
}

#[tokio::test]
async fn a_lifecycle_policy_is_previewed_and_applied() {
    let platform = TestPlatform::start().await;
    let old = push(&platform, "old", "v1").await;
    let name = json!({ "repositoryName": "shop/api" });
    let none = call(&platform, "GetLifecyclePolicy", name.clone()).await;
    assert_eq!(none.error(), "LifecyclePolicyNotFoundException");
    let selection = json!({
        "tagStatus": "untagged", "countType": "sinceImagePushed", "countUnit": "days",
        "countNumber": 7,
    });
    let policy = json!({ "rules": [{
        "rulePriority": 1, "description": "leftovers", "selection": selection,
        "action": { "type": "expire" },
    }] });
    let put = |text: String| json!({ "repositoryName": "shop/api", "lifecyclePolicyText": text });
    let bad = put(policy.to_string().replace("expire", "explode"));
    let bad = call(&platform, "PutLifecyclePolicy", bad).await;
    assert_eq!(bad.error(), "InvalidParameterException");
    let good = put(policy.to_string());
    call(&platform, "PutLifecyclePolicy", good).await.ok();
    let kept = call(&platform, "GetLifecyclePolicy", name.clone())
        .await
        .ok();
    assert_eq!(kept["lifecyclePolicyText"], policy.to_string());

    let new = push(&platform, "new", "v1").await;
    let images = platform.registry.images();
    let names = |body: Value| {
        let ids = body["imageIds"].as_array().unwrap().clone();
        let digests = ids.into_iter().map(|id| id["imageDigest"].clone());
        digests.collect::<Vec<_>>()
    };
    images.remove_expired(EpochMillis::now()).unwrap();
    let all = call(&platform, "ListImages", name.clone()).await.ok();
    assert_eq!(names(all).len(), 2, "not yet");
    let every = policy.to_string().replace("untagged", "any");
    let every = every.replace("sinceImagePushed", "imageCountMoreThan");
    let every = every
        .replace("\"countUnit\":\"days\",", "")
        .replace(":7", ":1");
    call(&platform, "StartLifecyclePolicyPreview", put(every))
        .await
        .ok();
    let preview = call(&platform, "GetLifecyclePolicyPreview", name.clone()).await;
    let preview = preview.ok();
    assert_eq!(preview["status"], "COMPLETE");
    assert_eq!(preview["previewResults"].as_array().unwrap().len(), 1);
    let then = EpochMillis::now().plus(8 * DAY);
    images.remove_expired(then).unwrap();
    let left = call(&platform, "ListImages", name.clone()).await.ok();
    assert_eq!(names(left), [json!(new)], "{old} went");
    let kept = call(&platform, "GetLifecyclePolicy", name).await.ok();
    assert!(kept["lastEvaluatedAt"].is_number());
}
