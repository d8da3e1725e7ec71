//! Passwords made up for the caller.

use rand::seq::{IndexedRandom as _, SliceRandom as _};
use seaway_aws_wire::Sensitive;
use seaway_aws_wire::secretsmanager::{GetRandomPasswordRequest, GetRandomPasswordResponse};

use super::SecretsError;

const DEFAULT_LENGTH: usize = 32;
const LOWERCASE: &str = "abcdefghijklmnopqrstuvwxyz";
const UPPERCASE: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZ";
const NUMBERS: &str = "0123456789";
/// What the API reference lists for `ExcludePunctuation`.
const PUNCTUATION: &str = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~";
const SPACE: &str = " ";

/// A password as the request describes it.
pub(super) fn make(
    request: &GetRandomPasswordRequest,
) -> Result<GetRandomPasswordResponse, SecretsError> {
    let types = types(request);
    let length = request
        .password_length
        .and_then(|length| usize::try_from(length).ok())
        .unwrap_or(DEFAULT_LENGTH);
    let all: Vec<char> = types.concat();
    let each = request.require_each_included_type != Some(false);
    if all.is_empty() {
        return Err(SecretsError::Parameter(
            "Every character is excluded, so that no password is possible.".to_owned(),
        ));
    }
    if each && length < types.len() {
        return Err(SecretsError::Parameter(format!(
            "Password length {length} is too short based on the required types."
        )));
    }
    let mut rng = rand::rng();
    let mut password: Vec<char> = Vec::with_capacity(length);
    if each {
        password.extend(types.iter().filter_map(|of| of.choose(&mut rng)));
    }
    while password.len() < length {
        password.extend(all.choose(&mut rng));
    }
    password.shuffle(&mut rng);
    let password: String = password.into_iter().collect();
    Ok(GetRandomPasswordResponse {
        random_password: Some(Sensitive::new(password)),
    })
}

/// The included types of characters that have any character left.
fn types(request: &GetRandomPasswordRequest) -> Vec<Vec<char>> {
    let excluded = request.exclude_characters.as_deref().unwrap_or_default();
    let included = [
        (LOWERCASE, request.exclude_lowercase != Some(true)),
        (UPPERCASE, request.exclude_uppercase != Some(true)),
        (NUMBERS, request.exclude_numbers != Some(true)),
        (PUNCTUATION, request.exclude_punctuation != Some(true)),
        (SPACE, request.include_space == Some(true)),
    ];
    included
        .into_iter()
        .filter(|(_, included)| *included)
        .map(|(of, _)| of.chars().filter(|c| !excluded.contains(*c)).collect())
        .filter(|of: &Vec<char>| !of.is_empty())
        .collect()
}
