//! `cargo xtask generate wire`: Rust types of AWS operations from the public botocore models.
//!
//! The way of the data: [`source`] fetches the pinned models, [`model`] parses them, [`closure`]
//! keeps what the operations of [`services`] reach, and the `emit_*` modules print Rust.
//! To add an operation, name it in [`services`] and run the task.

mod closure;
mod emit_operations;
mod emit_shapes;
mod emit_types;
mod model;
mod names;
mod output;
mod services;
mod source;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use closure::Closure;
use output::GeneratedFile;
use services::Service;

/// Arguments of `cargo xtask generate wire`.
#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// Change nothing; exit 1 when the committed files are stale.
    #[arg(long)]
    check: bool,
}

/// Generates the wire types, or compares them with what is committed.
pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, Box<dyn Error>> {
    let root = workspace_root();
    let wheel = source::Wheel::obtain(&root.join("target/botocore"))?;
    let mut files = Vec::new();
    for service in services::SERVICES {
        files.extend(generate(service, &wheel)?);
    }
    let directory = root.join("crates/aws-wire/src/generated");
    let files = output::format(&root, files)?;
    if arguments.check {
        let stale = output::stale(&files, &directory)?;
        if stale.is_empty() {
            println!("generated wire types are current ({} files)", files.len());
            return Ok(ExitCode::SUCCESS);
        }
        for path in &stale {
            eprintln!("stale: {}", path.display());
        }
        eprintln!("hint: run `cargo xtask generate wire` and commit the result");
        return Ok(ExitCode::FAILURE);
    }
    output::replace(&files, &directory)?;
    println!("wrote {} files to {}", files.len(), directory.display());
    Ok(ExitCode::SUCCESS)
}

/// The three files of one service.
fn generate(
    service: &Service,
    wheel: &source::Wheel,
) -> Result<[GeneratedFile; 3], Box<dyn Error>> {
    let model = wheel.model(service)?;
    let closure = Closure::of(service, &model)?;
    let header = output::header(service);
    let file = |name: &str, body: String| GeneratedFile {
        path: PathBuf::from(service.module).join(name),
        text: format!("{header}\n{body}"),
    };
    Ok([
        file("mod.rs", emit_operations::emit(service, &closure)),
        file("types.rs", emit_types::emit(&closure)?),
        file("shapes.rs", emit_shapes::emit(&closure)?),
    ])
}

fn workspace_root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.parent().unwrap_or(manifest).to_path_buf()
}
