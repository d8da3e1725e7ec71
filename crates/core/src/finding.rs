//! The result of one check: of a secret, of a service, of an environment.

use serde::{Deserialize, Serialize};

/// What a check found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// What was checked, such as `secret database#url of api`.
    pub check: String,
    pub verdict: Verdict,
}

/// How a check ended. One that could not run is skipped, never passed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "verdict")]
pub enum Verdict {
    Passed,
    Failed { reason: String, hint: String },
    Skipped { reason: String },
}

impl Finding {
    /// Whether the check ran and failed.
    pub fn failed(&self) -> bool {
        matches!(self.verdict, Verdict::Failed { .. })
    }
}
