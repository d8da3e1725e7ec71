//! The filters of `DescribeParameters` and `GetParametersByPath`:
//! <https://docs.aws.amazon.com/systems-manager/latest/APIReference/API_ParameterStringFilter.html>.

use seaway_aws_wire::ssm::{ParameterStringFilter, ParametersFilter};

use super::ParametersError;
use super::read::{Depth, Path};
use crate::store::{ParameterRecord, ParameterVersion};

/// A parameter with the version that filters look at.
pub(super) struct Described<'a> {
    pub(super) record: &'a ParameterRecord,
    pub(super) version: &'a ParameterVersion,
}

/// Filters that all have to let a parameter through.
#[derive(Debug, Default)]
pub(super) struct Filters(Vec<Filter>);

/// One filter: any of its values has to fit.
#[derive(Debug)]
enum Filter {
    Path(Vec<Path>, Depth),
    Text {
        of: Property,
        option: TextOption,
        values: Vec<String>,
    },
    /// A tag with this key, and with one of these values where there are any.
    Tag {
        key: String,
        values: Vec<String>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Property {
    Name,
    Type,
    KeyId,
    Tier,
    DataType,
    Label,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TextOption {
    Equals,
    BeginsWith,
    Contains,
}

impl Filters {
    /// The filters of `DescribeParameters`.
    pub(super) fn of_parameters(
        filters: &[ParameterStringFilter],
        older: &[ParametersFilter],
    ) -> Result<Self, ParametersError> {
        if !filters.is_empty() && !older.is_empty() {
            return Err(ParametersError::Validation(
                "You can use either Filters or ParameterFilters in a single request.".to_owned(),
            ));
        }
        let older = older.iter().map(|filter| {
            let (of, option) = match filter.key.as_str() {
                "Name" => (Property::Name, TextOption::BeginsWith),
                "Type" => (Property::Type, TextOption::Equals),
                _ => (Property::KeyId, TextOption::Equals),
            };
            let values = filter.values.clone();
            Ok(Filter::Text { of, option, values })
        });
        let all = filters.iter().map(|filter| match filter.key.as_str() {
            "Label" => Err(ParametersError::FilterKey(filter.key.clone())),
            _ => Filter::parse(filter),
        });
        Ok(Self(all.chain(older).collect::<Result<_, _>>()?))
    }

    /// The filters of `GetParametersByPath`, which knows fewer keys.
    pub(super) fn of_values(filters: &[ParameterStringFilter]) -> Result<Self, ParametersError> {
        let all = filters.iter().map(|filter| match filter.key.as_str() {
            "Type" | "KeyId" | "Label" | "DataType" => Filter::parse(filter),
            _ => Err(ParametersError::FilterKey(filter.key.clone())),
        });
        Ok(Self(all.collect::<Result<_, _>>()?))
    }

    /// Whether a parameter fits every filter; labels are not looked at.
    pub(super) fn let_through(&self, parameter: &Described<'_>) -> bool {
        self.0.iter().all(|filter| filter.fits(parameter))
    }

    /// How to tell a label that is asked for, if one is.
    pub(super) fn label(&self) -> Option<impl Fn(&str) -> bool> {
        self.0.iter().find_map(|filter| match filter {
            Filter::Text {
                of: Property::Label,
                option,
                values,
            } => Some(|label: &str| values.iter().any(|value| option.fits(label, value))),
            _ => None,
        })
    }
}

impl Filter {
    fn parse(filter: &ParameterStringFilter) -> Result<Self, ParametersError> {
        let values = filter.values.clone().unwrap_or_default();
        if let Some(key) = filter.key.strip_prefix("tag:") {
            let key = key.to_owned();
            return Ok(Self::Tag { key, values });
        }
        if values.is_empty() {
            return Err(ParametersError::FilterValue(filter.key.clone()));
        }
        let option = filter.option.as_deref();
        let unknown = || ParametersError::FilterOption(option.unwrap_or_default().to_owned());
        if filter.key == "Path" {
            let depth = match option {
                Some("Recursive") => Depth::Any,
                None | Some("OneLevel") => Depth::One,
                Some(_) => return Err(unknown()),
            };
            let paths: Result<Vec<Path>, _> = values.iter().map(|it| Path::parse(it)).collect();
            return Ok(Self::Path(paths?, depth));
        }
        let of = match filter.key.as_str() {
            "Name" => Property::Name,
            "Type" => Property::Type,
            "KeyId" => Property::KeyId,
            "Tier" => Property::Tier,
            "DataType" => Property::DataType,
            "Label" => Property::Label,
            _ => return Err(ParametersError::FilterKey(filter.key.clone())),
        };
        let option = match option {
            None | Some("Equals") => TextOption::Equals,
            Some("BeginsWith") => TextOption::BeginsWith,
            Some("Contains") if of == Property::Name => TextOption::Contains,
            Some(_) => return Err(unknown()),
        };
        Ok(Self::Text { of, option, values })
    }

    fn fits(&self, parameter: &Described<'_>) -> bool {
        let Described { record, version } = parameter;
        match self {
            Self::Path(paths, depth) => paths.iter().any(|path| path.holds(&record.name, *depth)),
            Self::Tag { key, values } => record
                .tags
                .get(key)
                .is_some_and(|tag| values.is_empty() || values.contains(tag)),
            Self::Text { of, option, values } => {
                let text = match of {
                    Property::Name => &record.name,
                    Property::Type => &version.kind,
                    Property::Tier => &version.tier,
                    Property::DataType => &version.data_type,
                    Property::KeyId => match &version.key_id {
                        Some(key) => key,
                        None => return false,
                    },
                    Property::Label => return true,
                };
                values.iter().any(|value| match of {
                    // Names are found with and without the slash before them.
                    Property::Name => option.fits(unrooted(text), unrooted(value)),
                    _ => option.fits(text, value),
                })
            }
        }
    }
}

impl TextOption {
    fn fits(self, text: &str, value: &str) -> bool {
        match self {
            Self::Equals => text == value,
            Self::BeginsWith => text.starts_with(value),
            Self::Contains => text.contains(value),
        }
    }
}

fn unrooted(name: &str) -> &str {
    name.strip_prefix('/').unwrap_or(name)
}
