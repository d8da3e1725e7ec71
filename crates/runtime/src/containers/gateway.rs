//! Where containers find this machine: the near end of the network that they are in.

use std::net::IpAddr;

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
        let mut gateways = configured.into_iter().filter_map(|one| one.gateway);
        Ok(gateways.find_map(|gateway| gateway.parse().ok()))
    }
}
