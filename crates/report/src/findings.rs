//! Results of checks.

use seaway_core::finding::{Finding, Verdict};

use crate::style::{Mark, Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::words;

/// The findings one below the other, and their numbers.
pub fn findings(findings: &[Finding], style: Style) -> String {
    if findings.is_empty() {
        return "There was nothing to check.\n".into();
    }
    let mut table = Table::new(&[Column::left("", 0), Column::left("", 0)]);
    for finding in findings {
        let (mark, text, notes) = shown(finding);
        table.row(vec![Text::new(mark.role(), style.mark(mark)), text], notes);
    }
    format!("{}\n{}\n", table.render(style), counts(findings))
}

fn shown(finding: &Finding) -> (Mark, Text, Vec<Text>) {
    let check = Text::plain(&finding.check);
    match &finding.verdict {
        Verdict::Passed => (Mark::Good, check, vec![]),
        Verdict::Failed { reason, hint } => {
            let hint = Text::new(Role::Strong, " hint: ").and(Role::Plain, hint);
            let text = check.and(Role::Plain, ": ").and(Role::Bad, reason);
            (Mark::Bad, text, vec![hint])
        }
        Verdict::Skipped { reason } => {
            let text = check.and(Role::Dim, ": skipped, ").and(Role::Dim, reason);
            (Mark::Passed, text, vec![])
        }
    }
}

fn counts(findings: &[Finding]) -> String {
    let count = |wanted: fn(&Verdict) -> bool| {
        findings
            .iter()
            .filter(|finding| wanted(&finding.verdict))
            .count()
    };
    let failed = count(|verdict| matches!(verdict, Verdict::Failed { .. }));
    let skipped = count(|verdict| matches!(verdict, Verdict::Skipped { .. }));
    let mut text = format!("{}: ", words::count(findings.len(), "check"));
    text += &format!("{} passed", findings.len() - failed - skipped);
    for (number, what) in [(failed, "failed"), (skipped, "skipped")] {
        if number > 0 {
            text += &format!(", {number} {what}");
        }
    }
    text
}
