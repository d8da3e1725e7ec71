//! Pairs of CPU and memory that Fargate offers (Amazon ECS developer guide, "Task CPU and memory").
//! They hold on every platform, so that what runs on this machine can run on AWS.

use crate::diagnostic::Diagnostic;
use crate::read::{Field, Number, Sink};
use crate::source::Span;

/// CPU units and MiB of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Size {
    pub(crate) cpu: u32,
    pub(crate) memory: u32,
}

/// CPU units of a task, 1024 for one virtual CPU.
const CPUS: [u32; 7] = [256, 512, 1024, 2048, 4096, 8192, 16_384];

/// What memory Fargate offers with so many CPU units, in MiB.
fn memories(cpu: u32) -> Option<Vec<u32>> {
    const GIB: u32 = 1024;
    let every = |step: u32, least: u32, most: u32| {
        (least * GIB..=most * GIB)
            .step_by((step * GIB) as usize)
            .collect()
    };
    match cpu {
        256 => Some(vec![512, GIB, 2 * GIB]),
        512 => Some(every(1, 1, 4)),
        1024 => Some(every(1, 2, 8)),
        2048 => Some(every(1, 4, 16)),
        4096 => Some(every(1, 8, 30)),
        8192 => Some(every(4, 16, 60)),
        16_384 => Some(every(8, 32, 120)),
        _ => None,
    }
}

/// The size that is said, else `default`; complains when Fargate has no such pair.
pub(crate) fn size(
    cpu: &Field<Number<1, 16384>>,
    memory: &Field<Number<1, 122_880>>,
    default: Size,
    sink: &mut Sink,
) -> Size {
    let size = Size {
        cpu: cpu.value().map_or(default.cpu, |cpu| cpu.0),
        memory: memory.value().map_or(default.memory, |memory| memory.0),
    };
    let said: [Option<&Span>; 2] = [
        memory.given().map(|at| &at.span),
        cpu.given().map(|at| &at.span),
    ];
    let is_readable = !cpu.is_invalid() && !memory.is_invalid();
    if is_readable && let Some(place) = said.into_iter().flatten().next() {
        check(size, place, said, sink);
    }
    size
}

fn check(size: Size, place: &Span, said: [Option<&Span>; 2], sink: &mut Sink) {
    let Some(choices) = memories(size.cpu) else {
        let place = said[1].unwrap_or(place);
        sink.push(
            Diagnostic::error(format!("Fargate offers no task of {} CPU units", size.cpu))
                .at(place, "not offered")
                .note(format!("it offers {}", joined(&CPUS))),
        );
        return;
    };
    if choices.contains(&size.memory) {
        return;
    }
    let nearest = choices
        .iter()
        .find(|offered| **offered > size.memory)
        .or(choices.last());
    let mut unfit = Diagnostic::error(format!(
        "Fargate offers no task of {} CPU units with {} MiB",
        size.cpu, size.memory
    ))
    .at(place, "not offered together")
    .note(format!(
        "with {} CPU units it offers {} MiB",
        size.cpu,
        described(&choices)
    ));
    if let [Some(_), Some(cpu)] = said {
        unfit = unfit.related(cpu, "with this CPU");
    }
    if let Some(nearest) = nearest {
        unfit = unfit.help(format!("the nearest is memory = {nearest}"));
    }
    sink.push(unfit);
}

fn described(choices: &[u32]) -> String {
    match choices {
        [first, second, .., last] if choices.len() > 3 => {
            format!("{first} to {last} in steps of {}", second - first)
        }
        few => joined(few),
    }
}

fn joined(numbers: &[u32]) -> String {
    numbers
        .iter()
        .map(u32::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offers_are_those_of_the_guide() {
        assert_eq!(memories(256), Some(vec![512, 1024, 2048]));
        assert_eq!(memories(512), Some(vec![1024, 2048, 3072, 4096]));
        assert_eq!(memories(4096).map(|all| all.len()), Some(23));
        assert_eq!(
            memories(8192).and_then(|all| all.get(1).copied()),
            Some(20_480)
        );
        assert_eq!(
            memories(16_384).and_then(|all| all.last().copied()),
            Some(122_880)
        );
        assert_eq!(memories(300), None);
        assert!(CPUS.iter().all(|cpu| memories(*cpu).is_some()));
    }
}
