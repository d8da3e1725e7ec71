//! Why an image was not unpacked.

use std::io;
use std::path::PathBuf;

use super::digest::Sha256Digest;

#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    #[error("cannot read the layer {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("layer {layer} is compressed in a way that is not supported (gzip and none are)")]
    Compression { layer: Sha256Digest },
    #[error("layer {layer} has the content {found}")]
    WrongDigest {
        layer: Sha256Digest,
        found: Sha256Digest,
    },
    #[error("layer {layer} unpacks to {found}, not to {diff_id}")]
    WrongDiffId {
        layer: Sha256Digest,
        diff_id: Sha256Digest,
        found: Sha256Digest,
    },
    #[error("layer {layer} is not a whole archive")]
    Archive {
        layer: Sha256Digest,
        #[source]
        source: io::Error,
    },
    #[error("layer {layer}: entry `{entry}` is refused: {refusal}")]
    Entry {
        layer: Sha256Digest,
        entry: String,
        refusal: Refusal,
    },
    #[error("link `{entry}` is refused: {refusal}")]
    Link { entry: String, refusal: Refusal },
    #[error("the working directory `{workdir}` cannot be made: {refusal}")]
    Workdir { workdir: String, refusal: Refusal },
    #[error("layer {layer} is refused: {refusal}")]
    TooLarge {
        layer: Sha256Digest,
        refusal: Refusal,
    },
}

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    #[error("its path is absolute")]
    AbsolutePath,
    #[error("its path contains `..`")]
    ParentPath,
    #[error("its path is empty")]
    EmptyPath,
    #[error("its path is not UTF-8, or contains a NUL byte")]
    UnreadablePath,
    #[error("its path is longer than {limit} bytes")]
    LongPath { limit: usize },
    #[error("`{parent}` above it is a symbolic link")]
    LinkedParent { parent: String },
    #[error("`{parent}` above it is not a directory")]
    FileAsParent { parent: String },
    #[error("it points to the absolute path `{target}`")]
    AbsoluteTarget { target: String },
    #[error("it points outside the image, to `{target}`")]
    TargetOutside { target: String },
    #[error("it points in a circle, to `{target}`")]
    LinkLoop { target: String },
    #[error("it is a hard link to `{target}`, which is not a file of the image")]
    NoHardLinkTarget { target: String },
    #[error("it is a {kind}")]
    SpecialFile { kind: &'static str },
    #[error("it has the set-user-ID or set-group-ID bit")]
    Privileged,
    #[error("its header extends over {limit} bytes")]
    LongHeader { limit: u64 },
    #[error("it uses {what}, which is not supported")]
    Unsupported { what: &'static str },
    #[error("the image has more than {limit} entries")]
    TooManyEntries { limit: u64 },
    #[error("the image unpacks to more than {limit} bytes")]
    TooManyBytes { limit: u64 },
    #[error("it unpacks to more than {limit} times its size")]
    Ratio { limit: u64 },
}
