//! Lifecycle policies: which images have had their time (ECR user guide, "Lifecycle policies").
//!
//! Every rule looks at all images. A rule of higher priority (a lower number) has the first word
//! about the images that it selects: no later rule expires them.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use super::repositories::fits;
use crate::clock::EpochMillis;

const DAY: i64 = 24 * 60 * 60 * 1000;

/// A policy that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LifecyclePolicy(Vec<Rule>);

/// A text is no policy that can be followed here.
#[derive(Debug, Error)]
#[error("Lifecycle policy validation failure: {0}")]
pub struct PolicyError(String);

/// An image as a policy sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    pub digest: String,
    pub tags: Vec<String>,
    pub pushed_at: EpochMillis,
}

/// An image that has had its time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expired {
    pub image: Candidate,
    /// The priority of the rule that says so.
    pub rule: i32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Raw {
    rules: Vec<Rule>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Rule {
    rule_priority: i32,
    #[serde(default, rename = "description")]
    _description: Option<String>,
    selection: Selection,
    action: Action,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Selection {
    tag_status: TagStatus,
    #[serde(default)]
    tag_prefix_list: Vec<String>,
    #[serde(default)]
    tag_pattern_list: Vec<String>,
    count_type: CountType,
    count_unit: Option<CountUnit>,
    count_number: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum TagStatus {
    Tagged,
    Untagged,
    Any,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CountType {
    ImageCountMoreThan,
    SinceImagePushed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum CountUnit {
    Days,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Action {
    #[serde(rename = "type")]
    kind: ActionKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
enum ActionKind {
    Expire,
}

impl LifecyclePolicy {
    /// Reads the JSON of a policy.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        let raw: Raw =
            serde_json::from_str(text).map_err(|error| PolicyError(error.to_string()))?;
        let mut rules = raw.rules;
        rules.sort_by_key(|rule| rule.rule_priority);
        if rules.is_empty() {
            return Err(PolicyError("a policy has at least one rule".to_owned()));
        }
        let twice = rules
            .windows(2)
            .any(|pair| pair[0].rule_priority == pair[1].rule_priority);
        if twice {
            return Err(PolicyError(
                "two rules have the same rulePriority".to_owned(),
            ));
        }
        rules.iter().try_for_each(Rule::check)?;
        let of_any = |rule: &Rule| rule.selection.tag_status == TagStatus::Any;
        if rules.iter().rev().skip(1).any(of_any) {
            let text =
                "a rule with tagStatus any has the highest rulePriority, and is the only one";
            return Err(PolicyError(text.to_owned()));
        }
        Ok(Self(rules))
    }

    /// The images that have had their time.
    #[must_use]
    pub fn expired(&self, images: &[Candidate], now: EpochMillis) -> Vec<Expired> {
        let mut newest: Vec<&Candidate> = images.iter().collect();
        newest.sort_by(|a, b| (b.pushed_at, &b.digest).cmp(&(a.pushed_at, &a.digest)));
        let mut decided = BTreeSet::new();
        let mut expired = Vec::new();
        for rule in &self.0 {
            let selected: Vec<&Candidate> = newest
                .iter()
                .copied()
                .filter(|image| rule.selection.selects(image))
                .collect();
            for (position, image) in selected.iter().enumerate() {
                let is_first = !decided.contains(&image.digest);
                if is_first && rule.selection.is_over(position, image, now) {
                    expired.push(Expired {
                        image: (*image).clone(),
                        rule: rule.rule_priority,
                    });
                }
            }
            decided.extend(selected.into_iter().map(|image| &image.digest));
        }
        expired
    }
}

impl Rule {
    fn check(&self) -> Result<(), PolicyError> {
        let ActionKind::Expire = self.action.kind;
        let Selection {
            tag_status,
            tag_prefix_list,
            tag_pattern_list,
            count_type,
            count_unit,
            count_number,
        } = &self.selection;
        let lists =
            usize::from(!tag_prefix_list.is_empty()) + usize::from(!tag_pattern_list.is_empty());
        let reason = if (*tag_status == TagStatus::Tagged) != (lists == 1) {
            "tagStatus tagged goes with either tagPrefixList or tagPatternList, no other does"
        } else if (*count_type == CountType::SinceImagePushed) != count_unit.is_some() {
            "countType sinceImagePushed goes with a countUnit, imageCountMoreThan without"
        } else if *count_number == 0 {
            "countNumber is greater than 0"
        } else {
            return Ok(());
        };
        let text = format!("rule {}: {reason}", self.rule_priority);
        Err(PolicyError(text))
    }
}

impl Selection {
    /// Of several prefixes or patterns, each must fit one of the image's tags.
    fn selects(&self, image: &Candidate) -> bool {
        match self.tag_status {
            TagStatus::Any => true,
            TagStatus::Untagged => image.tags.is_empty(),
            TagStatus::Tagged => {
                let has = |fits: &dyn Fn(&str) -> bool| image.tags.iter().any(|tag| fits(tag));
                let prefixes = &mut self.tag_prefix_list.iter();
                let patterns = &mut self.tag_pattern_list.iter();
                prefixes.all(|prefix| has(&|tag| tag.starts_with(prefix.as_str())))
                    && patterns.all(|pattern| has(&|tag| fits(pattern, tag)))
            }
        }
    }

    /// Whether the image's time is over; `position` counts from the newest of the selected.
    fn is_over(&self, position: usize, image: &Candidate, now: EpochMillis) -> bool {
        match self.count_type {
            CountType::ImageCountMoreThan => position >= self.count_number as usize,
            CountType::SinceImagePushed => {
                now.since(image.pushed_at) > i64::from(self.count_number) * DAY
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn image(digest: &str, tags: &[&str], day: i64) -> Candidate {
        Candidate {
            digest: digest.into(),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            pushed_at: EpochMillis(day * DAY),
        }
    }

    fn rule(priority: i32, selection: &Value) -> Value {
        json!({ "rulePriority": priority, "selection": selection, "action": { "type": "expire" } })
    }

    fn expired(rules: &[Value], images: &[Candidate]) -> Vec<(String, i32)> {
        let policy = LifecyclePolicy::parse(&json!({ "rules": rules }).to_string()).unwrap();
        let found = policy.expired(images, EpochMillis(100 * DAY));
        let found = found.into_iter();
        found.map(|one| (one.image.digest, one.rule)).collect()
    }

    #[test]
    fn the_newest_images_stay() {
        let keep_two = json!({
            "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 2,
        });
        let images = [
            image("old", &["v1"], 1),
            image("newest", &[], 3),
            image("new", &["v2"], 2),
        ];
        let found = expired(&[rule(1, &keep_two)], &images);
        assert_eq!(found, [("old".to_owned(), 1)]);
    }

    #[test]
    fn a_rule_of_higher_priority_protects_what_it_selects() {
        let releases = json!({
            "tagStatus": "tagged", "tagPrefixList": ["v"],
            "countType": "imageCountMoreThan", "countNumber": 1,
        });
        let aged = json!({
            "tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days",
            "countNumber": 14,
        });
        let images = [
            image("release", &["v2"], 50),
            image("older release", &["v1"], 40),
            image("build", &["b7"], 85),
            image("fresh build", &["b8"], 86),
        ];
        let found = expired(&[rule(2, &aged), rule(1, &releases)], &images);
        let wanted = [("older release".to_owned(), 1), ("build".to_owned(), 2)];
        assert_eq!(found, wanted);
    }

    #[test]
    fn all_prefixes_and_patterns_must_fit() {
        let select = |lists: Value| {
            let mut selection = lists;
            selection["tagStatus"] = json!("tagged");
            selection["countType"] = json!("sinceImagePushed");
            selection["countUnit"] = json!("days");
            selection["countNumber"] = json!(1);
            selection
        };
        let images = [image("both", &["a1", "b1"], 1), image("one", &["a1"], 1)];
        let found = expired(
            &[rule(1, &select(json!({ "tagPrefixList": ["a", "b"] })))],
            &images,
        );
        assert_eq!(found, [("both".to_owned(), 1)]);
        let found = expired(
            &[rule(1, &select(json!({ "tagPatternList": ["*1"] })))],
            &images,
        );
        assert_eq!(found.len(), 2);
    }

    #[test]
    fn what_cannot_be_followed_is_refused() {
        let refused = |selection: Value| {
            let text = json!({ "rules": [rule(1, &selection)] }).to_string();
            LifecyclePolicy::parse(&text).unwrap_err().to_string()
        };
        let untyped = refused(json!({ "tagStatus": "any" }));
        assert!(untyped.starts_with("Lifecycle policy validation failure: missing field"));
        let unlisted = refused(json!({
            "tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1,
        }));
        assert!(unlisted.contains("tagPrefixList"), "{unlisted}");
        let zero = refused(json!({
            "tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 0,
        }));
        assert!(zero.contains("countNumber"), "{zero}");
    }
}
