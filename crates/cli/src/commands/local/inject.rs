//! `seaway local inject`: makes services and calls fail, to see what happens then.

use std::fmt::Write as _;
use std::process::ExitCode;

use clap::Args;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use seaway_local::faults::{FaultKind, Injected, Injection, Scope};
use seaway_local::launch::{ClientError, PlatformClient};
use seaway_local::layout::StateDir;

use crate::args::Format;
use crate::context::{not_running, running_platform};
use crate::failure::Failure;
use crate::output::Output;

/// Make a service or an operation fail; without a fault, list those in force
#[derive(Debug, Args)]
pub(crate) struct Inject {
    /// What happens
    #[arg(value_parser = fault_names(), requires = "subject")]
    fault: Option<FaultKind>,
    /// What it happens to: a service (NAME or CLUSTER/NAME), or for faults of calls an operation
    /// (ecs:UpdateService, ecs:*, or * for all)
    #[arg(value_name = "SERVICE|OPERATION")]
    subject: Option<String>,
    /// The fault's own length of time
    #[arg(long, requires = "fault")]
    seconds: Option<u64>,
    /// How many tasks or calls it happens to before it is over
    #[arg(long, requires = "fault")]
    times: Option<u64>,
    /// For how many seconds it can happen
    #[arg(long = "for", value_name = "SECONDS", requires = "fault")]
    for_seconds: Option<u64>,
    /// Take a fault back, by its number
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["fault", "take_all_back"])]
    take_back: Option<u64>,
    /// Take all faults back
    #[arg(long, conflicts_with = "fault")]
    take_all_back: bool,
}

fn fault_names() -> impl TypedValueParser<Value = FaultKind> {
    let name = |kind: &FaultKind| PossibleValue::new(kind.as_str()).help(kind.about());
    PossibleValuesParser::new(FaultKind::ALL.iter().map(name))
        .try_map(|name| name.parse::<FaultKind>())
}

impl Inject {
    pub(super) async fn run(self, state: &StateDir, output: Output) -> Result<ExitCode, Failure> {
        let connection = running_platform(state).await?.ok_or_else(not_running)?;
        let client = PlatformClient::new(connection);
        let (faults, text) = self.ask(&client).await.map_err(refused)?;
        match output.format {
            Format::Json => output.json(&serde_json::json!({ "faults": faults })),
            Format::Text => output.data(&text),
        }
        Ok(ExitCode::SUCCESS)
    }

    /// The faults that the answer is about, and what people read.
    async fn ask(self, client: &PlatformClient) -> Result<(Vec<Injected>, String), ClientError> {
        if let Some(injection) = self.injection() {
            let injected = client.inject(&injection).await?;
            let text = put_in_force(&injected);
            return Ok((vec![injected], text));
        }
        if let Some(id) = self.take_back {
            let taken = vec![client.take_back(id).await?];
            let text = taken_back(&taken);
            return Ok((taken, text));
        }
        if self.take_all_back {
            let taken = client.take_all_back().await?;
            let text = taken_back(&taken);
            return Ok((taken, text));
        }
        let faults = client.faults().await?;
        let text = listed(&faults);
        Ok((faults, text))
    }

    fn injection(&self) -> Option<Injection> {
        let fault = self.fault?;
        let (service, operation) = match fault.scope() {
            Scope::Calls => (None, self.subject.clone()),
            Scope::NewTasks | Scope::Targets => (self.subject.clone(), None),
        };
        Some(Injection {
            fault,
            service,
            operation,
            seconds: self.seconds,
            times: self.times,
            for_seconds: self.for_seconds,
        })
    }
}

fn refused(error: ClientError) -> Failure {
    let hint = match error {
        ClientError::Refused { .. } => {
            "`seaway local inject --help` tells the faults; without arguments it lists those in force"
        }
        _ => "`seaway local status` tells whether the platform answers",
    };
    Failure::prerequisite(error, hint)
}

fn put_in_force(injected: &Injected) -> String {
    let (id, kind, subject) = (injected.id, injected.injection.fault, subject(injected));
    let mut text = format!(
        "Fault {id}: {kind} of {subject}; `seaway local inject --take-back {id}` ends it\n"
    );
    if injected.awaits_service {
        let _ = writeln!(
            text,
            "There is no service {subject} yet: the fault waits for one"
        );
    }
    text
}

fn subject(injected: &Injected) -> &str {
    let Injection {
        service, operation, ..
    } = &injected.injection;
    let subject = service.as_deref().or(operation.as_deref());
    subject.unwrap_or_default()
}

fn listed(faults: &[Injected]) -> String {
    if faults.is_empty() {
        return "No fault is in force; `seaway local inject --help` tells which there are\n"
            .to_owned();
    }
    let mut text = String::new();
    for fault in faults {
        let Injected { id, struck, .. } = fault;
        let kind = fault.injection.fault;
        // Writing to a text does not fail.
        let _ = writeln!(
            text,
            "{id:>3}  {kind:<22}  {}  {}",
            subject(fault),
            happened(kind, *struck)
        );
    }
    text
}

/// How often it has happened, where that is counted.
fn happened(kind: FaultKind, struck: u64) -> String {
    match (kind.scope(), struck) {
        (Scope::Targets, _) => String::new(),
        (_, 1) => "happened once".to_owned(),
        (_, often) => format!("happened {often} times"),
    }
}

fn taken_back(faults: &[Injected]) -> String {
    match faults {
        [] => "No fault was in force\n".to_owned(),
        [one] => format!("Fault {} is taken back\n", one.id),
        several => format!("{} faults are taken back\n", several.len()),
    }
}
