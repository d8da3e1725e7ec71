//! What a task definition becomes.

use std::path::Path;

use seaway_aws_wire::Sensitive;
use seaway_scheduler::TaskId;

use super::*;
use crate::platform::records::{Place, PlacedPort};

fn image(config: &str) -> PulledImage {
    let text = format!(
        r#"{{"architecture":"amd64","os":"linux","config":{config},
            "rootfs":{{"type":"layers","diff_ids":[]}},"history":[]}}"#
    );
    let config = ImageConfiguration::from_reader(text.as_bytes()).unwrap();
    PulledImage {
        config,
        root: PulledRoot::Directory("/images/abc".into()),
    }
}

fn pair(name: &str, value: &str) -> wire::KeyValuePair {
    wire::KeyValuePair {
        name: Some(name.into()),
        value: Some(value.into()),
    }
}

fn container() -> wire::ContainerDefinition {
    wire::ContainerDefinition {
        name: Some("api".into()),
        command: Some(vec!["./api".into()]),
        environment: Some(Sensitive::new(vec![
            pair("LOG_LEVEL", "info"),
            pair("CATALOG_URL", "http://catalog.shop.internal/v1"),
        ])),
        port_mappings: Some(vec![wire::PortMapping {
            container_port: Some(8000),
            ..wire::PortMapping::default()
        }]),
        mount_points: Some(vec![wire::MountPoint {
            source_volume: Some("data".into()),
            container_path: Some("/data".into()),
            ..wire::MountPoint::default()
        }]),
        ..wire::ContainerDefinition::default()
    }
}

fn definition(container: wire::ContainerDefinition) -> wire::TaskDefinition {
    wire::TaskDefinition {
        container_definitions: Some(vec![container]),
        memory: Some("512".into()),
        volumes: Some(vec![wire::Volume {
            name: Some("data".into()),
            ..wire::Volume::default()
        }]),
        ..wire::TaskDefinition::default()
    }
}

fn order(overrides: Option<wire::TaskOverride>) -> LaunchOrder {
    LaunchOrder {
        task: TaskId::new("0123456789abcdef0123456789abcdef"),
        task_definition: "arn".into(),
        overrides,
        place: Place {
            ports: vec![PlacedPort {
                container: "api".into(),
                container_port: 8000,
                host_port: 21234,
            }],
            ..Place::default()
        },
        owner: "api".into(),
        cluster: "shop-local".into(),
        deployment: None,
        digests: BTreeMap::new(),
    }
}

fn spec(
    definition: &wire::TaskDefinition,
    config: &str,
    overrides: Option<wire::TaskOverride>,
) -> Result<TaskSpec, NotStarted> {
    let order = order(overrides);
    let images = BTreeMap::from([("api".to_owned(), image(config))]);
    let secrets = BTreeMap::from([(("api".into(), "TOKEN".into()), "hunter2".into())]);
    let internal = |authority: &str| {
        (authority == "catalog.shop.internal").then(|| ([127, 0, 0, 1], 24_000).into())
    };
    task_spec(
        definition,
        &Ingredients {
            order: &order,
            images: &images,
            secrets: &secrets,
            internal: &internal,
            volumes: Path::new("/state/volumes"),
            logs: Path::new("/state/tasks"),
        },
    )
}

fn variables(spec: &TaskSpec) -> BTreeMap<String, String> {
    let env = spec.containers[0].env.iter();
    env.map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

#[test]
fn a_task_gets_its_variables_secrets_port_and_volumes() {
    let config = r#"{"Env":["PATH=/usr/bin","LOG_LEVEL=debug","TZ=UTC"],"WorkingDir":"/app"}"#;
    let spec = spec(&definition(container()), config, None).unwrap();
    let env = variables(&spec);
    assert_eq!(
        env["LOG_LEVEL"], "info",
        "the definition wins over the image"
    );
    assert_eq!(env["TZ"], "UTC");
    assert_eq!(env["TOKEN"], "hunter2");
    assert!(
        !env.contains_key("PATH"),
        "the image's PATH means another file system"
    );
    let declared = ["CATALOG_URL", "LOG_LEVEL", "TOKEN", "TZ"];
    assert!(env.keys().eq(declared), "nothing else: {env:?}");
    let container = &spec.containers[0];
    assert_eq!(container.port, Some(21234));
    assert_eq!(container.workdir, "/app");
    assert_eq!(container.memory, Some(MemoryLimit::from_mib(512)));
    let volume = &container.volumes[0];
    assert_eq!(
        volume.host_path,
        Path::new("/state/volumes/shop-local/api/data")
    );
}

#[test]
fn internal_names_become_addresses_of_this_machine() {
    let spec = spec(&definition(container()), "{}", None).unwrap();
    assert_eq!(variables(&spec)["CATALOG_URL"], "http://127.0.0.1:24000/v1");
    let elsewhere = |_: &str| None;
    let url = "postgres://user@db.example:5432/x?y=//z";
    assert_eq!(with_internal_names(url, &elsewhere), url);
}

#[test]
fn an_override_replaces_the_command() {
    let over = wire::ContainerOverride {
        name: Some("api".into()),
        command: Some(vec!["./api".into(), "migrate".into()]),
        ..wire::ContainerOverride::default()
    };
    let overrides = wire::TaskOverride {
        container_overrides: Some(vec![over]),
        ..wire::TaskOverride::default()
    };
    let spec = spec(&definition(container()), "{}", Some(overrides)).unwrap();
    assert_eq!(spec.containers[0].argv, ["./api", "migrate"]);
}

#[test]
fn an_entry_point_of_the_definition_drops_the_command_of_the_image() {
    let own = wire::ContainerDefinition {
        command: None,
        entry_point: Some(vec!["./serve".into()]),
        ..container()
    };
    let config = r#"{"Entrypoint":["./old"],"Cmd":["--flag"]}"#;
    assert_eq!(
        spec(&definition(own), config, None).unwrap().containers[0].argv,
        ["./serve"]
    );
}

#[test]
fn a_container_without_any_command_is_named() {
    let silent = wire::ContainerDefinition {
        command: None,
        ..container()
    };
    let error = spec(&definition(silent), "{}", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "CannotStartContainerError: container api has neither entry point nor command"
    );
}
