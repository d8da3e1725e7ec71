//! What the registry accepts as a manifest: JSON of a known form that says what it is made of.
//!
//! Everything else in it is the business of whoever pushes and pulls: configs and layers of any
//! type, fields that nobody here knows. What can run is decided when a task pulls (`resolve`).

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::value::RawValue;
use thiserror::Error;

use super::digest::{Digest, DigestError};

/// The bound that the distribution specification suggests.
pub(super) const MAX_MANIFEST: usize = 4 << 20;
/// More than any builder makes; keeps a request's work small.
const MAX_REFERENCES: usize = 10_000;

/// The media type of an OCI image manifest.
pub(super) const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// The media type of an OCI image index.
pub(super) const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
const DOCKER_INDEX: &str = "application/vnd.docker.distribution.manifest.list.v2+json";

/// What is read of a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Manifest {
    pub media_type: String,
    /// What the artifact is, where the manifest or its config says so.
    pub artifact_type: Option<String>,
    pub content: Content,
    /// The digest of what this manifest says something about.
    pub subject: Option<Digest>,
    pub annotations: BTreeMap<String, String>,
}

/// What a manifest is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Content {
    Image {
        config: Descriptor,
        layers: Vec<Descriptor>,
    },
    Index(Vec<Descriptor>),
}

/// How a manifest names a blob or another manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Descriptor {
    pub media_type: String,
    pub digest: Digest,
    /// In bytes.
    pub size: u64,
    pub platform: Option<Platform>,
}

/// What an image of an index runs on.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Platform {
    pub os: String,
    pub architecture: String,
}

