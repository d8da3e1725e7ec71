//! Why the store cannot do what it is asked.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use thiserror::Error;

/// A failure of the store; never the normal answer "there is no such row".
#[derive(Debug, Error)]
pub enum StoreError {
    #[error("failed to open the store {path}")]
    Open {
        path: PathBuf,
        #[source]
        source: rusqlite::Error,
    },
    #[error("failed to keep the store {path} to its owner")]
    Private {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error(
        "the store {path} has version {found}, this seaway knows versions up to {known}: \
         a newer seaway wrote it; use that one"
    )]
    Newer {
        path: PathBuf,
        found: u32,
        known: u32,
    },
    #[error("the database failed")]
    Sql(#[from] rusqlite::Error),
    #[error("the database failed to commit")]
    Commit(#[source] Arc<rusqlite::Error>),
    #[error("the database undid this change together with one that failed")]
    TakenAlong,
    #[error("failed to encode or decode the {kind} `{key}`")]
    Document {
        kind: &'static str,
        key: String,
        #[source]
        source: serde_json::Error,
    },
    #[error("the stored value of secret {secret}, version {version}, does not decrypt")]
    Unreadable { secret: String, version: String },
    #[error("failed to encrypt a value of secret {secret}")]
    Encrypt { secret: String },
}
