//! Filter patterns over unstructured text: terms and quoted phrases, all of
//! which must occur; `-term` must not; of `?term`s one must.
//!
//! JSON (`{ ... }`), space-delimited (`[ ... ]`) and regular expression
//! (`%...%`) patterns are refused by name.
//! Source: CloudWatch Logs guide, "Filter pattern syntax".

use super::LogsError;

/// What the text of an event must and must not contain; case matters.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Pattern {
    all: Vec<String>,
    none: Vec<String>,
    any: Vec<String>,
}

impl Pattern {
    pub(super) fn parse(text: &str) -> Result<Self, LogsError> {
        let text = text.trim();
        let unsupported = match text.chars().next() {
            Some('{') => Some("JSON"),
            Some('[') => Some("space-delimited"),
            Some('%') => Some("regular expression"),
            _ => None,
        };
        if let Some(kind) = unsupported {
            return Err(invalid(format!("{kind} patterns are not supported here")));
        }
        let mut pattern = Self::default();
        let mut rest = text;
        while !rest.is_empty() {
            let (terms, after_sign) = match rest.as_bytes()[0] {
                b'-' => (&mut pattern.none, &rest[1..]),
                b'?' => (&mut pattern.any, &rest[1..]),
                _ => (&mut pattern.all, rest),
            };
            let (term, after) = read_term(after_sign)?;
            terms.push(term);
            rest = after.trim_start();
        }
        Ok(pattern)
    }

    pub(super) fn matches(&self, message: &str) -> bool {
        let has = |term: &String| message.contains(term.as_str());
        self.all.iter().all(has)
            && !self.none.iter().any(has)
            && (self.any.is_empty() || self.any.iter().any(has))
    }
}

/// One term or phrase, and what follows it.
fn read_term(text: &str) -> Result<(String, &str), LogsError> {
    let Some(phrase) = text.strip_prefix('"') else {
        let end = text.find(char::is_whitespace).unwrap_or(text.len());
        let (term, after) = text.split_at(end);
        // Anything but letters, digits and underscores has to be quoted.
        if term.is_empty() || !term.chars().all(|c| c.is_alphanumeric() || c == '_') {
            return Err(invalid(format!(
                "`{term}` has to be put into quotation marks"
            )));
        }
        return Ok((term.to_owned(), after));
    };
    let mut term = String::new();
    let mut characters = phrase.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '"' => return Ok((term, &phrase[at + 1..])),
            '\\' => term.extend(characters.next().map(|(_, escaped)| escaped)),
            other => term.push(other),
        }
    }
    Err(invalid("a quotation mark is missing".to_owned()))
}

fn invalid(reason: String) -> LogsError {
    LogsError::Parameter(format!("Invalid filter pattern: {reason}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(pattern: &str, message: &str) -> bool {
        Pattern::parse(pattern).unwrap().matches(message)
    }

    #[test]
    fn all_terms_must_occur() {
        assert!(matches("", "anything"));
        assert!(matches("ERROR timeout", "timeout after ERROR 5"));
        assert!(!matches("ERROR timeout", "ERROR 5"));
        assert!(!matches("error", "ERROR"), "case matters");
    }

    #[test]
    fn phrases_are_quoted() {
        assert!(matches(r#""GET /api" 200"#, "GET /api/items 200"));
        assert!(!matches(r#""GET /api""#, "GET  /api"));
        assert!(matches(r#""say \"hi\"""#, r#"say "hi""#));
    }

    #[test]
    fn terms_can_be_excluded_and_alternatives_given() {
        assert!(!matches("ERROR -timeout", "ERROR timeout"));
        assert!(matches("ERROR -timeout", "ERROR other"));
        assert!(matches("?ERROR ?WARN", "WARN"));
        assert!(!matches("?ERROR ?WARN", "INFO"));
    }

    #[test]
    fn what_is_not_supported_is_refused() {
        for pattern in [
            "{ $.level = \"error\" }",
            "[ip, user]",
            "%a+%",
            "\"open",
            "a=b",
            "-",
        ] {
            assert!(Pattern::parse(pattern).is_err(), "{pattern}");
        }
    }
}
