//! How much CPU and memory a task gets: what its definition says, unless it was started with other
//! numbers. Pure.
//!
//! Numbers of a task are texts: CPU in units (`256`) or processors (`.25 vCPU`), memory in MiB
//! (`512`) or GB (`0.5 GB`). Source: `RegisterTaskDefinition` in the API reference, which also says
//! that ECS converts the words when a definition is registered.

use seaway_aws_wire::ecs as wire;

/// ECS: a processor in CPU units.
const UNITS: f64 = 1024.0;
const MIB_PER_GB: f64 = 1024.0;

/// What a task as a whole may use; none where nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct TaskSize {
    /// 1024 are one processor.
    pub(crate) cpu_units: Option<u32>,
    pub(crate) memory_mib: Option<u64>,
}

/// What a container of a task may use, all in MiB; none where nobody says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct ContainerSize {
    pub(super) cpu_units: Option<u32>,
    /// Beyond it the container is killed.
    pub(super) memory_mib: Option<u64>,
    /// What is left to it when memory is scarce.
    pub(super) reservation_mib: Option<u64>,
}

impl TaskSize {
    pub(crate) fn of(
        definition: &wire::TaskDefinition,
        overrides: Option<&wire::TaskOverride>,
    ) -> Self {
        let cpu = overrides.and_then(|over| over.cpu.as_deref());
        let memory = overrides.and_then(|over| over.memory.as_deref());
        Self {
            cpu_units: cpu.or(definition.cpu.as_deref()).and_then(cpu_units),
            memory_mib: memory.or(definition.memory.as_deref()).and_then(memory_mib),
        }
    }

    /// A container gets what it is declared with, and never more memory than its task.
    pub(super) fn container(
        self,
        container: &wire::ContainerDefinition,
        overrides: Option<&wire::ContainerOverride>,
    ) -> ContainerSize {
        let cpu = overrides.and_then(|over| over.cpu).or(container.cpu);
        let memory = overrides.and_then(|over| over.memory);
        let memory = memory.or(container.memory).and_then(positive);
        let memory_mib = [memory, self.memory_mib].into_iter().flatten().min();
        let reservation = overrides.and_then(|over| over.memory_reservation);
        let reservation = reservation.or(container.memory_reservation);
        let reservation = reservation.and_then(positive);
        ContainerSize {
            cpu_units: cpu.and_then(positive),
            memory_mib,
            reservation_mib: reservation.map(|mib| memory_mib.map_or(mib, |most| most.min(mib))),
        }
    }
}

/// CPU units of a task; none of what is no amount.
pub(crate) fn cpu_units(text: &str) -> Option<u32> {
    let (number, word) = split(text);
    let units = match word.as_str() {
        "" => number.parse().ok()?,
        "vcpu" => whole(number, UNITS)?.try_into().ok()?,
        _ => return None,
    };
    (units > 0).then_some(units)
}

/// MiB of a task; none of what is no amount.
pub(crate) fn memory_mib(text: &str) -> Option<u64> {
    let (number, word) = split(text);
    let mib = match word.as_str() {
        "" => number.parse().ok()?,
        "gb" => whole(number, MIB_PER_GB)?,
        _ => return None,
    };
    (mib > 0).then_some(mib)
}

/// A number and the word behind it, in lower case.
fn split(text: &str) -> (&str, String) {
    let text = text.trim();
    let at = text.find(|c: char| c.is_ascii_alphabetic());
    let (number, word) = text.split_at(at.unwrap_or(text.len()));
    (number.trim(), word.to_ascii_lowercase())
}

/// So many times `unit`, where that is a whole number.
fn whole(number: &str, unit: f64) -> Option<u64> {
    let amount = number.parse::<f64>().ok()? * unit;
    let is_whole = amount.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&amount);
    is_whole.then_some(amount as u64)
}

fn positive<T: TryFrom<i32>>(number: i32) -> Option<T> {
    T::try_from(number).ok().filter(|_| number > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn amounts_are_numbers_or_words() {
        for (text, units) in [
            ("256", Some(256)),
            (".25 vCPU", Some(256)),
            ("1vcpu", Some(1024)),
            ("0.5 VCPU", Some(512)),
            ("0", None),
            ("-1", None),
            ("1.5", None),
            ("0.0001 vCPU", None),
            ("much", None),
            ("1 GB", None),
        ] {
            assert_eq!(cpu_units(text), units, "{text}");
        }
        for (text, mib) in [
            ("512", Some(512)),
            ("0.5GB", Some(512)),
            ("2 GB", Some(2048)),
            ("NaN GB", None),
            ("1e99 GB", None),
            ("", None),
            ("1 vCPU", None),
        ] {
            assert_eq!(memory_mib(text), mib, "{text}");
        }
    }

    fn definition() -> wire::TaskDefinition {
        wire::TaskDefinition {
            cpu: Some("512".into()),
            memory: Some("1024".into()),
            ..wire::TaskDefinition::default()
        }
    }

    #[test]
    fn a_task_gets_what_it_was_started_with() {
        let declared = TaskSize::of(&definition(), None);
        assert_eq!(
            (declared.cpu_units, declared.memory_mib),
            (Some(512), Some(1024))
        );
        let over = wire::TaskOverride {
            memory: Some("2 GB".into()),
            ..wire::TaskOverride::default()
        };
        let overridden = TaskSize::of(&definition(), Some(&over));
        assert_eq!(
            (overridden.cpu_units, overridden.memory_mib),
            (Some(512), Some(2048))
        );
    }

    #[test]
    fn a_container_gets_what_it_was_started_with_and_no_more_than_its_task() {
        let declared = wire::ContainerDefinition {
            cpu: Some(0),
            memory: Some(256),
            memory_reservation: Some(128),
            ..wire::ContainerDefinition::default()
        };
        let size = |over: Option<wire::ContainerOverride>| {
            let size = TaskSize::of(&definition(), None).container(&declared, over.as_ref());
            (size.cpu_units, size.memory_mib, size.reservation_mib)
        };
        assert_eq!(size(None), (None, Some(256), Some(128)));
        let over = wire::ContainerOverride {
            cpu: Some(100),
            memory: Some(64),
            memory_reservation: Some(99),
            ..wire::ContainerOverride::default()
        };
        assert_eq!(size(Some(over)), (Some(100), Some(64), Some(64)));
        let over = wire::ContainerOverride {
            memory: Some(4096),
            ..wire::ContainerOverride::default()
        };
        assert_eq!(size(Some(over)), (None, Some(1024), Some(128)));
    }

    #[test]
    fn a_container_that_says_nothing_has_the_limit_of_its_task() {
        let container = wire::ContainerDefinition {
            memory_reservation: Some(32),
            ..wire::ContainerDefinition::default()
        };
        let size = TaskSize::of(&definition(), None).container(&container, None);
        assert_eq!(
            (size.memory_mib, size.reservation_mib),
            (Some(1024), Some(32))
        );
        let nothing = TaskSize::default().container(&container, None);
        assert_eq!(
            (nothing.memory_mib, nothing.reservation_mib),
            (None, Some(32))
        );
    }
}
