//! Manifests and indexes: tags, media types, subjects, removal.

use super::super::Algorithm;
use super::*;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

async fn put(platform: &TestPlatform, place: &str, media_type: &str, bytes: &[u8]) -> Answer {
    let path = format!("/v2/shop/api/manifests/{place}");
    Push::new(Method::PUT, path, bytes)
        .with(CONTENT_TYPE, media_type)
        .send(platform)
        .await
}

async fn at(platform: &TestPlatform, method: Method, place: &str) -> Answer {
    let path = format!("/v2/shop/api/manifests/{place}");
    Push::new(method, path, b"").send(platform).await
}

/// Pushes the blobs of an image with this layer and returns its manifest.
async fn prepared(platform: &TestPlatform, layer: &[u8]) -> Vec<u8> {
    let (config, manifest) = image(layer);
    push_blob(platform, layer).await;
    push_blob(platform, &config).await;
    manifest
}

/// An index of manifests, each for an architecture.
fn index(of: &[(&[u8], &str)]) -> Vec<u8> {
    let entry = |(manifest, architecture): &(&[u8], &str)| {
        let mut entry = descriptor(MANIFEST, manifest);
        entry["platform"] = json!({ "os": "linux", "architecture": architecture });
        entry
    };
    let manifests: Vec<Value> = of.iter().map(entry).collect();
    let index = json!({ "schemaVersion": 2, "mediaType": INDEX, "manifests": manifests });
    index.to_string().into_bytes()
}

#[tokio::test]
async fn a_tag_moves_to_the_newest_manifest() {
    let platform = TestPlatform::start().await;
    let (old, new) = (
        prepared(&platform, b"old").await,
        prepared(&platform, b"new").await,
    );
    for manifest in [&old, &new] {
        let pushed = put(&platform, "latest", MANIFEST, manifest).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
        let digest = Digest::of(manifest);
        assert_eq!(pushed.headers["docker-content-digest"], digest.as_str());
        let place = location(&pushed);
        assert_eq!(place, format!("/v2/shop/api/manifests/{digest}"));
        let pulled = at(&platform, Method::GET, "latest").await;
        assert_eq!(pulled.body, *manifest);
        let head = at(&platform, Method::HEAD, "latest").await;
        assert_eq!(head.headers["docker-content-digest"], digest.as_str());
    }
    let resolve = |name: &str| platform.registry.resolve(name).unwrap().reference.digest;
    let named = format!("{REGISTRY_NAME}/shop/api");
    assert_eq!(resolve(&named), Digest::of(&new));
    let old_name = format!("{named}:gone@{}", Digest::of(&old));
    assert_eq!(resolve(&old_name), Digest::of(&old));
}

#[tokio::test]
async fn a_digest_pushed_with_tags_gets_them_all() {
    let platform = TestPlatform::start().await;
    let manifest = prepared(&platform, b"layer").await;
    let digest = Digest::with(Algorithm::Sha512, &manifest);
    let place = format!("{digest}?tag=v1&tag=v2");
    let pushed = put(&platform, &place, MANIFEST, &manifest).await;
    assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    let told: Vec<_> = pushed.headers.get_all("oci-tag").iter().collect();
    assert_eq!(told, ["v1", "v2"]);
    let by_tag = at(&platform, Method::GET, "v2").await;
    assert_eq!(by_tag.headers["docker-content-digest"], digest.as_str());
    let other = put(&platform, &format!("v3?digest={digest}"), MANIFEST, b"{}").await;
    assert_eq!(code(&other), "DIGEST_INVALID");
}

#[tokio::test]
async fn of_an_index_the_image_for_this_machine_runs() {
    let platform = TestPlatform::start().await;
    let (own, other) = (
        prepared(&platform, b"own").await,
        prepared(&platform, b"other").await,
    );
    let here = match std::env::consts::ARCH {
        "aarch64" => "arm64",
        _ => "amd64",
    };
    let both = index(&[(&other, "riscv64"), (&own, here)]);
    assert_eq!(
        code(&put(&platform, "all", INDEX, &both).await),
        "MANIFEST_BLOB_UNKNOWN"
    );
    for manifest in [&own, &other] {
        push_manifest(&platform, manifest).await;
    }
    for (tag, manifest) in [("all", both), ("foreign", index(&[(&other, "riscv64")]))] {
        let pushed = put(&platform, tag, INDEX, &manifest).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
    }
    let image = format!("{REGISTRY_NAME}/shop/api:all");
    let resolved = platform.registry.resolve(&image).unwrap();
    assert_eq!(resolved.reference.digest, Digest::of(&own));
    let foreign = format!("{REGISTRY_NAME}/shop/api:foreign");
    let error = platform.registry.resolve(&foreign).unwrap_err();
    let expected = format!(
        "CannotPullContainerError: image Manifest does not contain descriptor matching platform \
         'linux/{here}'"
    );
    assert_eq!(error.to_string(), expected);
}

