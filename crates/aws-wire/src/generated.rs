//! Generated code: see `cargo xtask generate wire`. This list of modules is written by hand.

pub mod cloudwatch;
pub mod ecr;
pub mod ecs;
pub mod elbv2;
pub mod logs;
pub mod secretsmanager;
pub mod ssm;
pub mod sts;
