//! Secret values that people and scripts give: typed where nothing shows them, or from standard
//! input. Never an argument: shells and process lists would keep it.

use std::io::{self, IsTerminal as _, Read as _};

use seaway_engine::EngineError;

use crate::failure::{Exit, Failure};
use crate::prompt;

/// The longest value, as Secrets Manager allows (64 KiB).
const LONGEST: u64 = 65_536;

/// The answer to `question`, or standard input without its last line end. `hint` says how a script
/// gives a value.
///
/// # Errors
/// When there is no value, it is too long, or it is no text.
pub(crate) async fn read(question: &str, hint: &str) -> Result<String, Failure> {
    let failed = |error: io::Error| Failure::prerequisite(error, hint);
    let mut value = String::new();
    if io::stdin().is_terminal() {
        let typed = prompt::hidden(question).await;
        value = typed.map_err(failed)?.ok_or(EngineError::Interrupted)?;
        if value.len() > prompt::LONGEST {
            let text = "the value is too long to be typed";
            return Err(Failure::new(Exit::Usage, text, &[hint]));
        }
    } else {
        io::stdin()
            .take(LONGEST + 2)
            .read_to_string(&mut value)
            .map_err(failed)?;
        if value.ends_with('\n') {
            value.pop();
            if value.ends_with('\r') {
                value.pop();
            }
        }
    }
    if value.is_empty() {
        return Err(Failure::new(Exit::Usage, "the value is empty", &[hint]));
    }
    if value.len() as u64 > LONGEST {
        return Err(Failure::new(
            Exit::Usage,
            "the value is longer than 64 KiB",
            &[],
        ));
    }
    Ok(value)
}
