//! Requests that go well.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use http_body::Frame;
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::Incoming;
use seaway_router::{
    Action, Condition, FixedResponse, Forward, QueryPattern, Redirect, RedirectCode, RoutingTable,
    Rule, WeightedGroup,
};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::backend::{Backend, Body, response};
use crate::client::{PATIENCE, raw, rest};
use crate::fixture::{Fixture, listener, named_group, options};

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
