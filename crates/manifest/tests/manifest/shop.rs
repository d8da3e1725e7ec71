//! The manifest that the tests change, and the ways to look at it.

use seaway_core::environment::Environment;
use seaway_manifest::{Colour, Diagnostics, Found, Manifest, Source, Tree, render};

/// The manifest of DESIGN.md, section 4, with what it refers to.
pub(crate) const SHOP: &str = r#"[project]
name   = "shop"
shared = ["packages/**", "Cargo.lock", "docker/**"]

[services.api]
path    = "services/api"
image   = { dockerfile = "docker/service.Dockerfile" }
command = ["./api"]
port    = 8000
cpu     = 256
memory  = 512
count   = 2
route   = { path = "/api/*" }
health  = { path = "/health", interval = "10s", grace = "30s" }
rollout = { min_healthy = 100, max = 200, timeout = "15m" }
scaling = { min = 1, max = 10, cpu = 60 }
before  = ["migrate"]
uses    = ["catalog"]
volumes = { data = "/data" }
env     = { LOG_LEVEL = "info" }
secrets = { DATABASE_URL = "database#url" }

[services.catalog]
path  = "services/catalog"
image = { bundle = ["target/catalog"], build = "cargo build --bin catalog" }
port  = 8001

[jobs.migrate]
service = "api"
command = ["./api", "migrate"]

[sites.admin]
path  = "apps/admin"
build = "npm ci && npm run build"
dist  = "dist"
route = "/*"

[environments.local]
platform = "local"

[environments.qa]
platform = "ecs"
class    = "test"
region   = "us-east-1"
account  = "444455556666"

[environments.production]
platform     = "ecs"
class        = "production"
region       = "us-east-1"
account      = "111122223333"
promote_from = "qa"
branches     = ["prod/*"]
approvals    = 1
services.api = { count = 3, scaling = { min = 3, max = 20 } }
"#;

/// A repository in which every path leads where it should.
pub(crate) struct Complete;

impl Tree for Complete {
    fn look(&self, path: &str) -> Found {
        if path.ends_with("Dockerfile") {
            Found::File
        } else {
            Found::Directory
        }
    }
}

pub(crate) fn parse(text: &str) -> Result<Manifest, Diagnostics> {
    let source = Source {
        name: "seaway.toml".to_owned(),
        text: text.to_owned(),
    };
    Manifest::parse(source, &Complete)
}

/// The shop with one piece of its text replaced.
pub(crate) fn changed(from: &str, to: &str) -> String {
    assert_eq!(
        SHOP.matches(from).count(),
        1,
        "{from:?} stands once in the shop"
    );
    SHOP.replace(from, to)
}

/// An environment of the shop after one change.
pub(crate) fn resolve(text: &str, environment: &str) -> Environment {
    parse(text)
        .and_then(|manifest| manifest.resolve(environment))
        .unwrap_or_else(|errors| {
            panic!("should resolve:\n{}", render(&errors, Colour::Never));
        })
}

/// All that people read about a manifest.
pub(crate) fn report(text: &str) -> String {
    let diagnostics = match parse(text) {
        Ok(manifest) => manifest.check(),
        Err(diagnostics) => diagnostics,
    };
    render(&diagnostics, Colour::Never)
}

/// All that people read about the shop after one change.
pub(crate) fn report_changed(from: &str, to: &str) -> String {
    report(&changed(from, to))
}
