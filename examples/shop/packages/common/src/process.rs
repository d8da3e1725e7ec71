//! The frame of every process of the shop: settings, faults, runtime, signals, exit status.

use std::error::Error;
use std::net::SocketAddr;
use std::process::ExitCode;

use thiserror::Error;
use tokio::net::TcpListener;

use crate::app::App;
use crate::client::Upstream;
use crate::fault::{self, Fault};
use crate::log;
use crate::routes::Routes;
use crate::server;
use crate::settings::{self, Settings, SettingsError};
use crate::shutdown::Shutdown;

/// Why a process ended badly.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a process of the shop is given to work with.
#[derive(Debug)]
pub struct Context {
    pub service: &'static str,
    pub settings: Settings,
    pub shutdown: Shutdown,
}

/// The service cannot listen.
#[derive(Debug, Error)]
#[error("failed to listen on {address}")]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

/// Runs a service to its end: status 0 when it was asked to end, 1 when it failed, 2 when its
/// settings are unusable.
pub fn run<W>(service: &'static str, work: impl FnOnce(Context) -> W) -> ExitCode
where
    W: Future<Output = Result<(), Failure>>,
{
    frame(service, async |context| {
        misbehave(context.settings.fault)?;
        work(context).await
    })
}

/// Runs a one-off job. The faults of the service whose image it shares do not touch it.
pub fn run_job<W>(job: &'static str, work: impl FnOnce(Context) -> W) -> ExitCode
where
    W: Future<Output = Result<(), Failure>>,
{
    frame(job, async |context| work(context).await)
}

impl Context {
    /// A service that this one uses, at the address in its variable.
    ///
    /// # Errors
    /// The variable is missing or not an address.
    pub fn upstream(&self, service: &'static str) -> Result<Upstream, SettingsError> {
        let url = settings::read_url(service, settings::environment)?;
        Ok(Upstream::new(service, &url))
    }

    /// Listens and answers until the end is requested.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub async fn serve(self, routes: impl Routes) -> Result<(), Failure> {
        let address = self.settings.listen;
        let listener = async {
            let listener = TcpListener::bind(address).await?;
            Ok((listener.local_addr()?, listener))
        };
        let (bound, listener) = listener
            .await
            .map_err(|source| ListenError { address, source })?;
        if self.settings.fault == Fault::IgnorePort {
            log::warn("PORT ignored, as SHOP_FAULT says");
        }
        log::info(format_args!("listening on {bound}"));
        server::serve(
            listener,
            App::new(self.service, self.settings, routes),
            self.shutdown,
        )
        .await;
        Ok(())
    }
}

fn frame<W>(name: &'static str, work: impl FnOnce(Context) -> W) -> ExitCode
where
    W: Future<Output = Result<(), Failure>>,
{
    let settings = match Settings::read(settings::environment) {
        Ok(settings) => settings,
        Err(error) => {
            log::error(format_args!("{name} cannot start"), &error);
            return ExitCode::from(2);
        }
    };
    log::info(format_args!("{name} {} starts", settings.version));
    // One thread: a service waits far more than it computes, and stays small.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let result = runtime.map_err(Failure::from).and_then(|runtime| {
        runtime.block_on(async {
            let shutdown = Shutdown::on_signals(settings.fault)?;
            work(Context {
                service: name,
                settings,
                shutdown,
            })
            .await
        })
    });
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            log::error(format_args!("{name} failed"), &*error);
            ExitCode::FAILURE
        }
    }
}

/// Does, or prepares, what the fault says. The server and the shutdown know the other faults.
fn misbehave(fault: Fault) -> Result<(), Failure> {
    match fault {
        Fault::CrashAtStart => return Err("crash, as SHOP_FAULT says".into()),
        Fault::CrashLater(after) => {
            tokio::spawn(async move {
                tokio::time::sleep(after).await;
                log::warn("crash, as SHOP_FAULT says");
                std::process::exit(1);
            });
        }
        Fault::EatMemory(rate) => {
            log::warn(format_args!(
                "eating {rate} MiB a second, as SHOP_FAULT says"
            ));
            std::thread::Builder::new().spawn(move || fault::eat_memory(rate))?;
        }
        _ => {}
    }
    Ok(())
}
