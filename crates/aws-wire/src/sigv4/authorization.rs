//! The `Authorization` header, taken apart.

use http::{HeaderMap, header};

use super::error::SignatureError;

/// The only algorithm that is supported.
pub(super) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
/// What every credential scope ends in.
pub(super) const TERMINATOR: &str = "aws4_request";

/// What a client claims.
pub(super) struct Authorization {
    pub(super) access_key_id: String,
    pub(super) scope: Scope,
    /// Lower case, sorted.
    pub(super) signed_headers: Vec<String>,
    pub(super) signature: [u8; 32],
}

/// What a signing key is good for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Scope {
    /// `YYYYMMDD`.
    pub(super) date: String,
    pub(super) region: String,
    pub(super) service: String,
}

impl Authorization {
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, SignatureError> {
        let mut values = headers.get_all(header::AUTHORIZATION).iter();
        let value = values.next().ok_or(SignatureError::Missing)?;
        if values.next().is_some() {
            return Err(SignatureError::Incomplete(
                "there is more than one Authorization header",
            ));
        }
        let value = value
            .to_str()
            .map_err(|_| SignatureError::Incomplete("the Authorization header is not ASCII"))?;
        let (algorithm, parameters) = value.split_once(' ').unwrap_or((value, ""));
        if algorithm != ALGORITHM {
            return Err(SignatureError::Algorithm);
        }
        let parameters = Parameters::read(parameters)?;
        let (access_key_id, scope) = credential(parameters.credential)?;
        Ok(Self {
            access_key_id,
            scope,
            signed_headers: signed_headers(parameters.signed_headers)?,
            signature: signature(parameters.signature)?,
        })
    }

    pub(super) fn signs(&self, name: &str) -> bool {
        self.signed_headers.iter().any(|signed| signed == name)
    }
}

impl std::fmt::Display for Scope {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}/{}/{}/{TERMINATOR}",
            self.date, self.region, self.service
        )
    }
}

struct Parameters<'a> {
    credential: &'a str,
    signed_headers: &'a str,
    signature: &'a str,
}

impl<'a> Parameters<'a> {
    fn read(text: &'a str) -> Result<Self, SignatureError> {
        let (mut credential, mut signed_headers, mut signature) = (None, None, None);
        for parameter in text.split(',') {
            let slot = match parameter.trim().split_once('=') {
                Some(("Credential", value)) => credential.replace(value),
                Some(("SignedHeaders", value)) => signed_headers.replace(value),
                Some(("Signature", value)) => signature.replace(value),
                _ => return Err(SignatureError::Incomplete("a parameter is not known")),
            };
            if slot.is_some() {
                return Err(SignatureError::Incomplete("a parameter is given twice"));
            }
        }
        Ok(Self {
            credential: credential.ok_or(missing("it requires 'Credential'"))?,
            signed_headers: signed_headers.ok_or(missing("it requires 'SignedHeaders'"))?,
            signature: signature.ok_or(missing("it requires 'Signature'"))?,
        })
    }
}

const fn missing(what: &'static str) -> SignatureError {
    SignatureError::Incomplete(what)
}

fn credential(text: &str) -> Result<(String, Scope), SignatureError> {
    let malformed = SignatureError::Incomplete(
        "the credential must be KEY/YYYYMMDD/REGION/SERVICE/aws4_request",
    );
    let parts: Vec<&str> = text.split('/').collect();
    let [access_key_id, date, region, service, TERMINATOR] = parts.as_slice() else {
        return Err(malformed);
    };
    if [access_key_id, date, region, service]
        .into_iter()
        .any(|part| part.is_empty())
    {
        return Err(malformed);
    }
    let scope = Scope {
        date: (*date).into(),
        region: (*region).into(),
        service: (*service).into(),
    };
    Ok(((*access_key_id).into(), scope))
}

fn signed_headers(text: &str) -> Result<Vec<String>, SignatureError> {
    let names: Vec<String> = text.split(';').map(str::to_owned).collect();
    let lower_case =
        |name: &String| !name.is_empty() && !name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !names.iter().all(lower_case) || !names.is_sorted_by(|a, b| a < b) {
        return Err(SignatureError::Incomplete(
            "the signed headers must be lower case and sorted",
        ));
    }
    Ok(names)
}

fn signature(text: &str) -> Result<[u8; 32], SignatureError> {
    let mut signature = [0; 32];
    hex::decode_to_slice(text, &mut signature)
        .map_err(|_| SignatureError::Incomplete("the signature must be 64 hexadecimal digits"))?;
    Ok(signature)
}
