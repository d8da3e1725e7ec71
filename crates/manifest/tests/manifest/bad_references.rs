//! References to what is not there, circles, and names that meet.

use insta::assert_snapshot;
use seaway_manifest::{Colour, render};

use crate::shop::{SHOP, parse, report_changed};

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
    error: promotion leads from `qa` back to itself
      --> seaway.toml:44:16
       |
    44 | promote_from = "production"
       |                ^^^^^^^^^^^^ no release could ever be the first
       |
       = help: remove `promote_from` from the environment that releases reach first

    error: promotion leads from `production` back to itself
      --> seaway.toml:53:16
       |
    53 | promote_from = "qa"
       |                ^^^^ no release could ever be the first
       |
       = help: remove `promote_from` from the environment that releases reach first

    2 errors in seaway.toml
    "#);
}

#[test]
fn services_that_use_each_other_in_a_circle_are_refused() {
    assert_snapshot!(report_changed("port  = 8001", "port  = 8001\nuses  = [\"api\"]"), @r#"
    error: a job waits for what waits for the job: `api` -> job `migrate` -> `catalog` -> `api`
      --> seaway.toml:27:10
       |
    17 | before  = ["migrate"]
       |            --------- leads to job `migrate`
    18 | uses    = ["catalog"]
       |            --------- leads to `catalog`
    ...
    27 | uses  = ["api"]
       |          ^^^^^ this closes the circle
       |
       = help: a job calls what its `service` uses: give it another `service`, or take it out of `before`

    1 error in seaway.toml
    "#);
}

#[test]
fn a_service_that_uses_itself_is_refused() {
    assert_snapshot!(report_changed(r#"uses    = ["catalog"]"#, r#"uses    = ["api"]"#), @r#"
    error: a job waits for what waits for the job: `api` -> job `migrate` -> `api`
      --> seaway.toml:18:12
       |
    17 | before  = ["migrate"]
       |            --------- leads to job `migrate`
    18 | uses    = ["api"]
       |            ^^^^^ this closes the circle
       |
       = help: a job calls what its `service` uses: give it another `service`, or take it out of `before`

    error: services use each other in a circle: `api` -> `api`
      --> seaway.toml:18:12
       |
    18 | uses    = ["api"]
       |            ^^^^^ this closes the circle
       |
       = help: take one of them out of `uses`, and let the other one call

    2 errors in seaway.toml
    "#);
}

#[test]
fn a_job_that_waits_for_what_waits_for_it_is_refused() {
    assert_snapshot!(report_changed("port  = 8001", "port  = 8001\nbefore = [\"migrate\"]"), @r#"
    error: a job waits for what waits for the job: job `migrate` -> `catalog` -> job `migrate`
      --> seaway.toml:27:11
       |
    18 | uses    = ["catalog"]
       |            --------- leads to `catalog`
    ...
    27 | before = ["migrate"]
       |           ^^^^^^^^^ this closes the circle
       |
       = help: a job calls what its `service` uses: give it another `service`, or take it out of `before`

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
       = note: in environments `local`, `production`, `qa`
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
    note: `shop-local-recommendations-for-customers` is shortened
      --> seaway.toml:23:11
       |
    23 | [services.recommendations-for-customers]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ is `shop-local-recommendati-5274b98e` on the platform
       |
       = note: a load balancer's target group has at most 32 characters

    note: `shop-qa-recommendations-for-customers` is shortened
      --> seaway.toml:23:11
       |
    23 | [services.recommendations-for-customers]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ is `shop-qa-recommendations-3270b1ec` on the platform
       |
       = note: a load balancer's target group has at most 32 characters

    note: `shop-production-recommendations-for-customers` is shortened
      --> seaway.toml:23:11
       |
    23 | [services.recommendations-for-customers]
       |           ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^ is `shop-production-recomme-f7ca0e7c` on the platform
       |
       = note: a load balancer's target group has at most 32 characters
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
