//! Things that wait for each other in a circle.
//!
//! Three relations are looked at, each by itself, since a job need not call what its service uses:
//! a service `uses` a service; a service waits for a job in its `before`, which runs as another
//! service; an environment is promoted from another. A job of the service itself is no step: it
//! needs the service's image, not its tasks.

use std::collections::HashMap;

use seaway_core::name::ServiceName;

use crate::diagnostic::Diagnostic;
use crate::read::{Field, List, Sink};
use crate::resolve::entries;
use crate::source::Span;
use crate::tables::{EnvironmentTable, ManifestTable, ServiceTable};

/// Complains about each circle once.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    let services = entries(&tables.services);
    let uses = Graph::new(
        services
            .iter()
            .map(|entry| (entry.name.as_str(), called(&entry.value))),
    );
    for circle in uses.circles() {
        sink.push(
            describe(&circle, "services use each other in a circle")
                .help("take one of them out of `uses`, and let the other one call"),
        );
    }
    let jobs: HashMap<&str, &ServiceName> = entries(&tables.jobs)
        .iter()
        .filter_map(|job| Some((job.name.as_str(), job.value.service.value()?)))
        .collect();
    let before = Graph::new(services.iter().map(|entry| {
        let name = entry.name.as_str();
        (name, awaited(name, &entry.value, &jobs))
    }));
    for circle in before.circles() {
        sink.push(
            describe(&circle, "services wait for each other's jobs in a circle")
                .help("give one of the jobs another `service`, or take it out of `before`"),
        );
    }
    let environments = entries(&tables.environments).iter();
    let promotion = Graph::new(environments.map(|entry| {
        (
            entry.name.as_str(),
            source(&entry.value).into_iter().collect(),
        )
    }));
    for circle in promotion.circles() {
        sink.push(
            describe(&circle, "promotion goes round in a circle")
                .help("remove `promote_from` from the environment that releases reach first"),
        );
    }
}

/// A step to `to`, written at `span`.
#[derive(Debug, Clone)]
struct Step<'a> {
    to: &'a str,
    span: &'a Span,
    /// What the step is made by.
    reason: String,
}

fn called(service: &ServiceTable) -> Vec<Step<'_>> {
    listed(&service.uses)
        .map(|(used, span)| Step {
            to: used.as_str(),
            span,
            reason: format!("uses `{used}`"),
        })
        .collect()
}

fn awaited<'a>(
    name: &str,
    service: &'a ServiceTable,
    jobs: &HashMap<&str, &'a ServiceName>,
) -> Vec<Step<'a>> {
    listed(&service.before)
        .filter_map(|(job, span)| {
            let to = jobs.get(job.as_str())?.as_str();
            Some(Step {
                to,
                span,
                reason: format!("waits for job `{job}` of `{to}`"),
            })
        })
        .filter(|step| step.to != name)
        .collect()
}

fn source(environment: &EnvironmentTable) -> Option<Step<'_>> {
    let from = environment.promote_from.given()?;
    Some(Step {
        to: from.as_str(),
        span: &from.span,
        reason: format!("promotes from `{}`", from.as_str()),
    })
}

fn listed<N>(list: &Field<List<N>>) -> impl Iterator<Item = (&N, &Span)> {
    let entries = list.value().map_or(&[][..], |list| &list.0);
    entries.iter().map(|entry| (&entry.value, &entry.span))
}

/// The steps from one node around, and the one that closes the circle.
struct Circle<'a> {
    steps: Vec<Step<'a>>,
    closing: Step<'a>,
}

struct Graph<'a> {
    /// In the order of the text, so that messages are the same each time.
    nodes: Vec<&'a str>,
    steps: HashMap<&'a str, Vec<Step<'a>>>,
}

impl<'a> Graph<'a> {
    fn new(nodes: impl Iterator<Item = (&'a str, Vec<Step<'a>>)>) -> Self {
        let (names, steps): (Vec<&str>, HashMap<_, _>) =
            nodes.map(|(node, steps)| (node, (node, steps))).unzip();
        Self {
            nodes: names,
            steps,
        }
    }

    /// Depth first, without recursion: a chain can be as long as the manifest.
    fn circles(&self) -> Vec<Circle<'a>> {
        let mut circles = Vec::new();
        let mut visits: HashMap<&str, Visit> = HashMap::new();
        for &start in &self.nodes {
            if visits.contains_key(start) {
                continue;
            }
            visits.insert(start, Visit::Open);
            let mut way = vec![Stop {
                node: start,
                reached_by: None,
                next: 0,
            }];
            while let Some(stop) = way.last_mut() {
                let step = self
                    .steps
                    .get(stop.node)
                    .and_then(|steps| steps.get(stop.next));
                stop.next += 1;
                let Some(step) = step.cloned() else {
                    visits.insert(stop.node, Visit::Done);
                    way.pop();
                    continue;
                };
                match visits.get(step.to) {
                    Some(Visit::Done) => {}
                    Some(Visit::Open) => circles.push(close(&way, step)),
                    None => {
                        visits.insert(step.to, Visit::Open);
                        way.push(Stop {
                            node: step.to,
                            reached_by: Some(step),
                            next: 0,
                        });
                    }
                }
            }
        }
        circles
    }
}

#[derive(Debug, Clone, Copy)]
enum Visit {
    Open,
    Done,
}

/// A node on the way that is being followed, and which of its steps is next.
struct Stop<'a> {
    node: &'a str,
    reached_by: Option<Step<'a>>,
    next: usize,
}

/// The circle that `closing` makes with the end of the way.
fn close<'a>(way: &[Stop<'a>], closing: Step<'a>) -> Circle<'a> {
    let behind = way.iter().rev().take_while(|stop| stop.node != closing.to);
    let mut steps: Vec<Step<'a>> = behind.filter_map(|stop| stop.reached_by.clone()).collect();
    steps.reverse();
    Circle { steps, closing }
}

fn describe(Circle { steps, closing }: &Circle<'_>, what: &str) -> Diagnostic {
    let mut way = format!("`{}`", closing.to);
    for step in steps.iter().chain([closing]) {
        way = format!("{way} -> `{}`", step.to);
    }
    let mut problem = Diagnostic::error(format!("{what}: {way}")).at(
        closing.span,
        format!("{}, which closes the circle", closing.reason),
    );
    for step in steps {
        problem = problem.related(step.span, step.reason.clone());
    }
    problem
}
