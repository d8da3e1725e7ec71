//! The ports on the official AWS SDK: the same code drives Amazon ECS and the embedded platform,
//! which is ECS at another endpoint.
//!
//! Place on the way of the data: [`EcsRenderer`] turns an environment into finished documents
//! (pure, before planning); [`Ecs`] observes what is live and carries out what a plan says;
//! [`LocalInfrastructure`] makes on this machine what Terraform owns elsewhere. Nothing here
//! chooses: documents are applied as they are. The wire forms of the documents are in `document`.

mod apply;
mod checks;
mod connect;
mod convert;
mod definitions;
mod document;
mod error;
mod guard;
mod infrastructure;
mod jobs;
mod logs;
mod names;
mod observe;
mod parallel;
mod progress;
mod render;
mod rollback;
mod rollouts;
mod secrets;
mod services;
mod status;
mod tags;
mod target;
mod targets;
mod tasks;

pub use connect::Ecs;
pub use guard::{GuardError, no_foreign_endpoint};
pub use infrastructure::LocalInfrastructure;
pub use names::EnvironmentIdentity;
pub use render::EcsRenderer;
pub use target::{AwsTarget, LOCAL_ACCOUNT, LOCAL_REGION, LocalTarget, ProcessEnvironment, Target};
