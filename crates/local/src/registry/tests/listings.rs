//! Lists of tags, repositories and referrers; and what is collected when nobody refers to it.

use super::super::Reference;
use super::*;
use crate::clock::EpochMillis;
use crate::store::{NewManifest, StoreError, Tx};

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn get(platform: &TestPlatform, path: &str) -> Answer {
    Push::new(Method::GET, path, b"").send(platform).await
}

async fn pushed(platform: &TestPlatform, place: &str, manifest: &[u8]) -> Answer {
    let path = format!("/v2/shop/api/manifests/{place}");
    let answer = Push::new(Method::PUT, path, manifest).with(CONTENT_TYPE, MANIFEST);
    let answer = answer.send(platform).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
    answer
}

#[tokio::test]
async fn tags_come_in_order_and_in_pages() {
    let platform = TestPlatform::start().await;
    let unknown = get(&platform, "/v2/shop/api/tags/list").await;
    assert_eq!(code(&unknown), "NAME_UNKNOWN");
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    push_blob(&platform, b"layer").await;
    for tag in ["v2", "v10", "V1", "a_b"] {
        pushed(&platform, tag, &manifest).await;
    }
    let all = get(&platform, "/v2/shop/api/tags/list").await;
    let list = json!({ "name": "shop/api", "tags": ["V1", "a_b", "v10", "v2"] });
    assert_eq!(all.ok(), list);
    assert!(!all.headers.contains_key("link"));
    let first = get(&platform, "/v2/shop/api/tags/list?n=2").await;
    assert_eq!(first.ok()["tags"], json!(["V1", "a_b"]));
    let link = first.headers["link"].to_str().unwrap();
    let next = link.strip_prefix('<').unwrap().split('>').next().unwrap();
    let second = get(&platform, next).await;
    assert_eq!(second.ok()["tags"], json!(["v10", "v2"]));
    assert!(!second.headers.contains_key("link"));
    let none = get(&platform, "/v2/shop/api/tags/list?n=0").await;
    assert_eq!(none.ok()["tags"], json!([]));
    let wrong = get(&platform, "/v2/shop/api/tags/list?n=x").await;
    assert_eq!(wrong.status, StatusCode::BAD_REQUEST);
    let catalog = get(&platform, "/v2/_catalog").await;
    assert_eq!(catalog.ok(), json!({ "repositories": ["shop/api"] }));
}

#[tokio::test]
async fn referrers_are_found_by_their_subject() {
    let platform = TestPlatform::start().await;
    let (config, subject) = image(b"layer");
    let digest = Digest::of(&subject);
    let path = format!("/v2/shop/api/referrers/{digest}");
    let empty = get(&platform, &path).await;
    let nothing = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": [] });
    assert_eq!(empty.ok(), nothing);
    assert_eq!(empty.headers[CONTENT_TYPE], INDEX);

    push_blob(&platform, b"{}").await;
    let referrer = |artifact_type: &str| {
        let empty = descriptor("application/vnd.oci.empty.v1+json", b"{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "artifactType": artifact_type,
            "config": empty, "layers": [empty], "subject": descriptor(MANIFEST, &subject),
            "annotations": { "about": artifact_type },
        });
        manifest.to_string().into_bytes()
    };
    // Before the subject is there: who signs does not have to wait for the push.
    let (one, two) = (referrer("test/one"), referrer("test/two"));
    for manifest in [&one, &two] {
        let answer = pushed(&platform, Digest::of(manifest).as_str(), manifest).await;
        assert_eq!(answer.headers["oci-subject"], digest.as_str());
    }
    push_blob(&platform, &config).await;
    push_blob(&platform, b"layer").await;
    pushed(&platform, "latest", &subject).await;

    let all = get(&platform, &path).await.ok();
    assert_eq!(all["manifests"].as_array().unwrap().len(), 2);
    let filtered = get(&platform, &format!("{path}?artifactType=test%2Fone")).await;
    assert_eq!(filtered.headers["oci-filters-applied"], "artifactType");
    let mut expected = descriptor(MANIFEST, &one);
    expected["artifactType"] = json!("test/one");
    expected["annotations"] = json!({ "about": "test/one" });
    assert_eq!(filtered.ok()["manifests"], json!([expected]));

    let delete = format!("/v2/shop/api/manifests/{}", Digest::of(&one));
    Push::new(Method::DELETE, delete, b"").send(&platform).await;
    let left = get(&platform, &path).await.ok();
    assert_eq!(left["manifests"][0]["artifactType"], "test/two");
}

