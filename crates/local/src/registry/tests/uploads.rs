//! Blobs on their way: mounts, broken and resumed uploads, hashes, parts.

use std::time::Duration;

use http::header::RANGE;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::super::Algorithm;
use super::*;

async fn begin(platform: &TestPlatform, query: &str) -> String {
    let path = format!("/v2/shop/api/blobs/uploads/{query}");
    let started = Push::new(Method::POST, path, b"").send(platform).await;
    assert_eq!(started.status, StatusCode::ACCEPTED, "{}", started.text());
    location(&started)
}

async fn get(platform: &TestPlatform, path: &str) -> Answer {
    Push::new(Method::GET, path, b"").send(platform).await
}

#[tokio::test]
async fn a_blob_belongs_to_its_repository_and_is_mounted_into_others() {
    let platform = TestPlatform::start().await;
    let digest = push_blob(&platform, b"layer").await;
    let elsewhere = format!("/v2/shop/web/blobs/{digest}");
    let absent = get(&platform, &elsewhere).await;
    assert_eq!(code(&absent), "BLOB_UNKNOWN");
    let mount = |query: String| format!("/v2/shop/web/blobs/uploads/?mount={digest}{query}");
    let missing = mount("&from=shop/other".into());
    let missing = Push::new(Method::POST, missing, b"").send(&platform).await;
    assert_eq!(
        missing.status,
        StatusCode::ACCEPTED,
        "it is not there: send it"
    );
    assert!(location(&missing).contains("/shop/web/blobs/uploads/"));
    for query in ["&from=shop/api", ""] {
        let path = mount(query.to_owned());
        let mounted = Push::new(Method::POST, path, b"").send(&platform).await;
        assert_eq!(mounted.status, StatusCode::CREATED, "{query}");
        assert_eq!(location(&mounted), elsewhere);
    }
    assert_eq!(get(&platform, &elsewhere).await.body, &b"layer"[..]);

    let own = format!("/v2/shop/api/blobs/{digest}");
    let removed = Push::new(Method::DELETE, &own, b"").send(&platform).await;
    assert_eq!(removed.status, StatusCode::ACCEPTED);
    assert_eq!(get(&platform, &own).await.status, StatusCode::NOT_FOUND);
    assert_eq!(get(&platform, &elsewhere).await.status, StatusCode::OK);
    let again = Push::new(Method::DELETE, &own, b"").send(&platform).await;
    assert_eq!(code(&again), "BLOB_UNKNOWN");
    let file = platform.state.registry().join("blobs/sha256");
    assert!(file.join(digest.hex()).exists());
    Push::new(Method::DELETE, elsewhere, b"")
        .send(&platform)
        .await;
    assert!(!file.join(digest.hex()).exists(), "nobody has it any more");
}

#[tokio::test]
async fn a_chunk_out_of_order_says_where_to_go_on() {
    let platform = TestPlatform::start().await;
    let upload = begin(&platform, "").await;
    let chunk = |method, path: &str, range: &str| {
        Push::new(method, path.to_owned(), b"hello").with(CONTENT_RANGE, range)
    };
    let first = chunk(Method::PATCH, &upload, "0-4").send(&platform).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    let digest = Digest::of(b"hellohello");
    let end = format!("{upload}?digest={digest}");
    for gap in [
        chunk(Method::PATCH, &upload, "7-11"),
        chunk(Method::PUT, &end, "0-4"),
    ] {
        let gap = gap.send(&platform).await;
        assert_eq!(gap.status, StatusCode::RANGE_NOT_SATISFIABLE);
        assert_eq!(gap.headers["range"], "0-4");
        assert_eq!(location(&gap), upload);
    }
    let status = get(&platform, &upload).await;
    assert_eq!(status.status, StatusCode::NO_CONTENT);
    assert_eq!(status.headers["range"], "0-4");
    let end = chunk(Method::PUT, &end, "5-9").send(&platform).await;
    assert_eq!(end.status, StatusCode::CREATED, "{}", end.text());
}

#[tokio::test]
async fn a_chunk_of_another_length_than_its_range_is_refused() {
    let platform = TestPlatform::start().await;
    let upload = begin(&platform, "").await;
    let chunk = |range: &str| {
        Push::new(Method::PATCH, upload.as_str(), b"hello").with(CONTENT_RANGE, range)
    };
    let short = chunk("0-9").send(&platform).await;
    assert_eq!(short.status, StatusCode::BAD_REQUEST);
    assert_eq!(code(&short), "SIZE_INVALID");
    let first = chunk("0-4").send(&platform).await;
    assert_eq!(first.status, StatusCode::ACCEPTED, "nothing was appended");
}

#[tokio::test]
async fn an_upload_does_not_end_without_a_digest() {
    let platform = TestPlatform::start().await;
    let upload = begin(&platform, "").await;
    let end = Push::new(Method::PUT, upload, b"").send(&platform).await;
    assert_eq!(code(&end), "DIGEST_INVALID");
    assert!(end.text().contains("names no `digest`"), "{}", end.text());
}

