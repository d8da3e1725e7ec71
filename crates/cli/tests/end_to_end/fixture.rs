//! The program that is deployed, made by `rustc` once per run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixture/service.rs");

static SERVICE: LazyLock<PathBuf> = LazyLock::new(make);

/// Puts the program into `directory` as `service`.
pub(crate) fn place(directory: &Path) {
    let place = directory.join("service");
    fs::copy(&*SERVICE, place).expect("the fixture can be copied");
}

fn make() -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let made = target.join(format!("fixture-service-{}", std::process::id()));
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let status = Command::new(rustc)
        .args([
            "--edition",
            "2024",
            "-C",
            "opt-level=1",
            "-C",
            "panic=abort",
        ])
        .args(["-C", "strip=symbols", SOURCE, "-o"])
        .arg(&made)
        .status()
        .expect("rustc is there, as it is wherever cargo is");
    assert!(status.success(), "rustc cannot make the fixture");
    // Under one name, whole at every moment: the next run replaces it.
    let named = target.join("fixture-service");
    fs::rename(&made, &named).expect("the fixture can be renamed");
    named
}
