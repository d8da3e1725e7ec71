//! A job in an environment: its service's image, size and variables, unless it says otherwise.

use std::collections::BTreeMap;

use seaway_core::environment::{Job, Service};
use seaway_core::name::{JobName, ServiceName};

use crate::defaults;
use crate::diagnostic::Diagnostic;
use crate::read::{MapEntry, Sink};
use crate::resolve::fargate::{self, Size};
use crate::resolve::{entries, over, service};
use crate::tables::{JobTable, JobTuning};

pub(crate) fn resolve(
    entry: &MapEntry<JobName, JobTable>,
    above: Option<&JobTuning>,
    services: &BTreeMap<ServiceName, Service>,
    sink: &mut Sink,
) -> Option<Job> {
    let tuning = &over(above, &entry.value.tuning);
    let is_empty = tuning
        .command
        .value()
        .is_some_and(|command| command.0.is_empty());
    if tuning.command.is_absent() || is_empty {
        sink.push(
            Diagnostic::error(format!("the job `{}` has no `command`", entry.name))
                .at(&entry.name_span, "nothing to run")
                .help("for example: command = [\"./api\", \"migrate\"]"),
        );
    }
    // A service that is not there is complained about where references are checked.
    let service = services.get(entry.value.service.value()?)?;
    let default = Size {
        cpu: service.cpu,
        memory: service.memory,
    };
    let size = fargate::size(&tuning.cpu, &tuning.memory, default, sink);
    let mut env = service.env.clone();
    env.extend(
        entries(&tuning.env)
            .iter()
            .map(|one| (one.name.0.clone(), one.value.0.clone())),
    );
    Some(Job {
        name: entry.name.clone(),
        service: service.name.clone(),
        command: service::words(&tuning.command),
        cpu: size.cpu,
        memory: size.memory,
        env,
        timeout: tuning
            .timeout
            .value()
            .map_or(defaults::JOB_TIMEOUT, |span| span.0),
    })
}
