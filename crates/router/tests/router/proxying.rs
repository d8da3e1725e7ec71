//! Requests that go well.

use std::collections::HashMap;
use std::convert::Infallible;
use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use seaway_router::{
    Action, Condition, FixedResponse, Forward, QueryPattern, Redirect, RedirectCode, RouterOptions,
    RoutingTable, Rule, Timeouts, WeightedGroup, Workers,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, Body, response};
use crate::client::{PATIENCE, raw, rest};
use crate::fixture::{Fixture, impatient, listener, named_group, options, table, unchecked};

/// Answers with the request's own head, one header a line.
async fn mirror(request: Request<Incoming>) -> Response<Body> {
    let mut text = format!("{} {}\n", request.method(), request.uri());
    for (name, value) in request.headers() {
        text += &format!("{name}: {}\n", value.to_str().unwrap());
    }
    let mut response = response(StatusCode::OK, text);
    response
        .headers_mut()
        .insert("keep-alive", HeaderValue::from_static("timeout=5"));
    response
        .headers_mut()
        .insert("x-own", HeaderValue::from_static("1"));
    response
}

#[tokio::test]
async fn headers_end_here_pass_or_are_added() {
    let backend = Backend::serving(mirror).await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let mut request = fixture.client.request(Method::GET, "/a?b=c");
    for (name, value) in [
        ("x-forwarded-for", "1.2.3.4"),
        ("connection", "x-private"),
        ("x-private", "1"),
        ("te", "trailers"),
        ("traceparent", "00-1-2-01"),
        ("host", "shop.example"),
    ] {
        request
            .headers_mut()
            .append(name, HeaderValue::from_static(value));
    }
    let answer = fixture.client.send(request).await;
    let lines: Vec<&str> = answer.body.lines().collect();
    assert_eq!(lines[0], "GET /a?b=c");
    let port = format!("x-forwarded-port: {}", fixture.address.port());
    for expected in [
        "x-forwarded-for: 1.2.3.4, 127.0.0.1",
        "x-forwarded-proto: http",
        &port,
        "traceparent: 00-1-2-01",
        "host: shop.example",
    ] {
        assert!(
            lines.contains(&expected),
            "{expected} is missing in {lines:?}"
        );
    }
    assert!(
        lines
            .iter()
            .any(|line| line.starts_with("x-amzn-trace-id: Root=1-"))
    );
    let gone = ["connection:", "x-private:", "te:", "transfer-encoding:"];
    assert!(
        !lines
            .iter()
            .any(|line| gone.iter().any(|name| line.starts_with(name))),
        "{lines:?}"
    );
    assert_eq!(answer.headers["x-own"], "1");
    assert!(!answer.headers.contains_key("keep-alive"));
}

#[tokio::test]
async fn connections_are_kept_on_both_sides() {
    let backend = Backend::saying("hello").await;
    let fixture = Fixture::with_options(options(), table(unchecked(&[backend.address])));
    for _ in 0..50 {
        assert_eq!(fixture.client.get("/").await.body, "hello");
    }
    assert_eq!(backend.connections(), 1);
    assert_eq!(backend.requests(), 50);
}

/// A target that counts the connections on which it has seen the end, and answers `/both` only when
/// two such requests are there.
async fn counting_ends() -> (Backend, Arc<AtomicUsize>) {
    let ends = Arc::new(AtomicUsize::new(0));
    let both = Arc::new(tokio::sync::Barrier::new(2));
    let count = ends.clone();
    let backend = Backend::raw(move |mut stream| {
        let (count, both) = (count.clone(), both.clone());
        async move {
            let mut head = Vec::new();
            while let Ok(1..) = stream.read_buf(&mut head).await {
                if !head.ends_with(b"\r\n\r\n") {
                    continue;
                }
                if head.starts_with(b"GET /both ") {
                    both.wait().await;
                }
                head.clear();
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
                stream.write_all(answer).await.unwrap();
            }
            count.fetch_add(1, Ordering::SeqCst);
        }
    })
    .await;
    (backend, ends)
}

/// One worker, so that requests find the connections of others.
fn keeping(keep: Duration) -> RouterOptions {
    let timeouts = Timeouts {
        keep,
        ..Timeouts::default()
    };
    RouterOptions {
        timeouts,
        workers: Workers::Own(NonZero::<usize>::MIN),
        ..options()
    }
}

