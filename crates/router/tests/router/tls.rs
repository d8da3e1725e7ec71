//! Listeners that speak TLS.

use std::net::SocketAddr;
use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use seaway_router::{Action, Listener, Redirect, RedirectCode, RoutingTable, Tls};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::backend::{Backend, response};
use crate::client::{PATIENCE, raw};
use crate::fixture::{Fixture, group_id, listener, options, unchecked};

/// A certificate for `shop.example`, ready for both sides.
fn tls() -> (Tls, CertificateDer<'static>) {
    let CertifiedKey { cert, signing_key } =
        generate_simple_self_signed(vec!["shop.example".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    (Tls::new(Arc::new(config)), cert.der().clone())
}

fn table(tls: &Tls, default: Action, targets: &[SocketAddr]) -> RoutingTable {
    let listener = Listener {
        tls: Some(tls.clone()),
        ..listener("l", vec![], default)
    };
    RoutingTable::default()
        .with_listener(listener)
        .with_target_group(unchecked(targets))
}

/// Asks as `shop.example`, trusting one certificate, and returns what came.
async fn get(router: SocketAddr, trusted: &CertificateDer<'static>) -> String {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let stream = TcpStream::connect(router).await.unwrap();
    let name = ServerName::try_from("shop.example").unwrap();
    let connector = TlsConnector::from(Arc::new(config));
    let mut stream = connector.connect(name, stream).await.unwrap();
    let request = "GET /a HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // An end without notice is an end, too.
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut answer));
    let _ = reading.await.expect("the connection stays open");
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn requests_over_tls_reach_targets_that_are_told_so() {
    let backend = Backend::serving(|request| async move {
        let proto = request.headers()["x-forwarded-proto"].clone();
        response(http::StatusCode::OK, proto.to_str().unwrap().to_owned())
    })
    .await;
    let (tls, certificate) = tls();
    let table = table(&tls, Action::forward(group_id()), &[backend.address]);
    let fixture = Fixture::with_options(options(), table);
    let answer = get(fixture.address, &certificate).await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    assert!(answer.ends_with("https"), "{answer}");
}

#[tokio::test]
async fn a_redirect_keeps_the_protocol() {
    let (tls, certificate) = tls();
    let elsewhere = Action::Redirect(Redirect {
        protocol: None,
        host: Some("other.example".to_owned()),
        port: Some("443".to_owned()),
        path: None,
        query: None,
        code: RedirectCode::Found,
    });
    let fixture = Fixture::with_options(options(), table(&tls, elsewhere, &[]));
    let answer = get(fixture.address, &certificate).await;
    assert!(
        answer.contains("location: https://other.example:443/a"),
        "{answer}"
    );
}

#[tokio::test]
async fn who_does_not_speak_tls_gets_nothing_and_hinders_nobody() {
    let backend = Backend::saying("here").await;
    let (tls, certificate) = tls();
    let table = table(&tls, Action::forward(group_id()), &[backend.address]);
    let fixture = Fixture::with_options(options(), table);
    let _silent = TcpStream::connect(fixture.address).await.unwrap();
    let answer = raw(fixture.address, "GET / HTTP/1.1\r\nHost: a\r\n\r\n").await;
    assert!(!answer.contains("HTTP/1.1"), "{answer}");
    assert!(get(fixture.address, &certificate).await.ends_with("here"));
    assert_eq!(backend.requests(), 1);
}

#[tokio::test]
async fn a_listener_may_come_to_speak_tls() {
    let backend = Backend::saying("here").await;
    let fixture = Fixture::new(unchecked(&[backend.address]));
    assert_eq!(fixture.client.get("/").await.body, "here");
    let (tls, certificate) = tls();
    let now = Listener {
        address: fixture.address,
        tls: Some(tls),
        ..listener("listener", vec![], Action::forward(group_id()))
    };
    let table = RoutingTable::default()
        .with_listener(now)
        .with_target_group(unchecked(&[backend.address]));
    fixture.router.apply(table).unwrap();
    assert!(get(fixture.address, &certificate).await.ends_with("here"));
}
