//! A plan in words: what is done with each service and why, then the steps in their order.

use seaway_core::plan::{Block, Decision, Goal, Phase, Plan, Reason, SkipReason, Step};

use crate::fields::in_words;
use crate::style::{Role, Style};
use crate::table::{Column, Table};
use crate::text::Text;
use crate::words;

/// The plan as text, every line with its end.
pub fn plan(plan: &Plan, style: Style) -> String {
    let mut out = String::new();
    if plan.goal != Goal::Deploy {
        let title = words::sentence(&words::goal(&plan.goal));
        out += &format!("{}\n\n", Text::new(Role::Strong, title).paint(style));
    }
    let nothing = plan.is_empty() && plan.blocked().next().is_none();
    if !nothing || !is_quiet(plan) {
        out += &decisions(plan, style);
        out.push('\n');
    }
    let steps = steps(plan);
    if !nothing {
        let mut table = Table::new(&[
            Column::right("", 0),
            Column::left("", 0),
            Column::left("", 0),
        ])
        .indented(2);
        for (number, (verb, text)) in (1..).zip(steps) {
            let number = Text::new(Role::Dim, format!("{number}."));
            table.row(vec![number, Text::plain(verb), text], vec![]);
        }
        let steps = table.render(style);
        if !steps.is_empty() {
            out += &format!("{steps}\n");
        }
    }
    let last = if nothing {
        nothing_to_do(plan)
    } else {
        counts(plan)
    };
    for line in last.wrap(style.width) {
        out += &format!("{}\n", line.paint(style));
    }
    out
}

/// Only services that need no word.
fn is_quiet(plan: &Plan) -> bool {
    let unchanged = Decision::Skip {
        because: SkipReason::Unchanged,
    };
    plan.services
        .values()
        .all(|decision| *decision == unchanged)
}

fn decisions(plan: &Plan, style: Style) -> String {
    let mut table = Table::new(&[
        Column::left("", 0),
        Column::left("", 0),
        Column::left("", 0),
    ])
    .indented(2);
    for (name, decision) in &plan.services {
        let (role, verb, why) = decided(decision, style);
        let quiet = role == Role::Dim;
        let name = Text::new(if quiet { Role::Dim } else { Role::Strong }, name.as_str());
        table.row(vec![Text::new(role, verb), name, why], vec![]);
    }
    table.render(style)
}

fn decided(decision: &Decision, style: Style) -> (Role, &'static str, Text) {
    match decision {
        Decision::Deploy { reasons } => (Role::Good, "DEPLOY", why(reasons, style)),
        Decision::Skip {
            because: SkipReason::Unchanged,
        } => (Role::Dim, "skip", Text::new(Role::Dim, "unchanged")),
        Decision::Skip {
            because: SkipReason::NotSelected,
        } => (Role::Dim, "skip", Text::new(Role::Dim, "not selected")),
        Decision::Orphan => {
            let text = "no longer in the manifest; `seaway deploy --prune` removes it";
            (Role::Warn, "orphan", Text::plain(text))
        }
        Decision::Remove => (
            Role::Bad,
            "REMOVE",
            Text::plain("no longer in the manifest"),
        ),
        Decision::Blocked { on } => (Role::Bad, "BLOCKED", blocked(on)),
    }
}

fn blocked(block: &Block) -> Text {
    match block {
        Block::Unknown { reason } => Text::plain("its state is unknown: ").and(Role::Plain, reason),
        Block::ImageGone { image } => {
            let text = format!(
                "its image {} is gone from the registry",
                image.digest.short()
            );
            Text::plain(text)
        }
    }
}

fn why(reasons: &[Reason], style: Style) -> Text {
    let mut text = Text::default();
    for reason in reasons {
        if !text.is_empty() {
            text = text.and(Role::Plain, "; ");
        }
        text = text.join(reason_text(reason, style));
    }
    text
}

fn reason_text(reason: &Reason, style: Style) -> Text {
    let arrow = style.arrow();
    match reason {
        Reason::New => Text::plain("new"),
        Reason::Image {
            from: Some(from),
            to,
        } => Text::plain("image ")
            .and(Role::Dim, format!("{} {arrow} ", from.short()))
            .and(Role::Plain, to.short()),
        Reason::Image { from: None, to } => Text::plain(format!("image {}", to.short())),
        Reason::Configuration { fields } => Text::plain(in_words(fields)),
        Reason::Settings => Text::plain("settings"),
        Reason::HealthCheck => Text::plain("health check"),
        Reason::Count { from, to } => Text::plain(format!("count {from} {arrow} {to}")),
        Reason::Unfinished => Text::plain("its rollout has not ended"),
        Reason::FailedBefore => Text::plain("its last rollout failed"),
        Reason::Restart => Text::plain("restart"),
    }
}