async fn until_ended(ends: &AtomicUsize, count: usize) {
    let ended = async {
        while ends.load(Ordering::SeqCst) < count {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, ended).await.unwrap();
}

#[tokio::test]
async fn a_kept_connection_that_nobody_needs_is_closed_while_another_is_in_use() {
    let (backend, ends) = counting_ends().await;
    let keep = Duration::from_millis(300);
    let fixture = Fixture::with_options(keeping(keep), table(unchecked(&[backend.address])));
    tokio::join!(fixture.client.get("/both"), fixture.client.get("/both"));
    let begun = Instant::now();
    while begun.elapsed() < 2 * keep {
        fixture.client.get("/").await;
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    until_ended(&ends, 1).await;
    assert_eq!((backend.connections(), ends.load(Ordering::SeqCst)), (2, 1));
}

#[tokio::test]
async fn no_connection_is_kept_to_a_group_out_of_use() {
    let (backend, ends) = counting_ends().await;
    let group = unchecked(&[backend.address]);
    let options = keeping(Duration::from_secs(300));
    let fixture = Fixture::with_options(options, table(group.clone()));
    fixture.client.get("/").await;
    let unused = RoutingTable::default().with_target_group(group);
    fixture.router.apply(unused).unwrap();
    until_ended(&ends, 1).await;
}

#[tokio::test]
async fn targets_take_turns() {
    let (one, two) = (Backend::saying("one").await, Backend::saying("two").await);
    let fixture = Fixture::healthy(&[one.address, two.address]).await;
    for _ in 0..20 {
        fixture.client.get("/").await;
    }
    assert_eq!((one.requests(), two.requests()), (10, 10));
}

#[tokio::test]
async fn weights_split_the_requests() {
    let (old, new) = (Backend::saying("old").await, Backend::saying("new").await);
    let share = |group: &str, weight| WeightedGroup {
        group: group.into(),
        weight,
    };
    let action = Action::Forward(Forward::by_weight(vec![
        share("old", 8),
        share("new", 2),
        share("off", 0),
    ]));
    let mut groups = [("old", &old), ("new", &new), ("off", &new)]
        .map(|(id, backend)| named_group(id, &[backend.address]));
    let mut table = RoutingTable::default().with_listener(listener("l", vec![], action));
    for group in &mut groups {
        group.health_check.enabled = false;
        table = table.with_target_group(group.clone());
    }
    let fixture = Fixture::with_options(options(), table);
    let mut answers: HashMap<String, usize> = HashMap::new();
    for _ in 0..20 {
        *answers
            .entry(fixture.client.get("/").await.body)
            .or_default() += 1;
    }
    assert_eq!(answers["old"], 16);
    assert_eq!(answers["new"], 4);
}

#[tokio::test]
async fn rules_choose_by_host_and_path() {
    let (api, web) = (Backend::saying("api").await, Backend::saying("web").await);
    let rule = |priority, condition, action| Rule {
        priority,
        conditions: vec![condition],
        action,
    };
    let fixed = Action::FixedResponse(FixedResponse {
        status: StatusCode::IM_A_TEAPOT,
        content_type: Some("application/json".to_owned()),
        body: Bytes::from_static(b"{}"),
    });
    let redirect = Action::Redirect(Redirect {
        protocol: None,
        host: Some("new.example".to_owned()),
        port: Some("443".to_owned()),
        path: None,
        query: None,
        code: RedirectCode::Permanent,
    });
    let rules = vec![
        rule(
            3,
            Condition::Path(vec!["/api/*".into(), "/v?".into()]),
            Action::forward("api"),
        ),
        rule(2, Condition::Path(vec!["/teapot".into()]), fixed),
        rule(1, Condition::Host(vec!["Old.*".into()]), redirect),
    ];
    let mut table =
        RoutingTable::default().with_listener(listener("l", rules, Action::forward("web")));
    for (id, backend) in [("api", &api), ("web", &web)] {
        let mut group = named_group(id, &[backend.address]);
        group.health_check.enabled = false;
        table = table.with_target_group(group);
    }
    let fixture = Fixture::with_options(options(), table);
    for (path, expected) in [
        ("/api/x", "api"),
        ("/v1?q", "api"),
        ("/v12", "web"),
        ("/API/x", "web"),
        ("/teapot", "{}"),
    ] {
        assert_eq!(fixture.client.get(path).await.body, expected, "{path}");
    }
    let teapot = fixture.client.get("/teapot").await;
    assert_eq!(teapot.status, StatusCode::IM_A_TEAPOT);
    assert_eq!(teapot.headers[header::CONTENT_TYPE], "application/json");
    let mut request = fixture.client.request(Method::GET, "/a?b");
    request
        .headers_mut()
        .insert(header::HOST, HeaderValue::from_static("old.example:80"));
    let redirected = fixture.client.send(request).await;
    assert_eq!(redirected.status, StatusCode::MOVED_PERMANENTLY);
    assert_eq!(
        redirected.headers[header::LOCATION],
        "http://new.example:443/a?b"
    );
}

#[tokio::test]
async fn rules_choose_by_method_query_header_and_source() {
    let says = |text: &'static str| {
        Action::FixedResponse(FixedResponse {
            status: StatusCode::OK,
            content_type: None,
            body: Bytes::from_static(text.as_bytes()),
        })
    };
    let rule = |priority, condition, text| Rule {
        priority,
        conditions: vec![condition],
        action: says(text),
    };
    let version = QueryPattern {
        key: Some("version".into()),
        value: "v2".into(),
    };
    let beta = Condition::Header {
        name: "X-Group".into(),
        values: vec!["beta".into()],
    };
    let elsewhere = "10.0.0.0/8".parse().unwrap();
    let rules = vec![
        rule(1, Condition::Source(vec![elsewhere]), "elsewhere"),
        rule(2, Condition::Method(vec!["PUT".into()]), "method"),
        rule(3, Condition::Query(vec![version]), "query"),
        rule(4, beta, "header"),
    ];
    let table = RoutingTable::default().with_listener(listener("l", rules, says("default")));
    let fixture = Fixture::with_options(options(), table);
    assert_eq!(fixture.client.get("/?version=v2").await.body, "query");
    assert_eq!(fixture.client.get("/?version=v1").await.body, "default");
    let put = fixture.client.request(Method::PUT, "/?version=v2");
    assert_eq!(fixture.client.send(put).await.body, "method");
    let mut asked = fixture.client.request(Method::GET, "/");
    let beta = HeaderValue::from_static("Beta");
    asked.headers_mut().insert("x-group", beta);
    assert_eq!(fixture.client.send(asked).await.body, "header");
}

#[tokio::test]
async fn a_fixed_host_is_matched_and_the_clients_is_forwarded() {
    let backend = Backend::serving(mirror).await;
    let condition = Condition::Host(vec!["catalog.internal".into()]);
    let rule = Rule {
        priority: 1,
        conditions: vec![condition],
        action: Action::forward("catalog"),
    };
    let nothing = Action::FixedResponse(FixedResponse {
        status: StatusCode::NOT_FOUND,
        content_type: None,
        body: Bytes::new(),
    });
    let mut internal = listener("internal", vec![rule.clone()], nothing.clone());
    internal.fixed_host = Some("catalog.internal".to_owned());
    let public = listener("public", vec![rule], nothing);
    let mut group = named_group("catalog", &[backend.address]);
    group.health_check.enabled = false;
    let table = RoutingTable::default()
        .with_listener(internal)
        .with_listener(public);
    let fixture = Fixture::with_options(options(), table.with_target_group(group));
    let answer = fixture.client.get("/").await;
    assert!(
        answer
            .body
            .contains(&format!("host: {}\n", fixture.address)),
        "{}",
        answer.body
    );
    let public = fixture.router.address(&"public".into()).unwrap();
    let answer = crate::client::Client::new(public).get("/").await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn bodies_pass_whole_in_both_directions() {
    let backend = Backend::serving(|request| async move {
        let body = request.into_body().map_err(|error| panic!("{error}"));
        Response::new(body.boxed())
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let body = Bytes::from("0123456789abcdef".repeat(1 << 20));
    let request = fixture
        .client
        .request(Method::POST, "/")
        .map(|_| Full::new(body.clone()));
    let answer = fixture.client.send(request).await;
    assert_eq!(answer.body.len(), body.len());
    assert!(answer.body.as_bytes() == body);
}

#[tokio::test]
async fn a_slow_reader_slows_the_target_down() {
    const FRAME: usize = 64 * 1024;
    let produced = Arc::new(AtomicUsize::new(0));
    let count = produced.clone();
    let backend = Backend::serving(move |_| {
        let count = count.clone();
        async move {
            let endless = futures::stream::repeat_with(move || {
                count.fetch_add(FRAME, Ordering::SeqCst);
                Ok::<_, Infallible>(Frame::data(Bytes::from_static(&[0; FRAME])))
            });
            Response::new(BodyExt::boxed(StreamBody::new(endless)))
        }
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    stream.readable().await.unwrap();
    // What is buffered in sockets has an end; an unbounded buffer would go on growing.
    let mut before = 0;
    loop {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let now = produced.load(Ordering::SeqCst);
        assert!(now < 64 * 1024 * 1024, "{now} bytes are buffered");
        if now == before {
            break;
        }
        before = now;
    }
    let mut read = vec![0; 1024 * 1024];
    stream.read_exact(&mut read).await.unwrap();
}

#[tokio::test]
async fn a_slow_target_slows_the_client_down() {
    let backend = Backend::serving(|_request| std::future::pending::<Response<Body>>()).await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream
        .write_all(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000000\r\n\r\n")
        .await
        .unwrap();
    let chunk = vec![0; 1024 * 1024];
    let mut taken = 0;
    let stalled = Duration::from_millis(300);
    while let Ok(written) = tokio::time::timeout(stalled, stream.write(&chunk)).await {
        taken += written.unwrap();
        assert!(taken < 64 * 1024 * 1024, "{taken} bytes are buffered");
    }
}

#[tokio::test]
async fn answers_without_a_body_keep_the_connection_in_step() {
    let backend = Backend::serving(|request| async move {
        match request.uri().path() {
            "/none" => response(StatusCode::NO_CONTENT, ""),
            "/same" => response(StatusCode::NOT_MODIFIED, ""),
            _ => response(StatusCode::OK, "body"),
        }
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let head = fixture
        .client
        .send(fixture.client.request(Method::HEAD, "/"))
        .await;
    assert_eq!(head.headers[header::CONTENT_LENGTH], "4");
    assert_eq!(head.body, "");
    assert_eq!(
        fixture.client.get("/none").await.status,
        StatusCode::NO_CONTENT
    );
    assert_eq!(
        fixture.client.get("/same").await.status,
        StatusCode::NOT_MODIFIED
    );
    assert_eq!(fixture.client.get("/").await.body, "body");
}

#[tokio::test]
async fn of_an_answers_two_lengths_the_chunks_count() {
    for length in ["2", "50"] {
        let answer = format!(
            "HTTP/1.1 200 OK\r\nContent-Length: {length}\r\nTransfer-Encoding: chunked\r\n\r\n\
             5\r\nhello\r\n0\r\n\r\n"
        );
        let backend = Backend::raw(move |mut stream| {
            let answer = answer.clone();
            async move {
                let _ = stream.read(&mut [0; 1024]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        })
        .await;
        let fixture = Fixture::new(unchecked(&[backend.address]));
        let request = fixture.client.request(Method::GET, "/");
        let answer = fixture.client.try_send(request).await;
        assert_eq!(answer.map(|answer| answer.body).as_deref(), Ok("hello"));
    }
}

#[tokio::test]
async fn old_clients_are_served_and_their_connection_closed() {
    let backend = Backend::serving(mirror).await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let answer = raw(fixture.address, "GET /old HTTP/1.0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.0 200 OK\r\n"), "{answer}");
    assert!(answer.contains("GET /old\n"), "{answer}");
    assert!(
        answer.contains(&format!("host: {}\n", fixture.address)),
        "{answer}"
    );
    assert!(!answer.contains("transfer-encoding"), "{answer}");
}

#[tokio::test]
async fn an_answer_streams_before_it_is_complete() {
    let backend = Backend::serving(|_| async {
        let first = futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
        let never = futures::stream::pending::<Result<Frame<Bytes>, Infallible>>();
        Response::new(BodyExt::boxed(StreamBody::new(futures::StreamExt::chain(
            first, never,
        ))))
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let mut seen = Vec::new();
    let reading = async {
        while !seen.windows(5).any(|window| window == b"first") {
            assert_ne!(stream.read_buf(&mut seen).await.unwrap(), 0);
        }
    };
    tokio::time::timeout(PATIENCE, reading).await.unwrap();
}

#[tokio::test]
async fn a_body_without_a_length_passes() {
    let backend = Backend::serving(|request| async move {
        assert!(!request.headers().contains_key(header::CONTENT_LENGTH));
        let body = request.into_body().map_err(|error| panic!("{error}"));
        Response::new(body.boxed())
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let body = "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n";
    let answer = raw(fixture.address, &format!("{head}\r\n{body}")).await;
    assert!(
        answer.contains("transfer-encoding: chunked\r\n"),
        "{answer}"
    );
    let text: String = answer
        .split("\r\n\r\n")
        .nth(1)
        .unwrap()
        .lines()
        .skip(1)
        .step_by(2)
        .collect();
    assert_eq!(text, "hello world");
}

#[tokio::test]
async fn a_request_that_ends_in_trailers_leaves_its_connection_to_the_next() {
    let backend = Backend::serving(repeat).await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let chunks = "Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\nX-Sum: 1\r\n\r\n";
    let mut answer = Vec::new();
    for last in ["", "Connection: close\r\n"] {
        answer.clear();
        let request = format!("POST / HTTP/1.1\r\nHost: a\r\n{last}{chunks}");
        stream.write_all(request.as_bytes()).await.unwrap();
        while !answer.ends_with(b"POST hi") {
            assert_ne!(stream.read_buf(&mut answer).await.unwrap(), 0);
        }
    }
    assert_eq!(backend.connections(), 1);
}

/// Answers with the method and what came in the request's body.
async fn repeat(request: Request<Incoming>) -> Response<Body> {
    let method = request.method().clone();
    let body = request.into_body().collect().await.unwrap().to_bytes();
    let text = format!("{method} {}", String::from_utf8_lossy(&body));
    response(StatusCode::OK, text)
}

#[tokio::test]
async fn a_body_without_a_length_passes_with_every_method() {
    let backend = Backend::serving(repeat).await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    for method in ["GET", "DELETE", "OPTIONS", "POST"] {
        let head = format!("{method} / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n");
        let body = "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n";
        let answer = raw(fixture.address, &format!("{head}{body}")).await;
        assert!(answer.ends_with(&format!("{method} hello")), "{answer}");
    }
}

#[tokio::test]
async fn a_body_without_a_length_passes_to_an_old_target() {
    // Answers each connection's requests in the old version, with a word of what came.
    let backend = Backend::raw(|mut stream| async move {
        let mut seen = Vec::new();
        while let Ok(1..) = stream.read_buf(&mut seen).await {
            let text = String::from_utf8_lossy(&seen);
            let is_whole = if text.starts_with("POST") {
                text.ends_with("0\r\n\r\n")
            } else {
                text.ends_with("\r\n\r\n")
            };
            if is_whole {
                let said = if text.contains("hello") {
                    "heard"
                } else {
                    "empty"
                };
                let head = "HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5";
                let answer = format!("{head}\r\n\r\n{said}");
                stream.write_all(answer.as_bytes()).await.unwrap();
                seen.clear();
            }
        }
    })
    .await;
    let options = RouterOptions {
        // Both requests would find the same connection.
        workers: Workers::Own(NonZero::<usize>::MIN),
        ..impatient(Duration::from_secs(1))
    };
    let fixture = Fixture::with_options(options, table(unchecked(&[backend.address])));
    assert_eq!(fixture.client.get("/").await.body, "empty");
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n";
    let answer = raw(
        fixture.address,
        &format!("{head}\r\n5\r\nhello\r\n0\r\n\r\n"),
    )
    .await;
    assert!(answer.ends_with("heard"), "{answer}");
}

#[tokio::test]
async fn a_client_that_asks_before_it_sends_is_told_to_go_on() {
    let backend = Backend::serving(|request| async move {
        let body = request.into_body().collect().await.unwrap().to_bytes();
        response(StatusCode::OK, body)
    })
    .await;
    let fixture = Fixture::healthy(&[backend.address]).await;
    let mut stream = TcpStream::connect(fixture.address).await.unwrap();
    let head = "POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 4\r\n";
    stream
        .write_all(format!("{head}Expect: 100-continue\r\n\r\n").as_bytes())
        .await
        .unwrap();
    let mut go_on = [0; 25];
    stream.read_exact(&mut go_on).await.unwrap();
    assert_eq!(&go_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"body").await.unwrap();
    assert!(rest(&mut stream).await.ends_with("body"));
}
