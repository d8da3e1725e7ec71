//! Capacity providers: FARGATE and FARGATE_SPOT, which every account has. Both are this machine; a
//! strategy is checked as ECS checks it, and recorded.

use seaway_aws_wire::ecs as wire;

use super::Ecs;
use super::error::EcsError;
use super::paging::page;
use crate::identity::arn;
use crate::platform::records::ClusterRecord;

const PROVIDERS: [(&str, wire::CapacityProviderType); 2] = [
    ("FARGATE", wire::CapacityProviderType::Fargate),
    ("FARGATE_SPOT", wire::CapacityProviderType::FargateSpot),
];
/// A page of capacity providers; also the most (API reference).
const PAGE: i32 = 10;
/// Most providers in one strategy (API reference, `RunTask`).
const MOST_IN_A_STRATEGY: usize = 20;

/// How tasks get their capacity: by a launch type or by a strategy, never both.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Capacity {
    pub(super) launch_type: Option<wire::LaunchType>,
    pub(super) strategy: Option<Vec<wire::CapacityProviderStrategyItem>>,
}

impl Capacity {
    /// What a request asks for. Without a word of it the cluster's default strategy holds, and
    /// without one of those Fargate: this machine has no container instances.
    pub(super) fn asked_for(
        cluster: &ClusterRecord,
        launch_type: Option<wire::LaunchType>,
        strategy: Option<Vec<wire::CapacityProviderStrategyItem>>,
    ) -> Result<Self, EcsError> {
        let strategy = strategy.filter(|strategy| !strategy.is_empty());
        if let Some(strategy) = &strategy {
            if launch_type.is_some() {
                let text = "Specifying both a launch type and capacity provider strategy is not \
                            supported. Remove one and try again.";
                return Err(EcsError::Parameter(text.into()));
            }
            check_strategy(strategy, cluster.capacity_providers.as_deref())?;
        }
        let default = || {
            let default = cluster.default_capacity_provider_strategy.clone();
            default.filter(|strategy| launch_type.is_none() && !strategy.is_empty())
        };
        let strategy = strategy.or_else(default);
        let launch_type = match strategy {
            Some(_) => None,
            None => launch_type.or(Some(wire::LaunchType::Fargate)),
        };
        Ok(Self {
            launch_type,
            strategy,
        })
    }
}

/// Whether tasks of this launch type need container instances, which this machine has none of.
pub(super) fn needs_instances(launch_type: Option<&wire::LaunchType>) -> bool {
    launch_type.is_some_and(|launch_type| *launch_type != wire::LaunchType::Fargate)
}

impl Ecs {
    pub(super) fn describe_capacity_providers(
        &self,
        request: wire::DescribeCapacityProvidersRequest,
    ) -> Result<wire::DescribeCapacityProvidersResponse, EcsError> {
        let all = || {
            PROVIDERS
                .iter()
                .map(|(name, _)| (*name).to_owned())
                .collect()
        };
        let asked = request
            .capacity_providers
            .filter(|names| !names.is_empty())
            .unwrap_or_else(all);
        let (mut names, mut failures) = (vec![], vec![]);
        for given in asked {
            let name = given.rsplit('/').next().unwrap_or(&given).to_owned();
            match provider(&name) {
                Some(_) => names.push(name),
                None => failures.push(super::missing(provider_arn(&name))),
            }
        }
        names.sort_unstable();
        names.dedup();
        let size = request.max_results.unwrap_or(PAGE).clamp(1, PAGE);
        let page = page(names, request.next_token.as_deref(), Some(size))?;
        let found = page.items.iter().filter_map(|name| provider(name));
        Ok(wire::DescribeCapacityProvidersResponse {
            capacity_providers: Some(found.collect()),
            failures: Some(failures),
            next_token: page.next,
        })
    }

    pub(super) fn put_cluster_capacity_providers(
        &self,
        request: wire::PutClusterCapacityProvidersRequest,
    ) -> Result<wire::PutClusterCapacityProvidersResponse, EcsError> {
        let strategy = request.default_capacity_provider_strategy;
        let providers = request.capacity_providers;
        check_association(&providers, &strategy)?;
        let name = self.cluster(Some(&request.cluster))?.name;
        self.refuse_what_is_in_use(&name, &providers)?;
        let record = self.change_cluster(&name, |record| {
            record.capacity_providers = Some(providers);
            record.default_capacity_provider_strategy = Some(strategy);
        })?;
        Ok(wire::PutClusterCapacityProvidersResponse {
            cluster: Some(self.cluster_view(&record, &[wire::ClusterField::Tags])),
        })
    }