#[tokio::test]
async fn blobs_without_a_manifest_leave_after_a_day() {
    let platform = TestPlatform::start().await;
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    push_blob(&platform, b"layer").await;
    let stray = push_blob(&platform, b"never referred to").await;
    pushed(&platform, "latest", &manifest).await;
    let blobs = platform.state.registry().join("blobs/sha256");
    let count = || std::fs::read_dir(&blobs).unwrap().count();
    let images = platform.registry.images();
    images.remove_unused(EpochMillis::now()).unwrap();
    assert_eq!(count(), 4);
    let next_day = EpochMillis::now().plus(25 * 60 * 60 * 1000);
    images.remove_unused(next_day).unwrap();
    assert_eq!(count(), 3);
    assert!(!blobs.join(stray.hex()).exists());
    let reference = format!("{REGISTRY_NAME}/shop/api:latest");
    assert!(platform.registry.resolve(&reference).is_ok());

    let path = format!("/v2/shop/api/manifests/{}", Digest::of(&manifest));
    Push::new(Method::DELETE, path, b"").send(&platform).await;
    images.remove_unused(next_day).unwrap();
    assert_eq!(count(), 0, "its layers have nobody either");
}

#[tokio::test]
async fn a_blob_has_a_day_from_when_it_was_last_needed() {
    const HOUR: i64 = 60 * 60 * 1000;
    let platform = TestPlatform::start().await;
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    push_blob(&platform, b"layer").await;
    pushed(&platform, "latest", &manifest).await;
    let images = platform.registry.images();
    let (repository, digest) = ("shop/api".parse().unwrap(), Digest::of(&manifest));
    let in_hours = |hours: i64| EpochMillis::now().plus(hours * HOUR);
    images
        .remove(&repository, &Reference::Digest(digest), in_hours(30))
        .unwrap();
    images.remove_unused(in_hours(31)).unwrap();
    let layer = Digest::of(b"layer");
    let found = images.blob_to_rely_on(&repository, &layer, in_hours(50));
    assert_eq!(found.unwrap(), Some(5), "its manifest has just gone");
    images.remove_unused(in_hours(60)).unwrap();
    let size = |digest: &Digest| images.blob_size(&repository, digest).unwrap();
    assert_eq!(size(&layer), Some(5), "a client has asked for it");
    assert_eq!(size(&Digest::of(&config)), None);
}

#[tokio::test]
async fn a_manifest_that_cannot_be_read_keeps_its_repository() {
    let platform = TestPlatform::start().await;
    let layer = push_blob(&platform, b"layer").await;
    let unreadable = push_blob(&platform, b"{}").await;
    let images = platform.registry.images();
    let old = NewManifest {
        repository: "shop/api",
        digest: unreadable.as_str(),
        media_type: MANIFEST,
        subject: None,
        artifact_type: None,
        references: Vec::new(),
    };
    let enter = |tx: &Tx<'_>| tx.put_manifest(&old, EpochMillis(1));
    images.store.write::<_, StoreError>(enter).unwrap();
    let next_day = EpochMillis::now().plus(25 * 60 * 60 * 1000);
    images.remove_unused(next_day).unwrap();
    let repository = "shop/api".parse().unwrap();
    assert_eq!(images.blob_size(&repository, &layer).unwrap(), Some(5));
}

#[tokio::test]
async fn a_blob_in_use_is_not_deleted() {
    let platform = TestPlatform::start().await;
    let (config, manifest) = image(b"layer");
    push_blob(&platform, &config).await;
    let layer = push_blob(&platform, b"layer").await;
    pushed(&platform, "latest", &manifest).await;
    let path = format!("/v2/shop/api/blobs/{layer}");
    let delete = || Push::new(Method::DELETE, &path, b"").send(&platform);
    let refused = delete().await;
    assert_eq!(refused.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(code(&refused), "DENIED");
    assert_eq!(get(&platform, &path).await.body, &b"layer"[..]);
    let place = format!("/v2/shop/api/manifests/{}", Digest::of(&manifest));
    Push::new(Method::DELETE, place, b"").send(&platform).await;
    assert_eq!(delete().await.status, StatusCode::ACCEPTED);
}
