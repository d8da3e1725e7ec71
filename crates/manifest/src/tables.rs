//! The tables of `seaway.toml`: every key with its type, bounds, documentation and default.
//!
//! These are the raw values, all optional and with their places. [`crate::resolve`] fills in the
//! defaults and resolves what they refer to. Bounds are those of the ECS and Elastic Load Balancing
//! APIs.

use seaway_core::environment::{Class, SecretRef};
use seaway_core::name::{EnvironmentName, JobName, ProjectName, ServiceName, SiteName};
use serde_json::json;

use crate::defaults;
use crate::read::{
    Account, CheckPath, ContainerPath, EndpointUrl, Flag, HostPattern, List, Map, Number,
    PathPattern, PlatformKind, Region, RepoPath, RepoPattern, StatusCodes, Text, TimeSpan,
    VariableName, VolumeName, table,
};

table! {
    /// What a monorepo ships, and where: the manifest of Seaway, `seaway.toml` at the root of the
    /// repository. Durations are a whole number and a unit: "10s", "15m", "2h".
    struct ManifestTable is "the manifest" {
        /// The monorepo itself.
        project: ProjectTable, required();
        /// Long-running services by name.
        services: Map<ServiceName, ServiceTable>;
        /// One-off jobs by name: migrations, maintenance.
        jobs: Map<JobName, JobTable>;
        /// Static sites by name.
        sites: Map<SiteName, SiteTable>;
        /// Where all of it runs, by name.
        environments: Map<EnvironmentName, EnvironmentTable>, required();
    }
}

table! {
    /// The monorepo itself.
    struct ProjectTable is "the project" {
        /// Begins the name of everything that is created.
        name: ProjectName, required(), example("shop");
        /// Paths and patterns that are inputs of every image: a change of one of them concerns all
        /// services.
        shared: List<RepoPattern>, default(json!([])),
            example(json!(["packages/**", "Cargo.lock"]));
    }
}

table! {
    /// A long-running service: public when it has a route, internal when it has only a port, a
    /// worker when it has neither. An environment can say any of this differently, except `path`,
    /// `image`, `before`, `uses` and `volumes`: all environments run the same image.
    struct ServiceTable is "a service" {
        include tuning: ServiceTuning;
        /// The directory with its own inputs, relative to the manifest.
        path: RepoPath, required(), example("services/api");
        /// How its image comes to be.
        image: ImageTable, required(), example(json!({ "dockerfile": "services/api/Dockerfile" }));
        /// Jobs that must succeed with the new image before the service rolls.
        before: List<JobName>, default(json!([])), example(json!(["migrate"]));
        /// Services that it calls: each is told by a variable, `CATALOG_URL` for `catalog`.
        uses: List<ServiceName>, default(json!([])), example(json!(["catalog"]));
        /// Volumes by name, and where they are inside the container.
        volumes: Map<VolumeName, ContainerPath>, default(json!({})),
            example(json!({ "data": "/data" }));
    }
}

