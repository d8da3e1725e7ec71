//! Where containers find this machine: the near end of the network that they are in.

use std::net::{IpAddr, Ipv4Addr};

use bollard::models::IpamConfig;

use super::engine::Engine;
use super::error::EngineError;

/// The network of containers that name none.
const NETWORK: &str = "bridge";

impl Engine {
    /// The address of this machine in the network of the containers, where the engine says it.
    pub async fn gateway(&self) -> Result<Option<IpAddr>, EngineError> {
        let found = self.shared.docker.inspect_network(NETWORK, None).await;
        let network = found.map_err(EngineError::call("look at its network"))?;
        let configured = network
            .ipam
            .and_then(|ipam| ipam.config)
            .unwrap_or_default();
        Ok(configured.iter().find_map(of_network))
    }
}

/// Docker does not always say the gateway of a network that it has just made, but always gives it
/// the first address.
fn of_network(configured: &IpamConfig) -> Option<IpAddr> {
    if let Some(gateway) = &configured.gateway {
        return gateway.parse().ok();
    }
    let (network, _) = configured.subnet.as_ref()?.split_once('/')?;
    let network: Ipv4Addr = network.parse().ok()?;
    Some(Ipv4Addr::from(u32::from(network).checked_add(1)?).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(gateway: Option<&str>, subnet: Option<&str>) -> Option<String> {
        let configured = IpamConfig {
            gateway: gateway.map(str::to_owned),
            subnet: subnet.map(str::to_owned),
            ..IpamConfig::default()
        };
        of_network(&configured).map(|address| address.to_string())
    }

    #[test]
    fn the_gateway_is_as_told_or_the_first_address() {
        let subnet = Some("172.17.0.0/16");
        let told = of(Some("172.17.0.9"), subnet);
        assert_eq!(told.as_deref(), Some("172.17.0.9"));
        assert_eq!(of(None, subnet).as_deref(), Some("172.17.0.1"));
        assert_eq!(of(None, None), None);
    }
}