    /// A provider stays with the cluster for as long as a service names it.
    fn refuse_what_is_in_use(&self, cluster: &str, kept: &[String]) -> Result<(), EcsError> {
        let book = self.platform.book();
        let in_use = book
            .services_of(cluster)
            .filter(|service| super::is_active(service))
            .flat_map(|service| service.settings.capacity_provider_strategy.iter().flatten())
            .any(|item| !kept.contains(&item.capacity_provider));
        if in_use {
            let text = "The specified capacity provider is in use and cannot be removed.";
            return Err(EcsError::InUse(text.into()));
        }
        Ok(())
    }
}

/// What `CreateCluster` and `PutClusterCapacityProviders` take.
pub(super) fn check_association(
    providers: &[String],
    strategy: &[wire::CapacityProviderStrategyItem],
) -> Result<(), EcsError> {
    if providers.iter().any(|name| provider(name).is_none()) {
        let text = "The specified capacity provider was not found. Specify a valid capacity \
                    provider and try again.";
        return Err(EcsError::Parameter(text.into()));
    }
    check_strategy(strategy, Some(providers))
}

/// Whether ECS takes a strategy on a cluster with these providers.
fn check_strategy(
    strategy: &[wire::CapacityProviderStrategyItem],
    associated: Option<&[String]>,
) -> Result<(), EcsError> {
    let refuse = |text: &str| Err(EcsError::Parameter(text.into()));
    let is_associated = |item: &wire::CapacityProviderStrategyItem| {
        associated.is_some_and(|names| names.contains(&item.capacity_provider))
    };
    if strategy.len() > MOST_IN_A_STRATEGY {
        return refuse("The capacity provider strategy has too many capacity providers.");
    }
    if !strategy.iter().all(is_associated) {
        return refuse(
            "The specified capacity provider strategy cannot contain a capacity provider that is \
             not associated with the cluster. Associate the capacity provider with the cluster or \
             specify a valid capacity provider and try again.",
        );
    }
    if strategy.iter().filter(|item| item.base > Some(0)).count() > 1 {
        return refuse(
            "Only one capacity provider in a capacity provider strategy can have a base defined.",
        );
    }
    // A weight that is left out counts as 0 (API reference).
    if !strategy.is_empty() && !strategy.iter().any(|item| item.weight > Some(0)) {
        return refuse(
            "The capacity provider strategy must contain a capacity provider with a weight \
             greater than 0.",
        );
    }
    Ok(())
}

fn provider(name: &str) -> Option<wire::CapacityProvider> {
    let (name, kind) = PROVIDERS.into_iter().find(|(known, _)| *known == name)?;
    Some(wire::CapacityProvider {
        capacity_provider_arn: Some(provider_arn(name)),
        name: Some(name.into()),
        status: Some(wire::CapacityProviderStatus::Active),
        r#type: Some(kind),
        tags: Some(vec![]),
        ..wire::CapacityProvider::default()
    })
}

fn provider_arn(name: &str) -> String {
    arn("ecs", &format!("capacity-provider/{name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, base: i32, weight: i32) -> wire::CapacityProviderStrategyItem {
        wire::CapacityProviderStrategyItem {
            base: Some(base),
            capacity_provider: name.into(),
            weight: Some(weight),
        }
    }

    #[test]
    fn a_strategy_names_what_the_cluster_has_with_one_base_and_some_weight() {
        let both = ["FARGATE".to_owned(), "FARGATE_SPOT".to_owned()];
        let (fargate, spot) = ("FARGATE", "FARGATE_SPOT");
        let takes = |strategy: &[_], of: Option<&[String]>| check_strategy(strategy, of).is_ok();
        assert!(takes(&[item(fargate, 1, 1), item(spot, 0, 3)], Some(&both)));
        assert!(takes(&[], None));
        assert!(!takes(&[item(fargate, 0, 1)], None), "nothing associated");
        assert!(!takes(&[item(spot, 0, 1)], Some(&both[..1])));
        assert!(!takes(
            &[item(fargate, 1, 1), item(spot, 1, 1)],
            Some(&both)
        ));
        assert!(!takes(&[item(fargate, 1, 0)], Some(&both)), "no weight");
    }
}
