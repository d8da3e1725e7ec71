//! What things are called on ECS: every name follows from project, environment and service.

use std::fmt;

use seaway_core::environment::SecretRef;
use seaway_core::name::{EnvironmentName, JobName, ProjectName, ServiceName, bounded};

/// Longest name of a load balancer or target group (Elastic Load Balancing API reference).
const BALANCING_LIMIT: usize = 32;

/// First part of a log stream's name; the awslogs driver adds container and task.
pub(crate) const STREAM_PREFIX: &str = "task";

/// Which environment of which project: all names are made from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EnvironmentIdentity {
    pub project: ProjectName,
    pub environment: EnvironmentName,
}

impl EnvironmentIdentity {
    /// The ECS cluster: `PROJECT-ENV`.
    pub fn cluster(&self) -> String {
        format!("{}-{}", self.project, self.environment)
    }

    /// A service's task definition family: `PROJECT-ENV-SERVICE`.
    pub fn service_family(&self, service: &ServiceName) -> String {
        format!("{}-{}-{service}", self.project, self.environment)
    }

    /// A job's task definition family: `PROJECT-ENV-job-JOB`.
    pub fn job_family(&self, job: &JobName) -> String {
        let source = job_source(job.as_str());
        format!("{}-{}-{source}", self.project, self.environment)
    }

    /// What the names of all log groups begin with: `/seaway/PROJECT/ENV/`.
    pub fn log_group_prefix(&self) -> String {
        format!("/seaway/{}/{}/", self.project, self.environment)
    }

    /// The log group of a service (`api`) or a job (`job-migrate`).
    pub fn log_group(&self, source: &str) -> String {
        format!("{}{source}", self.log_group_prefix())
    }

    /// A service's target group, shortened stably where it is too long.
    pub fn target_group(&self, service: &ServiceName) -> String {
        self.bounded(service.as_str())
    }

    /// The load balancer for public routes.
    pub fn public_load_balancer(&self) -> String {
        self.bounded("public")
    }

    /// The load balancer behind `uses`.
    pub fn internal_load_balancer(&self) -> String {
        self.bounded("internal")
    }

    /// The host under which callers inside the environment find a service.
    pub fn internal_host(&self, service: &ServiceName) -> String {
        format!("{service}.{}.internal", self.project)
    }

    /// What the names of all secrets begin with: `PROJECT/ENV/`.
    pub fn secret_prefix(&self) -> String {
        format!("{}/{}/", self.project, self.environment)
    }

    /// A secret's name in Secrets Manager.
    pub fn secret(&self, name: &str) -> String {
        format!("{}{name}", self.secret_prefix())
    }

    fn bounded(&self, last: &str) -> String {
        let parts = [self.project.as_str(), self.environment.as_str(), last];
        bounded(&parts, BALANCING_LIMIT)
    }
}

impl fmt::Display for EnvironmentIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {}", self.environment, self.project)
    }
}

/// What a job is called where services have names, too: in log groups and families.
pub(crate) fn job_source(job: &str) -> String {
    format!("job-{job}")
}

/// The stream into which the awslogs driver writes what a container of a task says.
pub(crate) fn log_stream(container: &str, task_id: &str) -> String {
    format!("{STREAM_PREFIX}/{container}/{task_id}")
}

/// The last part of an ARN: a task's id, a service's name, the number of a revision.
pub(crate) fn last_part(arn: &str) -> &str {
    arn.rsplit('/').next().unwrap_or(arn)
}

/// The variable that tells a caller where `service` is: `CATALOG_URL`.
pub(crate) fn url_variable(service: &ServiceName) -> String {
    format!("{}_URL", service.as_str().to_uppercase().replace('-', "_"))
}

/// A region and an account: what the ARNs in a document are made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Home {
    pub(crate) region: String,
    pub(crate) account: String,
}

impl Home {
    /// Where ECS finds a secret's value. Without the random six characters at its end an ARN is
    /// partial, which Secrets Manager resolves; ECS takes plain names for Parameter Store only.
    /// The form with a JSON key ends with empty version stage and id (ECS developer guide,
    /// "Pass Secrets Manager secrets").
    pub(crate) fn secret_source(
        &self,
        identity: &EnvironmentIdentity,
        reference: &SecretRef,
    ) -> String {
        let name = identity.secret(&reference.secret);
        let arn = format!(
            "arn:{}:secretsmanager:{}:{}:secret:{name}",
            self.partition(),
            self.region,
            self.account
        );
        match &reference.key {
            Some(key) => format!("{arn}:{key}::"),
            None => arn,
        }
    }

    fn partition(&self) -> &'static str {
        if self.region.starts_with("cn-") {
            "aws-cn"
        } else if self.region.starts_with("us-gov-") {
            "aws-us-gov"
        } else {
            "aws"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn identity(project: &str, environment: &str) -> EnvironmentIdentity {
        EnvironmentIdentity {
            project: project.parse().expect("a name"),
            environment: environment.parse().expect("a name"),
        }
    }

    fn service(name: &str) -> ServiceName {
        name.parse().expect("a name")
    }

    #[test]
    fn names_follow_from_project_environment_and_service() {
        let shop = identity("shop", "local");
        assert_eq!(shop.cluster(), "shop-local");
        assert_eq!(shop.service_family(&service("api")), "shop-local-api");
        assert_eq!(
            shop.job_family(&"migrate".parse().expect("a name")),
            "shop-local-job-migrate"
        );
        assert_eq!(shop.log_group("api"), "/seaway/shop/local/api");
        assert_eq!(
            shop.log_group(&job_source("migrate")),
            "/seaway/shop/local/job-migrate"
        );
        assert_eq!(
            shop.internal_host(&service("catalog")),
            "catalog.shop.internal"
        );
        assert_eq!(shop.secret("database"), "shop/local/database");
        assert_eq!(url_variable(&service("price-list")), "PRICE_LIST_URL");
        assert_eq!(log_stream("api", "0123"), "task/api/0123");
    }

    #[test]
    fn names_of_load_balancing_fit_into_32_characters() {
        let long = identity("recommendations", "production-europe");
        for name in [
            long.target_group(&service("similar-articles")),
            long.public_load_balancer(),
            long.internal_load_balancer(),
        ] {
            assert!(name.len() <= 32, "{name}");
        }
        assert_ne!(long.public_load_balancer(), long.internal_load_balancer());
    }

    #[test]
    fn a_secret_is_found_by_a_partial_arn_in_the_right_partition() {
        let shop = identity("shop", "qa");
        let home = |region: &str| Home {
            region: region.into(),
            account: "111122223333".into(),
        };
        let whole = SecretRef {
            secret: "database".into(),
            key: None,
        };
        let keyed = SecretRef {
            key: Some("url".into()),
            ..whole.clone()
        };
        assert_eq!(
            home("eu-west-1").secret_source(&shop, &whole),
            "arn:aws:secretsmanager:eu-west-1:111122223333:secret:shop/qa/database"
        );
        assert_eq!(
            home("cn-north-1").secret_source(&shop, &keyed),
            "arn:aws-cn:secretsmanager:cn-north-1:111122223333:secret:shop/qa/database:url::"
        );
    }
}
