//! What right manifests become.

use std::path::Path;

use insta::assert_snapshot;
use seaway_core::environment::{Class, Platform};
use seaway_manifest::{load, resolved_toml, short_names};

use crate::shop::{SHOP, changed, parse, report, resolve};

#[test]
fn the_manifest_of_the_design_has_nothing_to_complain_about() {
    assert_eq!(report(SHOP), "");
}

#[test]
fn defaults_are_filled_in_and_references_resolved() {
    assert_snapshot!(resolved_toml(&resolve(SHOP, "production")), @r#"
    # durations in seconds, memory in MiB, 1024 units of cpu are one virtual CPU
    project = "shop"
    name = "production"
    class = "production"
    shared = [
        "packages/**",
        "Cargo.lock",
        "docker/**",
    ]

    [platform]
    kind = "ecs"
    region = "us-east-1"
    account = "111122223333"

    [rules]
    promote_from = "qa"
    branches = ["prod/*"]
    approvals = 1
    log_retention_days = 90
    deletion_protection = true
    spot_percent = 0

    [services.api]
    name = "api"
    path = "services/api"
    command = ["./api"]
    port = 8000
    cpu = 256
    memory = 512
    count = 3
    before = ["migrate"]
    uses = ["catalog"]
    drain = 30
    stop_timeout = 30
    independent = false

    [services.api.image]
    kind = "dockerfile"
    dockerfile = "docker/service.Dockerfile"

    [services.api.route]
    path = "/api/*"

    [services.api.health]
    path = "/health"
    interval = 10
    timeout = 5
    healthy = 2
    unhealthy = 2
    codes = "200"
    grace = 30

    [services.api.rollout]
    min_healthy = 100
    max = 200
    timeout = 900

    [services.api.scaling]
    min = 3
    max = 20
    cpu = 60

    [services.api.volumes]
    data = "/data"

    [services.api.env]
    LOG_LEVEL = "info"

    [services.api.secrets.DATABASE_URL]
    secret = "database"
    key = "url"

    [services.catalog]
    name = "catalog"
    path = "services/catalog"
    command = []
    port = 8001
    cpu = 256
    memory = 512
    count = 3
    before = []
    uses = []
    drain = 30
    stop_timeout = 30
    independent = false

    [services.catalog.image]
    kind = "bundle"
    build = "cargo build --bin catalog"
    files = ["target/catalog"]

    [services.catalog.rollout]
    min_healthy = 100
    max = 200
    timeout = 900

    [services.catalog.volumes]

    [services.catalog.env]

    [services.catalog.secrets]

    [jobs.migrate]
    name = "migrate"
    service = "api"
    command = [
        "./api",
        "migrate",
    ]
    cpu = 256
    memory = 512
    timeout = 1800

    [jobs.migrate.env]
    LOG_LEVEL = "info"

    [sites.admin]
    name = "admin"
    path = "apps/admin"
    build = "npm ci && npm run build"
    dist = "dist"
    route = "/*"
    "#);
}

#[test]
fn the_example_in_this_repository_resolves() {
    let shop = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/shop");
    let manifest = load(Path::new(shop)).expect("the example loads");
    assert_eq!(manifest.check().errors(), 0);
    for name in manifest.environments() {
        let environment = manifest.resolve(name).expect("the example resolves");
        assert!(!environment.services.is_empty());
    }
}

#[test]
fn line_ends_of_windows_and_a_byte_order_mark_are_read() {
    let text = format!("\u{feff}{}", SHOP.replace('\n', "\r\n"));
    assert_eq!(report(&text), "");
}

#[test]
fn environments_are_listed_in_the_order_of_the_text() {
    let manifest = parse(SHOP).expect("the shop is right");
    let names: Vec<&str> = manifest.environments().map(|name| name.as_str()).collect();
    assert_eq!(names, ["local", "qa", "production"]);
    assert_eq!(manifest.project().map(|name| name.as_str()), Some("shop"));
}

#[test]
fn the_local_platform_has_its_own_defaults() {
    let local = resolve(SHOP, "local");
    assert_eq!(
        (local.platform, local.class),
        (Platform::Local, Class::Local)
    );
    assert_eq!(local.rules.log_retention_days, 7);
    let [api, catalog] = ["api", "catalog"].map(|name| &local.services[name]);
    assert_eq!(
        (api.count, catalog.count),
        (2, 1),
        "what is said holds, else the class"
    );
    assert_eq!(catalog.drain.0, 5);
}

#[test]
fn classes_give_the_numbers_of_row_a2() {
    let text = changed("[environments.local]\nplatform = \"local\"", "[environments.develop]\nplatform = \"ecs\"\nregion = \"eu-west-1\"\naccount = \"123456789012\"")
        .replace("count   = 2\n", "")
        .replace("count = 3, scaling = { min = 3, max = 20 }", "")
        .replace("min = 1, max = 10, ", "");
    let numbers = ["develop", "qa", "production"].map(|name| {
        let environment = resolve(&text, name);
        let api = &environment.services["api"];
        let scaling = api.scaling.as_ref().expect("the api scales");
        let rules = environment.rules;
        (
            (api.count, scaling.min, scaling.max),
            (rules.log_retention_days, rules.spot_percent),
            (rules.deletion_protection, rules.approvals),
        )
    });
    assert_eq!(numbers[0], ((1, 1, 5), (7, 70), (false, 0)));
    assert_eq!(numbers[1], ((2, 2, 10), (30, 30), (false, 0)));
    assert_eq!(numbers[2], ((3, 3, 20), (90, 0), (true, 1)));
}

#[test]
fn what_an_environment_says_is_laid_over_the_service_key_by_key() {
    let production = resolve(SHOP, "production");
    let scaling = production.services["api"]
        .scaling
        .as_ref()
        .expect("the api scales");
    assert_eq!((scaling.min, scaling.max, scaling.cpu), (3, 20, Some(60)));

    let text = changed(
        "services.api = { count = 3,",
        "services.api = { env = { LOG_LEVEL = \"warn\" }, health = { interval = \"20s\" }, count = 3,",
    );
    let api = &resolve(&text, "production").services["api"];
    assert_eq!(api.env["LOG_LEVEL"], "warn");
    let health = api.health.as_ref().expect("the api is checked");
    assert_eq!(
        (health.path.as_str(), health.interval.0, health.grace.0),
        ("/health", 20, 30)
    );
    assert_eq!(
        resolve(&text, "qa").services["api"].env["LOG_LEVEL"],
        "info"
    );
}

#[test]
fn an_environment_can_give_a_route_its_host_alone() {
    let text = changed(
        "services.api = { count = 3,",
        "services.api = { route = { host = \"shop.example.com\" }, count = 3,",
    );
    let route = resolve(&text, "production").services["api"]
        .route
        .clone()
        .expect("a route");
    assert_eq!(
        (route.path.as_str(), route.host.as_deref()),
        ("/api/*", Some("shop.example.com"))
    );
    let route = resolve(&text, "qa").services["api"]
        .route
        .clone()
        .expect("a route");
    assert_eq!(route.host, None);
}

#[test]
fn scaling_of_the_class_gives_way_to_what_is_said() {
    let text = SHOP
        .replace("scaling = { min = 1, max = 10, cpu = 60 }", "scaling = {}")
        .replace("scaling = { min = 3, max = 20 }", "scaling = { max = 25 }")
        .replace("{ count = 3", "{ count = 2");
    let bounds = |name: &str| {
        let scaling = resolve(&text, name).services["api"]
            .scaling
            .clone()
            .expect("it scales");
        (scaling.min, scaling.max)
    };
    assert_eq!(bounds("production"), (2, 25), "the class says 3 to 20");
    assert_eq!(bounds("local"), (1, 2), "the class says 1");
}

#[test]
fn a_variable_takes_the_place_of_a_secret_in_an_environment() {
    let text = changed(
        "platform = \"local\"",
        "platform = \"local\"\nservices.api.env = { DATABASE_URL = \"postgres://localhost\" }",
    );
    let local = &resolve(&text, "local").services["api"];
    assert_eq!(local.env["DATABASE_URL"], "postgres://localhost");
    assert!(local.secrets.is_empty());
    assert_eq!(resolve(&text, "qa").services["api"].secrets.len(), 1);
}

#[test]
fn a_job_runs_with_its_services_size_and_variables() {
    let text = changed(
        "command = [\"./api\", \"migrate\"]",
        "command = [\"./migrate\"]\nenv = { STEP = \"1\" }",
    );
    let migrate = &resolve(&text, "qa").jobs["migrate"];
    assert_eq!((migrate.cpu, migrate.memory), (256, 512));
    assert_eq!(
        (
            migrate.env["LOG_LEVEL"].as_str(),
            migrate.env["STEP"].as_str()
        ),
        ("info", "1")
    );
}

#[test]
fn a_variable_that_every_environment_sets_needs_no_default() {
    let text = SHOP
        .replace(
            "platform = \"local\"",
            "platform = \"local\"\nservices.api.env.TIER = \"l\"",
        )
        .replace(
            "class    = \"test\"",
            "class    = \"test\"\nservices.api.env.TIER = \"q\"",
        )
        .replace(
            "services.api = { count",
            "services.api = { env = { TIER = \"p\" }, count",
        );
    assert_eq!(report(&text), "");
    assert_eq!(resolve(&text, "qa").services["api"].env["TIER"], "q");
}

#[test]
fn a_broken_environment_does_not_keep_another_from_resolving() {
    let text = changed("min = 3, max = 20", "min = 30, max = 20");
    let manifest = parse(&text).expect("keys and types are right");
    assert!(manifest.resolve("local").is_ok());
    assert!(manifest.resolve("production").is_err());
}

#[test]
fn a_short_health_interval_shortens_the_default_timeout() {
    let text = changed("interval = \"10s\"", "interval = \"5s\"");
    let environment = resolve(&text, "qa");
    let health = environment.services["api"]
        .health
        .as_ref()
        .expect("the api is checked");
    assert_eq!(health.timeout.0, 4);
}

#[test]
fn a_resolved_environment_shows_which_names_are_shortened() {
    let text = SHOP.replace("catalog", "catalog-of-all-products");
    let environment = resolve(&text, "production");
    let names = short_names(&environment);
    assert_eq!(names.len(), 1);
    assert!(names[0].short.len() <= 32);
    assert!(resolved_toml(&environment).contains(&format!(
        "# shop-production-catalog-of-all-products is shortened to {}\n",
        names[0].short
    )));
}

#[test]
fn the_machine_form_has_line_and_column() {
    let errors = parse(&changed("port    = 8000", "port    = 80000")).expect_err("out of range");
    let problems = errors.problems();
    assert_eq!(problems.len(), 1);
    assert_eq!((problems[0].line, problems[0].column), (Some(9), Some(11)));
    let json = serde_json::to_value(&problems).expect("problems are plain data");
    assert_eq!(json[0]["file"], "seaway.toml");
    assert_eq!(json[0]["severity"], "error");
}