#[tokio::test]
async fn a_removed_manifest_takes_its_tags_along_and_a_removed_tag_nothing() {
    let platform = TestPlatform::start().await;
    let manifest = prepared(&platform, b"layer").await;
    for tag in ["v1", "v2", "v3"] {
        put(&platform, tag, MANIFEST, &manifest).await;
    }
    let digest = Digest::of(&manifest);
    let removed = at(&platform, Method::DELETE, "v1").await;
    assert_eq!(removed.status, StatusCode::ACCEPTED);
    assert_eq!(
        code(&at(&platform, Method::GET, "v1").await),
        "MANIFEST_UNKNOWN"
    );
    assert_eq!(
        at(&platform, Method::GET, "v2").await.status,
        StatusCode::OK
    );
    let removed = at(&platform, Method::DELETE, digest.as_str()).await;
    assert_eq!(removed.status, StatusCode::ACCEPTED);
    for place in ["v2", digest.as_str()] {
        let gone = at(&platform, Method::HEAD, place).await;
        assert_eq!(gone.status, StatusCode::NOT_FOUND, "{place}");
    }
    let again = at(&platform, Method::DELETE, digest.as_str()).await;
    assert_eq!(code(&again), "MANIFEST_UNKNOWN");
    let file = platform.state.registry().join("blobs/sha256");
    assert!(!file.join(digest.hex()).exists());
}

#[tokio::test]
async fn a_manifest_is_at_most_four_mebibytes_long() {
    let platform = TestPlatform::start().await;
    let manifest = String::from_utf8(prepared(&platform, b"layer").await).unwrap();
    let note = |length: usize| {
        let start = format!("{{\"annotations\":{{\"a\":\"{}\"}},", "x".repeat(length));
        manifest.replacen('{', &start, 1)
    };
    let large = put(&platform, "large", MANIFEST, note(3_900_000).as_bytes()).await;
    assert_eq!(large.status, StatusCode::CREATED, "{}", large.text());
    let larger = put(&platform, "large", MANIFEST, note(5_000_000).as_bytes()).await;
    assert_eq!(larger.status, StatusCode::PAYLOAD_TOO_LARGE);
}

/// The kinds of manifests that the conformance suite of the specification pushes.
#[tokio::test]
async fn every_form_of_the_specification_is_kept_as_it_is() {
    let platform = TestPlatform::start().await;
    let own = prepared(&platform, b"layer").await;
    push_manifest(&platform, &own).await;
    push_blob(&platform, b"{}").await;
    let empty = descriptor("application/vnd.oci.empty.v1+json", b"{}");
    let of = |field: &str, value: Value| {
        let mut manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": empty, "layers": [empty],
        });
        manifest[field] = value;
        (MANIFEST, manifest.to_string().into_bytes())
    };
    let elsewhere = json!({
        "mediaType": "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "digest": Digest::of(b"elsewhere").as_str(), "size": 123_456,
        "urls": ["https://store.example.com/layer"],
    });
    let mut with_data = empty.clone();
    with_data["data"] = json!(BASE64.encode("{}"));
    let inner = index(&[(&own, "amd64")]);
    let outer = json!({
        "schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor(INDEX, &inner)],
    });
    let all = [
        of("artifactType", json!("application/vnd.example")),
        of("layers", json!([])),
        of("layers", json!([elsewhere])),
        of("layers", json!([with_data])),
        of("org.example.unknown", json!({ "x": [1] })),
        of("subject", descriptor(MANIFEST, b"never pushed")),
        (INDEX, index(&[])),
        (INDEX, inner),
        (INDEX, outer.to_string().into_bytes()),
    ];
    for (media_type, bytes) in &all {
        let pushed = put(&platform, "any", media_type, bytes).await;
        assert_eq!(pushed.status, StatusCode::CREATED, "{}", pushed.text());
        let place = location(&pushed);
        let pulled = Push::new(Method::GET, place, b"").send(&platform).await;
        assert_eq!(pulled.body, *bytes);
        assert_eq!(pulled.headers[CONTENT_TYPE], *media_type);
    }
    for (_, bytes) in all.iter().rev() {
        let removed = at(&platform, Method::DELETE, Digest::of(bytes).as_str()).await;
        assert_eq!(removed.status, StatusCode::ACCEPTED);
    }
}
