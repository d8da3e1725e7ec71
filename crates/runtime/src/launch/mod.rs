//! The last stage before a container's own program: a process that prepares itself and then
//! becomes the program.
//!
//! The supervisor executes its own binary again with a hidden sub-command that calls [`main`]. In
//! that process nothing else runs, so that leaving the session, joining a control group and the
//! like need no `unsafe` code between `fork` and `exec`.
//!
//! The plan arrives over standard input, a socket: environment values never appear in an argument
//! or a file. The report goes back the same way: the word that the program is about to be
//! executed, and then the end of
//! the connection, mean success, because the socket closes with the execution of the program.
//!
//! # How the command is found
//! As in a container, except that the host's programs are at hand, too:
//! - with a slash in it and relative (`./api`): from the working directory within the image;
//! - absolute (`/usr/bin/env`): within the image, else on the host;
//! - a bare name (`sh`): in each directory of `PATH` within the image, then on the host.

mod command;
mod descriptors;
mod plan;
mod signals;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::process::{Command, ExitCode, Stdio};

use nix::sys::prctl;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::Signal;
use nix::unistd::{Pid, setsid};

use crate::event::{StartFailure, StartFailureReason};
pub(crate) use descriptors::close_inherited;
pub(crate) use plan::{LaunchPlan, LaunchReport, OpenFileLimit};

/// The exit code of a launcher that could not start the program. Nobody but the supervisor sees
/// it, and it goes by the report.
const FAILED: u8 = 125;

/// The whole of the launcher. Call it before anything opens a file or starts a thread: every
/// descriptor above standard error is closed.
pub fn main() -> ExitCode {
    close_inherited();
    let Ok(mut control) = control() else {
        return ExitCode::from(FAILED);
    };
    let failure = match launch(&mut control) {
        Ok(never) => match never {},
        Err(failure) => failure,
    };
    // If the supervisor is gone, there is nobody left to tell.
    let _ = report(&mut control, &LaunchReport::Failed(failure));
    ExitCode::from(FAILED)
}

/// Standard input as the socket it is. The copy closes when the program is executed.
fn control() -> io::Result<UnixStream> {
    Ok(UnixStream::from(io::stdin().as_fd().try_clone_to_owned()?))
}

fn launch(control: &mut UnixStream) -> Result<std::convert::Infallible, StartFailure> {
    setsid().map_err(|errno| system("cannot open a session", errno.into()))?;
    prctl::set_pdeathsig(Signal::SIGKILL)
        .map_err(|errno| system("cannot bind the process to the supervisor", errno.into()))?;
    let plan = receive(control)?;
    if Pid::parent().as_raw() != plan.supervisor {
        // It died before the line above took effect.
        return Err(system(
            "the supervisor is gone",
            io::ErrorKind::NotConnected.into(),
        ));
    }
    prepare(&plan)?;
    let program = command::find(&plan)?;
    report(control, &LaunchReport::Executing)
        .map_err(|error| system("the supervisor is gone", error))?;
    let error = Command::new(&program)
        .arg0(&plan.argv[0])
        .args(&plan.argv[1..])
        .env_clear()
        .envs(plan.env.iter())
        .stdin(Stdio::null())
        .exec();
    Err(command::explain(&program, &error))
}

fn receive(control: &UnixStream) -> Result<LaunchPlan, StartFailure> {
    let mut line = Vec::new();
    BufReader::new(control)
        .read_until(b'\n', &mut line)
        .map_err(|error| system("the plan did not arrive", error))?;
    // The parser's message could quote a value.
    let plan: LaunchPlan = serde_json::from_slice(&line).map_err(|_| {
        system(
            "the plan is incomplete",
            io::ErrorKind::UnexpectedEof.into(),
        )
    })?;
    plan.check()?;
    Ok(plan)
}

fn report(control: &mut UnixStream, report: &LaunchReport) -> io::Result<()> {
    let mut line = serde_json::to_vec(report)?;
    line.push(b'\n');
    control.write_all(&line)
}

fn prepare(plan: &LaunchPlan) -> Result<(), StartFailure> {
    if let Some(group) = &plan.control_group {
        File::options()
            .write(true)
            .open(group)
            .and_then(|mut file| file.write_all(b"0"))
            .map_err(|error| StartFailure {
                reason: StartFailureReason::MemoryLimit,
                message: format!("cannot join the control group {}: {error}", group.display()),
            })?;
    }
    let limit = plan.open_files;
    setrlimit(Resource::RLIMIT_NOFILE, limit.soft, limit.hard)
        .map_err(|errno| system("cannot set the limit of open files", errno.into()))?;
    signals::reset().map_err(|error| system("cannot reset signals", error))?;
    let directory = plan.working_directory();
    std::env::set_current_dir(&directory).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => StartFailure {
            reason: StartFailureReason::WorkdirNotFound,
            message: format!("the image has no working directory `{}`", plan.workdir),
        },
        _ => system(
            &format!("cannot enter the working directory `{}`", plan.workdir),
            error,
        ),
    })
}

fn system(what: &str, error: io::Error) -> StartFailure {
    StartFailure {
        reason: StartFailureReason::System,
        message: format!("{what}: {error}"),
    }
}
