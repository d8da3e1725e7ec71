//! The clients that Python's package index has, in an environment of their own. It is made once for
//! a list of versions and kept beside the build products.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest as _, Sha256};

use crate::prove::bench::{During as _, ProofError, claim, note};

/// Is there when everything is installed.
const COMPLETE: &str = "complete";

/// The directory of the programs, which are installed first where they are not there yet.
pub(super) fn environment(requirements: &Path) -> Result<PathBuf, ProofError> {
    let wanted = fs::read(requirements).during("read the list of clients")?;
    let version = run(Command::new("python3").arg("--version"))?;
    let directory = place(&wanted, &version)?;
    if !directory.join(COMPLETE).exists() {
        note("installing the clients");
        // What is left of an installation that was cut off.
        if directory.exists() {
            fs::remove_dir_all(&directory).during("remove a part of the clients")?;
        }
        run(Command::new("python3").args(["-m", "venv"]).arg(&directory))?;
        let mut install = Command::new(directory.join("bin/python"));
        install.args(["-m", "pip", "install", "--quiet", "--requirement"]);
        run(install.arg(requirements))?;
        fs::write(directory.join(COMPLETE), "").during("finish the installation")?;
    }
    Ok(directory.join("bin"))
}

/// A place for these versions; another list has another one.
fn place(wanted: &[u8], version: &str) -> Result<PathBuf, ProofError> {
    let own = std::env::current_exe().during("find the build products")?;
    let target = own.parent().and_then(Path::parent).unwrap_or(&own);
    let hash = Sha256::new().chain_update(wanted).chain_update(version);
    let name = &hex::encode(hash.finalize())[..12];
    Ok(target.join(format!("conformance-{name}")))
}

fn run(command: &mut Command) -> Result<String, ProofError> {
    let words = format!("{command:?}");
    let output = command.output().during(format!("start {words}"))?;
    claim!(
        output.status.success(),
        "{words} failed: {}",
        String::from_utf8_lossy(&output.stderr).trim_end()
    );
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