table! {
    /// What an environment can say differently about a service. Tables join key by key: what is
    /// not said here is as in the service.
    struct ServiceTuning is "a service in an environment" {
        /// The command and its arguments; none: the image's own.
        command: List<Text>, default(json!([])), example(json!(["./api", "--verbose"]));
        /// The port that it listens on; none: nothing connects to it. Processes on this machine
        /// are told theirs by the variable `PORT`.
        port: Number<1, 65535>, example(8000);
        /// CPU units, 1024 for one virtual CPU. Fargate offers 256, 512, 1024, 2048, 4096, 8192
        /// and 16384, each with its own choice of memory.
        cpu: Number<1, 16384>, default(defaults::CPU);
        /// Memory in MiB.
        memory: Number<1, 122_880>, default(defaults::MEMORY);
        /// Tasks to run at first; a scaled service keeps its live count. Default by class: local
        /// and develop 1, test 2, production 3, within the bounds of `scaling`.
        count: Number<0, 5000>, example(2);
        /// What the load balancer sends to it; none: it is internal. Needs `port`.
        route: RouteTable, example(json!({ "path": "/api/*" }));
        /// The load balancer's health check. Needs `port`; none: a task is healthy while it runs.
        health: HealthTable, example(json!({ "path": "/health" }));
        /// Bounds of a rolling update.
        rollout: RolloutTable;
        /// Scales between two counts; none: it does not scale by itself.
        scaling: ScalingTable, example(json!({ "min": 1, "max": 10, "cpu": 60 }));
        /// Environment variables. `PORT`, `PATH`, `HOME` and the `NAME_URL` of what it uses are
        /// set by Seaway.
        env: Map<VariableName, Text>, default(json!({})), example(json!({ "LOG_LEVEL": "info" }));
        /// Variables whose values are secrets: the secret's name, or name and JSON key.
        secrets: Map<VariableName, SecretRef>, default(json!({})),
            example(json!({ "DATABASE_URL": "database#url" }));
        /// How long a stopping task may finish its requests, up to one hour. Default: 30s, on
        /// the local platform 5s.
        drain: TimeSpan<0, 3600>, example("30s");
        /// From the stop signal to SIGKILL, 1s to 2m.
        stop_timeout: TimeSpan<1, 120>, default(defaults::STOP_TIMEOUT.to_string());
        /// Stays on its new revision when another service of the same release fails.
        independent: Flag, default(false);
    }
}

table! {
    /// How a service's image comes to be: a `dockerfile`, or a `bundle` of files.
    struct ImageTable is "an image" {
        /// The Dockerfile, relative to the manifest.
        dockerfile: RepoPath, example("docker/service.Dockerfile");
        /// Files, directories or patterns to pack, relative to the manifest. A file lands in the
        /// working directory under its own name, a directory with its content.
        bundle: List<RepoPattern>, example(json!(["target/release/api"]));
        /// Shell command that makes the bundle, run in the manifest's directory; none: the files
        /// are there already.
        build: Text, example("cargo build --release --package api");
    }
}

table! {
    /// What the load balancer sends to a service.
    struct RouteTable is "a route" {
        /// Path pattern; `*` stands for any characters, `?` for one. An environment that only adds
        /// a host leaves it out, the service says it.
        path: PathPattern, example("/api/*");
        /// Host pattern; none: any host.
        host: HostPattern, example("api.example.com");
    }
}

table! {
    /// The load balancer's health check, and how long a new task is excused from it.
    struct HealthTable is "a health check" {
        /// The path that is requested.
        path: CheckPath, default(defaults::HEALTH_PATH), example("/health");
        /// Between two checks, 5s to 5m.
        interval: TimeSpan<5, 300>, default(defaults::HEALTH_INTERVAL.to_string());
        /// How long an answer may take, 2s to 2m and less than `interval`. Default: 5s, with an
        /// interval of 5s 4s.
        timeout: TimeSpan<2, 120>, default(defaults::HEALTH_TIMEOUT.to_string());
        /// Passing checks that make an unhealthy target healthy again.
        healthy: Number<2, 10>, default(defaults::HEALTH_HEALTHY);
        /// Failing checks that make a target unhealthy.
        unhealthy: Number<2, 10>, default(defaults::HEALTH_UNHEALTHY);
        /// Accepted status codes.
        codes: StatusCodes, default(defaults::HEALTH_CODES), example("200-299,301");
        /// Failing checks are ignored this long after a task's start.
        grace: TimeSpan<0, 2_147_483_647>, default(defaults::HEALTH_GRACE.to_string());
    }
}

table! {
    /// Bounds of a rolling update, in percent of the wanted count.
    struct RolloutTable is "a rollout" {
        /// Healthy tasks that must stay, rounded up.
        min_healthy: Number<0, 100>, default(defaults::ROLLOUT_MIN_HEALTHY);
        /// Tasks that may run at once, old and new, rounded down.
        max: Number<100, 200>, default(defaults::ROLLOUT_MAX);
        /// A rollout that takes longer is rolled back.
        timeout: TimeSpan<1, { u32::MAX }>, default(defaults::ROLLOUT_TIMEOUT.to_string());
    }
}

