//! Words for messages: what was meant, and how a stranger's text is quoted.

/// Longer words are no typing mistakes, and comparing them is slow.
const LONGEST: usize = 64;

/// More words than this help nobody.
const LISTED: usize = 30;

/// The candidate that a mistyped `word` most likely stands for, if one is near.
pub(crate) fn closest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let length = word.chars().count();
    if length > LONGEST {
        return None;
    }
    let allowed = (length / 3).max(1);
    candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST && *candidate != word)
        .filter(|candidate| {
            candidate.len().abs_diff(word.len()) <= 2 * allowed || is_abbreviation(word, candidate)
        })
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= allowed || is_abbreviation(word, candidate))
        .min()
        .map(|(_, candidate)| candidate.to_owned())
}

/// `mem` for `memory`, `prod` for `production`.
fn is_abbreviation(word: &str, candidate: &str) -> bool {
    word.len() >= 3 && candidate.starts_with(word)
}

/// `text` in backquotes, short, and without characters that could move a terminal's cursor.
pub(crate) fn quoted(text: &str) -> String {
    let short: String = text.chars().take(LONGEST).collect();
    let more = if short.len() < text.len() { "..." } else { "" };
    let visible: String = short
        .chars()
        .flat_map(|c| {
            if c.is_control() {
                c.escape_unicode().collect()
            } else {
                vec![c]
            }
        })
        .collect();
    format!("`{visible}{more}`")
}

/// `` `a`, `b` and `c` ``; "none" for an empty list; a long list is cut short.
pub(crate) fn listed<'a>(words: impl IntoIterator<Item = &'a str>) -> String {
    let mut rest = words.into_iter();
    let mut words: Vec<String> = rest.by_ref().take(LISTED).map(quoted).collect();
    match rest.count() {
        0 => {}
        more => words.push(format!("{more} more")),
    }
    match words.split_last() {
        None => "none".to_owned(),
        Some((only, [])) => only.clone(),
        Some((last, others)) => format!("{} and {last}", others.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_word_is_suggested_and_a_far_one_is_not() {
        let keys = ["port", "path", "memory", "production"];
        assert_eq!(closest("prot", keys).as_deref(), Some("port"));
        assert_eq!(closest("prod", keys).as_deref(), Some("production"));
        assert_eq!(closest("replicas", keys), None);
        assert_eq!(closest(&"p".repeat(100_000), keys), None);
    }

    #[test]
    fn control_characters_are_shown_and_not_sent() {
        assert_eq!(quoted("a\u{1b}[2J"), "`a\\u{1b}[2J`");
        assert_eq!(quoted(&"x".repeat(70)), format!("`{}...`", "x".repeat(64)));
    }
}
