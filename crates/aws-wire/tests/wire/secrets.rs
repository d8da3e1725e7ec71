//! What is secret shows in no `Debug`, no `Display` and no error.

use seaway_aws_wire::codec;
use seaway_aws_wire::sigv4::SecretKey;
use seaway_aws_wire::{Sensitive, ecs, secretsmanager};

use crate::support::{Recorded, json_request};

#[test]
fn requests_do_not_print_secrets() {
    let recorded = Recorded::load("recorded/secretsmanager-create-secret.http");
    let decoded = codec::decode(&recorded.parts, &recorded.body).unwrap();
    assert!(!format!("{decoded:?}").contains("planted"));
    let request = decoded.parse::<secretsmanager::CreateSecret>().unwrap();
    assert!(!format!("{request:#?}").contains("planted"), "{request:#?}");
    assert_eq!(
        request.secret_string.unwrap().expose(),
        "planted-secret-value"
    );
}

#[test]
fn environments_of_containers_are_not_printed() {
    let recorded = Recorded::load("recorded/ecs-register-task-definition.http");
    let request = recorded.parsed::<ecs::RegisterTaskDefinition>();
    assert!(!format!("{request:?}").contains("planted"), "{request:?}");
}

#[test]
fn binary_secrets_are_not_printed() {
    let recorded = Recorded::load("recorded/secretsmanager-put-secret-value.http");
    let request = recorded.parsed::<secretsmanager::PutSecretValue>();
    let printed = format!("{request:?}");
    assert!(
        !printed.contains("planted") && !printed.contains("AP9w"),
        "{printed}"
    );
}

#[test]
fn validation_does_not_quote_sensitive_values() {
    let long = "planted".repeat(10_000);
    let body = format!(r#"{{"Name":"n","ClientRequestToken":"short","SecretString":"{long}"}}"#);
    let refused = json_request("secretsmanager.CreateSecret", &body).refused();
    assert!(
        refused.contains("Value at 'secretString' failed to satisfy"),
        "{refused}"
    );
    assert!(
        refused.contains("Value 'short' at 'clientRequestToken'"),
        "{refused}"
    );
    assert!(!refused.contains("planted"), "{refused}");
}

#[test]
fn validation_does_not_quote_values_inside_sensitive_ones() {
    let body = r#"{"family":"f","containerDefinitions":[{"environment":["planted"]}]}"#;
    let target = "AmazonEC2ContainerServiceV20141113.RegisterTaskDefinition";
    let refused = json_request(target, body).refused();
    assert!(
        refused.contains("containerDefinitions.1.member.environment.1.member"),
        "{refused}"
    );
    assert!(!refused.contains("planted"), "{refused}");
}

#[test]
fn unreadable_bodies_are_not_quoted() {
    for body in [
        r#"{"SecretString":"planted"#,
        r#"{"SecretString":{"planted":1}}"#,
        "planted",
    ] {
        let refused = json_request("secretsmanager.CreateSecret", body).refused();
        assert!(refused.starts_with("SerializationException: "), "{refused}");
        assert!(!refused.contains("planted"), "{refused}");
    }
}

#[test]
fn wrappers_print_that_they_hide_something() {
    assert_eq!(
        format!("{0} {0:?}", Sensitive::new("planted")),
        "(sensitive) (sensitive)"
    );
    assert_eq!(
        format!("{:?}", SecretKey::new("planted")),
        "SecretKey(sensitive)"
    );
}
