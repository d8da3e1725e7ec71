//! Deployment alarms: who watches them, which of them count, and what they end.
//!
//! What an alarm measures is not the scheduler's business: it is told which of the watched ones
//! are in `ALARM` ([`crate::Input::Alarms`]) and knows nothing else of them.

use serde::{Deserialize, Serialize};

use crate::deployment::RolloutState;
use crate::notices::Outbox;
use crate::rollback::Failure;
use crate::service::{Service, ServiceStatus};
use crate::service_deployment::{MonitorStatus, ServiceDeploymentStatus as Status};

/// ECS: `deploymentConfiguration.alarms`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct AlarmConfiguration {
    /// Whether alarms end a deployment at all.
    pub enable: bool,
    /// Whether a deployment that they ended is replaced by the latest completed one.
    pub rollback: bool,
    /// The alarms.
    pub names: Vec<String>,
}

/// ECS: `alarms` of a service deployment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlarmMonitor {
    /// Whether they are watched.
    pub status: MonitorStatus,
    /// Those that are.
    pub names: Vec<String>,
    /// Those that ended the deployment.
    pub triggered: Vec<String>,
    /// In `ALARM` when the deployment started, and so ignored for as long as it lasts.
    pub(crate) ignored: Vec<String>,
}

impl Default for AlarmMonitor {
    fn default() -> AlarmMonitor {
        AlarmMonitor {
            status: MonitorStatus::Disabled,
            names: Vec::new(),
            triggered: Vec::new(),
            ignored: Vec::new(),
        }
    }
}

impl Service {
    /// Takes the names of the alarms that are in `ALARM`; others than the watched ones are of no
    /// interest.
    pub(crate) fn alarm_report(&mut self, in_alarm: Vec<String>) {
        self.in_alarm = in_alarm;
        self.forget_other_alarms();
    }

    /// Takes the names of the alarms that are in `ALARM` at a change of the service, without a
    /// step: a deployment that begins with the next one ignores them.
    pub fn note_alarms(&mut self, in_alarm: &[String]) {
        if self.configuration.alarms.enable {
            self.alarm_report(in_alarm.to_vec());
        }
    }

    pub(crate) fn forget_other_alarms(&mut self) {
        let watched = &self.configuration.alarms.names;
        self.in_alarm.retain(|name| watched.contains(name));
    }

    /// Lets the alarms look at the primary deployment. A rollback is not watched: what it
    /// restores is what there was before the alarm.
    pub(crate) fn check_alarms(&mut self, out: &mut Outbox) {
        let rolling = self.status == ServiceStatus::Active
            && self.primary().rollout_state == RolloutState::InProgress
            && self.current_service_deployment().status == Status::InProgress;
        if !self.configuration.alarms.enable || !rolling {
            return;
        }
        let ignored = &self.current_service_deployment().alarms.ignored;
        let counts = |name: &&String| !ignored.contains(name);
        let triggered: Vec<String> = self.in_alarm.iter().filter(counts).cloned().collect();
        if !triggered.is_empty() {
            self.give_up(Failure::Alarms { triggered }, out);
        }
    }

    /// Brings the alarms' part of the current service deployment up to date.
    pub(crate) fn refresh_alarm_monitor(&self, monitor: &mut AlarmMonitor) {
        if monitor.status == MonitorStatus::Triggered {
            return;
        }
        let alarms = &self.configuration.alarms;
        monitor.names.clone_from(&alarms.names);
        monitor.status = match alarms.enable {
            true => MonitorStatus::Monitoring,
            false => MonitorStatus::Disabled,
        };
    }
}
