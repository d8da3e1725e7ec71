//! The certificate authority of one platform: what HTTPS listeners show to their clients.
//!
//! Certificates of AWS's services are names here, nobody has their keys. So a listener shows a
//! certificate of this authority instead, made out to whatever host its client asks for. The
//! authority's own certificate lies in the state directory, for clients to trust; its key lies with
//! the platform's other keys.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use jiff::civil::Date;
use jiff::{Span, Timestamp, tz::TimeZone};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SigningKey};
use thiserror::Error;

use crate::files;

/// For a client that names no host, since it asks for an address.
const LOOPBACK: [&str; 3] = ["localhost", "127.0.0.1", "::1"];
/// Hosts whose certificates are kept; clients choose the names.
const MOST_KEPT: usize = 1_000;
/// Longer ones are refused by some clients.
const DAYS_OF_A_CERTIFICATE: i64 = 397;
const YEARS_OF_THE_AUTHORITY: i64 = 20;

/// The authority cannot be used.
#[derive(Debug, Error)]
pub enum AuthorityError {
    #[error("failed to read or write {path}")]
    Io {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("{path} holds no key of a certificate authority")]
    BadKey {
        path: PathBuf,
        #[source]
        source: rcgen::Error,
    },
    #[error("failed to make a certificate")]
    Certificate(#[from] rcgen::Error),
    #[error("failed to prepare TLS")]
    Tls(#[from] rustls::Error),
}

/// Issues certificates when they are asked for.
pub struct Authority {
    issuer: Issuer<'static, KeyPair>,
    /// Of all certificates that it issues in this life.
    key: KeyPair,
    signing: Arc<dyn SigningKey>,
    issued: Mutex<HashMap<String, Arc<CertifiedKey>>>,
}

impl Authority {
    /// The authority whose key is at `key`, made at first use. Its certificate is at `certificate`
    /// afterwards.
    pub fn load_or_create(key: &Path, certificate: &Path) -> Result<Self, AuthorityError> {
        let stored = files::read_if_present(key).map_err(io_error(key))?;
        let known = files::read_if_present(certificate).map_err(io_error(certificate))?;
        let own = match &stored {
            Some(text) => KeyPair::from_pem(text).map_err(|source| AuthorityError::BadKey {
                path: key.to_owned(),
                source,
            })?,
            None => KeyPair::generate()?,
        };
        let params = params_of_the_authority();
        if stored.is_none() || known.is_none() {
            let pem = params.self_signed(&own)?.pem();
            // The key last: without it, both are made again.
            files::replace(certificate, pem.as_bytes()).map_err(io_error(certificate))?;
            files::replace_durably(key, own.serialize_pem().as_bytes()).map_err(io_error(key))?;
        }
        let leaf = KeyPair::generate()?;
        let der = PrivateKeyDer::from(PrivatePkcs8KeyDer::from(leaf.serialize_der()));
        Ok(Self {
            issuer: Issuer::new(params, own),
            key: leaf,
            signing: aws_lc_rs::sign::any_supported_type(&der)?,
            issued: Mutex::default(),
        })
    }

    /// What a server needs that shows certificates of this authority: TLS 1.2 and 1.3, HTTP/1.1.
    pub fn server_config(self) -> Result<Arc<ServerConfig>, AuthorityError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::new(self));
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(config))
    }

    /// The certificate for a host; for nobody in particular, that for the loopback addresses.
    fn certificate(&self, host: Option<&str>) -> Result<Arc<CertifiedKey>, AuthorityError> {
        let name = host.unwrap_or_default();
        let mut issued = self.issued.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = issued.get(name) {
            return Ok(Arc::clone(known));
        }
        let names = match host {
            Some(host) => vec![host.to_owned()],
            None => LOOPBACK.map(str::to_owned).to_vec(),
        };
        let certificate: CertificateDer<'static> = params_for(names)?
            .signed_by(&self.key, &self.issuer)?
            .into();
        let certified = CertifiedKey::new(vec![certificate], Arc::clone(&self.signing));
        let certified = Arc::new(certified);
        if issued.len() >= MOST_KEPT {
            issued.clear();
        }
        issued.insert(name.to_owned(), Arc::clone(&certified));
        Ok(certified)
    }
}

impl std::fmt::Debug for Authority {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Authority(..)")
    }
}

