//! Load balancers and their listeners.

use aws_sdk_elasticloadbalancingv2::types as sdk;
use seaway_ports::{PortError, PortErrorKind};

use crate::connect::Session;
use crate::document::{LoadBalancer, Scheme};
use crate::error::{During as _, incomplete};

/// The embedded platform has one network, whatever its parts are called; a load balancer needs two.
const SUBNETS: [&str; 2] = ["subnet-local", "subnet-local-2"];

impl Session {
    /// The ARN of the load balancer's listener; both are created where they are missing.
    pub(super) async fn provision_balancer(
        &self,
        wanted: &LoadBalancer,
        changed: &mut Vec<String>,
    ) -> Result<String, PortError> {
        let balancer = match self.find_balancer(&wanted.name).await? {
            Some(arn) => arn,
            None => {
                let arn = self.create_balancer(wanted).await?;
                changed.push(format!("load balancer {}", wanted.name));
                arn
            }
        };
        match self.find_listener(&balancer, wanted).await? {
            Some(arn) => Ok(arn),
            None => {
                let arn = self.create_listener(&balancer, wanted).await?;
                changed.push(format!("listener of {}", wanted.name));
                Ok(arn)
            }
        }
    }

    pub(super) async fn find_balancer(&self, name: &str) -> Result<Option<String>, PortError> {
        let found = self
            .balancing
            .describe_load_balancers()
            .names(name)
            .send()
            .await
            .during(format!("look for the load balancer {name}"));
        match found {
            Err(error) if error.kind == PortErrorKind::NotFound => Ok(None),
            found => {
                let found = found?;
                let balancer = found.load_balancers().first();
                let arn = balancer.and_then(|balancer| balancer.load_balancer_arn());
                Ok(arn.map(str::to_owned))
            }
        }
    }

    async fn create_balancer(&self, wanted: &LoadBalancer) -> Result<String, PortError> {
        let what = format!("create the load balancer {}", wanted.name);
        let answer = self
            .balancing
            .create_load_balancer()
            .name(&wanted.name)
            .r#type(sdk::LoadBalancerTypeEnum::Application)
            .scheme(match wanted.scheme {
                Scheme::InternetFacing => sdk::LoadBalancerSchemeEnum::InternetFacing,
                Scheme::Internal => sdk::LoadBalancerSchemeEnum::Internal,
            })
            .set_subnets(Some(SUBNETS.map(str::to_owned).to_vec()))
            .set_tags(Some(self.balancing_tags()))
            .send()
            .await
            .during(&what)?;
        let created = answer.load_balancers().first();
        let arn = created.and_then(|balancer| balancer.load_balancer_arn());
        arn.map(str::to_owned)
            .ok_or_else(|| incomplete(what, "ARN"))
    }

    async fn find_listener(
        &self,
        balancer: &str,
        wanted: &LoadBalancer,
    ) -> Result<Option<String>, PortError> {
        let answer = self
            .balancing
            .describe_listeners()
            .load_balancer_arn(balancer)
            .send()
            .await
            .during(format!("list the listeners of {}", wanted.name))?;
        let at_port = |listener: &&sdk::Listener| listener.port() == Some(wanted.port);
        let listener = answer.listeners().iter().find(at_port);
        let arn = listener.and_then(|listener| listener.listener_arn());
        Ok(arn.map(str::to_owned))
    }

    async fn create_listener(
        &self,
        balancer: &str,
        wanted: &LoadBalancer,
    ) -> Result<String, PortError> {
        let what = format!("create the listener of {}", wanted.name);
        let answer = self
            .balancing
            .create_listener()
            .load_balancer_arn(balancer)
            .protocol(sdk::ProtocolEnum::Http)
            .port(wanted.port)
            .default_actions(not_found().map_err(|error| crate::error::invalid(&what, error))?)
            .set_tags(Some(self.balancing_tags()))
            .send()
            .await
            .during(&what)?;
        let created = answer.listeners().first();
        let arn = created.and_then(|listener| listener.listener_arn());
        arn.map(str::to_owned)
            .ok_or_else(|| incomplete(what, "ARN"))
    }
}

/// What a request gets that no rule takes.
fn not_found() -> Result<sdk::Action, aws_smithy_types::error::operation::BuildError> {
    let response = sdk::FixedResponseActionConfig::builder()
        .status_code("404")
        .content_type("text/plain")
        .message_body("no service has this route\n")
        .build();
    Ok(sdk::Action::builder()
        .r#type(sdk::ActionTypeEnum::FixedResponse)
        .fixed_response_config(response)
        .build())
}
