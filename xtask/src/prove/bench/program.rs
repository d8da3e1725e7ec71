//! A program for tasks of which there are many.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use super::manifest::Manifest;
use super::{During as _, ProofError};

/// Makes a project of `count` services, each one process that does nothing.
pub(crate) fn project(directory: &Path, count: u32) -> Result<Manifest, ProofError> {
    write(&directory.join("program"))?;
    let services = (0..count).map(|number| {
        let service = toml::toml! {
            path = "."
            image = { bundle = ["program"] }
            command = ["./program"]
            cpu = 256
            memory = 512
            count = 1
        };
        (format!("unit-{number:03}"), service.into())
    });
    let services: toml::Table = services.collect();
    let mut manifest = toml::toml! {
        [project]
        name = "many"
        [environments.local]
        platform = "local"
    };
    manifest.insert("services".into(), services.into());
    Manifest::create(&directory.join("seaway.toml"), manifest)
}

/// Writes a program that is one process and does nothing.
pub(crate) fn write(path: &Path) -> Result<(), ProofError> {
    fs::write(path, "#!/bin/sh\nexec sleep 1000000\n").during("write the program")?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).during("write the program")
}
