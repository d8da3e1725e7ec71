//! What a path of the endpoint names (OCI distribution specification, "Endpoints").

use super::answers::Refusal;
use super::digest::Digest;
use super::reference::{Reference, ReferenceError, RepositoryName};

/// The noun of a request.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Target {
    Root,
    Catalog,
    Uploads(RepositoryName),
    Upload(RepositoryName, String),
    Blob(RepositoryName, Digest),
    Manifest(RepositoryName, Reference),
    Tags(RepositoryName),
    Referrers(RepositoryName, Digest),
}

impl Target {
    /// Reads the path of a request.
    pub(super) fn parse(path: &str) -> Result<Self, Refusal> {
        let unknown = || Refusal::not_found("NAME_UNKNOWN", "this registry has no such path");
        let rest = match path {
            "/v2" | "/v2/" => return Ok(Self::Root),
            "/v2/_catalog" => return Ok(Self::Catalog),
            _ => path.strip_prefix("/v2/").ok_or_else(unknown)?,
        };
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            return Ok(Self::Uploads(repository(name)?));
        }
        let (rest, last) = rest.rsplit_once('/').ok_or_else(unknown)?;
        if let Some(name) = rest.strip_suffix("/blobs/uploads") {
            let name = repository(name)?;
            return match last {
                "" => Ok(Self::Uploads(name)),
                id => Ok(Self::Upload(name, id.to_owned())),
            };
        }
        let (name, noun) = rest.rsplit_once('/').ok_or_else(unknown)?;
        match noun {
            "blobs" => Ok(Self::Blob(repository(name)?, digest(last)?)),
            "manifests" => Ok(Self::Manifest(repository(name)?, reference(last)?)),
            "tags" if last == "list" => Ok(Self::Tags(repository(name)?)),
            "referrers" => Ok(Self::Referrers(repository(name)?, digest(last)?)),
            _ => Err(unknown()),
        }
    }
}

/// A digest, which may have arrived with an encoded colon.
pub(super) fn digest(text: &str) -> Result<Digest, Refusal> {
    let text = text.replace("%3A", ":").replace("%3a", ":");
    text.parse()
        .map_err(|error: super::DigestError| Refusal::bad("DIGEST_INVALID", error.to_string()))
}

/// A repository's name.
pub(super) fn repository(name: &str) -> Result<RepositoryName, Refusal> {
    name.parse()
        .map_err(|error: ReferenceError| Refusal::bad("NAME_INVALID", error.to_string()))
}

fn reference(text: &str) -> Result<Reference, Refusal> {
    if text.contains(':') || text.contains('%') {
        return digest(text).map(Reference::Digest);
    }
    text.parse()
        .map_err(|error: ReferenceError| Refusal::bad("TAG_INVALID", error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_their_targets() {
        let digest = Digest::of(b"x");
        let name: RepositoryName = "shop/api".parse().unwrap();
        let named = |path: &str| Target::parse(&format!("/v2/shop/api/{path}"));
        assert_eq!(Target::parse("/v2/"), Ok(Target::Root));
        assert_eq!(Target::parse("/v2/_catalog"), Ok(Target::Catalog));
        assert_eq!(named("blobs/uploads/"), Ok(Target::Uploads(name.clone())));
        assert_eq!(named("blobs/uploads"), Ok(Target::Uploads(name.clone())));
        assert_eq!(
            named("blobs/uploads/abc"),
            Ok(Target::Upload(name.clone(), "abc".into()))
        );
        assert_eq!(
            named(&format!("blobs/{digest}")),
            Ok(Target::Blob(name.clone(), digest.clone()))
        );
        let by_digest = Reference::Digest(digest.clone());
        assert_eq!(
            named(&format!("manifests/{digest}")),
            Ok(Target::Manifest(name.clone(), by_digest))
        );
        let by_tag = Reference::Tag("v1".parse().unwrap());
        assert_eq!(
            named("manifests/v1"),
            Ok(Target::Manifest(name.clone(), by_tag))
        );
        assert_eq!(named("tags/list"), Ok(Target::Tags(name.clone())));
        assert_eq!(
            named(&format!("referrers/{digest}")),
            Ok(Target::Referrers(name, digest))
        );
    }

    #[test]
    fn a_repository_may_be_called_like_a_noun() {
        let name = || "shop/manifests".parse().unwrap();
        let tag = Reference::Tag("list".parse().unwrap());
        assert_eq!(
            Target::parse("/v2/shop/manifests/manifests/list"),
            Ok(Target::Manifest(name(), tag))
        );
        assert_eq!(
            Target::parse("/v2/shop/manifests/tags/list"),
            Ok(Target::Tags(name()))
        );
    }

    #[test]
    fn only_the_place_of_uploads_is_one() {
        let v1 = Reference::Tag("v1".parse().unwrap());
        let uploads = "shop/blobs/uploads".parse().unwrap();
        assert_eq!(
            Target::parse("/v2/shop/blobs/uploads/manifests/v1"),
            Ok(Target::Manifest(uploads, v1))
        );
        for path in ["/v2/shop/blobs/uploads/a/b", "/v2/shop/blobs/uploads/a/"] {
            assert_eq!(Target::parse(path).unwrap_err().code, "NAME_UNKNOWN");
        }
        let other = Target::parse("/v2/shop/blobs/uploads-of-others");
        assert_eq!(other.unwrap_err().code, "DIGEST_INVALID");
    }

    #[test]
    fn strange_names_are_refused_by_name() {
        let code = |path: &str| Target::parse(path).unwrap_err().code;
        assert_eq!(code("/v2/shop/api/manifests/-"), "TAG_INVALID");
        assert_eq!(
            code("/v2/shop/api/manifests/sha256:totallywrong"),
            "DIGEST_INVALID"
        );
        let blob = format!("/v2/../etc/blobs/{}", Digest::of(b"x"));
        assert_eq!(code(&blob), "NAME_INVALID");
        assert_eq!(code("/v2/shop/blobs/sha256:0"), "DIGEST_INVALID");
        assert_eq!(code("/v2/shop"), "NAME_UNKNOWN");
    }
}
