//! Patterns of path and host conditions: `*` stands for any characters, `?` for exactly one.

use std::fmt;

/// A pattern as Elastic Load Balancing writes it in rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    text: String,
    shape: Shape,
}

/// The common shapes, so that most comparisons are one `memcmp`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    Literal,
    Prefix,
    Wild,
}

impl Pattern {
    /// Reads a pattern; every text is one.
    pub fn new(text: impl Into<String>) -> Self {
        let text = text.into();
        let shape = match text.find(['*', '?']) {
            None => Shape::Literal,
            Some(at) if at + 1 == text.len() && text.ends_with('*') => Shape::Prefix,
            Some(_) => Shape::Wild,
        };
        Self { text, shape }
    }

    /// Whether the whole of `subject` matches, case-sensitively.
    pub fn matches(&self, subject: &str) -> bool {
        match self.shape {
            Shape::Literal => self.text == subject,
            Shape::Prefix => subject.as_bytes().starts_with(self.prefix()),
            Shape::Wild => glob(self.text.as_bytes(), subject.as_bytes(), u8::eq),
        }
    }

    /// Whether the whole of `subject` matches, without regard to ASCII case.
    pub fn matches_ignoring_case(&self, subject: &str) -> bool {
        match self.shape {
            Shape::Literal => self.text.eq_ignore_ascii_case(subject),
            Shape::Prefix | Shape::Wild => glob(
                self.text.as_bytes(),
                subject.as_bytes(),
                u8::eq_ignore_ascii_case,
            ),
        }
    }

    fn prefix(&self) -> &[u8] {
        &self.text.as_bytes()[..self.text.len() - 1]
    }
}

impl From<&str> for Pattern {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.text)
    }
}

/// Matches with one point to come back to (the last `*`), so the time is at most the product of
/// both lengths whatever a client sends.
fn glob(pattern: &[u8], subject: &[u8], same: fn(&u8, &u8) -> bool) -> bool {
    let (mut p, mut s) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while s < subject.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, s));
                p += 1;
            }
            Some(expected) if *expected == b'?' || same(expected, &subject[s]) => {
                p += 1;
                s += 1;
            }
            _ => {
                let Some((after_star, from)) = retry else {
                    return false;
                };
                retry = Some((after_star, from + 1));
                p = after_star;
                s = from + 1;
            }
        }
    }
    pattern[p..].iter().all(|rest| *rest == b'*')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_stand_for_any_characters_and_question_marks_for_one() {
        for (pattern, subject, expected) in [
            ("/api/*", "/api/", true),
            ("/api/*", "/api/orders/1", true),
            ("/api/*", "/api", false),
            ("/api", "/api", true),
            ("/api", "/api/", false),
            ("*", "", true),
            ("/*/items/?", "/shop/items/1", true),
            ("/*/items/?", "/shop/items/", false),
            ("/*/items/?", "/shop/items/12", false),
            ("*.png", "/a.png.png", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "a-b-b-", false),
            ("/API", "/api", false),
        ] {
            assert_eq!(
                Pattern::new(pattern).matches(subject),
                expected,
                "{pattern} {subject}"
            );
        }
    }

    #[test]
    fn hosts_ignore_case() {
        assert!(Pattern::new("Api.Example.com").matches_ignoring_case("api.example.COM"));
        assert!(Pattern::new("*.example.com").matches_ignoring_case("A.EXAMPLE.COM"));
        assert!(Pattern::new("shop*").matches_ignoring_case("SHOP.internal"));
        assert!(!Pattern::new("*.example.com").matches_ignoring_case("example.com"));
    }

    #[test]
    fn many_stars_do_not_explode() {
        let pattern = Pattern::new("*a".repeat(200));
        assert!(!pattern.matches(&"a".repeat(150)));
    }
}
