//! From a target to clients, with the guards in between.
//!
//! The client of the embedded platform is built by hand: no default credential chain, no
//! configuration files, and no proxy (the SDK sends loopback requests through `HTTP_PROXY` unless
//! told otherwise). The one for AWS takes credentials as every AWS tool does, but no endpoint: only
//! the manifest names one.

use std::sync::Arc;
use std::time::Duration;

use aws_config::retry::RetryConfig;
use aws_config::timeout::TimeoutConfig;
use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_credential_types::Credentials;
use aws_credential_types::provider::SharedCredentialsProvider;
use aws_smithy_http_client::Connector;
use aws_smithy_http_client::proxy::ProxyConfig;
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use seaway_ports::{PortError, PortErrorKind};

use crate::definitions::Definitions;
use crate::error::During;
use crate::guard::{loopback, no_foreign_endpoint, same_account};
use crate::names::EnvironmentIdentity;
use crate::target::{AwsTarget, LocalTarget, Target};
use crate::tasks::StoppedTasks;

const LOCAL_ATTEMPTS: u32 = 4;
const LOCAL_BACKOFF: Duration = Duration::from_millis(50);
const LOCAL_CONNECT: Duration = Duration::from_secs(1);
const AWS_ATTEMPTS: u32 = 8;
const AWS_CONNECT: Duration = Duration::from_secs(5);
/// One attempt; an answer may be large, no call of these APIs waits on purpose.
const ATTEMPT: Duration = Duration::from_secs(30);

/// One environment on ECS or on the embedded platform. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ecs {
    pub(crate) session: Arc<Session>,
}

/// Who owns what lies around the services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    /// Seaway owns everything.
    Local,
    /// Terraform creates services and what they need.
    Aws,
}

/// Clients of one environment and what was learned through them.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) identity: EnvironmentIdentity,
    pub(crate) place: Place,
    pub(crate) ecs: aws_sdk_ecs::Client,
    pub(crate) balancing: aws_sdk_elasticloadbalancingv2::Client,
    pub(crate) logs: aws_sdk_cloudwatchlogs::Client,
    pub(crate) secrets: aws_sdk_secretsmanager::Client,
    pub(crate) definitions: Definitions,
    pub(crate) stopped: StoppedTasks,
}

impl Ecs {
    /// Connects to the environment named by `identity`, and to nothing else.
    ///
    /// # Errors
    /// `Denied` when a guard refuses the target ([`crate::GuardError`]), `Unavailable` when it does
    /// not answer.
    pub async fn connect(
        target: &Target,
        identity: &EnvironmentIdentity,
    ) -> Result<Self, PortError> {
        let session = match target {
            Target::Local(local) => Session::local(local, identity).await?,
            Target::Aws(aws) => Session::aws(aws, identity).await?,
        };
        Ok(Self {
            session: Arc::new(session),
        })
    }
}

impl Session {
    pub(crate) async fn local(
        target: &LocalTarget,
        identity: &EnvironmentIdentity,
    ) -> Result<Self, PortError> {
        loopback(&target.endpoint)?;
        let config = local_config(target);
        let silent = |error: PortError| match error.kind {
            PortErrorKind::Unavailable => {
                error.with_hint("`seaway local start` starts the embedded platform")
            }
            _ => error,
        };
        verify_account(&config, &target.account)
            .await
            .map_err(silent)?;
        Ok(Self::new(&config, identity, Place::Local))
    }

    async fn aws(target: &AwsTarget, identity: &EnvironmentIdentity) -> Result<Self, PortError> {
        no_foreign_endpoint(&target.process, target.endpoint_url.as_deref())?;
        let config = aws_config(target).await;
        verify_account(&config, &target.account).await?;
        Ok(Self::new(&config, identity, Place::Aws))
    }

    fn new(config: &SdkConfig, identity: &EnvironmentIdentity, place: Place) -> Self {
        Self {
            identity: identity.clone(),
            place,
            ecs: aws_sdk_ecs::Client::new(config),
            balancing: aws_sdk_elasticloadbalancingv2::Client::new(config),
            logs: aws_sdk_cloudwatchlogs::Client::new(config),
            secrets: aws_sdk_secretsmanager::Client::new(config),
            definitions: Definitions::default(),
            stopped: StoppedTasks::default(),
        }
    }
}

fn local_config(target: &LocalTarget) -> SdkConfig {
    let credentials = Credentials::new(
        &target.access_key_id,
        target.secret_access_key.expose(),
        None,
        None,
        "seaway-local",
    );
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(target.region.clone()))
        .endpoint_url(&target.endpoint)
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .http_client(plain_http())
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(LOCAL_ATTEMPTS)
                .with_initial_backoff(LOCAL_BACKOFF),
        )
        .timeout_config(timeouts(LOCAL_CONNECT))
        .build()
}

/// HTTP without TLS and without a proxy, whatever the process environment says.
fn plain_http() -> SharedHttpClient {
    aws_smithy_http_client::Builder::new().build_with_connector_fn(|settings, _components| {
        let builder = Connector::builder().proxy_config(ProxyConfig::disabled());
        match settings {
            Some(settings) => builder.connector_settings(settings.clone()).build_http(),
            None => builder.build_http(),
        }
    })
}

async fn aws_config(target: &AwsTarget) -> SdkConfig {
    let region = Region::new(target.region.clone());
    let found = aws_config::defaults(BehaviorVersion::latest())
        .region(region.clone())
        .load()
        .await;
    // Built anew instead of taken over: a profile may carry endpoints, for all services or for one.
    let mut config = SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(region)
        // Adaptive: standard retries, and a client that slows down when it is throttled.
        .retry_config(RetryConfig::adaptive().with_max_attempts(AWS_ATTEMPTS))
        .timeout_config(timeouts(AWS_CONNECT));
    config.set_credentials_provider(found.credentials_provider());
    config.set_http_client(found.http_client());
    config.set_sleep_impl(found.sleep_impl());
    config.set_time_source(found.time_source());
    config.set_identity_cache(found.identity_cache());
    config.set_endpoint_url(target.endpoint_url.clone());
    config.build()
}

fn timeouts(connect: Duration) -> TimeoutConfig {
    TimeoutConfig::builder()
        .connect_timeout(connect)
        .operation_attempt_timeout(ATTEMPT)
        .build()
}

async fn verify_account(config: &SdkConfig, expected: &str) -> Result<(), PortError> {
    let caller = aws_sdk_sts::Client::new(config)
        .get_caller_identity()
        .send()
        .await
        .during("ask whose credentials these are")?;
    Ok(same_account(expected, caller.account())?)
}
