//! Things that wait for each other in a circle.
//!
//! Three things lead from one to another: a service `uses` a service; a service waits for a job in
//! its `before`; and a job calls what its own service uses, since it runs with that service's
//! variables. A job's own service is no step: the job needs its image, not its tasks.

use std::collections::HashMap;

use crate::diagnostic::Diagnostic;
use crate::read::{Field, List, Sink};
use crate::resolve::entries;
use crate::source::Span;
use crate::tables::ManifestTable;

/// Complains about each circle once.
pub(crate) fn check(tables: &ManifestTable, sink: &mut Sink) {
    let graph = Graph::new(tables);
    for circle in graph.circles() {
        sink.push(describe(&circle));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Node<'a> {
    Service(&'a str),
    Job(&'a str),
}

/// A step to `to`, written at `span`.
#[derive(Debug, Clone)]
struct Step<'a> {
    to: Node<'a>,
    span: &'a Span,
}

/// The steps from one node around, and the one that closes the circle.
struct Circle<'a> {
    steps: Vec<Step<'a>>,
    closing: Step<'a>,
}

struct Graph<'a> {
    /// In the order of the text, so that messages are the same each time.
    nodes: Vec<Node<'a>>,
    steps: HashMap<Node<'a>, Vec<Step<'a>>>,
}

impl<'a> Graph<'a> {
    fn new(tables: &'a ManifestTable) -> Self {
        let mut nodes = Vec::new();
        let mut steps = HashMap::new();
        let mut uses = HashMap::new();
        for service in entries(&tables.services) {
            let node = Node::Service(service.name.as_str());
            let used = targets(&service.value.uses, Node::Service);
            let mut own = targets(&service.value.before, Node::Job);
            own.extend(used.iter().cloned());
            uses.insert(service.name.as_str(), used);
            nodes.push(node);
            steps.insert(node, own);
        }
        for job in entries(&tables.jobs) {
            let node = Node::Job(job.name.as_str());
            let service = job.value.service.value();
            let used = service.and_then(|service| uses.get(service.as_str()));
            nodes.push(node);
            steps.insert(node, used.cloned().unwrap_or_default());
        }
        Self { nodes, steps }
    }

    /// Depth first, without recursion: a chain can be as long as the manifest.
    fn circles(&self) -> Vec<Circle<'a>> {
        let mut circles = Vec::new();
        let mut state: HashMap<Node<'a>, Visit> = HashMap::new();
        for &start in &self.nodes {
            if state.contains_key(&start) {
                continue;
            }
            state.insert(start, Visit::Open);
            // Each entry: the node, how it was reached, and which of its steps is next.
            let mut stack: Vec<(Node<'a>, Option<Step<'a>>, usize)> = vec![(start, None, 0)];
            while let Some((node, _, next)) = stack.last_mut() {
                let step = self
                    .steps
                    .get(node)
                    .and_then(|steps| steps.get(*next))
                    .cloned();
                *next += 1;
                let Some(step) = step else {
                    state.insert(*node, Visit::Done);
                    stack.pop();
                    continue;
                };
                match state.get(&step.to) {
                    Some(Visit::Done) => {}
                    Some(Visit::Open) => circles.push(circle(&stack, step)),
                    None => {
                        state.insert(step.to, Visit::Open);
                        stack.push((step.to, Some(step), 0));
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

fn targets<'a, N: AsRef<str> + Clone>(
    list: &'a Field<List<N>>,
    node: fn(&'a str) -> Node<'a>,
) -> Vec<Step<'a>> {
    let entries = list.value().map_or(&[][..], |list| &list.0);
    entries
        .iter()
        .map(|at| Step {
            to: node(at.value.as_ref()),
            span: &at.span,
        })
        .collect()
}

/// The steps from the node that `closing` returns to, along the stack, and back to it.
fn circle<'a>(stack: &[(Node<'a>, Option<Step<'a>>, usize)], closing: Step<'a>) -> Circle<'a> {
    let reached = stack
        .iter()
        .rev()
        .take_while(|(node, ..)| *node != closing.to);
    let mut steps: Vec<Step<'a>> = reached.filter_map(|(_, step, _)| step.clone()).collect();
    steps.reverse();
    Circle { steps, closing }
}

fn describe(Circle { steps, closing }: &Circle<'_>) -> Diagnostic {
    let name = |node: Node<'_>| match node {
        Node::Service(name) => format!("`{name}`"),
        Node::Job(name) => format!("job `{name}`"),
    };
    let mut way = name(closing.to);
    for step in steps.iter().chain([closing]) {
        way = format!("{way} -> {}", name(step.to));
    }
    let waits = steps
        .iter()
        .chain([closing])
        .any(|step| matches!(step.to, Node::Job(_)));
    let (message, help) = if waits {
        (
            format!("a job waits for what waits for the job: {way}"),
            "a job calls what its `service` uses: give it another `service`, or take it out of \
             `before`",
        )
    } else {
        (
            format!("services use each other in a circle: {way}"),
            "take one of them out of `uses`, and let the other one call",
        )
    };
    let mut problem = Diagnostic::error(message).at(closing.span, "this closes the circle");
    for step in steps {
        problem = problem.related(step.span, format!("leads to {}", name(step.to)));
    }
    problem.help(help)
}
