//! One mistake at a time in keys, types and values, and the whole text that it gives.

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

    1 error in seaway.toml
    "#);
}

#[test]
fn an_unknown_table_is_refused_with_a_suggestion() {
    assert_snapshot!(report_changed("[jobs.migrate]", "[job.migrate]"), @r#"
    error: unknown key `job` at the top level
      --> seaway.toml:28:2
       |
    28 | [job.migrate]
       |  ^^^ not a key of the manifest
       |
       = note: the manifest has the keys `project`, `services`, `jobs`, `sites` and `environments`
       = help: did you mean `jobs`?

    1 error in seaway.toml
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
fn a_misspelt_required_key_is_not_missed_as_well() {
    assert_snapshot!(report_changed("path    = \"services/api\"", "paht    = \"services/api\""), @r#"
    error: unknown key `paht` in `services.api`
     --> seaway.toml:6:1
      |
    6 | paht    = "services/api"
      | ^^^^ not a key of a service
      |
      = note: a service has the keys `path`, `image`, `before`, `uses`, `volumes`, `command`, `port`, `cpu`, `memory`, `count`, `route`, `health`, `rollout`, `scaling`, `env`, `secrets`, `drain`, `stop_timeout` and `independent`
      = help: did you mean `path`?

    1 error in seaway.toml
    "#);
}

#[test]
fn control_characters_do_not_reach_the_terminal() {
    let text = changed("LOG_LEVEL = ", "\"\\u001b[2J\" = ");
    assert_snapshot!(report(&text), @r#"
    error: `\u{1b}[2J` is not a variable name of letters, digits and underscores
      --> seaway.toml:20:13
       |
    20 | env     = { "\u001b[2J" = "info" }
       |             ^^^^^^^^^^^ starts with a letter or an underscore

    1 error in seaway.toml
    "#);
    let raw = report_changed("\"info\"", "\"\u{1b}[2J\"");
    assert!(!raw.contains('\u{1b}'), "{raw:?}");
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
fn invalid_toml_is_reported_with_all_that_the_parser_says() {
    assert_snapshot!(report_changed("count   = 2\n", "count   = = 2\nenv = { A = \n"), @r#"
    error: invalid TOML: extra `=`, expected nothing
      --> seaway.toml:12:11
       |
    12 | count   = = 2
       |           ^

    error: invalid TOML: extra assignment between key-value pairs, expected `,`
      --> seaway.toml:14:9
       |
    14 | route   = { path = "/api/*" }
       |         ^

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
       |
       = note: 48 more, most of which follow from what comes first

    5 errors in seaway.toml
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
       = help: change the path of one of them, or give it a `host` of its own

    error: `A` is not set in every environment
      --> seaway.toml:55:26
       |
    55 | services.api = { env = { A = "1" }, count = 3, scaling = { min = 3, max = 20 } }
       |                          ^ set only in `production`
       |
       = note: services.api lacks it in `local` and `qa`
       = help: give it a default in [services.api], or set it in each of them

    5 errors in seaway.toml
    "#);
}
