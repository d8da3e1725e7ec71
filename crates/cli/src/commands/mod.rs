//! One file per command: arguments, then load, plan, confirm, execute, report.

pub(crate) mod check;
pub(crate) mod completions;
pub(crate) mod deploy;
pub(crate) mod history;
pub(crate) mod local;
pub(crate) mod logs;
pub(crate) mod plan;
pub(crate) mod release;
pub(crate) mod restart;
pub(crate) mod resume;
pub(crate) mod rollback;
pub(crate) mod run;
pub(crate) mod scale;
pub(crate) mod schema;
pub(crate) mod secrets;
pub(crate) mod selection;
pub(crate) mod status;
pub(crate) mod up;

use std::process::ExitCode;

use crate::args::{Arguments, Command};
use crate::context::runtime;
use crate::failure::Failure;
use crate::output::Output;

/// Runs the command.
pub(crate) fn run(arguments: Arguments, output: &Output) -> Result<ExitCode, Failure> {
    let Arguments { global, command } = arguments;
    let runtime = runtime()?;
    runtime.block_on(async {
        match command {
            Command::Up(up) => up.run(&global, *output).await,
            Command::Deploy(deploy) => deploy.run(&global, *output).await,
            Command::Plan(plan) => plan.run(&global, *output).await,
            Command::Status(status) => status.run(&global, *output).await,
            Command::Logs(logs) => logs.run(&global, *output).await,
            Command::History(history) => history.run(&global, *output).await,
            Command::Rollback(rollback) => rollback.run(&global, *output).await,
            Command::Resume(resume) => resume.run(&global, *output).await,
            Command::Restart(restart) => restart.run(&global, *output).await,
            Command::Scale(scale) => scale.run(&global, *output).await,
            Command::Run(run) => run.run(&global, *output).await,
            Command::Secrets(secrets) => secrets.run(&global, *output).await,
            Command::Check(check) => check.run(&global, *output),
            Command::Schema(schema) => schema.run(*output),
            Command::Local(local) => local.run(&global, *output).await,
            Command::Completions(completions) => completions.run(*output),
        }
    })
}
