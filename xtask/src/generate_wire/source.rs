//! Fetches the pinned botocore wheel with pip and reads models out of it.
//!
//! The wheel is a zip archive; Python, which pip needs anyway, unpacks it.

use std::fs;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::Command;

use flate2::read::GzDecoder;
use sha2::{Digest, Sha256};
use thiserror::Error;

use super::model::ServiceModel;
use super::services::Service;

pub(crate) const VERSION: &str = "1.44.5";
const SHA256: &str = "8f16a56d1dff125dd65322ae021efa7ba5195a6db5102b96862566055b748921";
const EXTRACT: &str = "import sys, zipfile; \
    sys.stdout.buffer.write(zipfile.ZipFile(sys.argv[1]).read(sys.argv[2]))";

#[derive(Debug, Error)]
pub(crate) enum SourceError {
    #[error(
        "python3 could not be started\n\
         hint: install python3 with pip (Debian: `apt-get install python3-pip`) and try again"
    )]
    PythonMissing(#[source] io::Error),
    #[error(
        "pip could not download botocore {VERSION}\n{output}\n\
         hint: check that `python3 -m pip --version` works and that the package index is \
         reachable, or put the wheel at {} yourself", wheel.display()
    )]
    Download { output: String, wheel: PathBuf },
    #[error(
        "{} has SHA-256 {found}, but {SHA256} is pinned\n\
         hint: delete the file and try again", wheel.display()
    )]
    Hash { wheel: PathBuf, found: String },
    #[error("failed to read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("failed to read {entry} from the botocore wheel: {output}")]
    Extract { entry: String, output: String },
    #[error("failed to decompress {entry}")]
    Decompress {
        entry: String,
        #[source]
        source: io::Error,
    },
    #[error("{entry} is not a service model as this generator knows it")]
    Parse {
        entry: String,
        #[source]
        source: serde_json::Error,
    },
}

/// The pinned botocore wheel, verified.
#[derive(Debug)]
pub(crate) struct Wheel {
    path: PathBuf,
}

impl Wheel {
    /// Takes the wheel from the cache directory, or downloads it into it.
    pub(crate) fn obtain(cache: &Path) -> Result<Self, SourceError> {
        let path = cache.join(format!("botocore-{VERSION}-py3-none-any.whl"));
        if !path.exists() {
            download(cache, &path)?;
        }
        let bytes = fs::read(&path).map_err(|source| SourceError::Read {
            path: path.clone(),
            source,
        })?;
        let found = hex::encode(Sha256::digest(bytes));
        if found != SHA256 {
            return Err(SourceError::Hash { wheel: path, found });
        }
        Ok(Self { path })
    }

    /// Reads the model of a service.
    pub(crate) fn model(&self, service: &Service) -> Result<ServiceModel, SourceError> {
        let entry = format!(
            "botocore/data/{}/{}/service-2.json.gz",
            service.module, service.version
        );
        let output = Command::new("python3")
            .args(["-c", EXTRACT])
            .arg(&self.path)
            .arg(&entry)
            .output()
            .map_err(SourceError::PythonMissing)?;
        if !output.status.success() {
            let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
            return Err(SourceError::Extract { entry, output });
        }
        let mut json = Vec::new();
        GzDecoder::new(output.stdout.as_slice())
            .read_to_end(&mut json)
            .map_err(|source| SourceError::Decompress {
                entry: entry.clone(),
                source,
            })?;
        serde_json::from_slice(&json).map_err(|source| SourceError::Parse { entry, source })
    }
}

fn download(cache: &Path, wheel: &Path) -> Result<(), SourceError> {
    let output = Command::new("python3")
        .args([
            "-m",
            "pip",
            "download",
            "--disable-pip-version-check",
            "--no-deps",
        ])
        .args(["--only-binary=:all:", "--quiet", "--dest"])
        .arg(cache)
        .arg(format!("botocore=={VERSION}"))
        .output()
        .map_err(SourceError::PythonMissing)?;
    if output.status.success() {
        return Ok(());
    }
    let output = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(SourceError::Download {
        output,
        wheel: wheel.to_path_buf(),
    })
}
