//! How requests are shared out: attributes of target groups and weights, through to real servers.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Elb, NOT_FOUND, first};

/// A server that answers everything with its name.
async fn server(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let mut request = [0; 4096];
                // What a client does that goes away is no matter of ours.
                let _ = stream.read(&mut request).await;
                let answer = format!(
                    "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{name}",
                    name.len()
                );
                let _ = stream.write_all(answer.as_bytes()).await;
            });
        }
    });
    address
}

/// Asks the one listener there is, and returns the whole answer.
async fn get(elb: &Elb, cookie: &str) -> String {
    let address = elb.balancing.listener_addresses()[0].address;
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!(
        "GET /api/x HTTP/1.1\r\nHost: shop\r\nConnection: close\r\nCookie: {cookie}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

fn body(answer: &str) -> &str {
    answer.rsplit("\r\n").next().unwrap()
}

/// The `name=value` that an answer sets.
fn cookie(answer: &str, name: &str) -> String {
    let prefix = format!("set-cookie: {name}=");
    let lines = answer.lines();
    let mut set = lines.filter(|line| {
        line.to_ascii_lowercase()
            .starts_with(&prefix.to_ascii_lowercase())
    });
    let line = set
        .next()
        .unwrap_or_else(|| panic!("no {name} in {answer}"));
    let (_, value) = line.split_once(": ").unwrap();
    value.split(';').next().unwrap().to_owned()
}

async fn register(elb: &Elb, group: &str, address: SocketAddr) {
    let port = address.port();
    elb.ok(&format!(
        "RegisterTargets&TargetGroupArn={group}&Targets.member.1.Id=127.0.0.1\
         &Targets.member.1.Port={port}"
    ))
    .await;
}

fn attributes(group: &str, pairs: &[(&str, &str)]) -> String {
    let mut form = format!("ModifyTargetGroupAttributes&TargetGroupArn={group}");
    for (number, (key, value)) in (1..).zip(pairs) {
        let member = format!("Attributes.member.{number}");
        form += &format!("&{member}.Key={key}&{member}.Value={value}");
    }
    form
}

#[tokio::test]
async fn a_sticky_target_group_keeps_its_clients() {
    let elb = Elb::start().await;
    let group = elb.group("api").await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    elb.rule(&listener, 1, &group).await;
    for name in ["one", "two"] {
        register(&elb, &group, server(name).await).await;
    }
    let turns = [get(&elb, "").await, get(&elb, "").await];
    assert_ne!(body(&turns[0]), body(&turns[1]), "they take turns");
    let sticky = [
        ("stickiness.enabled", "true"),
        ("stickiness.lb_cookie.duration_seconds", "60"),
    ];
    let set = elb.ok(&attributes(&group, &sticky)).await;
    assert!(set.contains("<Key>stickiness.enabled</Key><Value>true</Value>"));
    let answer = get(&elb, "").await;
    let kept = cookie(&answer, "AWSALB");
    for _ in 0..6 {
        assert_eq!(body(&get(&elb, &kept).await), body(&answer));
    }
}

#[tokio::test]
async fn a_weighted_forward_can_keep_its_clients_in_their_group() {
    let elb = Elb::start().await;
    let (old, new) = (elb.group("old").await, elb.group("new").await);
    register(&elb, &old, server("old").await).await;
    register(&elb, &new, server("new").await).await;
    let listener = elb.listener(&elb.balancer("shop").await).await;
    let weigh = |weights: [u32; 2]| {
        let config = "DefaultActions.member.1.ForwardConfig";
        let [one, two] = weights;
        format!(
            "ModifyListener&ListenerArn={listener}&DefaultActions.member.1.Type=forward\
             &{config}.TargetGroups.member.1.TargetGroupArn={old}\
             &{config}.TargetGroups.member.1.Weight={one}\
             &{config}.TargetGroups.member.2.TargetGroupArn={new}\
             &{config}.TargetGroups.member.2.Weight={two}\
             &{config}.TargetGroupStickinessConfig.Enabled=true"
        )
    };
    let (code, message) = elb.refused(&weigh([1, 1])).await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("stickiness duration"), "{message}");
    let lasting = |weights| {
        let config = "DefaultActions.member.1.ForwardConfig.TargetGroupStickinessConfig";
        format!("{}&{config}.DurationSeconds=60", weigh(weights))
    };
    let described = elb.ok(&lasting([1, 0])).await;
    assert_eq!(first(&described, "DurationSeconds"), "60");
    let answer = get(&elb, "").await;
    assert_eq!(body(&answer), "old");
    let kept = cookie(&answer, "AWSALBTG");
    elb.ok(&lasting([0, 1])).await;
    assert_eq!(body(&get(&elb, "").await), "new");
    assert_eq!(body(&get(&elb, &kept).await), "old");
    elb.ok(&format!(
        "ModifyListener&ListenerArn={listener}&{NOT_FOUND}"
    ))
    .await;
}

#[tokio::test]
async fn slow_start_goes_with_round_robin_only() {
    let elb = Elb::start().await;
    let group = elb.group("api").await;
    let least = (
        "load_balancing.algorithm.type",
        "least_outstanding_requests",
    );
    elb.ok(&attributes(
        &group,
        &[("slow_start.duration_seconds", "30")],
    ))
    .await;
    let (code, message) = elb.refused(&attributes(&group, &[least])).await;
    assert_eq!(code, "ValidationError");
    assert!(message.contains("slow start"), "{message}");
    elb.ok(&attributes(
        &group,
        &[("slow_start.duration_seconds", "0"), least],
    ))
    .await;
}
