//! Reads variables one by one.

use std::{ffi::OsString, fmt::Display, ops::RangeInclusive, str::FromStr};

use super::{Problem, SecretPlace, SecretSource, variables};

/// Where variables come from: [`std::env::var_os`], or what a test says.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Reads variables and collects what is wrong with them.
///
/// Where a method notes a problem it returns a substitute, so that reading can go on;
/// [`finish`](Self::finish) then gives the problems and not what was read. An empty variable
/// counts as unset: manifests and templates often cannot leave one out.
pub struct Reader<'a> {
    variables: Variables<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader that has found nothing wrong yet.
    pub fn new(variables: Variables<'a>) -> Self {
        Self { variables, problems: Vec::new() }
    }

    /// A reader that finds every variable unset.
    pub(super) fn of_defaults() -> Self {
        Self::new(&|_| None)
    }

    /// What was read, if nothing was wrong.
    ///
    /// # Errors
    ///
    /// All the [`Problem`]s, in the order in which they were found.
    pub fn finish<T>(self, read: T) -> Result<T, Vec<Problem>> {
        if self.problems.is_empty() { Ok(read) } else { Err(self.problems) }
    }

    /// Notes a problem with `variable`.
    pub fn problem(&mut self, variable: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { variable: variable.into(), reason: reason.into() });
    }

    /// Whether the variable is set to anything but the empty text.
    pub(super) fn is_set(&self, name: &str) -> bool {
        (self.variables)(name).is_some_and(|value| !value.is_empty())
    }

    /// Notes a problem if the variable is not set.
    pub(super) fn required(&mut self, name: &str) {
        if !self.is_set(name) {
            let reason = match variables::find(name) {
                Some(variable) => format!("is not set; it is {}", variable.meaning),
                None => "is not set; Lambda sets it beside AWS_LAMBDA_RUNTIME_API".to_owned(),
            };
            self.problem(name, reason);
        }
    }

    /// The value of the variable, or else its default where it has one.
    pub(super) fn text(&mut self, name: &str) -> Option<String> {
        if let Some(value) = (self.variables)(name).filter(|value| !value.is_empty()) {
            match value.into_string() {
                Ok(value) => return Some(value),
                Err(_) => self.problem(name, "is not UTF-8"),
            }
        }
        let default = variables::find(name).map(|variable| variable.default);
        default.filter(|default| !default.is_empty()).map(str::to_owned)
    }

    /// A value that parses, if the variable is set or has a default.
    pub(super) fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("is not {expected}"));
        }
        parsed
    }

    /// A whole number within `range`, if the variable is set or has a default.
    pub(super) fn number<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let number = self.text(name)?.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let reason = format!("is not a whole number from {} to {}", range.start(), range.end());
            self.problem(name, reason);
        }
        number
    }

    /// The one of these variables that is set: one that ends in `_FILE` names a file, one in `_ID`
    /// a Secrets Manager secret, and others hold the secret. `None` with a problem where that is
    /// none, or more than one.
    pub(super) fn secret(&mut self, names: &[&'static str], missing: &str) -> Option<SecretSource> {
        let set: Vec<_> = names.iter().copied().filter(|name| self.is_set(name)).collect();
        let [variable] = set[..] else {
            if set.is_empty() {
                self.problem(names[0], missing);
            } else {
                self.problem(set.join(", "), "only one of them may be set");
            }
            return None;
        };
        let value = self.text(variable)?;
        let place = if variable.ends_with("_FILE") {
            SecretPlace::File(value.into())
        } else if variable.ends_with("_ID") {
            SecretPlace::SecretsManager(value)
        } else {
            SecretPlace::Value(value.into())
        };
        Some(SecretSource { variable, place })
    }
}
