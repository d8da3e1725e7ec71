//! HTTPS listeners, through to a client that trusts the platform's authority.

use std::net::SocketAddr;
use std::sync::Arc;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};

use super::{Elb, NOT_FOUND, first};

const CERTIFICATE: &str = "arn:aws:acm:us-east-1:000000000000:certificate/1";

fn create(balancer: &str, more: &str) -> String {
    format!("CreateListener&LoadBalancerArn={balancer}&Port=443&Protocol=HTTPS&{NOT_FOUND}{more}")
}

fn with(certificate: &str) -> String {
    format!("&Certificates.member.1.CertificateArn={certificate}")
}

/// Asks as a client that trusts the authority, and returns the answer.
fn get(elb: &Elb, address: SocketAddr, host: &'static str) -> String {
    use std::io::{Read, Write};
    let authority = CertificateDer::from_pem_file(elb.dir.path().join("authority.pem"));
    let mut roots = RootCertStore::empty();
    roots.add(authority.unwrap()).unwrap();
    let config = ClientConfig::builder()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(host).unwrap();
    let connection = ClientConnection::new(Arc::new(config), name).unwrap();
    let socket = std::net::TcpStream::connect(address).unwrap();
    let mut stream = StreamOwned::new(connection, socket);
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut answer = Vec::new();
    // An end without notice is an end, too.
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn an_https_listener_shows_a_certificate_for_every_host() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let created = elb.ok(&create(&balancer, &with(CERTIFICATE))).await;
    assert_eq!(first(&created, "Protocol"), "HTTPS");
    assert_eq!(first(&created, "CertificateArn"), CERTIFICATE);
    assert_eq!(first(&created, "SslPolicy"), "ELBSecurityPolicy-2016-08");
    assert_eq!(first(&created, "Mode"), "off");
    let listener = elb.balancing.listener_addresses().remove(0);
    assert_eq!(listener.protocol, "https");
    let elb = Arc::new(elb);
    for host in ["shop.example", "localhost", "127.0.0.1"] {
        let elb = Arc::clone(&elb);
        let asking = tokio::task::spawn_blocking(move || get(&elb, listener.address, host));
        let answer = asking.await.unwrap();
        assert!(answer.starts_with("HTTP/1.1 404"), "{host}: {answer}");
    }
}

#[tokio::test]
async fn a_listener_changes_between_http_and_https() {
    let elb = Elb::start().await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let modify = format!("ModifyListener&ListenerArn={listener}");
    let secure = format!("{modify}&Protocol=HTTPS{}", with(CERTIFICATE));
    assert_eq!(first(&elb.ok(&secure).await, "Protocol"), "HTTPS");
    let strict = format!("{modify}&SslPolicy=ELBSecurityPolicy-TLS13-1-2-2021-06");
    let described = elb.ok(&strict).await;
    assert_eq!(
        first(&described, "SslPolicy"),
        "ELBSecurityPolicy-TLS13-1-2-2021-06"
    );
    assert_eq!(first(&described, "CertificateArn"), CERTIFICATE, "it stays");
    let plain = elb.ok(&format!("{modify}&Protocol=HTTP")).await;
    assert_eq!(first(&plain, "Protocol"), "HTTP");
    assert!(!plain.contains("Certificate"), "{plain}");
}

#[tokio::test]
async fn what_is_no_certificate_or_policy_is_refused() {
    let elb = Elb::start().await;
    let balancer = elb.balancer("shop").await;
    let two = format!(
        "{}&Certificates.member.2.CertificateArn={CERTIFICATE}",
        with(CERTIFICATE)
    );
    let mutual = "&MutualAuthentication.Mode=verify";
    for (more, code, what) in [
        (String::new(), "ValidationError", "A certificate must be"),
        (two, "ValidationError", "Up to '1' certificate"),
        (with("nonsense"), "CertificateNotFound", "nonsense"),
        (
            format!("{}&SslPolicy=none", with(CERTIFICATE)),
            "SSLPolicyNotFound",
            "SSL policy 'none' not found",
        ),
        (
            format!("{}{mutual}", with(CERTIFICATE)),
            "ValidationError",
            "mutual authentication",
        ),
    ] {
        let (said, message) = elb.refused(&create(&balancer, &more)).await;
        assert_eq!(said, code, "{message}");
        assert!(message.contains(what), "{message}");
    }
    let plain = format!(
        "CreateListener&LoadBalancerArn={balancer}&Port=80&Protocol=HTTP&{NOT_FOUND}{}",
        with(CERTIFICATE)
    );
    assert_eq!(elb.code(&plain).await, "ValidationError");
}
