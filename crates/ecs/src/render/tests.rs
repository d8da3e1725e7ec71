//! The finished documents of a small shop, as they are digested and applied.

use seaway_core::digest::Digest;
use seaway_core::environment::{
    Class, EcsTarget, HealthCheck, ImageSource, RolloutPolicy, Route, Rules, SecretRef,
};
use seaway_core::name::JobName;
use seaway_core::time::Seconds;

use super::*;

fn service(name: &str) -> Service {
    Service {
        name: name.parse().expect("a name"),
        path: format!("services/{name}"),
        image: ImageSource::Dockerfile {
            dockerfile: "Dockerfile".into(),
        },
        command: vec![format!("./{name}")],
        port: Some(8000),
        cpu: 256,
        memory: 512,
        count: 2,
        route: None,
        health: None,
        rollout: RolloutPolicy {
            min_healthy: 100,
            max: 200,
            timeout: Seconds(900),
        },
        scaling: None,
        before: vec![],
        uses: vec![],
        volumes: BTreeMap::new(),
        env: BTreeMap::new(),
        secrets: BTreeMap::new(),
        drain: Seconds(5),
        stop_timeout: Seconds(30),
        independent: false,
    }
}

fn route(path: &str) -> Option<Route> {
    Some(Route {
        path: path.into(),
        host: None,
    })
}

fn api() -> Service {
    let url = SecretRef {
        secret: "database".into(),
        key: Some("url".into()),
    };
    Service {
        route: route("/api/*"),
        health: Some(HealthCheck {
            path: "/health".into(),
            interval: Seconds(10),
            timeout: Seconds(5),
            healthy: 2,
            unhealthy: 3,
            codes: "200".into(),
            grace: Seconds(30),
        }),
        before: vec!["migrate".parse().expect("a name")],
        uses: vec!["price-list".parse().expect("a name")],
        volumes: BTreeMap::from([("data".into(), "/data".into())]),
        env: BTreeMap::from([("LOG_LEVEL".into(), "info".into())]),
        secrets: BTreeMap::from([("DATABASE_URL".into(), url)]),
        ..service("api")
    }
}

fn worker() -> Service {
    Service {
        port: None,
        ..service("worker")
    }
}

fn shop(platform: Platform, services: Vec<Service>) -> Environment {
    let migrate: JobName = "migrate".parse().expect("a name");
    let job = Job {
        name: migrate.clone(),
        service: "api".parse().expect("a name"),
        command: vec!["./api".into(), "migrate".into()],
        cpu: 256,
        memory: 512,
        env: BTreeMap::from([("LOG_LEVEL".into(), "debug".into())]),
        timeout: Seconds(600),
    };
    Environment {
        project: "shop".parse().expect("a name"),
        name: "local".parse().expect("a name"),
        platform,
        class: Class::Local,
        rules: Rules {
            promote_from: None,
            branches: vec![],
            approvals: 0,
            log_retention_days: 7,
            deletion_protection: false,
            spot_percent: 0,
        },
        shared: vec![],
        services: services
            .into_iter()
            .map(|service| (service.name.clone(), service))
            .collect(),
        jobs: BTreeMap::from([(migrate, job)]),
        sites: BTreeMap::new(),
    }
}

fn render(environment: &Environment) -> Result<Desired, PortError> {
    let image = |name: &ServiceName| ImageRef {
        repository: format!("registry.seaway.internal/shop/{name}"),
        digest: Digest::of(name.as_str().as_bytes()),
    };
    let images = environment
        .services
        .keys()
        .map(|name| (name.clone(), image(name)));
    EcsRenderer.render(environment, &images.collect())
}

fn rendered(platform: Platform, services: Vec<Service>) -> Desired {
    render(&shop(platform, services)).expect("everything is known")
}

fn aws() -> Platform {
    Platform::Ecs(EcsTarget {
        region: "eu-west-1".into(),
        account: "111122223333".into(),
        endpoint_url: None,
    })
}

