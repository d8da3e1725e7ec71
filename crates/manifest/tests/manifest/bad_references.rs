//! References to what is not there, circles, and names that meet.

use insta::assert_snapshot;
use seaway_manifest::{Colour, render};

use crate::shop::{SHOP, changed, parse, report, report_changed};

#[test]
fn an_unknown_job_in_before_is_refused() {
    assert_snapshot!(report_changed(r#"before  = ["migrate"]"#, r#"before  = ["migrat"]"#), @r#"
    error: there is no job `migrat`
      --> seaway.toml:17:12
       |
    17 | before  = ["migrat"]
       |            ^^^^^^^^ unknown job
       |
       = note: the jobs are `migrate`
       = help: did you mean `migrate`?

    1 error in seaway.toml
    "#);
}

#[test]
fn an_unknown_service_in_uses_is_refused() {
    assert_snapshot!(report_changed(r#"uses    = ["catalog"]"#, r#"uses    = ["catlog"]"#), @r#"
    error: there is no service `catlog`
      --> seaway.toml:18:12
       |
    18 | uses    = ["catlog"]
       |            ^^^^^^^^ unknown service
       |
       = note: the services are `api` and `catalog`
       = help: did you mean `catalog`?

    1 error in seaway.toml
    "#);
}

#[test]
fn an_unknown_service_of_a_job_is_refused() {
    assert_snapshot!(report_changed(r#"service = "api""#, r#"service = "web""#), @r#"
    error: there is no service `web`
      --> seaway.toml:29:11
       |
    29 | service = "web"
       |           ^^^^^ unknown service
       |
       = note: the services are `api` and `catalog`

    1 error in seaway.toml
    "#);
}

#[test]
fn an_unknown_service_in_an_environment_is_refused() {
    assert_snapshot!(report_changed("services.api = { count", "services.apo = { count"), @r#"
    error: there is no service `apo`
      --> seaway.toml:55:10
       |
    55 | services.apo = { count = 3, scaling = { min = 3, max = 20 } }
       |          ^^^ unknown service
       |
       = note: the services are `api` and `catalog`
       = help: did you mean `api`?

    1 error in seaway.toml
    "#);
}

#[test]
fn an_unknown_environment_to_promote_from_is_refused() {
    assert_snapshot!(report_changed(r#"promote_from = "qa""#, r#"promote_from = "staging""#), @r#"
    error: there is no environment `staging`
      --> seaway.toml:52:16
       |
    52 | promote_from = "staging"
       |                ^^^^^^^^^ unknown environment
       |
       = note: the environments are `local`, `production` and `qa`

    1 error in seaway.toml
    "#);
}

#[test]
fn promotion_in_a_circle_is_refused() {
    assert_snapshot!(report_changed(r#"class    = "test""#, "class    = \"test\"\npromote_from = \"production\""), @r#"
    error: promotion goes round in a circle: `qa` -> `production` -> `qa`
      --> seaway.toml:53:16
       |
    44 | promote_from = "production"
       |                ------------ promotes from `production`
    ...
    53 | promote_from = "qa"
       |                ^^^^ promotes from `qa`, which closes the circle
       |
       = help: remove `promote_from` from the environment that releases reach first

    1 error in seaway.toml
    "#);
}

#[test]
fn services_that_use_each_other_in_a_circle_are_refused() {
    assert_snapshot!(report_changed("port  = 8001", "port  = 8001\nuses  = [\"api\"]"), @r#"
    error: services use each other in a circle: `api` -> `catalog` -> `api`
      --> seaway.toml:27:10
       |
    18 | uses    = ["catalog"]
       |            --------- uses `catalog`
    ...
    27 | uses  = ["api"]
       |          ^^^^^ uses `api`, which closes the circle
       |
       = help: take one of them out of `uses`, and let the other one call

    1 error in seaway.toml
    "#);
}

#[test]
fn a_service_that_uses_itself_is_refused() {
    assert_snapshot!(report_changed(r#"uses    = ["catalog"]"#, r#"uses    = ["api"]"#), @r#"
    error: services use each other in a circle: `api` -> `api`
      --> seaway.toml:18:12
       |
    18 | uses    = ["api"]
       |            ^^^^^ uses `api`, which closes the circle
       |
       = help: take one of them out of `uses`, and let the other one call

    1 error in seaway.toml
    "#);
}

#[test]
fn services_that_wait_for_each_others_jobs_in_a_circle_are_refused() {
    let text = changed("port  = 8001", "port  = 8001\nbefore = [\"index\"]")
        .replace("service = \"api\"", "service = \"catalog\"")
        .replace(
            "[sites.admin]",
            "[jobs.index]\nservice = \"api\"\ncommand = [\"./index\"]\n\n[sites.admin]",
        );
    assert_snapshot!(report(&text), @r#"
    error: services wait for each other's jobs in a circle: `api` -> `catalog` -> `api`
      --> seaway.toml:27:11
       |
    17 | before  = ["migrate"]
       |            --------- waits for job `migrate` of `catalog`
    ...
    27 | before = ["index"]
       |           ^^^^^^^ waits for job `index` of `api`, which closes the circle
       |
       = help: give one of the jobs another `service`, or take it out of `before`

    1 error in seaway.toml
    "#);
}

#[test]
fn a_job_that_several_services_wait_for_is_no_circle() {
    assert_eq!(
        report_changed("port  = 8001", "port  = 8001\nbefore = [\"migrate\"]"),
        ""
    );
}

#[test]
fn a_service_in_before_is_told_from_a_job() {
    assert_snapshot!(report_changed(r#"before  = ["migrate"]"#, r#"before  = ["catalog"]"#), @r#"
    error: there is no job `catalog`
      --> seaway.toml:17:12
       |
    17 | before  = ["catalog"]
       |            ^^^^^^^^^ unknown job
       |
       = note: the jobs are `migrate`
       = help: `catalog` is a service: `before` names jobs

    1 error in seaway.toml
    "#);
}

#[test]
fn a_duplicate_route_is_refused() {
    assert_snapshot!(report_changed(r#"route = "/*""#, r#"route = "/api/*""#), @r#"
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

    1 error in seaway.toml
    "#);
}

#[test]
fn names_that_meet_on_the_platform_are_refused() {
    assert_snapshot!(report_changed("[environments.local]", "[environments.local-api]\nplatform = \"local\"\n\n[services.api-catalog]\npath = \"services/catalog\"\nimage = { dockerfile = \"Dockerfile\" }\n\n[environments.local]"), @r#"
    error: two services would be `shop-local-api-catalog` on one platform
      --> seaway.toml:45:15
       |
    45 | [environments.local]
       |               ^^^^^ `api-catalog` in `local`
       |
       = note: the other is `catalog` in `local-api`
       = help: rename one of the services or environments

    1 error in seaway.toml
    "#);
}

#[test]
fn a_name_that_the_platform_cannot_take_is_shortened() {
    assert_snapshot!(report_changed("[services.catalog]", "[services.recommendations-for-customers]\npath = \"r\"\nimage = { dockerfile = \"Dockerfile\" }\n\n[services.catalog]"), @r#"
    note: the name of `recommendations-for-customers` is shortened for the platform
      --> seaway.toml:23:11
       |
    23 | [services.recommendations-for-customers]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ with project and environment longer than 32 characters
       |
       = note: in `local` it is `shop-local-recommendati-5274b98e`
       = note: in `qa` it is `shop-qa-recommendations-3270b1ec`
       = note: in `production` it is `shop-production-recomme-f7ca0e7c`
    "#);
}

#[test]
fn an_environment_that_does_not_exist_is_refused_with_those_that_do() {
    let manifest = parse(SHOP).expect("the shop is right");
    let errors = manifest
        .resolve("prod")
        .expect_err("there is no such environment");
    assert_snapshot!(render(&errors, Colour::Never), @r#"
    error: there is no environment `prod`
    --> seaway.toml
     = note: the environments are `local`, `qa` and `production`
     = help: did you mean `production`?

    1 error in seaway.toml
    "#);
}
