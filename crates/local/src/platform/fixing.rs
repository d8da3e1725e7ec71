//! What the tags of a deployment's images mean, until the book knows.
//!
//! The first task of a deployment that has its images fixes them for all others (ECS-SEMANTICS.md,
//! "Images"). The book keeps that; but tasks that were launched before it heard of it have their
//! own idea of a tag that has moved meanwhile. Whoever comes second takes what the first has.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::effects::LaunchOrder;

/// By container.
pub(super) type Digests = BTreeMap<String, String>;

/// The images of the newest deployment of each service that launched a task.
#[derive(Debug, Default)]
pub(super) struct Fixing {
    services: Mutex<BTreeMap<Owner, Fixed>>,
}

/// Cluster and service.
type Owner = (String, String);

#[derive(Debug)]
struct Fixed {
    deployment: u64,
    digests: Digests,
}

impl Fixing {
    /// What the task of this order has to run: as the book says, or as the first task of its
    /// deployment has it.
    pub(super) fn known(&self, order: &LaunchOrder) -> Digests {
        let services = self.lock();
        let fixed = services
            .get(&owner(order))
            .filter(|fixed| Some(fixed.deployment) == order.deployment);
        let mut digests = fixed.map_or_else(Digests::new, |fixed| fixed.digests.clone());
        digests.extend(order.digests.clone());
        digests
    }

    /// A task of this order has these images: they are those of its deployment, unless another task
    /// was first, whose images are returned.
    pub(super) fn fix(&self, order: &LaunchOrder, found: &Digests) -> Option<Digests> {
        let deployment = order.deployment?;
        let mut services = self.lock();
        match services.get(&owner(order)) {
            Some(fixed) if fixed.deployment == deployment => {
                (fixed.digests != *found).then(|| fixed.digests.clone())
            }
            _ => {
                let digests = found.clone();
                let fixed = Fixed {
                    deployment,
                    digests,
                };
                services.insert(owner(order), fixed);
                None
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Owner, Fixed>> {
        self.services.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn owner(order: &LaunchOrder) -> Owner {
    (order.cluster.clone(), order.owner.clone())
}

#[cfg(test)]
mod tests {
    use seaway_scheduler::TaskId;

    use super::*;
    use crate::platform::records::Place;

    fn order(deployment: Option<u64>) -> LaunchOrder {
        LaunchOrder {
            task: TaskId::new("t"),
            task_definition: "arn".into(),
            overrides: None,
            place: Place::default(),
            owner: "api".into(),
            cluster: "shop".into(),
            deployment,
            digests: Digests::new(),
        }
    }

    fn digests(digest: &str) -> Digests {
        Digests::from([("main".to_owned(), digest.to_owned())])
    }

    #[test]
    fn the_first_task_of_a_deployment_says_what_a_tag_means() {
        let fixing = Fixing::default();
        let (one, two) = (order(Some(1)), order(Some(2)));
        assert_eq!(fixing.known(&one), Digests::new());
        assert_eq!(fixing.fix(&one, &digests("a")), None);
        assert_eq!(fixing.fix(&one, &digests("a")), None);
        assert_eq!(fixing.fix(&one, &digests("b")), Some(digests("a")));
        assert_eq!(fixing.known(&one), digests("a"));
        // Another deployment asks anew.
        assert_eq!(fixing.known(&two), Digests::new());
        assert_eq!(fixing.fix(&two, &digests("b")), None);
        assert_eq!(fixing.known(&two), digests("b"));
    }

    #[test]
    fn what_the_book_says_wins_and_a_task_of_its_own_fixes_nothing() {
        let fixing = Fixing::default();
        let order_of_book = LaunchOrder {
            digests: digests("b"),
            ..order(Some(1))
        };
        assert_eq!(fixing.fix(&order(Some(1)), &digests("a")), None);
        assert_eq!(fixing.known(&order_of_book), digests("b"));
        let alone = order(None);
        assert_eq!(fixing.fix(&alone, &digests("x")), None);
        assert_eq!(fixing.known(&alone), Digests::new());
    }
}
