//! Values that are right alone and wrong together, and the whole text that they give.

use insta::assert_snapshot;

use crate::shop::{changed, report, report_changed};

#[test]
fn a_minimum_above_the_maximum_is_refused() {
    assert_snapshot!(report_changed("min = 1, max = 10", "min = 11, max = 10"), @r#"
    error: scaling has a `min` of 11 above its `max` of 10
      --> seaway.toml:16:19
       |
    16 | scaling = { min = 11, max = 10, cpu = 60 }
       |                   ^^        -- `max` is here
       |                   |
       |                   `min` is above `max`
       |
       = note: in environments `local`, `qa`
       = help: swap them, or raise `max`

    1 error in seaway.toml
    "#);
}

#[test]
fn a_count_outside_of_scaling_is_refused() {
    assert_snapshot!(report_changed("services.api = { count = 3,", "services.api = { count = 2,"), @r#"
    error: a count of 2 is outside of scaling
      --> seaway.toml:55:26
       |
    55 | services.api = { count = 2, scaling = { min = 3, max = 20 } }
       |                          ^            --------------------- scaling is set here
       |                          |
       |                          scaling keeps it from 3 to 20
       |
       = note: in environment `production`
       = help: change `count`, or the `min` and `max` of `scaling`

    1 error in seaway.toml
    "#);
}

#[test]
fn percentages_that_deadlock_a_rolling_update_are_refused() {
    assert_snapshot!(report_changed("min_healthy = 100, max = 200", "min_healthy = 100, max = 100"), @r#"
    error: a rolling update of 2 tasks could neither stop an old task nor start a new one
      --> seaway.toml:15:11
       |
    15 | rollout = { min_healthy = 100, max = 100, timeout = "15m" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ min_healthy = 100, max = 100
       |
       = note: in environments `local`, `qa`
       = note: 2 is the count of the service
       = note: at least 2 must stay healthy (100 % rounded up), at most 2 may run (100 % rounded down)
       = help: raise `max` to start a new task first, or lower `min_healthy` to stop an old one

    error: a rolling update of 3 tasks could neither stop an old task nor start a new one
      --> seaway.toml:15:11
       |
    15 | rollout = { min_healthy = 100, max = 100, timeout = "15m" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ min_healthy = 100, max = 100
       |
       = note: in environment `production`
       = note: 3 is the count of the service
       = note: at least 3 must stay healthy (100 % rounded up), at most 3 may run (100 % rounded down)
       = help: raise `max` to start a new task first, or lower `min_healthy` to stop an old one

    2 errors in seaway.toml
    "#);
}

#[test]
fn percentages_that_deadlock_at_a_scaled_count_are_refused() {
    assert_snapshot!(report_changed("min_healthy = 100, max = 200", "min_healthy = 50, max = 150"), @r#"
    error: a rolling update of 1 task could neither stop an old task nor start a new one
      --> seaway.toml:15:11
       |
    15 | rollout = { min_healthy = 50, max = 150, timeout = "15m" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ min_healthy = 50, max = 150
       |
       = note: in environments `local`, `qa`
       = note: 1 is a count that scaling can choose
       = note: at least 1 must stay healthy (50 % rounded up), at most 1 may run (150 % rounded down)
       = help: raise `max` to start a new task first, or lower `min_healthy` to stop an old one

    1 error in seaway.toml
    "#);
}

#[test]
fn a_size_that_fargate_does_not_offer_is_refused() {
    assert_snapshot!(report_changed("memory  = 512", "memory  = 4096"), @r#"
    error: Fargate offers no task of 256 CPU units with 4096 MiB
      --> seaway.toml:11:11
       |
    10 | cpu     = 256
       |           --- with this CPU
    11 | memory  = 4096
       |           ^^^^ not offered together
       |
       = note: with 256 CPU units it offers 512, 1024, 2048 MiB
       = help: the nearest is memory = 2048

    1 error in seaway.toml
    "#);
}

#[test]
fn a_cpu_that_fargate_does_not_offer_is_refused() {
    assert_snapshot!(report_changed("cpu     = 256", "cpu     = 300"), @r#"
    error: Fargate offers no task of 300 CPU units
      --> seaway.toml:10:11
       |
    10 | cpu     = 300
       |           ^^^ not offered
       |
       = note: it offers 256, 512, 1024, 2048, 4096, 8192, 16384

    1 error in seaway.toml
    "#);
}

#[test]
fn a_health_check_timeout_above_its_interval_is_refused() {
    assert_snapshot!(report_changed(r#"interval = "10s""#, r#"interval = "10s", timeout = "10s""#), @r#"
    error: a health check's `timeout` must be less than its `interval`
      --> seaway.toml:14:59
       |
    14 | health  = { path = "/health", interval = "10s", timeout = "10s", grace = "30s" }
       |                                          -----            ^^^^^ 10s is not less than 10s
       |                                          |
       |                                          the interval

    1 error in seaway.toml
    "#);
}

#[test]
fn a_route_without_a_path_is_refused() {
    assert_snapshot!(report_changed("{ path = \"/api/*\" }", "{ host = \"example.com\" }"), @r#"
    error: a route needs a `path`
      --> seaway.toml:13:11
       |
    13 | route   = { host = "example.com" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^ `path` is missing
       |
       = help: for every path: path = "/*"

    1 error in seaway.toml
    "#);
}

#[test]
fn a_route_without_a_port_is_refused() {
    assert_snapshot!(report_changed("port  = 8001", r#"route = { path = "/catalog" }"#), @r#"
    error: `route` needs a `port`
      --> seaway.toml:26:9
       |
    26 | route = { path = "/catalog" }
       |         ^^^^^^^^^^^^^^^^^^^^^ the load balancer has nowhere to connect to
       |
       = help: say which port the service listens on: port = 8000

    1 error in seaway.toml
    "#);
}

#[test]
fn a_variable_without_a_default_must_be_in_every_environment() {
    assert_snapshot!(report_changed("services.api = { count = 3,", r#"services.api = { env = { FEATURE = "on" }, count = 3,"#), @r#"
    error: `FEATURE` is not set in every environment
      --> seaway.toml:55:26
       |
    55 | services.api = { env = { FEATURE = "on" }, count = 3, scaling = { min = 3, max = 20 } }
       |                          ^^^^^^^ set only in `production`
       |
       = note: services.api lacks it in `local` and `qa`
       = help: give it a default in [services.api], or set it in each of them

    1 error in seaway.toml
    "#);
}

#[test]
fn a_secret_without_a_default_must_be_in_every_environment() {
    assert_snapshot!(report_changed("services.api = { count = 3,", r#"services.api = { secrets = { API_KEY = "stripe#key" }, count = 3,"#), @r#"
    error: `API_KEY` is not set in every environment
      --> seaway.toml:55:30
       |
    55 | services.api = { secrets = { API_KEY = "stripe#key" }, count = 3, scaling = { min = 3, max = 20 } }
       |                              ^^^^^^^ set only in `production`
       |
       = note: services.api lacks it in `local` and `qa`
       = help: give it a default in [services.api], or set it in each of them

    1 error in seaway.toml
    "#);
}

#[test]
fn a_job_variable_without_a_default_must_be_in_every_environment() {
    assert_snapshot!(report_changed("services.api = { count = 3,", "jobs.migrate = { env = { BATCH = \"9\" } }\nservices.api = { count = 3,"), @r#"
    error: `BATCH` is not set in every environment
      --> seaway.toml:55:26
       |
    55 | jobs.migrate = { env = { BATCH = "9" } }
       |                          ^^^^^ set only in `production`
       |
       = note: jobs.migrate lacks it in `local` and `qa`
       = help: give it a default in [jobs.migrate], or set it in each of them

    1 error in seaway.toml
    "#);
}

#[test]
fn a_variable_that_is_also_a_secret_is_refused() {
    assert_snapshot!(report_changed(r#"LOG_LEVEL = "info""#, r#"DATABASE_URL = "postgres://""#), @r#"
    error: `DATABASE_URL` is both a variable and a secret
      --> seaway.toml:21:13
       |
    20 | env     = { DATABASE_URL = "postgres://" }
       |             ------------ a variable here
    21 | secrets = { DATABASE_URL = "database#url" }
       |             ^^^^^^^^^^^^ a secret here
       |
       = help: remove `DATABASE_URL` from `env` or from `secrets`

    1 error in seaway.toml
    "#);
}

#[test]
fn variables_that_seaway_sets_cannot_be_set() {
    assert_snapshot!(report_changed(r#"LOG_LEVEL = "info""#, r#"PORT = "80", CATALOG_URL = "http://example.com""#), @r#"
    error: `PORT` cannot be set
      --> seaway.toml:20:13
       |
    20 | env     = { PORT = "80", CATALOG_URL = "http://example.com" }
       |             ^^^^ set by Seaway
       |
       = note: Seaway sets `PORT`, `PATH` and `HOME` for every process
       = help: choose another name

    error: `CATALOG_URL` cannot be set
      --> seaway.toml:20:26
       |
    20 | env     = { PORT = "80", CATALOG_URL = "http://example.com" }
       |                          ^^^^^^^^^^^ set by Seaway
       |
       = note: it is where `catalog` answers, because the service uses it
       = help: choose another name

    2 errors in seaway.toml
    "#);
}

#[test]
fn an_image_made_in_two_ways_is_refused() {
    assert_snapshot!(report_changed(r#"{ dockerfile = "docker/service.Dockerfile" }"#, r#"{ dockerfile = "docker/service.Dockerfile", bundle = ["api"] }"#), @r#"
    error: an image comes from a `dockerfile` or from a `bundle`
     --> seaway.toml:7:11
      |
    7 | image   = { dockerfile = "docker/service.Dockerfile", bundle = ["api"] }
      |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ both are here
      |
      = help: write { dockerfile = "..." }, or { bundle = ["..."], build = "..." } for files that a command makes

    1 error in seaway.toml
    "#);
}

#[test]
fn an_empty_bundle_and_volumes_at_one_place_are_refused() {
    let text = changed("[\"target/catalog\"]", "[]").replace(
        "{ data = \"/data\" }",
        "{ data = \"/data\", more = \"/data/\" }",
    );
    assert_snapshot!(report(&text), @r#"
    error: two volumes are at `/data`
      --> seaway.toml:19:29
       |
    19 | volumes = { data = "/data", more = "/data/" }
       |             ---- first here ^^^^ the same path again

    error: a bundle needs at least one file
      --> seaway.toml:25:20
       |
    25 | image = { bundle = [], build = "cargo build --bin catalog" }
       |                    ^^ nothing to pack
       |
       = help: for example: bundle = ["target/release/api"]

    2 errors in seaway.toml
    "#);
}

#[test]
fn an_environment_on_ecs_needs_account_and_region() {
    assert_snapshot!(report_changed("region   = \"us-east-1\"\naccount  = \"444455556666\"", ""), @r#"
    error: an environment on ecs needs the key `region`
      --> seaway.toml:41:15
       |
    41 | [environments.qa]
       |               ^^ `region` is missing
       |
       = note: in environment `qa`
       = note: `region` is an AWS region such as "us-east-1"

    error: an environment on ecs needs the key `account`
      --> seaway.toml:41:15
       |
    41 | [environments.qa]
       |               ^^ `account` is missing
       |
       = note: in environment `qa`
       = note: `account` is the twelve digits of an AWS account, in quotes

    2 errors in seaway.toml
    "#);
}

#[test]
fn ecs_keys_are_refused_on_the_local_platform() {
    assert_snapshot!(report_changed(r#"platform = "local""#, "platform = \"local\"\nregion = \"eu-west-1\""), @r#"
    error: `region` says nothing on the local platform
      --> seaway.toml:40:10
       |
    40 | region = "eu-west-1"
       |          ^^^^^^^^^^^ not used
       |
       = note: in environment `local`
       = help: remove `region`, or say platform = "ecs"

    1 error in seaway.toml
    "#);
}
