//! Names and ARNs of load balancing, and what is allowed in them.

use super::error::ElbError;
use crate::identity::arn;

const SERVICE: &str = "elasticloadbalancing";
/// The longest name of a load balancer or a target group.
const LONGEST: usize = 32;

pub(super) fn load_balancer_arn(name: &str) -> String {
    arn(SERVICE, &format!("loadbalancer/app/{name}/{}", id()))
}

pub(super) fn target_group_arn(name: &str) -> String {
    arn(SERVICE, &format!("targetgroup/{name}/{}", id()))
}

/// An ARN for a listener of the load balancer.
pub(super) fn listener_arn(load_balancer: &str) -> String {
    format!(
        "{}/{}",
        load_balancer.replacen(":loadbalancer/", ":listener/", 1),
        id()
    )
}

/// An ARN for a rule of the listener.
pub(super) fn rule_arn(listener: &str) -> String {
    format!(
        "{}/{}",
        listener.replacen(":listener/", ":listener-rule/", 1),
        id()
    )
}

/// Which kind of thing an ARN names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    LoadBalancer,
    Listener,
    Rule,
    TargetGroup,
}

impl Kind {
    const ALL: [Self; 4] = [
        Self::LoadBalancer,
        Self::Listener,
        Self::Rule,
        Self::TargetGroup,
    ];

    /// The kind of an ARN; none when it is not one of load balancing.
    pub(super) fn of(arn: &str) -> Option<Self> {
        let rest = arn.strip_prefix("arn:")?.split_once(':')?.1;
        let resource = rest
            .strip_prefix(SERVICE)?
            .strip_prefix(':')?
            .splitn(3, ':')
            .nth(2)?;
        let (kind, _) = resource.split_once('/')?;
        Self::ALL.into_iter().find(|one| one.in_arn() == kind)
    }

    /// Refuses what is not an ARN of this kind.
    pub(super) fn check(self, arn: &str) -> Result<(), ElbError> {
        if Self::of(arn) == Some(self) {
            return Ok(());
        }
        let kind = match self {
            Self::LoadBalancer => "load balancer",
            Self::Listener => "listener",
            Self::Rule => "listener rule",
            Self::TargetGroup => "target group",
        };
        Err(ElbError::Validation(format!(
            "'{arn}' is not a valid {kind} ARN"
        )))
    }

    pub(super) fn not_found(self) -> ElbError {
        match self {
            Self::LoadBalancer => ElbError::LoadBalancerNotFound,
            Self::Listener => ElbError::ListenerNotFound,
            Self::Rule => ElbError::RuleNotFound,
            Self::TargetGroup => ElbError::TargetGroupNotFound,
        }
    }

    fn in_arn(self) -> &'static str {
        match self {
            Self::LoadBalancer => "loadbalancer",
            Self::Listener => "listener",
            Self::Rule => "listener-rule",
            Self::TargetGroup => "targetgroup",
        }
    }
}

/// Checks a new name; `what` is `load balancer` or `target group`.
pub(super) fn check_name(what: &str, name: &str) -> Result<(), ElbError> {
    let problem = if name.is_empty() {
        "cannot be empty".to_owned()
    } else if name.chars().count() > LONGEST {
        format!("cannot be longer than '{LONGEST}' characters")
    } else if !name
        .chars()
        .all(|one| one.is_ascii_alphanumeric() || one == '-')
    {
        "can only contain characters that are alphanumeric characters and hyphens(-)".to_owned()
    } else if name.starts_with('-') || name.ends_with('-') {
        "cannot begin or end with a hyphen(-)".to_owned()
    } else if what == "load balancer" && name.starts_with("internal-") {
        "cannot begin with 'internal-'".to_owned()
    } else {
        return Ok(());
    };
    Err(ElbError::Validation(format!(
        "The {what} name '{name}' {problem}"
    )))
}

/// 16 hexadecimal digits, as at the end of every ARN of load balancing.
fn id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arns_of_parts_carry_those_of_their_owners() {
        let balancer = load_balancer_arn("shop");
        let listener = listener_arn(&balancer);
        let rule = rule_arn(&listener);
        let tail = |arn: &str| arn.rsplit(':').next().unwrap().to_owned();
        let balancer_id = tail(&balancer).replacen("loadbalancer/", "", 1);
        assert!(
            tail(&listener).starts_with(&format!("listener/{balancer_id}/")),
            "{listener}"
        );
        let listener_id = tail(&listener).replacen("listener/", "", 1);
        assert!(
            tail(&rule).starts_with(&format!("listener-rule/{listener_id}/")),
            "{rule}"
        );
    }

    #[test]
    fn kinds_are_told_apart() {
        let balancer = load_balancer_arn("shop");
        let listener = listener_arn(&balancer);
        assert_eq!(Kind::of(&balancer), Some(Kind::LoadBalancer));
        assert_eq!(Kind::of(&listener), Some(Kind::Listener));
        assert_eq!(Kind::of(&rule_arn(&listener)), Some(Kind::Rule));
        assert_eq!(Kind::of(&target_group_arn("api")), Some(Kind::TargetGroup));
        assert_eq!(
            Kind::of("arn:aws:ecs:us-east-1:000000000000:cluster/listener"),
            None
        );
        assert_eq!(Kind::of("shop"), None);
    }

    #[test]
    fn names_are_checked_as_elb_does() {
        let refused = |name: &str| check_name("load balancer", name).unwrap_err().to_string();
        assert!(check_name("load balancer", "shop-local").is_ok());
        assert!(check_name("target group", "internal-api").is_ok());
        assert!(refused(&"a".repeat(33)).contains("longer than '32'"));
        assert!(refused("a_b").contains("alphanumeric"));
        assert!(refused("-a").contains("hyphen"));
        assert!(refused("internal-a").contains("internal-"));
    }
}
