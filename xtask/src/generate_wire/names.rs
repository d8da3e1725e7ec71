//! From names on the wire to Rust identifiers.

const KEYWORDS: &[&str] = &[
    "type", "ref", "match", "use", "mod", "move", "enum", "struct", "where",
];

/// A member's name as a Rust field: `enableECSManagedTags` becomes `enable_ecs_managed_tags`.
pub(crate) fn field(wire: &str) -> String {
    let name = words(wire).join("_");
    if KEYWORDS.contains(&name.as_str()) {
        format!("r#{name}")
    } else {
        name
    }
}

/// A shape's name as a Rust static: `LoadBalancerArn` becomes `LOAD_BALANCER_ARN`.
pub(crate) fn constant(wire: &str) -> String {
    words(wire).join("_").to_uppercase()
}

/// An enum value as a Rust variant: `FARGATE_SPOT` becomes `FargateSpot`.
pub(crate) fn variant(wire: &str) -> String {
    let mut name = String::new();
    for part in wire
        .split(|c: char| !c.is_ascii_alphanumeric())
        .filter(|part| !part.is_empty())
    {
        let meets = |c: Option<char>| c.is_some_and(|c| c.is_ascii_digit());
        // `X86_64` stays readable, and two numbers never run into one.
        if meets(name.chars().last()) && meets(part.chars().next()) {
            name.push('_');
        }
        let mixed = part.chars().any(|c| c.is_ascii_lowercase())
            && part.chars().any(|c| c.is_ascii_uppercase());
        let (first, rest) = part.split_at(1);
        name.push_str(&first.to_ascii_uppercase());
        name.push_str(&if mixed {
            rest.to_owned()
        } else {
            rest.to_ascii_lowercase()
        });
    }
    if name.starts_with(|c: char| c.is_ascii_digit()) {
        format!("V{name}")
    } else {
        name
    }
}

/// Splits at `aB`, `1B` and the last capital of a run (`ECSManaged` is `ecs`, `managed`).
fn words(wire: &str) -> Vec<String> {
    let wire = wire.replace("IPv", "Ipv");
    let chars: Vec<char> = wire.chars().collect();
    let mut words: Vec<String> = Vec::new();
    let mut word = String::new();
    for (at, &c) in chars.iter().enumerate() {
        let before = at.checked_sub(1).and_then(|at| chars.get(at));
        let after = chars.get(at + 1);
        let starts_word = c.is_ascii_uppercase()
            && before.is_some_and(|b| {
                !b.is_ascii_uppercase() || after.is_some_and(char::is_ascii_lowercase)
            });
        if (starts_word || !c.is_ascii_alphanumeric()) && !word.is_empty() {
            words.push(std::mem::take(&mut word));
        }
        if c.is_ascii_alphanumeric() {
            word.push(c.to_ascii_lowercase());
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_split_acronyms_and_digits() {
        for (wire, rust) in [
            ("enableECSManagedTags", "enable_ecs_managed_tags"),
            ("ARN", "arn"),
            ("RotationLambdaARN", "rotation_lambda_arn"),
            ("PrivateIPv4Address", "private_ipv4_address"),
            ("s3BucketName", "s3_bucket_name"),
            ("bindIP", "bind_ip"),
            ("Ipv4IpamPoolId", "ipv4_ipam_pool_id"),
            ("type", "r#type"),
        ] {
            assert_eq!(field(wire), rust);
        }
    }

    #[test]
    fn variants_are_camel_case() {
        for (wire, rust) in [
            ("FARGATE_SPOT", "FargateSpot"),
            ("X86_64", "X86_64"),
            ("HTTP_301", "Http301"),
            ("json-file", "JsonFile"),
            ("Elb.InternalError", "ElbInternalError"),
            ("awsvpc", "Awsvpc"),
            ("containerInsights", "ContainerInsights"),
        ] {
            assert_eq!(variant(wire), rust);
        }
    }
}
