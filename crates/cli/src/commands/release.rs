//! What the commands that make a release have in common: confirm, follow, tell how it ended.

use std::process::ExitCode;
use std::time::Duration;

use seaway_core::release::{Outcome, ReleaseId, Snapshot, Source};
use seaway_core::rollback;
use seaway_engine::{Completed, EngineError, Session};
use seaway_ports::Ledger as _;
use seaway_report::Summary;

use crate::args::{Consent, Format};
use crate::confirm::Asking;
use crate::context::{Connected, Context};
use crate::failure::{Exit, Failure};
use crate::follow::Following;
use crate::origin::origin;
use crate::output::Output;

/// Releases that are looked through for the next step.
const LOOKED_THROUGH: usize = 20;

/// Follows `work` on a session of the environment, and reports its end.
pub(crate) async fn make<W>(
    context: &Context,
    connected: Connected,
    consent: Consent,
    source: Source,
    output: Output,
    work: impl FnOnce(Session, Asking) -> W,
) -> Result<ExitCode, Failure>
where
    W: Future<Output = Result<Completed, EngineError>>,
{
    let following = Following::new(output);
    let session = context.session(connected.ports, &following, origin(source));
    let asking = Asking {
        environment: session.environment.clone(),
        consent,
        output,
        listener: following.listener.clone(),
    };
    let began = following.began;
    let completed = following.until(work(session, asking)).await?;
    let took = began.elapsed();
    let back = match &completed {
        Completed::Ended { after, .. } => back_from(context, after).await,
        Completed::NothingToDo { .. } | Completed::Detached { .. } => None,
    };
    Ok(ended(context, &completed, (took, back), output))
}

/// What a plain `rollback` would go back to; a record that cannot be read gives no hint.
async fn back_from(context: &Context, running: &Snapshot) -> Option<ReleaseId> {
    let ledger = context.ledger().ok()?;
    let releases = ledger
        .list(&context.environment.name, LOOKED_THROUGH)
        .await
        .ok()?;
    rollback::previous(&releases, running).map(|release| release.id)
}

fn ended(
    context: &Context,
    completed: &Completed,
    (took, back): (Duration, Option<ReleaseId>),
    output: Output,
) -> ExitCode {
    let environment = &context.environment.name;
    match completed {
        Completed::NothingToDo { plan } => {
            if output.format == Format::Text {
                output.message(&seaway_report::plan(plan, output.message_style()));
            }
            ExitCode::SUCCESS
        }
        Completed::Detached { release } => {
            output.message(&format!(
                "{release} goes on without this command.\n\
                 hint: `seaway status {environment}` shows it; `seaway resume {environment}` \
                 follows it to its end, `seaway resume --undo {environment}` takes it back\n"
            ));
            Exit::Failed.into()
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
                took,
                environment,
                back,
            };
            if output.format == Format::Text {
                output.message(&seaway_report::summary(&summary, output.message_style()));
            }
            if *outcome == Outcome::Succeeded {
                ExitCode::SUCCESS
            } else {
                Exit::Failed.into()
            }
        }
    }
}
