//! Values for programs: one line each.

use serde::Serialize;

use crate::sanitize::is_control;

/// The value as one line of JSON, its end included.
///
/// Every control character is escaped: the standard asks for those below U+0020 only, but people
/// look at JSON in terminals, too.
///
/// # Errors
/// Where the value has no form in JSON, such as a map with keys that are no text.
pub fn json_line(value: &impl Serialize) -> serde_json::Result<String> {
    let json = serde_json::to_string(value)?;
    let mut line = String::with_capacity(json.len() + 1);
    for c in json.chars() {
        if is_control(c) {
            // All of these are below U+10000.
            line += &format!("\\u{:04x}", u32::from(c));
        } else {
            line.push(c);
        }
    }
    line.push('\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_one_line_that_no_terminal_obeys() {
        let text = "a\nb\u{1b}[2J\u{9b}31m\u{7f}";
        let line = json_line(&text).expect("text has a form");
        assert_eq!(line, "\"a\\nb\\u001b[2J\\u009b31m\\u007f\"\n");
        let read: String = serde_json::from_str(&line).expect("it is JSON");
        assert_eq!(read, text);
    }
}
