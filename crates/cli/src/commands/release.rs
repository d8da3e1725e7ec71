//! What the commands that make a release have in common: confirm, follow, tell how it ended.

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use seaway_core::plan::Plan;
use seaway_core::release::{Outcome, ReleaseId, Snapshot, Source};
use seaway_core::rollback;
use seaway_engine::{Completed, EngineError, Session};
use seaway_report::{Fate, Standing, Summary};
use serde::Serialize;

use super::status::Seen;
use crate::args::{Consent, Format};
use crate::confirm::Asking;
use crate::context::{Connected, Context};
use crate::display::Display;
use crate::failure::{Exit, Failure};
use crate::follow::Following;
use crate::origin::origin;
use crate::output::Output;

/// A command that made a release, or found that there was nothing to do.
pub(crate) struct Made {
    completed: Completed,
    /// What a plain `rollback` would go back to.
    back: Option<ReleaseId>,
    took: Duration,
    display: Arc<Display>,
}

/// The last line for programs.
#[derive(Debug, Serialize)]
struct Told<'a> {
    #[serde(flatten)]
    result: Ending<'a>,
    exit_code: u8,
    /// What runs now, where the command shows it.
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<&'a Seen>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case", tag = "result")]
enum Ending<'a> {
    NothingToDo {
        plan: &'a Plan,
    },
    Ended {
        release: ReleaseId,
        outcome: Outcome,
        took_ms: u128,
        back: Option<ReleaseId>,
    },
    /// Ctrl-C: no longer followed.
    Detached {
        release: ReleaseId,
        fates: BTreeMap<String, Fate>,
    },
}

/// Follows `work` on a session of the environment to its end.
pub(crate) async fn make<W>(
    context: &Context,
    connected: Connected,
    consent: Consent,
    source: Source,
    output: Output,
    work: impl FnOnce(Session, Asking) -> W,
) -> Result<Made, Failure>
where
    W: Future<Output = Result<Completed, EngineError>>,
{
    let following = Following::new(output);
    let session = context.session(connected.ports, &following, origin(source));
    let display = Arc::clone(&following.listener);
    let asking = Asking {
        environment: session.environment.clone(),
        consent,
        output,
        listener: Arc::clone(&display),
    };
    let began = following.began;
    let completed = following.until(work(session, asking)).await?;
    let took = began.elapsed();
    let back = match &completed {
        Completed::Ended { after, .. } => back_from(context, after).await,
        Completed::NothingToDo { .. } | Completed::Detached { .. } => None,
    };
    Ok(Made {
        completed,
        back,
        took,
        display,
    })
}

/// What a plain `rollback` would go back to; a record that cannot be read gives no hint.
async fn back_from(context: &Context, running: &Snapshot) -> Option<ReleaseId> {
    let releases = context.newest_releases().await.ok()?;
    rollback::previous(&releases, running).map(|release| release.id)
}

impl Made {
    /// Tells how it ended.
    pub(crate) fn told(&self, context: &Context, output: Output) -> ExitCode {
        match output.format {
            Format::Json => self.told_to_programs(None, output),
            Format::Text => self.told_to_people(context, output),
        }
        self.exit_code().into()
    }

    /// The last line for programs, with what runs now where that was looked at.
    pub(crate) fn told_to_programs(&self, status: Option<&Seen>, output: Output) {
        output.json(&Told {
            result: self.result(),
            exit_code: self.exit_code(),
            status,
        });
    }

    pub(crate) fn told_to_people(&self, context: &Context, output: Output) {
        let style = output.message_style();
        let environment = &context.environment.name;
        output.message(&match &self.completed {
            Completed::NothingToDo { plan } => seaway_report::plan(plan, style),
            Completed::Detached { release } => {
                let told = |standing: &mut Standing| standing.told(*release, environment, style);
                self.display.standing(told)
            }
            Completed::Ended {
                release,
                outcome,
                plan,
                ..
            } => {
                let summary = Summary {
                    release: *release,
                    outcome: *outcome,
                    plan,
                    took: self.took,
                    environment,
                    back: self.back,
                };
                seaway_report::summary(&summary, style)
            }
        });
    }

    pub(crate) fn exit_code(&self) -> u8 {
        match &self.completed {
            Completed::NothingToDo { .. }
            | Completed::Ended {
                outcome: Outcome::Succeeded,
                ..
            } => 0,
            Completed::Ended { .. } | Completed::Detached { .. } => Exit::Failed as u8,
        }
    }

    fn result(&self) -> Ending<'_> {
        match &self.completed {
            Completed::NothingToDo { plan } => Ending::NothingToDo { plan },
            Completed::Ended {
                release, outcome, ..
            } => Ending::Ended {
                release: *release,
                outcome: *outcome,
                took_ms: self.took.as_millis(),
                back: self.back,
            },
            Completed::Detached { release } => Ending::Detached {
                release: *release,
                fates: self.display.standing(|standing| standing.fates()),
            },
        }
    }
}
