//! Configuration from environment variables, read before anything is started. All problems are
//! reported at once: by the name of the variable and what to do, never by its value.

#[cfg(feature = "mysql")]
mod database;
mod login;
mod secrets;
mod serve;
#[cfg(all(test, feature = "mysql"))]
mod tests;
mod token;
mod variables;

#[cfg(feature = "mysql")]
pub use database::{ColumnName, DatabaseConfig, DatabaseParts};
pub use login::{Argon2Config, HashLimits, ThrottleConfig};
pub(crate) use secrets::SecretKind;
pub use secrets::{SecretPlace, SecretSource, SecretsConfig};
pub use serve::TransportConfig;
pub(crate) use serve::{LogConfig, MetricsConfig, read_base_path};
pub use token::{IssueConfig, VerifyConfig};
pub(crate) use variables::{default, unknown_variables};

use std::{ffi::OsString, fmt::Display, ops::RangeInclusive, str::FromStr};

use thiserror::Error;
use variables::VARIABLES;

macro_rules! default_is_all_unset {
    ($($config:ty),*) => {$(
        impl Default for $config {
            fn default() -> Self {
                Self::read(&mut Reader::new(&|_| None))
            }
        }
    )*};
}

default_is_all_unset!(Argon2Config, IssueConfig, SecretsConfig, ThrottleConfig, VerifyConfig);

/// One thing that is wrong with the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{variable}: {reason}")]
pub struct Problem {
    /// The variable, or the variables, to look at.
    pub variable: String,
    /// What is wrong and what to do; never the value.
    pub reason: String,
}

/// The value of a variable by its name: [`std::env::var_os`], or a function of a test.
pub type Variables<'a> = &'a dyn Fn(&str) -> Option<OsString>;

/// Reads variables and collects what is wrong with them, for [`finish`](Self::finish). An empty
/// variable counts as unset: manifests and templates often cannot leave one out.
pub struct Reader<'a> {
    variables: Variables<'a>,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader that has found nothing wrong yet.
    pub fn new(variables: Variables<'a>) -> Self {
        Self { variables, problems: Vec::new() }
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

    /// The value of the variable, if it is set and not empty.
    fn value(&self, name: &str) -> Option<OsString> {
        let is_ours = || VARIABLES.iter().any(|(known, ..)| *known == name);
        debug_assert!(name.starts_with("AWS_") || is_ours(), "{name} is not in the table");
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// Whether the variable is set and not empty.
    fn is_set(&self, name: &str) -> bool {
        self.value(name).is_some()
    }

    /// Notes a problem if the variable is not set, with a hint at what to set it to.
    fn required(&mut self, name: &str, hint: &str) {
        if !self.is_set(name) {
            self.problem(name, format!("is not set; {hint}"));
        }
    }

    /// The value of the variable, if it is set.
    fn text(&mut self, name: &str) -> Option<String> {
        let value = self.value(name)?.into_string().ok();
        if value.is_none() {
            self.problem(name, "is not UTF-8");
        }
        value
    }

    /// A value that parses, if the variable is set.
    fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<T> {
        let parsed = self.text(name)?.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("is not {expected}"));
        }
        parsed
    }

    /// A whole number within `range`, or the default of the variable.
    fn number<N: FromStr + Ord + Display>(&mut self, name: &str, range: RangeInclusive<N>) -> N {
        self.optional_number(name, range).unwrap_or_else(|| default(name))
    }

    /// A whole number within `range`, if the variable is set.
    fn optional_number<N>(&mut self, name: &str, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + Ord + Display,
    {
        let number = self.text(name)?.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let reason = format!("is not a whole number from {} to {}", range.start(), range.end());
            self.problem(name, reason);
        }
        number
    }

    /// The one of these variables that is set: one that ends in `_FILE` names a file, one in `_ID`
    /// a Secrets Manager secret, and others hold the secret. None, or more than one, is a problem.
    fn secret(&mut self, names: &[&'static str], missing: &str) -> SecretSource {
        let set: Vec<_> = names.iter().copied().filter(|name| self.is_set(name)).collect();
        let [variable] = set[..] else {
            if set.is_empty() {
                self.problem(names[0], missing);
            } else {
                self.problem(set.join(", "), "only one of them may be set");
            }
            return SecretSource { variable: "", place: SecretPlace::Value("".into()) };
        };
        let value = self.text(variable).unwrap_or_default();
        let place = match variable.rsplit('_').next() {
            Some("FILE") => SecretPlace::File(value.into()),
            Some("ID") => SecretPlace::SecretsManager(value),
            _ => SecretPlace::Value(value.into()),
        };
        SecretSource { variable, place }
    }
}
