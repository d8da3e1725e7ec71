//! The targets' programs: everything that Seaway is made of, with the fuzzer's counters in it.
//!
//! These flags are what cargo-fuzz uses, and all that it would do here. They are stable, unlike the
//! sanitizers, which are there to find misuse of memory in `unsafe` code; Seaway has none.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::prove::bench::{During as _, ProofError, claim, note};

const FLAGS: &[&str] = &[
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
];

/// Where everything is kept that fuzzing makes: beside this program's own build products.
pub(super) fn products() -> Result<PathBuf, ProofError> {
    let own = std::env::current_exe().during("find the build products")?;
    let target = own.parent().and_then(Path::parent).unwrap_or(&own);
    Ok(target.join("fuzz"))
}

/// Builds the programs and returns their directory.
pub(super) fn programs(root: &Path, products: &Path) -> Result<PathBuf, ProofError> {
    note("building with the fuzzer's counters");
    let host = host()?;
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let status = Command::new(cargo)
        .args(["build", "--quiet", "--release", "--locked", "--bins"])
        // Named, so that build scripts and macros are built without the flags.
        .args(["--target", &host, "--manifest-path", "fuzz/Cargo.toml"])
        .arg("--target-dir")
        .arg(products)
        .env("RUSTFLAGS", FLAGS.join(" "))
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .current_dir(root)
        .status()
        .during("run cargo")?;
    claim!(status.success(), "the fuzzer's targets do not build");
    Ok(products.join(host).join("release"))
}

/// The compiler's own platform, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String, ProofError> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output();
    let text = output.during("run rustc")?.stdout;
    let text = String::from_utf8_lossy(&text);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    let host = host.ok_or_else(|| ProofError::Refuted("rustc does not name its host".into()))?;
    Ok(host.to_owned())
}
