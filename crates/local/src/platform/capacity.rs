//! Which capacity provider a task is recorded under. Every one of them is this machine, so the
//! choice is ECS's and the effect is a name.

use seaway_aws_wire::ecs::CapacityProviderStrategyItem;

/// The provider of the next task, where `placed` are the providers of those before it.
///
/// Bases are filled first; beyond them tasks are spread by weight, and a provider of weight 0 gets
/// none (API reference, `CapacityProviderStrategyItem`).
pub(crate) fn choose(
    strategy: &[CapacityProviderStrategyItem],
    placed: &[String],
) -> Option<String> {
    let on = |item: &CapacityProviderStrategyItem| {
        let here = placed
            .iter()
            .filter(|name| **name == item.capacity_provider);
        u64::try_from(here.count()).unwrap_or(u64::MAX)
    };
    let short = strategy.iter().find(|item| on(item) < base(item));
    let by_weight = || {
        let spread = strategy.iter().filter(|item| weight(item) > 0);
        spread.min_by_key(|item| {
            let beyond = on(item).saturating_sub(base(item)).saturating_add(1);
            // Compared as fractions of one denominator: the share that it would have.
            beyond.saturating_mul(SHARES) / weight(item)
        })
    };
    let chosen = short.or_else(by_weight)?;
    Some(chosen.capacity_provider.clone())
}

/// More than the largest weight (1,000), so that no two different shares look alike.
const SHARES: u64 = 1_000_000;

fn base(item: &CapacityProviderStrategyItem) -> u64 {
    item.base
        .and_then(|base| base.try_into().ok())
        .unwrap_or_default()
}

fn weight(item: &CapacityProviderStrategyItem) -> u64 {
    item.weight
        .and_then(|weight| weight.try_into().ok())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(name: &str, base: i32, weight: i32) -> CapacityProviderStrategyItem {
        CapacityProviderStrategyItem {
            base: Some(base),
            capacity_provider: name.into(),
            weight: Some(weight),
        }
    }

    fn chosen(strategy: &[CapacityProviderStrategyItem], tasks: usize) -> Vec<String> {
        let mut placed = Vec::new();
        for _ in 0..tasks {
            placed.extend(choose(strategy, &placed));
        }
        placed
    }

    #[test]
    fn the_base_is_filled_first_and_the_rest_spread_by_weight() {
        let strategy = [item("FARGATE", 2, 1), item("FARGATE_SPOT", 0, 3)];
        let placed = chosen(&strategy, 10);
        assert_eq!(placed[..2], ["FARGATE", "FARGATE"]);
        let spot = placed.iter().filter(|name| *name == "FARGATE_SPOT").count();
        assert_eq!(spot, 6, "{placed:?}");
    }

    #[test]
    fn a_provider_without_weight_gets_its_base_alone() {
        let strategy = [item("FARGATE", 1, 0), item("FARGATE_SPOT", 0, 1)];
        let placed = chosen(&strategy, 4);
        let on_demand = placed.iter().filter(|name| *name == "FARGATE").count();
        assert_eq!(on_demand, 1, "{placed:?}");
    }

    #[test]
    fn without_a_strategy_there_is_no_provider() {
        assert_eq!(choose(&[], &[]), None);
    }
}
