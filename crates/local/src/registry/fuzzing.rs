//! Any path, name, range and manifest: see [`crate::fuzzing`].

use http::header::{CONTENT_RANGE, HeaderValue, RANGE};
use http::request::Parts;
use http::{Request, Uri};
use oci_spec::image::ImageConfiguration;

use super::digest::Digest;
use super::manifest::Manifest;
use super::parameters::{self, Wanted};
use super::reference::{ImageName, ImageReference, Reference, RepositoryName};
use super::target::Target;
use crate::fuzzing::first_line;

/// The size of the blob that ranges are of, in bytes.
const SIZE: u64 = 1000;

/// Reads a manifest, and the same bytes as an image's config.
pub(crate) fn manifest(input: &[u8]) {
    let (said, bytes) = first_line(input);
    let Ok(said) = str::from_utf8(said) else {
        return;
    };
    // Read by somebody else's code, but at our risk.
    let _ = ImageConfiguration::from_reader(bytes);
    let Ok(manifest) = Manifest::parse(bytes, Some(said)) else {
        return;
    };
    for reference in manifest.references() {
        check_digest(&reference.digest);
    }
    manifest.subject.iter().for_each(check_digest);
    let again = Manifest::parse(bytes, Some(&manifest.media_type));
    assert_eq!(
        again.expect("what was accepted under its own type"),
        manifest
    );
}

/// Reads what a request to the registry says beside its body, and the name of an image.
pub(crate) fn path(input: &[u8]) {
    let (path, rest) = first_line(input);
    if let Ok(name) = str::from_utf8(path) {
        image(name);
    }
    let (range, content_range) = first_line(rest);
    if let Some(request) = request(path, range, content_range) {
        check_target(request.uri.path());
        check_parameters(&request);
    }
}

fn request(path: &[u8], range: &[u8], content_range: &[u8]) -> Option<Parts> {
    let request = Request::get(Uri::try_from(path).ok()?)
        .header(RANGE, HeaderValue::from_bytes(range).ok()?)
        .header(CONTENT_RANGE, HeaderValue::from_bytes(content_range).ok()?);
    Some(request.body(()).ok()?.into_parts().0)
}

fn image(text: &str) {
    let Ok(name) = text.parse::<ImageName>() else {
        return;
    };
    check_repository(&name.repository);
    if let Reference::Digest(digest) = name.reference {
        check_digest(&digest);
        let repository = name.repository;
        let written = ImageReference { repository, digest }.to_string();
        let again: ImageName = written.parse().expect("what was written can be read");
        assert!(matches!(again.reference, Reference::Digest(_)));
    }
}

fn check_target(path: &str) {
    let Ok(target) = Target::parse(path) else {
        return;
    };
    match target {
        Target::Root | Target::Catalog => {}
        Target::Uploads(name) | Target::Upload(name, _) | Target::Tags(name) => {
            check_repository(&name);
        }
        Target::Blob(name, digest)
        | Target::Referrers(name, digest)
        | Target::Manifest(name, Reference::Digest(digest)) => {
            check_repository(&name);
            check_digest(&digest);
        }
        Target::Manifest(name, Reference::Tag(tag)) => {
            check_repository(&name);
            assert!(!tag.as_str().is_empty() && !tag.as_str().contains(['/', ':', '@']));
        }
    }
}

fn check_parameters(request: &Parts) {
    for name in ["from", "last", "mount", "n", "artifactType"] {
        let all: Vec<_> = parameters::parameters(request, name).collect();
        assert_eq!(parameters::parameter(request, name).as_ref(), all.first());
    }
    if let Ok(digest) = parameters::digest(request) {
        check_digest(&digest);
    }
    // Either is fine; both are read before anything is decided.
    let _ = (
        parameters::algorithm(request),
        parameters::chunk_start(request),
    );
    match parameters::wanted_bytes(request, SIZE) {
        Wanted::All | Wanted::Nothing => {}
        Wanted::Part(part) => assert!(!part.is_empty() && *part.end() < SIZE, "{part:?}"),
    }
    assert!(!matches!(
        parameters::wanted_bytes(request, 0),
        Wanted::Part(_)
    ));
}

/// A digest becomes the name of a file.
fn check_digest(digest: &Digest) {
    let digits = digest.hex();
    assert!([64, 128].contains(&digits.len()), "{digest}");
    assert!(digits.bytes().all(|it| it.is_ascii_hexdigit()), "{digest}");
}

/// A name stays where it belongs, whoever uses it as a path.
fn check_repository(name: &RepositoryName) {
    let odd = |part: &str| part.is_empty() || part.starts_with('.') || part.ends_with('.');
    assert!(!name.as_str().split('/').any(odd), "{name}");
    assert!(name.as_str().is_ascii(), "{name}");
}