#[test]
fn a_task_definition_holds_all_the_manifest_says_and_nothing_of_a_machine() {
    let desired = rendered(Platform::Local, vec![api(), service("price-list")]);
    insta::assert_json_snapshot!(desired.services["api"].revision.body, @r#"
    {
      "containerDefinitions": [
        {
          "command": [
            "./api"
          ],
          "environment": [
            {
              "name": "LOG_LEVEL",
              "value": "info"
            },
            {
              "name": "PORT",
              "value": "8000"
            },
            {
              "name": "PRICE_LIST_URL",
              "value": "http://price-list.shop.internal"
            }
          ],
          "essential": true,
          "image": "registry.seaway.internal/shop/api@sha256:14c2529eb4498c5d1ffd6915d05bf58a91bdda796af59f41d480d11c099d0479",
          "logConfiguration": {
            "logDriver": "awslogs",
            "options": {
              "awslogs-group": "/seaway/shop/local/api",
              "awslogs-region": "us-east-1",
              "awslogs-stream-prefix": "task"
            }
          },
          "mountPoints": [
            {
              "containerPath": "/data",
              "sourceVolume": "data"
            }
          ],
          "name": "api",
          "portMappings": [
            {
              "containerPort": 8000,
              "name": "http",
              "protocol": "tcp"
            }
          ],
          "secrets": [
            {
              "name": "DATABASE_URL",
              "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/local/database:url::"
            }
          ],
          "stopTimeout": 30
        }
      ],
      "cpu": "256",
      "family": "shop-local-api",
      "memory": "512",
      "networkMode": "awsvpc",
      "requiresCompatibilities": [
        "FARGATE"
      ],
      "volumes": [
        {
          "name": "data"
        }
      ]
    }
    "#);
}

#[test]
fn a_job_runs_with_its_services_variables_and_secrets() {
    let desired = rendered(Platform::Local, vec![api()]);
    let migrate = &desired.jobs["migrate"].revision.body;
    insta::assert_json_snapshot!(migrate["containerDefinitions"][0], @r#"
    {
      "command": [
        "./api",
        "migrate"
      ],
      "environment": [
        {
          "name": "LOG_LEVEL",
          "value": "debug"
        },
        {
          "name": "PRICE_LIST_URL",
          "value": "http://price-list.shop.internal"
        }
      ],
      "essential": true,
      "image": "registry.seaway.internal/shop/api@sha256:14c2529eb4498c5d1ffd6915d05bf58a91bdda796af59f41d480d11c099d0479",
      "logConfiguration": {
        "logDriver": "awslogs",
        "options": {
          "awslogs-group": "/seaway/shop/local/job-migrate",
          "awslogs-region": "us-east-1",
          "awslogs-stream-prefix": "task"
        }
      },
      "name": "migrate",
      "secrets": [
        {
          "name": "DATABASE_URL",
          "valueFrom": "arn:aws:secretsmanager:us-east-1:000000000000:secret:shop/local/database:url::"
        }
      ],
      "stopTimeout": 30
    }
    "#);
    assert_eq!(migrate["family"], "shop-local-job-migrate");
}

#[test]
fn settings_on_this_machine_attach_the_target_group() {
    let desired = rendered(Platform::Local, vec![api()]);
    insta::assert_json_snapshot!(desired.services["api"].settings.body, @r#"
    {
      "deploymentConfiguration": {
        "deploymentCircuitBreaker": {
          "enable": true,
          "rollback": true
        },
        "maximumPercent": 200,
        "minimumHealthyPercent": 100
      },
      "healthCheckGracePeriodSeconds": 30,
      "loadBalancers": [
        {
          "containerName": "api",
          "containerPort": 8000,
          "targetGroupName": "shop-local-api"
        }
      ],
      "networkConfiguration": {
        "awsvpcConfiguration": {
          "subnets": [
            "subnet-local"
          ]
        }
      }
    }
    "#);
}

#[test]
fn settings_on_ecs_leave_what_terraform_owns_alone() {
    let desired = rendered(aws(), vec![api(), worker()]);
    insta::assert_json_snapshot!(desired.services["api"].settings.body, @r#"
    {
      "deploymentConfiguration": {
        "deploymentCircuitBreaker": {
          "enable": true,
          "rollback": true
        },
        "maximumPercent": 200,
        "minimumHealthyPercent": 100
      },
      "healthCheckGracePeriodSeconds": 30
    }
    "#);
    let worker = &desired.services["worker"].settings.body;
    assert_eq!(worker.get("healthCheckGracePeriodSeconds"), None);
    assert_eq!(desired.infrastructure, None);
}

#[test]
fn infrastructure_of_a_small_shop() {
    let desired = rendered(Platform::Local, vec![api(), service("catalog"), worker()]);
    let document = desired.infrastructure.expect("local infrastructure");
    insta::assert_json_snapshot!(document.body, @r#"
    {
      "clusterName": "shop-local",
      "loadBalancers": [
        {
          "name": "shop-local-public",
          "port": 80,
          "rules": [
            {
              "path": "/api/*",
              "priority": 1,
              "targetGroupName": "shop-local-api"
            }
          ],
          "scheme": "internet-facing"
        },
        {
          "name": "shop-local-internal",
          "port": 80,
          "rules": [
            {
              "host": "api.shop.internal",
              "priority": 1,
              "targetGroupName": "shop-local-api"
            },
            {
              "host": "catalog.shop.internal",
              "priority": 2,
              "targetGroupName": "shop-local-catalog"
            }
          ],
          "scheme": "internal"
        }
      ],
      "logGroups": [
        {
          "logGroupName": "/seaway/shop/local/api",
          "retentionInDays": 7
        },
        {
          "logGroupName": "/seaway/shop/local/catalog",
          "retentionInDays": 7
        },
        {
          "logGroupName": "/seaway/shop/local/worker",
          "retentionInDays": 7
        },
        {
          "logGroupName": "/seaway/shop/local/job-migrate",
          "retentionInDays": 7
        }
      ],
      "targetGroups": [
        {
          "deregistrationDelaySeconds": 5,
          "name": "shop-local-api",
          "port": 8000
        },
        {
          "deregistrationDelaySeconds": 5,
          "name": "shop-local-catalog",
          "port": 8000
        }
      ]
    }
    "#);
}

#[test]
fn more_specific_routes_are_asked_first() {
    let routed = |name: &str, path: &str| Service {
        route: route(path),
        ..service(name)
    };
    let hosted = Service {
        route: Some(Route {
            path: "/*".into(),
            host: Some("admin.shop.example".into()),
        }),
        ..service("admin")
    };
    let services = vec![
        api(),
        routed("a-web", "/*"),
        routed("orders", "/api/orders/*"),
        hosted,
    ];
    let desired = rendered(Platform::Local, services);
    let document = desired.infrastructure.expect("local infrastructure");
    let rules = document.body["loadBalancers"][0]["rules"]
        .as_array()
        .cloned();
    let order: Vec<String> = rules
        .unwrap_or_default()
        .iter()
        .map(|rule| format!("{} {}", rule["priority"], rule["targetGroupName"]))
        .collect();
    assert_eq!(
        order,
        [
            r#"1 "shop-local-admin""#,
            r#"2 "shop-local-orders""#,
            r#"3 "shop-local-api""#,
            r#"4 "shop-local-a-web""#,
        ]
    );
}

#[test]
fn what_the_manifest_sets_itself_wins() {
    let mut own = api();
    own.env.insert("PORT".into(), "9000".into());
    own.uses = vec!["catalog".parse().expect("a name")];
    own.secrets.insert(
        "CATALOG_URL".into(),
        SecretRef {
            secret: "catalog".into(),
            key: None,
        },
    );
    let desired = rendered(Platform::Local, vec![own]);
    let container = &desired.services["api"].revision.body["containerDefinitions"][0];
    let names: Vec<&str> = container["environment"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|variable| variable["name"].as_str())
        .collect();
    assert_eq!(names, ["LOG_LEVEL", "PORT"]);
    assert_eq!(container["environment"][1]["value"], "9000");
}

#[test]
fn rendering_again_gives_the_same_digests() {
    let services = || vec![api(), service("price-list"), worker()];
    assert_eq!(
        rendered(Platform::Local, services()),
        rendered(Platform::Local, services())
    );
}

#[test]
fn a_service_without_an_image_cannot_be_rendered() {
    let environment = shop(Platform::Local, vec![api()]);
    let error = EcsRenderer
        .render(&environment, &BTreeMap::new())
        .expect_err("no image");
    assert_eq!(
        error.to_string(),
        "could not render api: its image is not known"
    );
}

#[test]
fn documents_read_back_as_they_were_rendered() {
    let desired = rendered(Platform::Local, vec![api(), worker()]);
    for service in desired.services.values() {
        let form: crate::document::TaskDefinition =
            crate::document::read("task definition", &service.revision).expect("its own form");
        assert_eq!(finished(&form).as_ref(), Ok(&service.revision));
    }
    let mut newer = desired.services["api"].revision.clone();
    newer.body["ephemeralStorage"] = serde_json::json!({"sizeInGiB": 30});
    let read = crate::document::read::<crate::document::TaskDefinition>("task definition", &newer);
    assert!(read.is_err(), "a field that would be lost is refused");
}