/// What happens, in the order of its happening.
fn steps(plan: &Plan) -> Vec<(&'static str, Text)> {
    let mut steps = vec![];
    let of = |phase: Phase| {
        plan.actions
            .iter()
            .filter(move |action| action.step.phase() == phase)
    };
    let pushed: Vec<&str> = of(Phase::Push)
        .filter_map(|action| subject(&action.step))
        .collect();
    if !pushed.is_empty() {
        steps.push((
            "push",
            Text::plain(format!("images of {}", words::list(&pushed))),
        ));
    }
    if of(Phase::Provision).next().is_some() {
        steps.push((
            "provision",
            Text::plain("the infrastructure around the services"),
        ));
    }
    for action in of(Phase::Jobs) {
        if let Step::RunJob { job } = &action.step {
            let text = Text::plain(job.name.as_str()).and(
                Role::Dim,
                format!(
                    "  image {} of {}, at most {}",
                    job.image.digest.short(),
                    job.service,
                    job.timeout
                ),
            );
            steps.push(("run job", text));
        }
    }
    let rolled = |step: &Step| matches!(step, Step::Roll(_));
    for (verb, wanted) in [("roll", true), ("adjust", false)] {
        let names: Vec<&str> = of(Phase::Services)
            .filter(|action| rolled(&action.step) == wanted)
            .filter_map(|action| subject(&action.step))
            .collect();
        if !names.is_empty() {
            let note = if wanted { "" } else { "  without new tasks" };
            steps.push((verb, Text::plain(words::list(&names)).and(Role::Dim, note)));
        }
    }
    let removed: Vec<&str> = of(Phase::Removals)
        .filter_map(|action| subject(&action.step))
        .collect();
    if !removed.is_empty() {
        steps.push(("remove", Text::plain(words::list(&removed))));
    }
    steps
}

fn subject(step: &Step) -> Option<&str> {
    match step {
        Step::Push { service, .. } | Step::Remove { service } => Some(service.as_str()),
        Step::Roll(roll) => Some(roll.service.name.as_str()),
        Step::Configure { service, .. } => Some(service.name.as_str()),
        Step::Provision { .. } | Step::RunJob { .. } => None,
    }
}

fn nothing_to_do(plan: &Plan) -> Text {
    let skipped = |decision: &&Decision| matches!(decision, Decision::Skip { .. });
    let unchanged = plan.services.values().filter(skipped).count();
    let all = match unchanged {
        0 => "there is no service".to_owned(),
        1 => "1 service runs as it should".to_owned(),
        many => format!("{many} services run as they should"),
    };
    Text::new(Role::Strong, "Nothing to do").and(Role::Plain, format!(": {all}."))
}

fn is_skipped(decision: &Decision, why: SkipReason) -> bool {
    matches!(decision, Decision::Skip { because } if *because == why)
}

fn counts(plan: &Plan) -> Text {
    let count =
        |wanted: fn(&Decision) -> bool| plan.services.values().filter(|d| wanted(d)).count();
    let parts = [
        (count(|d| matches!(d, Decision::Deploy { .. })), "to deploy"),
        (count(|d| matches!(d, Decision::Remove)), "to remove"),
        (count(|d| is_skipped(d, SkipReason::Unchanged)), "unchanged"),
        (
            count(|d| is_skipped(d, SkipReason::NotSelected)),
            "not selected",
        ),
        (count(|d| matches!(d, Decision::Orphan)), "orphaned"),
        (count(|d| matches!(d, Decision::Blocked { .. })), "blocked"),
        (words::jobs(plan), "to run before"),
    ];
    let mut text: Vec<String> = vec![];
    for (number, what) in parts.into_iter().filter(|(number, _)| *number > 0) {
        let noun = if what == "to run before" {
            words::count(number, "job")
        } else {
            number.to_string()
        };
        text.push(format!("{noun} {what}"));
    }
    if text.is_empty() {
        text.push("infrastructure only".into());
    }
    Text::new(Role::Strong, "Plan").and(Role::Plain, format!(": {}.", text.join(", ")))
}
