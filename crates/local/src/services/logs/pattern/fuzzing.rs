//! Any pattern on any message: see [`crate::fuzzing::filter_pattern`].

use super::Pattern;
use crate::fuzzing::first_line;

/// The longest pattern that the model of the API lets through, in bytes of ASCII.
const MAX_PATTERN: usize = 1024;

/// Reads a pattern and tries it on a message.
pub(crate) fn pattern_and_message(input: &[u8]) {
    let (text, message) = first_line(input);
    let (Ok(text), Ok(message)) = (str::from_utf8(text), str::from_utf8(message)) else {
        return;
    };
    if text.len() > MAX_PATTERN {
        return;
    }
    match Pattern::parse(text) {
        Ok(pattern) => try_on(&pattern, text, message),
        Err(refusal) => assert!(!refusal.to_string().is_empty()),
    }
}

fn try_on(pattern: &Pattern, text: &str, message: &str) {
    let fits = pattern.matches(message);
    assert!(
        fits || !text.trim().is_empty(),
        "nothing asked for, and not found"
    );
    for name in pattern.extract(message).keys() {
        assert!(name.starts_with('$'), "{name}");
    }
}