/// Bytes are no manifest that this registry keeps.
#[derive(Debug, Error)]
pub enum ManifestError {
    #[error("`{0}` is not the media type of an image manifest or index (OCI, or Docker schema 2)")]
    Type(String),
    #[error("the mediaType `{own}` differs from the Content-Type `{said}`")]
    OtherType { own: String, said: String },
    #[error("the manifest is not the JSON that its type stands for: {0}")]
    Json(#[from] serde_json::Error),
    #[error("schemaVersion is {0}, not 2")]
    Version(u32),
    #[error("an image has a config and layers, an index has manifests; none has both")]
    Ambiguous,
    #[error("a manifest refers to at most {MAX_REFERENCES} blobs or manifests")]
    TooLong,
    #[error(transparent)]
    Digest(#[from] DigestError),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Raw<'a> {
    schema_version: u32,
    media_type: Option<String>,
    artifact_type: Option<String>,
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    /// Of the manifests of Docker schema 1, which are refused.
    #[serde(borrow)]
    fs_layers: Option<&'a RawValue>,
    subject: Option<RawDescriptor>,
    annotations: Option<BTreeMap<String, String>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawDescriptor {
    media_type: String,
    digest: String,
    size: u64,
    platform: Option<Platform>,
}

impl Manifest {
    /// Reads the bytes of a manifest that is said to be of the type `said`; nothing said is as
    /// good as what the manifest itself says.
    pub(super) fn parse(bytes: &[u8], said: Option<&str>) -> Result<Self, ManifestError> {
        let raw: Raw<'_> = serde_json::from_slice(bytes)?;
        let media_type = media_type(&raw, said)?;
        if raw.schema_version != 2 {
            return Err(ManifestError::Version(raw.schema_version));
        }
        let is_index = [OCI_INDEX, DOCKER_INDEX].contains(&media_type.as_str());
        let content = content(raw.config, raw.layers, raw.manifests, raw.fs_layers)?;
        if is_index != matches!(content, Content::Index(_)) {
            return Err(ManifestError::Ambiguous);
        }
        let of_config = match &content {
            Content::Image { config, .. } => Some(config.media_type.clone()),
            Content::Index(_) => None,
        };
        let own = raw.artifact_type.filter(|own| !own.is_empty());
        Ok(Self {
            media_type,
            artifact_type: own.or(of_config),
            content,
            subject: raw
                .subject
                .map(|subject| subject.digest.parse())
                .transpose()?,
            annotations: raw.annotations.unwrap_or_default(),
        })
    }

    /// Everything that it refers to and that must be there before the manifest is.
    pub(super) fn references(&self) -> Vec<&Descriptor> {
        match &self.content {
            Content::Image { config, layers } => {
                let own = layers.iter().filter(|layer| !layer.is_elsewhere());
                std::iter::once(config).chain(own).collect()
            }
            Content::Index(manifests) => manifests.iter().collect(),
        }
    }
}

impl Descriptor {
    /// Layers that must not be distributed are fetched from their makers.
    fn is_elsewhere(&self) -> bool {
        self.media_type.contains(".nondistributable.") || self.media_type.contains(".foreign.")
    }
}

impl TryFrom<RawDescriptor> for Descriptor {
    type Error = ManifestError;

    fn try_from(raw: RawDescriptor) -> Result<Self, ManifestError> {
        Ok(Self {
            media_type: raw.media_type,
            digest: raw.digest.parse()?,
            size: raw.size,
            platform: raw.platform,
        })
    }
}

/// The Content-Type, without parameters, and the manifest's own word must agree.
fn media_type(raw: &Raw<'_>, said: Option<&str>) -> Result<String, ManifestError> {
    let bare = |text: &str| text.split(';').next().unwrap_or_default().trim().to_owned();
    let said = said.map(bare).filter(|said| !said.is_empty());
    let media_type = match (said, raw.media_type.clone()) {
        (Some(said), Some(own)) if said != own => {
            return Err(ManifestError::OtherType { own, said });
        }
        (Some(agreed), _) | (None, Some(agreed)) => agreed,
        (None, None) => OCI_MANIFEST.to_owned(),
    };
    let known = [OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_INDEX];
    if known.contains(&media_type.as_str()) {
        return Ok(media_type);
    }
    Err(ManifestError::Type(media_type))
}

/// A manifest that is both an image and an index means different things to different clients.
fn content(
    config: Option<RawDescriptor>,
    layers: Option<Vec<RawDescriptor>>,
    manifests: Option<Vec<RawDescriptor>>,
    fs_layers: Option<&RawValue>,
) -> Result<Content, ManifestError> {
    let all = |raw: Vec<RawDescriptor>| -> Result<Vec<Descriptor>, ManifestError> {
        if raw.len() > MAX_REFERENCES {
            return Err(ManifestError::TooLong);
        }
        raw.into_iter().map(Descriptor::try_from).collect()
    };
    match (config, layers, manifests, fs_layers) {
        (Some(config), layers, None, None) => Ok(Content::Image {
            config: config.try_into()?,
            layers: all(layers.unwrap_or_default())?,
        }),
        (None, None, Some(manifests), None) => Ok(Content::Index(all(manifests)?)),
        _ => Err(ManifestError::Ambiguous),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor(media_type: &str) -> Value {
        json!({ "mediaType": media_type, "digest": Digest::of(b"x").as_str(), "size": 1 })
    }

    fn parse(manifest: &Value, said: &str) -> Result<Manifest, ManifestError> {
        let said = Some(said).filter(|said| !said.is_empty());
        Manifest::parse(manifest.to_string().as_bytes(), said)
    }

    fn image() -> Value {
        json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": descriptor("a/config"),
            "layers": [descriptor("a/layer"), descriptor("a/layer.nondistributable.v1.tar")],
        })
    }

    #[test]
    fn images_and_indexes_say_what_they_are_made_of() {
        let manifest = parse(&image(), "").unwrap();
        assert_eq!(manifest.references().len(), 2, "one layer is elsewhere");
        assert_eq!(manifest.artifact_type.as_deref(), Some("a/config"));
        let index = json!({ "schemaVersion": 2, "manifests": [] , "unknown": [1] });
        let index = parse(
            &index,
            "application/vnd.oci.image.index.v1+json; charset=utf-8",
        );
        assert_eq!(index.unwrap().content, Content::Index(vec![]));
    }

    #[test]
    fn what_means_two_things_is_refused() {
        let mut both = image();
        both["manifests"] = json!([]);
        assert!(matches!(parse(&both, ""), Err(ManifestError::Ambiguous)));
        let other = parse(&image(), OCI_INDEX);
        assert!(matches!(other, Err(ManifestError::OtherType { .. })));
        let untyped = json!({ "schemaVersion": 2, "manifests": [] });
        assert!(matches!(parse(&untyped, ""), Err(ManifestError::Ambiguous)));
        let strange = parse(&untyped, "application/json");
        assert!(matches!(strange, Err(ManifestError::Type(_))));
        let first = json!({ "schemaVersion": 1, "fsLayers": [] });
        assert!(parse(&first, "").is_err());
    }
}
