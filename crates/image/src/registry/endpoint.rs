//! Where the registry answers, and who asks.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use http::header::HeaderValue;
use http::uri::{Authority, Scheme};
use http::{HeaderName, Uri};
use seaway_ports::SecretValue;
use thiserror::Error;

/// How a client introduces itself: HTTP's Basic scheme. `Debug` shows no secret.
#[derive(Debug, Clone)]
pub struct RegistryCredentials {
    pub access_key_id: String,
    pub secret_access_key: SecretValue,
}

impl RegistryCredentials {
    /// The header's value, marked so that nothing prints it.
    pub(super) fn header(&self) -> Result<HeaderValue, EndpointError> {
        let both = format!("{}:{}", self.access_key_id, self.secret_access_key.expose());
        let mut value = HeaderValue::try_from(format!("Basic {}", BASE64.encode(both)))
            .map_err(|_| EndpointError::Credentials)?;
        value.set_sensitive(true);
        Ok(value)
    }

    /// Its name.
    pub(super) const HEADER: HeaderName = http::header::AUTHORIZATION;
}

/// A registry that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EndpointError {
    #[error("{0:?} is no address of a registry: expected `http://127.0.0.1:PORT`")]
    Address(String),
    /// Credentials travel in clear text, so they never leave this machine.
    #[error("{0:?} is not on this machine")]
    NotLoopback(String),
    #[error("the credentials cannot be in an HTTP header")]
    Credentials,
}

/// The registry's host and port: on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Endpoint {
    authority: Authority,
}

impl Endpoint {
    pub(super) fn parse(base: &str) -> Result<Self, EndpointError> {
        let no_address = || EndpointError::Address(base.to_owned());
        let uri: Uri = base.parse().map_err(|_| no_address())?;
        let parts = uri.into_parts();
        let is_bare = parts.path_and_query.is_none_or(|path| path.as_str() == "/");
        if parts.scheme != Some(Scheme::HTTP) || !is_bare {
            return Err(no_address());
        }
        let authority = parts.authority.ok_or_else(no_address)?;
        if authority.as_str().contains('@') {
            return Err(no_address());
        }
        if !["127.0.0.1", "[::1]", "localhost"].contains(&authority.host()) {
            return Err(EndpointError::NotLoopback(base.to_owned()));
        }
        Ok(Self { authority })
    }

    /// The address of a path of the registry.
    pub(super) fn uri(&self, path: &str) -> Result<Uri, http::Error> {
        Uri::builder()
            .scheme(Scheme::HTTP)
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }

    /// The path of a `Location`, if it does not lead to another host: credentials go along.
    pub(super) fn own_path(&self, location: &str) -> Option<String> {
        let uri: Uri = location.parse().ok()?;
        let is_own = uri.authority().is_none_or(|host| *host == self.authority);
        let path = uri.path_and_query()?.as_str();
        // Two slashes begin a host (RFC 3986, section 4.2), though the parser sees a path.
        (is_own && !path.starts_with("//")).then(|| path.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_an_endpoint() {
        for base in [
            "http://127.0.0.1:4000",
            "http://localhost:1/",
            "http://[::1]:9",
        ] {
            assert!(Endpoint::parse(base).is_ok(), "{base}");
        }
        for base in [
            "https://127.0.0.1:4000",
            "127.0.0.1:4000",
            "http://127.0.0.1:4000/v2",
            "http://me@127.0.0.1:4000",
            "",
        ] {
            let error = Endpoint::parse(base).unwrap_err();
            assert_eq!(error, EndpointError::Address(base.into()));
        }
        let foreign = Endpoint::parse("http://127.0.0.1.evil.example:80").unwrap_err();
        assert!(matches!(foreign, EndpointError::NotLoopback(_)));
    }

    #[test]
    fn a_location_on_another_host_is_not_followed() {
        let endpoint = Endpoint::parse("http://127.0.0.1:4000").unwrap();
        let own = Some("/v2/a/blobs/uploads/1?x=2".to_owned());
        assert_eq!(endpoint.own_path("/v2/a/blobs/uploads/1?x=2"), own);
        let absolute = "http://127.0.0.1:4000/v2/a/blobs/uploads/1?x=2";
        assert_eq!(endpoint.own_path(absolute), own);
        assert_eq!(endpoint.own_path("http://127.0.0.1:4001/v2/"), None);
        assert_eq!(endpoint.own_path("//evil.example/v2/"), None);
    }

    #[test]
    fn neither_debug_nor_the_header_show_the_secret() {
        let credentials = RegistryCredentials {
            access_key_id: "AKID".into(),
            secret_access_key: SecretValue::new("hunter2".into()),
        };
        let header = credentials.header().unwrap();
        let shown = format!("{credentials:?} {header:?}");
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(!shown.contains(&BASE64.encode("AKID:hunter2")), "{shown}");
        assert_eq!(header.to_str().unwrap(), "Basic QUtJRDpodW50ZXIy");
    }
}