table! {
    /// Bounds of automatic scaling.
    struct ScalingTable is "scaling" {
        /// Fewest tasks. Default by class: local and develop 1, test 2, production 3.
        min: Number<0, 5000>, example(1);
        /// Most tasks. Default by class: local 1, develop 5, test 10, production 20.
        max: Number<0, 5000>, example(10);
        /// Average CPU utilisation to hold, in percent; none: no target.
        cpu: Number<1, 100>, example(60);
    }
}

table! {
    /// A one-off job: another command in a service's image, with the service's variables and
    /// secrets.
    struct JobTable is "a job" {
        include tuning: JobTuning;
        /// The service whose image, variables and secrets it runs with.
        service: ServiceName, required(), example("api");
    }
}

table! {
    /// What an environment can say differently about a job.
    struct JobTuning is "a job in an environment" {
        /// The command and its arguments.
        command: List<Text>, example(json!(["./api", "migrate"]));
        /// CPU units. Default: those of its service.
        cpu: Number<1, 16384>, example(256);
        /// Memory in MiB. Default: that of its service.
        memory: Number<1, 122_880>, example(512);
        /// Variables beside or instead of those of its service.
        env: Map<VariableName, Text>, default(json!({}));
        /// It has failed when it takes longer.
        timeout: TimeSpan<1, { u32::MAX }>, default(defaults::JOB_TIMEOUT.to_string());
    }
}

table! {
    /// A static site.
    struct SiteTable is "a site" {
        /// Its directory, relative to the manifest.
        path: RepoPath, required(), example("apps/admin");
        /// Shell command that makes `dist`, run in `path`; none: the files are there already.
        build: Text, example("npm ci && npm run build");
        /// The directory that is served, relative to `path`.
        dist: RepoPath, required(), example("dist");
        /// Path pattern under which it is served.
        route: PathPattern, required(), example("/*");
    }
}

table! {
    /// A place where everything runs once.
    struct EnvironmentTable is "an environment" {
        /// "local" for this machine, "ecs" for Amazon ECS.
        platform: PlatformKind, required(), example("local");
        /// Gives the defaults: local (1 task, 7 days of logs), develop (1 task, scales 1-5, 7 days
        /// of logs, 70 % Spot), test (2 tasks, 2-10, 30 days, 30 % Spot) or production (3 tasks,
        /// 3-20, 90 days, no Spot, deletion protection, one approval). Default: local on the local
        /// platform, develop on ecs.
        class: Class, example("production");
        /// The AWS region; required for ecs.
        region: Region, example("us-east-1");
        /// The AWS account; required for ecs. Nothing is done when the caller's is another one.
        account: Account, example("111122223333");
        /// Where the AWS APIs answer instead of AWS, for emulators.
        endpoint_url: EndpointUrl, example("http://127.0.0.1:4566");
        /// The environment that a release must have passed first.
        promote_from: EnvironmentName, example("qa");
        /// Patterns of the branches that a release may come from; none: any.
        branches: List<Text>, default(json!([])), example(json!(["prod/*"]));
        /// Approvals that a release needs. Default: production 1, else 0.
        approvals: Number<0, 10>, example(1);
        /// How many days logs are kept. Default by class: local and develop 7, test 30,
        /// production 90.
        log_retention_days: Number<1, 3653>, example(30);
        /// Whether what holds data refuses to be deleted. Default: only production.
        deletion_protection: Flag, example(true);
        /// Share of tasks on Fargate Spot, in percent. Default by class: develop 70, test 30,
        /// else 0.
        spot_percent: Number<0, 100>, example(70);
        /// What this environment says differently about services.
        services: Map<ServiceName, ServiceTuning>, default(json!({}));
        /// What this environment says differently about jobs.
        jobs: Map<JobName, JobTuning>, default(json!({}));
    }
}
