//! Repeats a call that met a passing failure.
//!
//! Only for calls that may be repeated: those that carry a token or a digest, and those that set
//! something to a value. Their answer may have been lost after they took effect.

use std::time::Duration;

use seaway_ports::{Clock, PortError};

/// Waiting times between the attempts.
const PAUSES: [Duration; 3] = [
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(4),
];

/// The call's result, or its last failure.
pub(crate) async fn persist<T, F>(
    clock: &dyn Clock,
    mut call: impl FnMut() -> F,
) -> Result<T, PortError>
where
    F: Future<Output = Result<T, PortError>>,
{
    for pause in PAUSES {
        match call().await {
            Err(error) if error.is_passing() => {
                tracing::debug!(%error, "tried again");
                clock.sleep(pause).await;
            }
            result => return result,
        }
    }
    call().await
}