impl ResolvesServerCert for Authority {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        match self.certificate(hello.server_name()) {
            Ok(certified) => Some(certified),
            Err(error) => {
                tracing::warn!(%error, host = hello.server_name(), "no certificate for a client");
                None
            }
        }
    }
}

fn params_of_the_authority() -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = named("Seaway local certificate authority");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    limit(&mut params, Span::new().years(YEARS_OF_THE_AUTHORITY));
    params
}

fn params_for(names: Vec<String>) -> Result<CertificateParams, AuthorityError> {
    let common = named(names.first().map_or("", String::as_str));
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name = common;
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    limit(&mut params, Span::new().days(DAYS_OF_A_CERTIFICATE));
    Ok(params)
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, common_name);
    name
}

/// Valid from yesterday, since clocks differ.
fn limit(params: &mut CertificateParams, lasts: Span) {
    let today = Timestamp::now().to_zoned(TimeZone::UTC).date();
    let first = today.yesterday().unwrap_or(today);
    let last = first.checked_add(lasts).unwrap_or(Date::MAX);
    params.not_before = rcgen::date_time_ymd(first.year().into(), month(first), day(first));
    params.not_after = rcgen::date_time_ymd(last.year().into(), month(last), day(last));
}

fn month(date: Date) -> u8 {
    date.month().unsigned_abs()
}

fn day(date: Date) -> u8 {
    date.day().unsigned_abs()
}

fn io_error(path: &Path) -> impl FnOnce(io::Error) -> AuthorityError {
    let path = path.to_owned();
    move |source| AuthorityError::Io { path, source }
}

#[cfg(test)]
mod tests {
    use rustls::RootCertStore;
    use rustls::client::WebPkiServerVerifier;
    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    struct Place(tempfile::TempDir);

    impl Place {
        fn authority(&self) -> Authority {
            Authority::load_or_create(&self.key(), &self.certificate()).unwrap()
        }

        fn key(&self) -> PathBuf {
            self.0.path().join("key.pem")
        }

        fn certificate(&self) -> PathBuf {
            self.0.path().join("authority.pem")
        }
    }

    /// Whether a client that trusts the file takes what the authority shows for a host.
    fn trusts(place: &Place, authority: &Authority, host: Option<&str>, asked: &str) -> bool {
        let mut roots = RootCertStore::empty();
        roots
            .add(CertificateDer::from_pem_file(place.certificate()).unwrap())
            .unwrap();
        let provider = Arc::new(aws_lc_rs::default_provider());
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider);
        let shown = authority.certificate(host).unwrap();
        let name = ServerName::try_from(asked.to_owned()).unwrap();
        let verified = verifier.build().unwrap().verify_server_cert(
            &shown.cert[0],
            &[],
            &name,
            &[],
            UnixTime::now(),
        );
        verified.is_ok()
    }

    #[test]
    fn who_trusts_the_authority_trusts_what_it_shows() {
        let place = Place(tempfile::tempdir().unwrap());
        let authority = place.authority();
        let host = Some("shop.example");
        assert!(trusts(&place, &authority, host, "shop.example"));
        assert!(!trusts(&place, &authority, host, "other.example"));
        for asked in LOOPBACK {
            assert!(trusts(&place, &authority, None, asked), "{asked}");
        }
    }

    #[test]
    fn the_authority_is_the_same_after_a_restart() {
        let place = Place(tempfile::tempdir().unwrap());
        place.authority();
        let before = std::fs::read(place.certificate()).unwrap();
        let again = place.authority();
        assert_eq!(std::fs::read(place.certificate()).unwrap(), before);
        assert!(trusts(&place, &again, Some("a.example"), "a.example"));
        std::fs::remove_file(place.certificate()).unwrap();
        let again = place.authority();
        assert!(trusts(&place, &again, Some("a.example"), "a.example"));
    }

    #[test]
    fn its_key_is_readable_by_its_owner_alone() {
        use std::os::unix::fs::MetadataExt;
        let place = Place(tempfile::tempdir().unwrap());
        place.authority();
        let mode = std::fs::metadata(place.key()).unwrap().mode();
        assert_eq!(mode & 0o077, 0);
    }

    #[test]
    fn a_damaged_key_is_named() {
        let place = Place(tempfile::tempdir().unwrap());
        std::fs::write(place.key(), "nonsense").unwrap();
        let error = Authority::load_or_create(&place.key(), &place.certificate()).unwrap_err();
        assert!(error.to_string().contains("key.pem"), "{error}");
    }
}
