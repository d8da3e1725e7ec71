//! `seaway logs`.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use seaway_core::time::{Seconds, Timestamp};
use seaway_ports::{Clock as _, LogLine, LogQuery};
use seaway_report::{LogRow, LogStyle};
use tokio::signal::unix::{SignalKind, signal};

use crate::args::{Format, Global};
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::follow::unless_pressed;
use crate::output::Output;
use crate::system_clock::SystemClock;

const LOOK_EVERY: Duration = Duration::from_millis(500);
const LINES: usize = 200;

/// Show what the tasks of an environment wrote, merged
#[derive(Debug, Args)]
pub(crate) struct Logs {
    /// The environment
    environment: String,
    /// Services, or jobs as job-NAME; none: all
    services: Vec<String>,
    /// Go on with new lines until Ctrl-C
    #[arg(long, short = 'F')]
    follow: bool,
    /// Only lines of the last while (10m, 2h)
    #[arg(long, value_name = "TIME")]
    since: Option<String>,
    /// Only lines that contain this
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// At most so many of the newest lines
    #[arg(long, short = 'n', value_name = "LINES")]
    lines: Option<usize>,
    /// Show when each line was written
    #[arg(long, short = 't')]
    timestamps: bool,
}

impl Logs {
    pub(crate) async fn run(self, global: &Global, output: Output) -> Result<ExitCode, Failure> {
        let context = Context::load(global, &self.environment)?;
        self.check(&context).await?;
        let query = self.query()?;
        let connected = context.reach().await?;
        let logs = connected.ports.logs;
        // One stream for the whole time: a signal between two looks is not lost. Without --follow
        // there is no end to tell of, and the signal ends the process as it does by itself.
        let interrupt = || signal(SignalKind::interrupt()).ok();
        let mut signals = self.follow.then(interrupt).flatten();
        let mut next = None;
        let mut shown = 0;
        loop {
            let read = logs.read(&query, next.as_ref());
            let Some(page) = unless_pressed(&mut signals, read).await else {
                break;
            };
            let page = page?;
            page.lines.iter().for_each(|line| self.show(line, output));
            shown += page.lines.len();
            if !self.follow {
                break;
            }
            next = Some(page.next);
            let pause = tokio::time::sleep(LOOK_EVERY);
            if unless_pressed(&mut signals, pause).await.is_none() {
                break;
            }
        }
        if output.format == Format::Json {
            output.json(&serde_json::json!({ "result": "logs", "lines": shown }));
        }
        Ok(ExitCode::SUCCESS)
    }

    async fn check(&self, context: &Context) -> Result<(), Failure> {
        for name in &self.services {
            let job = name.strip_prefix("job-").unwrap_or_default();
            let environment = &context.environment;
            if !environment.services.contains_key(name.as_str())
                && !environment.jobs.contains_key(job)
            {
                super::selection::running_service(context, name).await?;
            }
        }
        Ok(())
    }

    fn query(&self) -> Result<LogQuery, Failure> {
        let everything = self.since.is_some() || self.lines.is_some();
        Ok(LogQuery {
            of: self.services.clone(),
            stream: None,
            since: self.since.as_deref().map(since).transpose()?,
            filter: self.filter.clone(),
            limit: self.lines.or(if everything { None } else { Some(LINES) }),
        })
    }

    fn show(&self, line: &LogLine, output: Output) {
        match output.format {
            Format::Json => output.json(line),
            Format::Text => {
                let row = LogRow {
                    at: line.at,
                    source: &line.source,
                    task: &line.task,
                    message: &line.message,
                };
                let style = LogStyle {
                    style: output.data_style(),
                    timestamps: self.timestamps,
                };
                output.data(&seaway_report::log_line(&row, style));
            }
        }
    }
}

fn since(text: &str) -> Result<Timestamp, Failure> {
    let usage =
        |text: String| Failure::new(Exit::Usage, text, &["write a time as 30s, 10m, 2h or 1d"]);
    let seconds: Seconds = text
        .parse()
        .map_err(|error| usage(format!("--since {text}: {error}")))?;
    SystemClock
        .now()
        .saturating_sub(seconds.duration())
        .map_err(|_| usage(format!("--since {text} is before time began")))
}
