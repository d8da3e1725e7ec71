//! The password of the user `AWS`: what ECR's GetAuthorizationToken gives out and the registry's
//! door accepts for twelve hours. It is its own record: an end and a proof that the platform wrote
//! it.

use aws_lc_rs::hmac;

use crate::clock::EpochMillis;
use crate::redacted::Redacted;

/// The user that a token is the password of.
pub const TOKEN_USER: &str = "AWS";
/// How long a token is good, in milliseconds.
pub const TOKEN_LIFE: i64 = 12 * 60 * 60 * 1000;

/// A token that is good until `expires_at`.
#[must_use]
pub fn issue(secret: &Redacted, expires_at: EpochMillis) -> Redacted {
    let end = expires_at.0.to_string();
    let proof = hmac::sign(&key(secret), end.as_bytes());
    Redacted::new(format!("{end}.{}", hex::encode(proof)))
}

/// Whether `token` was issued by whoever knows the secret, and is still good.
#[must_use]
pub fn is_good(secret: &Redacted, token: &str, now: EpochMillis) -> bool {
    let Some((end, proof)) = token.split_once('.') else {
        return false;
    };
    let Ok(proof) = hex::decode(proof) else {
        return false;
    };
    // Compares in constant time.
    let is_own = hmac::verify(&key(secret), end.as_bytes(), &proof).is_ok();
    is_own && end.parse().is_ok_and(|end: i64| now.0 < end)
}

/// Apart from what else is proved with the secret.
fn key(secret: &Redacted) -> hmac::Key {
    let root = hmac::Key::new(hmac::HMAC_SHA256, secret.expose().as_bytes());
    let own = hmac::sign(&root, b"seaway registry token");
    hmac::Key::new(hmac::HMAC_SHA256, own.as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_good_until_its_end_and_for_nobody_else() {
        let (own, other) = (Redacted::new("own"), Redacted::new("other"));
        let token = issue(&own, EpochMillis(1000));
        let text = token.expose();
        assert!(is_good(&own, text, EpochMillis(999)));
        assert!(!is_good(&own, text, EpochMillis(1000)));
        assert!(!is_good(&other, text, EpochMillis(0)));
        let longer = text.replacen("1000", "9000", 1);
        for forged in [longer.as_str(), "", ".", "1000.zz", "1000."] {
            assert!(!is_good(&own, forged, EpochMillis(0)), "{forged}");
        }
    }
}
