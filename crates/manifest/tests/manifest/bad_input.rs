//! One mistake at a time in keys, types, values and limits, and the whole text that it gives.

use insta::assert_snapshot;

use crate::shop::{changed, report, report_changed};

#[test]
fn an_unknown_key_is_refused_with_a_suggestion() {
    assert_snapshot!(report_changed("port    = 8000", "prot    = 8000"), @r#"
    error: unknown key `prot` in `services.api`
     --> seaway.toml:9:1
      |
    9 | prot    = 8000
      | ^^^^ not a key of a service
      |
      = note: a service has the keys `path`, `image`, `before`, `uses`, `volumes`, `command`, `port`, `cpu`, `memory`, `count`, `route`, `health`, `rollout`, `scaling`, `env`, `secrets`, `drain`, `stop_timeout` and `independent`
      = help: did you mean `port`?

    error: `route` needs a `port`
      --> seaway.toml:13:11
       |
    13 | route   = { path = "/api/*" }
       |           ^^^^^^^^^^^^^^^^^^^ the load balancer has nowhere to connect to
       |
       = note: in environments `local`, `production`, `qa`
       = help: say which port the service listens on: port = 8000

    error: `health` needs a `port`
      --> seaway.toml:14:11
       |
    14 | health  = { path = "/health", interval = "10s", grace = "30s" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the load balancer has nowhere to connect to
       |
       = note: in environments `local`, `production`, `qa`
       = help: say which port the service listens on: port = 8000

    3 errors in seaway.toml
    "#);
}

#[test]
fn an_unknown_table_is_refused_with_a_suggestion() {
    assert_snapshot!(report_changed("[jobs.migrate]", "[job.migrate]"), @r#"
    error: there is no job `migrate`
      --> seaway.toml:17:12
       |
    17 | before  = ["migrate"]
       |            ^^^^^^^^^ unknown job
       |
       = note: the jobs are none

    error: unknown key `job` at the top level
      --> seaway.toml:28:2
       |
    28 | [job.migrate]
       |  ^^^ not a key of the manifest
       |
       = note: the manifest has the keys `project`, `services`, `jobs`, `sites` and `environments`
       = help: did you mean `jobs`?

    2 errors in seaway.toml
    "#);
}

#[test]
fn a_string_for_a_number_is_a_wrong_type() {
    assert_snapshot!(report_changed("cpu     = 256", r#"cpu     = "256""#), @r#"
    error: `services.api.cpu` must be a whole number from 1 to 16384
      --> seaway.toml:10:11
       |
    10 | cpu     = "256"
       |           ^^^^^ this is a string
       |
       = help: write the number without quotes

    1 error in seaway.toml
    "#);
}

#[test]
fn a_number_for_a_duration_is_told_its_unit() {
    assert_snapshot!(report_changed(r#"interval = "10s""#, "interval = 10"), @r#"
    error: `services.api.health.interval` must be a duration from 5s to 5m
      --> seaway.toml:14:42
       |
    14 | health  = { path = "/health", interval = 10, grace = "30s" }
       |                                          ^^ this is a number
       |
       = help: write it with a unit: "10s"

    1 error in seaway.toml
    "#);
}

#[test]
fn a_number_for_a_variable_is_told_its_quotes() {
    assert_snapshot!(report_changed(r#"LOG_LEVEL = "info""#, "LOG_LEVEL = 3"), @r#"
    error: `services.api.env.LOG_LEVEL` must be a string
      --> seaway.toml:20:25
       |
    20 | env     = { LOG_LEVEL = 3 }
       |                         ^ this is a number
       |
       = help: put it in quotes

    1 error in seaway.toml
    "#);
}

#[test]
fn a_string_for_a_table_is_told_its_keys() {
    assert_snapshot!(report_changed(r#"route   = { path = "/api/*" }"#, r#"route   = "/api/*""#), @r#"
    error: `services.api.route` must be a table
      --> seaway.toml:13:11
       |
    13 | route   = "/api/*"
       |           ^^^^^^^^ this is a string
       |
       = note: a route has the keys `path` and `host`

    1 error in seaway.toml
    "#);
}

#[test]
fn a_missing_required_key_is_named_with_an_example() {
    assert_snapshot!(report_changed("path    = \"services/api\"\n", ""), @r#"
    error: `services.api` needs the key `path`
     --> seaway.toml:5:11
      |
    5 | [services.api]
      |           ^^^ `path` is missing
      |
      = note: `path` is a path inside the repository, relative to the manifest
      = help: for example: path = "services/api"

    1 error in seaway.toml
    "#);
}

#[test]
fn a_port_out_of_range_is_refused() {
    assert_snapshot!(report_changed("port    = 8000", "port    = 80000"), @r#"
    error: `services.api.port` must be a whole number from 1 to 65535
     --> seaway.toml:9:11
      |
    9 | port    = 80000
      |           ^^^^^ out of range

    1 error in seaway.toml
    "#);
}

#[test]
fn a_duration_out_of_range_is_refused() {
    assert_snapshot!(report_changed(r#"interval = "10s""#, r#"interval = "10m""#), @r#"
    error: `services.api.health.interval` must be a duration from 5s to 5m
      --> seaway.toml:14:42
       |
    14 | health  = { path = "/health", interval = "10m", grace = "30s" }
       |                                          ^^^^^ out of range

    1 error in seaway.toml
    "#);
}

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
    error: a rolling update of 2 tasks could neither stop nor start one
      --> seaway.toml:15:11
       |
    15 | rollout = { min_healthy = 100, max = 100, timeout = "15m" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ min_healthy = 100, max = 100
       |
       = note: in environments `local`, `qa`
       = note: 2 is the count of the service
       = note: at least 2 must stay healthy (100 % rounded up), at most 2 may run (100 % rounded down)
       = help: raise `max` to start a new task first, or lower `min_healthy` to stop an old one

    error: a rolling update of 3 tasks could neither stop nor start one
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
    error: a rolling update of 1 tasks could neither stop nor start one
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
       = note: in environments `local`, `production`, `qa`
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
       = note: in environments `local`, `production`, `qa`
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
       |
       = note: in environments `local`, `production`, `qa`

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
       = note: in environments `local`, `production`, `qa`
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
fn a_bad_variable_name_is_refused() {
    assert_snapshot!(report_changed(r#"LOG_LEVEL = "info""#, r#""LOG-LEVEL" = "info""#), @r#"
    error: `LOG-LEVEL` is not a variable name of letters, digits and underscores
      --> seaway.toml:20:13
       |
    20 | env     = { "LOG-LEVEL" = "info" }
       |             ^^^^^^^^^^^ holds only letters, digits and underscores

    1 error in seaway.toml
    "#);
}

#[test]
fn a_bad_service_name_is_refused() {
    assert_snapshot!(report_changed("[services.catalog]", "[services.catalog_2]"), @r#"
    error: there is no service `catalog`
      --> seaway.toml:18:12
       |
    18 | uses    = ["catalog"]
       |            ^^^^^^^^^ unknown service
       |
       = note: the services are `api`

    error: `catalog_2` is not a service's name
      --> seaway.toml:23:11
       |
    23 | [services.catalog_2]
       |           ^^^^^^^^^ a name holds only lower-case letters, digits and hyphens, not '_'

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
fn an_absolute_path_is_refused() {
    assert_snapshot!(report_changed(r#""services/api""#, r#""/srv/api""#), @r#"
    error: `services.api.path` must be a path inside the repository, relative to the manifest
     --> seaway.toml:6:11
      |
    6 | path    = "/srv/api"
      |           ^^^^^^^^^^ an absolute path

    1 error in seaway.toml
    "#);
}

#[test]
fn a_path_that_leaves_the_repository_is_refused() {
    assert_snapshot!(report_changed(r#""services/api""#, r#""services/../../api""#), @r#"
    error: `services.api.path` must be a path inside the repository, relative to the manifest
     --> seaway.toml:6:11
      |
    6 | path    = "services/../../api"
      |           ^^^^^^^^^^^^^^^^^^^^ leaves the repository

    1 error in seaway.toml
    "#);
}

#[test]
fn a_bad_account_and_region_are_refused() {
    assert_snapshot!(report_changed("region   = \"us-east-1\"\naccount  = \"444455556666\"", "region   = \"virginia\"\naccount  = \"4444\""), @r#"
    error: `environments.qa.region` must be an AWS region such as "us-east-1"
      --> seaway.toml:44:12
       |
    44 | region   = "virginia"
       |            ^^^^^^^^^^ no region looks like this

    error: `environments.qa.account` must be the twelve digits of an AWS account, in quotes
      --> seaway.toml:45:12
       |
    45 | account  = "4444"
       |            ^^^^^^ not twelve digits

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
fn an_unknown_platform_is_refused_with_a_suggestion() {
    assert_snapshot!(report_changed(r#"platform = "local""#, r#"platform = "locale""#), @r#"
    error: `environments.local.platform` must be "local" or "ecs"
      --> seaway.toml:39:12
       |
    39 | platform = "locale"
       |            ^^^^^^^^ no platform of Seaway
       |
       = help: did you mean `local`?

    1 error in seaway.toml
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

#[test]
fn invalid_toml_is_reported_with_all_that_the_parser_says() {
    assert_snapshot!(report_changed("count   = 2\n", "count   = = 2\nenv = { A = \n"), @r#"
    error: invalid TOML: extra `=`, expected nothing
      --> seaway.toml:12:11
       |
    12 | count   = = 2
       |           ^

    error: invalid TOML: unexpected key or value, expected newline, `#`
      --> seaway.toml:12:13
       |
    12 | count   = = 2
       |             ^

    error: invalid TOML: string values must be quoted, expected literal string
      --> seaway.toml:14:1
       |
    14 | route   = { path = "/api/*" }
       | ^^^^^

    error: invalid TOML: extra assignment between key-value pairs, expected `,`
      --> seaway.toml:14:9
       |
    14 | route   = { path = "/api/*" }
       |         ^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:14:11
       |
    14 | route   = { path = "/api/*" }
       |           ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:15:1
       |
    15 | health  = { path = "/health", interval = "10s", grace = "30s" }
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:16:1
       |
    16 | rollout = { min_healthy = 100, max = 200, timeout = "15m" }
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:17:1
       |
    17 | scaling = { min = 1, max = 10, cpu = 60 }
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:18:1
       |
    18 | before  = ["migrate"]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:19:1
       |
    19 | uses    = ["catalog"]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:20:1
       |
    20 | volumes = { data = "/data" }
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:21:1
       |
    21 | env     = { LOG_LEVEL = "info" }
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:21:1
       |
    21 | env     = { LOG_LEVEL = "info" }
       | ^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:22:1
       |
    22 | secrets = { DATABASE_URL = "database#url" }
       | ^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:24:1
       |
    24 | [services.catalog]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:25:1
       |
    25 | path  = "services/catalog"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:25:1
       |
    25 | path  = "services/catalog"
       | ^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:26:1
       |
    26 | image = { bundle = ["target/catalog"], build = "cargo build --bin catalog" }
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:26:1
       |
    26 | image = { bundle = ["target/catalog"], build = "cargo build --bin catalog" }
       | ^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:27:1
       |
    27 | port  = 8001
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:27:1
       |
    27 | port  = 8001
       | ^^^^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:29:1
       |
    29 | [jobs.migrate]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:30:1
       |
    30 | service = "api"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:31:1
       |
    31 | command = ["./api", "migrate"]
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:31:1
       |
    31 | command = ["./api", "migrate"]
       | ^^^^^^^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:33:1
       |
    33 | [sites.admin]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:34:1
       |
    34 | path  = "apps/admin"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:34:1
       |
    34 | path  = "apps/admin"
       | ^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:35:1
       |
    35 | build = "npm ci && npm run build"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:36:1
       |
    36 | dist  = "dist"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:37:1
       |
    37 | route = "/*"
       | ^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:39:1
       |
    39 | [environments.local]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:40:1
       |
    40 | platform = "local"
       | ^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:42:1
       |
    42 | [environments.qa]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:43:1
       |
    43 | platform = "ecs"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:43:1
       |
    43 | platform = "ecs"
       | ^^^^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:44:1
       |
    44 | class    = "test"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:45:1
       |
    45 | region   = "us-east-1"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:46:1
       |
    46 | account  = "444455556666"
       | ^

    error: invalid TOML: missing key for inline table element, expected `,`
      --> seaway.toml:48:1
       |
    48 | [environments.production]
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:49:1
       |
    49 | platform     = "ecs"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:49:1
       |
    49 | platform     = "ecs"
       | ^^^^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:50:1
       |
    50 | class        = "production"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:50:1
       |
    50 | class        = "production"
       | ^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:51:1
       |
    51 | region       = "us-east-1"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:51:1
       |
    51 | region       = "us-east-1"
       | ^^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:52:1
       |
    52 | account      = "111122223333"
       | ^

    error: invalid TOML: duplicate key
      --> seaway.toml:52:1
       |
    52 | account      = "111122223333"
       | ^^^^^^^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:53:1
       |
    53 | promote_from = "qa"
       | ^

    error: invalid TOML: missing comma between key-value pairs, expected `,`
      --> seaway.toml:54:1
       |
    54 | branches     = ["prod/*"]
       | ^

    ... and 3 more

    53 errors in seaway.toml
    "#);
}

#[test]
fn a_manifest_without_anything_says_what_it_needs() {
    assert_snapshot!(report(""), @r#"
    error: the manifest needs the key `project`
     --> seaway.toml:1:1
      |
    1 |
      | ^ `project` is missing
      |
      = note: `project` is a table with the keys `name` and `shared`

    error: the manifest needs the key `environments`
     --> seaway.toml:1:1
      |
    1 |
      | ^ `environments` is missing
      |
      = note: `environments` is a table in which each value is a table with the keys `platform`, `class`, `region`, `account`, `endpoint_url`, `promote_from`, `branches`, `approvals`, `log_retention_days`, `deletion_protection`, `spot_percent`, `services` and `jobs`

    2 errors in seaway.toml
    "#);
}

#[test]
fn many_mistakes_are_reported_together() {
    let text = changed("port    = 8000", "prot    = 8000")
        .replace("memory  = 512", "memory  = \"big\"")
        .replace("uses    = [\"catalog\"]", "uses    = [\"catalogue\"]")
        .replace("route = \"/*\"", "route = \"/api/*\"")
        .replace(
            "services.api = { count = 3",
            "services.api = { env = { A = \"1\" }, count = 3",
        );
    assert_snapshot!(report(&text), @r#"
    error: unknown key `prot` in `services.api`
     --> seaway.toml:9:1
      |
    9 | prot    = 8000
      | ^^^^ not a key of a service
      |
      = note: a service has the keys `path`, `image`, `before`, `uses`, `volumes`, `command`, `port`, `cpu`, `memory`, `count`, `route`, `health`, `rollout`, `scaling`, `env`, `secrets`, `drain`, `stop_timeout` and `independent`
      = help: did you mean `port`?

    error: `services.api.memory` must be a whole number from 1 to 122880
      --> seaway.toml:11:11
       |
    11 | memory  = "big"
       |           ^^^^^ this is a string

    error: `route` needs a `port`
      --> seaway.toml:13:11
       |
    13 | route   = { path = "/api/*" }
       |           ^^^^^^^^^^^^^^^^^^^ the load balancer has nowhere to connect to
       |
       = note: in environments `local`, `production`, `qa`
       = help: say which port the service listens on: port = 8000

    error: `health` needs a `port`
      --> seaway.toml:14:11
       |
    14 | health  = { path = "/health", interval = "10s", grace = "30s" }
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ the load balancer has nowhere to connect to
       |
       = note: in environments `local`, `production`, `qa`
       = help: say which port the service listens on: port = 8000

    error: there is no service `catalogue`
      --> seaway.toml:18:12
       |
    18 | uses    = ["catalogue"]
       |            ^^^^^^^^^^^ unknown service
       |
       = note: the services are `api` and `catalog`
       = help: did you mean `catalog`?

    error: the route `/api/*` is both of services.api and of sites.admin
      --> seaway.toml:36:9
       |
    13 | route   = { path = "/api/*" }
       |                    -------- first here
    ...
    36 | route = "/api/*"
       |         ^^^^^^^^ the same route again
       |
       = note: in environments `local`, `production`, `qa`
       = help: change the path of one of them, or give it a `host` of its own

    error: `A` is not set in every environment
      --> seaway.toml:55:26
       |
    55 | services.api = { env = { A = "1" }, count = 3, scaling = { min = 3, max = 20 } }
       |                          ^ set only in `production`
       |
       = note: services.api lacks it in `local` and `qa`
       = help: give it a default in [services.api], or set it in each of them

    7 errors in seaway.toml
    "#);
}
