//! The example shop on a stage, with programs that are built once for all proofs.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::manifest::Manifest;
use super::stage::Stage;
use super::{Bench, During as _, ProofError, claim, http};

/// Its services' programs.
const PROGRAMS: &[&str] = &["api", "catalog", "store", "worker"];
/// Where its manifest says the programs are.
const BUILT: &str = "target/release";

/// Builds the shop where its manifest would build it.
pub(crate) fn build(root: &Path) -> Result<(), ProofError> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args([
            "build",
            "--quiet",
            "--release",
            "--locked",
            "--target-dir",
            "target",
        ])
        .current_dir(root.join("examples/shop"))
        .status()
        .during("build the shop")?;
    claim!(status.success(), "the shop does not build");
    Ok(())
}

/// A stage with the shop, nothing started. Its manifest builds nothing: the programs are there.
pub(crate) fn set_up(bench: &Bench) -> Result<Stage, ProofError> {
    build(&bench.root)?;
    Stage::new(bench, |project| {
        let shop = bench.root.join("examples/shop");
        let built = project.join(BUILT);
        fs::create_dir_all(&built).during("make the shop's directories")?;
        for program in PROGRAMS {
            fs::copy(shop.join(BUILT).join(program), built.join(program))
                .during(format!("copy the program {program}"))?;
            fs::create_dir_all(project.join("services").join(program))
                .during("make the shop's directories")?;
        }
        fs::copy(shop.join("seaway.toml"), project.join("seaway.toml"))
            .during("copy the shop's manifest")?;
        let mut manifest = Manifest::open(&project.join("seaway.toml"))?;
        manifest.forget_builds()?;
        Ok(manifest)
    })
}

/// A stage with the shop up and well.
pub(crate) fn up(bench: &Bench) -> Result<Stage, ProofError> {
    let stage = set_up(bench)?;
    let project = stage.project();
    let project = project.to_str().unwrap_or(".");
    stage.run(&["up", project])?.exited(0)?;
    stage.settled()?;
    Ok(stage)
}

impl Stage {
    /// The version that the public API says it is.
    pub(crate) fn api_version(&self) -> Result<String, ProofError> {
        let address = self.status()?.public()?;
        let (status, body) = http::get(address, "/version")?;
        claim!(
            status == 200,
            "GET /version was answered with {status}: {body}"
        );
        let page: serde_json::Value =
            serde_json::from_str(&body).during("understand GET /version")?;
        Ok(page["version"].as_str().unwrap_or_default().to_owned())
    }

    /// Fails unless the public API is this version.
    pub(crate) fn claim_version(&self, version: &str) -> Result<(), ProofError> {
        let found = self.api_version()?;
        claim!(
            found == version,
            "the API is version {found} instead of {version}"
        );
        Ok(())
    }
}