#[tokio::test]
async fn an_upload_that_broke_off_goes_on_where_it_was() {
    let platform = TestPlatform::start().await;
    let upload = begin(&platform, "").await;
    let connection = &platform.connection;
    let user = BASE64.encode(format!(
        "{}:{}",
        connection.access_key_id,
        connection.secret_access_key.expose()
    ));
    let port = connection.port;
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
    let head = format!(
        "PATCH {upload} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAuthorization: Basic {user}\r\n\
         Content-Length: 1000\r\n\r\nhello "
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut rest = Vec::new();
    // The answer, if there is one, is of no use to anybody.
    drop(tokio::time::timeout(Duration::from_secs(5), stream.read_to_end(&mut rest)).await);
    let status = get(&platform, &upload).await;
    assert_eq!(status.headers["range"], "0-5", "what arrived is there");
    let digest = Digest::of(b"hello world");
    let end = format!("{upload}?digest={digest}");
    let end = Push::new(Method::PUT, end, b"world").with(CONTENT_RANGE, "6-10");
    assert_eq!(end.send(&platform).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_cancelled_upload_and_one_of_another_repository_are_unknown() {
    let platform = TestPlatform::start().await;
    let upload = begin(&platform, "").await;
    let foreign = upload.replace("shop/api", "shop/web");
    assert_eq!(code(&get(&platform, &foreign).await), "BLOB_UPLOAD_UNKNOWN");
    let ended = Push::new(Method::DELETE, &upload, b"")
        .send(&platform)
        .await;
    assert_eq!(ended.status, StatusCode::NO_CONTENT);
    assert_eq!(code(&get(&platform, &upload).await), "BLOB_UPLOAD_UNKNOWN");
    let uploads = platform.state.registry().join("uploads");
    assert_eq!(std::fs::read_dir(uploads).unwrap().count(), 0);
}

#[tokio::test]
async fn blobs_can_be_named_by_sha512() {
    let platform = TestPlatform::start().await;
    // Hashed on the way, or read once more when the client says so only at the end.
    for (query, bytes) in [("?digest-algorithm=sha512", "one"), ("", "two")] {
        let digest = Digest::with(Algorithm::Sha512, bytes.as_bytes());
        let upload = begin(&platform, query).await;
        let wrong = format!("{upload}?digest=sha512:{}", "0".repeat(128));
        let end = format!("{upload}?digest={}", digest.as_str().replace(':', "%3A"));
        let end = Push::new(Method::PUT, end, bytes.as_bytes());
        let end = end.send(&platform).await;
        assert_eq!(end.status, StatusCode::CREATED, "{}", end.text());
        let blob = get(&platform, &location(&end)).await;
        assert_eq!(blob.body, bytes);
        assert_eq!(blob.headers["docker-content-digest"], digest.as_str());
        let late = Push::new(Method::PUT, wrong, b"").send(&platform).await;
        assert_eq!(code(&late), "BLOB_UPLOAD_UNKNOWN");
    }
    let wrong = format!(
        "/v2/shop/api/blobs/uploads/?digest=sha512:{}",
        "0".repeat(128)
    );
    let wrong = Push::new(Method::POST, wrong, b"x").send(&platform).await;
    assert_eq!(code(&wrong), "DIGEST_INVALID");
    let unknown = "/v2/shop/api/blobs/uploads/?digest-algorithm=md5";
    let unknown = Push::new(Method::POST, unknown, b"").send(&platform).await;
    assert_eq!(code(&unknown), "DIGEST_INVALID");
}

#[tokio::test]
async fn a_part_of_a_blob_is_served() {
    let platform = TestPlatform::start().await;
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| n.to_le_bytes()[0]).collect();
    let digest = push_blob(&platform, &bytes).await;
    let path = format!("/v2/shop/api/blobs/{digest}");
    let part = |range: &'static str| Push::new(Method::GET, &path, b"").with(RANGE, range);
    let middle = part("bytes=70000-150000").send(&platform).await;
    assert_eq!(middle.status, StatusCode::PARTIAL_CONTENT);
    assert_eq!(middle.body, bytes[70_000..=150_000]);
    assert_eq!(middle.headers["content-range"], "bytes 70000-150000/200000");
    let tail = part("bytes=-3").send(&platform).await;
    assert_eq!(tail.body, bytes[199_997..]);
    let outside = part("bytes=200000-").send(&platform).await;
    assert_eq!(outside.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(outside.headers["content-range"], "bytes */200000");
}

#[tokio::test]
async fn a_blob_may_be_empty_and_wrong_bytes_are_refused_however_they_come() {
    let platform = TestPlatform::start().await;
    let digest = push_blob(&platform, b"").await;
    let empty = get(&platform, &format!("/v2/shop/api/blobs/{digest}")).await;
    assert_eq!(empty.status, StatusCode::OK);
    assert_eq!(empty.headers[CONTENT_LENGTH], "0");

    let wrong = Digest::of(b"right");
    let streamed = begin(&platform, "").await;
    let chunk = Push::new(Method::PATCH, &streamed, b"wrong");
    assert_eq!(chunk.send(&platform).await.status, StatusCode::ACCEPTED);
    let whole = begin(&platform, "").await;
    for (upload, last) in [(streamed, &b""[..]), (whole, b"wrong")] {
        let end = format!("{upload}?digest={wrong}");
        let end = Push::new(Method::PUT, end, last).send(&platform).await;
        assert_eq!(end.status, StatusCode::BAD_REQUEST);
        assert_eq!(code(&end), "DIGEST_INVALID");
    }
    let absent = get(&platform, &format!("/v2/shop/api/blobs/{wrong}")).await;
    assert_eq!(absent.status, StatusCode::NOT_FOUND);
}
