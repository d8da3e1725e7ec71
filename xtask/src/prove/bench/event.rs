//! A release's events as `--output json` writes them, as far as proofs look at them.

use serde::Deserialize;
use serde_json::Value;

/// One line.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Event {
    pub(crate) subject: Subject,
    kind: Kind,
}

/// What an event is about.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Subject {
    name: Option<String>,
}

#[derive(Debug, Clone, Deserialize)]
struct Kind {
    noun: String,
    event: Value,
}

impl Event {
    /// The event in a line of output; none in lines that are something else.
    pub(crate) fn parse(line: &str) -> Option<Self> {
        line.starts_with('{')
            .then(|| serde_json::from_str(line).ok())
            .flatten()
    }

    /// The service or job it is about; none: the release.
    pub(crate) fn about(&self) -> Option<&str> {
        self.subject.name.as_deref()
    }

    /// Its body, if it is this kind of event, such as `("rollout", "cause_named")`.
    pub(crate) fn is(&self, noun: &str, kind: &str) -> Option<&Value> {
        let same = self.kind.noun == noun && self.kind.event["kind"] == kind;
        same.then_some(&self.kind.event)
    }

    /// The kind of cause that was named, with the milliseconds since the evidence.
    pub(crate) fn cause_named(&self) -> Option<(&str, u64)> {
        let body = self.is("rollout", "cause_named")?;
        Some((
            body["cause"]["kind"]["kind"].as_str()?,
            body["after_ms"].as_u64()?,
        ))
    }

    /// Milliseconds from the evidence to the request, if a rollback was requested.
    pub(crate) fn rollback_requested(&self) -> Option<u64> {
        self.is("rollout", "rollback_requested")?["after_ms"].as_u64()
    }

    /// Running tasks of the new revision, if it tells of progress.
    pub(crate) fn new_running(&self) -> Option<u64> {
        self.is("rollout", "progress")?["new"]["running"].as_u64()
    }

    /// How the release ended, if it did: `succeeded`, `rolled_back`, ...
    pub(crate) fn outcome(&self) -> Option<&str> {
        self.is("release", "ended")?["outcome"].as_str()
    }

    /// Everything it says, for a search in its words.
    pub(crate) fn words(&self) -> String {
        self.kind.event.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAUSE: &str = r#"{"version":1,"seq":9,"at":"2026-11-21T07:00:00Z",
        "subject":{"kind":"service","name":"api"},
        "kind":{"noun":"rollout","event":{"kind":"cause_named","after_ms":412,"cause":{
            "kind":{"kind":"crash_on_start","exit_code":1},"evidence":"x","since":"","tasks":[]}}}}"#;

    #[test]
    fn a_cause_is_read() {
        let event = Event::parse(CAUSE).expect("an event");
        assert_eq!(event.about(), Some("api"));
        assert_eq!(event.cause_named(), Some(("crash_on_start", 412)));
        assert_eq!(event.rollback_requested(), None);
    }

    #[test]
    fn the_release_has_no_name_and_an_outcome() {
        let line = r#"{"version":1,"seq":9,"at":"x","subject":{"kind":"release"},"kind":{"noun":
            "release","event":{"kind":"ended","id":3,"outcome":"rolled_back"}}}"#;
        let event = Event::parse(line).expect("an event");
        assert_eq!(
            (event.about(), event.outcome()),
            (None, Some("rolled_back"))
        );
    }

    #[test]
    fn other_lines_are_no_events() {
        assert!(Event::parse("Deploying ...").is_none());
        assert!(Event::parse(r#"{"error": "x"}"#).is_none());
        assert!(Event::parse("{").is_none());
    }
}
