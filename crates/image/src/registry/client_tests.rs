//! The client against a registry in memory.

use seaway_core::digest::Digest;
use seaway_ports::{PortErrorKind, SecretValue};

use super::super::test_server::TestServer;
use super::*;
use crate::layer::Layer;
use crate::oci::assemble;

struct Setting {
    server: TestServer,
    client: RegistryClient,
    store: ImageStore,
    layer: Digest,
    image: ImageRef,
    _place: tempfile::TempDir,
}

fn credentials(secret: &str) -> RegistryCredentials {
    RegistryCredentials {
        access_key_id: "AKID".into(),
        secret_access_key: SecretValue::new(secret.into()),
    }
}

async fn setting() -> Setting {
    let place = tempfile::tempdir().unwrap();
    let store = ImageStore::open(place.path()).unwrap();
    let content = vec![7; 200_000];
    let digest = store.put(&content).unwrap();
    let layer = Layer {
        digest: digest.clone(),
        diff_id: Digest::of(b"archive"),
        size: content.len() as u64,
    };
    let image = ImageRef {
        repository: "registry.seaway.internal/shop/api".into(),
        digest: assemble(&layer, &store).unwrap(),
    };
    let server = TestServer::start().await;
    let client = RegistryClient::new(&server.base(), &credentials("hunter2"), store.clone());
    Setting {
        client: client.unwrap(),
        server,
        store,
        layer: digest,
        image,
        _place: place,
    }
}

#[tokio::test]
async fn an_image_is_held_once_it_was_pushed() {
    let s = setting().await;
    let images = BTreeSet::from([s.image.clone()]);
    assert_eq!(s.client.held(&images).await, Ok(BTreeSet::new()));
    s.client.push(&s.image).await.unwrap();
    assert_eq!(s.client.held(&images).await, Ok(images));
    let sent = s.server.blob(&s.layer).expect("the layer was sent");
    assert_eq!(Digest::of(&sent), s.layer);
}

#[tokio::test]
async fn what_is_there_is_not_sent_again() {
    let s = setting().await;
    s.client.push(&s.image).await.unwrap();
    s.server.seen();
    s.client.push(&s.image).await.unwrap();
    let methods: Vec<String> = s.server.seen();
    let methods: Vec<&str> = methods.iter().filter_map(|m| m.split(' ').next()).collect();
    assert_eq!(methods, ["HEAD", "HEAD", "PUT"]);
}

#[tokio::test]
async fn what_another_repository_has_is_not_sent() {
    let s = setting().await;
    s.server.hold_elsewhere(&s.layer, vec![7; 200_000]);
    s.client.push(&s.image).await.unwrap();
    let uploads = s.server.seen();
    let uploads = uploads.iter().filter(|asked| asked.contains("uploads/1"));
    assert_eq!(uploads.count(), 1, "the config alone");
    let images = BTreeSet::from([s.image.clone()]);
    assert_eq!(s.client.held(&images).await, Ok(images));
}

#[tokio::test]
async fn of_many_images_those_that_are_held_are_named() {
    let s = setting().await;
    s.client.push(&s.image).await.unwrap();
    let others = (0..30).map(|number: u8| ImageRef {
        digest: Digest::of(&[number]),
        ..s.image.clone()
    });
    let images = others.chain([s.image.clone()]).collect();
    let held = s.client.held(&images).await;
    assert_eq!(held, Ok(BTreeSet::from([s.image.clone()])));
}

#[tokio::test]
async fn a_failing_registry_is_asked_again() {
    let s = setting().await;
    s.server.fail_with(&[503, 500, 429]);
    s.client.push(&s.image).await.unwrap();
    // The second request of the first blob fails: the upload starts anew.
    let images = BTreeSet::from([s.image.clone()]);
    s.server.fail_with(&[502]);
    assert_eq!(s.client.held(&images).await, Ok(images));
}

#[tokio::test]
async fn wrong_credentials_are_denied_at_once_and_not_shown() {
    let s = setting().await;
    let client = RegistryClient::new(&s.server.base(), &credentials("guess"), s.store.clone());
    let client = client.unwrap();
    let error = client.push(&s.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Denied);
    assert_eq!(s.server.seen().len(), 1);
    let shown = format!("{error} {error:?} {client:?}");
    assert!(
        !shown.contains("guess") && !shown.contains("Basic"),
        "{shown}"
    );
}

#[tokio::test]
async fn a_refusal_tells_the_registrys_words() {
    let s = setting().await;
    std::fs::write(s.store.path(&s.layer), vec![8; 200_000]).unwrap();
    let error = s.client.push(&s.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert!(
        error
            .message
            .ends_with("400 Bad Request: the digest is wrong"),
        "{error}"
    );
}

#[tokio::test]
async fn an_image_that_is_not_in_the_store_cannot_be_pushed() {
    let s = setting().await;
    std::fs::remove_file(s.store.path(&s.layer)).unwrap();
    let error = s.client.push(&s.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::NotFound);
    assert!(error.hint.is_some());
}

#[tokio::test]
async fn an_image_of_another_registry_is_refused() {
    let s = setting().await;
    let foreign = ImageRef {
        repository: "registry.seaway.internal.evil.example/api".into(),
        ..s.image.clone()
    };
    let error = s.client.push(&foreign).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Invalid);
    assert!(s.server.seen().is_empty());
}

#[tokio::test]
async fn a_registry_that_is_not_there_is_unavailable() {
    let s = setting().await;
    // Bound and dropped: nothing listens there.
    let port = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
    let base = format!("http://{}", port.local_addr().unwrap());
    drop(port);
    let client = RegistryClient::new(&base, &credentials("hunter2"), s.store.clone()).unwrap();
    let error = client.push(&s.image).await.unwrap_err();
    assert_eq!(error.kind, PortErrorKind::Unavailable);
    assert!(
        error
            .hint
            .is_some_and(|hint| hint.contains("seaway local status"))
    );
}
