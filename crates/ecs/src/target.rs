//! Where to connect to, as data: nothing in it was guessed from the machine.

use std::collections::BTreeMap;

use seaway_ports::SecretValue;

/// The region the embedded platform says it is.
pub const LOCAL_REGION: &str = "us-east-1";

/// The account the embedded platform says it is.
pub const LOCAL_ACCOUNT: &str = "000000000000";

/// The one place a connection may touch.
#[derive(Debug, Clone)]
pub enum Target {
    /// The embedded platform on this machine.
    Local(LocalTarget),
    /// Amazon ECS in one account and region.
    Aws(AwsTarget),
}

/// The embedded platform: an endpoint on loopback and its generated key.
#[derive(Debug, Clone)]
pub struct LocalTarget {
    /// `http://127.0.0.1:PORT`; anything but a loopback address is refused.
    pub endpoint: String,
    pub access_key_id: String,
    pub secret_access_key: SecretValue,
    /// [`LOCAL_REGION`] unless the platform says otherwise.
    pub region: String,
    /// [`LOCAL_ACCOUNT`] unless the platform says otherwise; compared with what it answers.
    pub account: String,
}

/// An AWS account in one region, reached with the SDK's usual credentials.
#[derive(Debug, Clone)]
pub struct AwsTarget {
    pub region: String,
    /// Twelve digits; compared with the caller's account before anything else is done.
    pub account: String,
    /// Another endpoint for all services, where the manifest names one.
    pub endpoint_url: Option<String>,
    /// The variables of this process, to refuse endpoints that the manifest does not name.
    pub process: ProcessEnvironment,
}

/// The variables of a process, handed in by whoever may read them.
#[derive(Clone, Default)]
pub struct ProcessEnvironment(BTreeMap<String, String>);

impl ProcessEnvironment {
    /// Keeps the variables that matter here: those that redirect AWS clients.
    pub fn from_variables(variables: impl IntoIterator<Item = (String, String)>) -> Self {
        let redirects = |(name, _): &(String, String)| name.starts_with("AWS_ENDPOINT_URL");
        Self(variables.into_iter().filter(redirects).collect())
    }

    /// Names and values, in the order of the names.
    pub(crate) fn redirections(&self) -> impl Iterator<Item = (&str, &str)> {
        let text = |(name, value)| (String::as_str(name), String::as_str(value));
        self.0.iter().map(text)
    }
}

impl std::fmt::Debug for ProcessEnvironment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}
