//! Commands in running tasks: this platform has no agent that would run them, so it answers as ECS does
//! where there is none.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use super::names::task_id;

impl Ecs {
    pub(super) fn execute_command(
        &self,
        request: wire::ExecuteCommandRequest,
    ) -> Result<wire::ExecuteCommandResponse, EcsError> {
        let cluster = self.cluster(request.cluster.as_deref())?.name;
        if !request.interactive {
            let text = "Interactive is the only mode supported currently.";
            return Err(EcsError::Parameter(text.into()));
        }
        let found = self.find(task_id(&request.task))?;
        if found.is_none_or(|seen| seen.about.cluster != cluster) {
            let text = "The referenced task was not found.";
            return Err(EcsError::Parameter(text.into()));
        }
        Err(EcsError::Parameter(
            "The execute command failed because execute command was not enabled when the task was \
             run or the execute command agent isn\u{2019}t running. Wait and try again or run a new \
             task with execute command enabled and try again."
                .into(),
        ))
    }
}
