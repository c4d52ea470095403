//! Reads variables one by one.

use std::{fmt::Display, ops::RangeInclusive, str::FromStr};

use secrecy::SecretString;

use super::{Problem, Variables};
use crate::secrets::SecretSource;

/// Reads variables and collects what is wrong with them.
///
/// A reading method returns `None` where it noted a problem, so that reading can
/// go on to the next variable. An empty variable counts as unset: manifests and
/// templates often cannot leave one out.
pub struct Reader<'a> {
    variables: &'a dyn Variables,
    problems: Vec<Problem>,
}

impl<'a> Reader<'a> {
    /// A reader that has found nothing wrong yet.
    pub fn new(variables: &'a dyn Variables) -> Self {
        Self { variables, problems: Vec::new() }
    }

    /// What was read, if nothing was wrong with it.
    ///
    /// # Errors
    ///
    /// All the [`Problem`]s, in the order in which they were found.
    pub fn finish<T>(self, read: Option<T>) -> Result<T, Vec<Problem>> {
        read.filter(|_| self.problems.is_empty()).ok_or(self.problems)
    }

    /// Notes a problem with `variable`.
    pub fn problem(&mut self, variable: impl Into<String>, reason: impl Into<String>) {
        self.problems.push(Problem { variable: variable.into(), reason: reason.into() });
    }

    /// The value of a variable that need not be set.
    pub fn optional(&mut self, name: &str) -> Option<String> {
        let value = self.variables.get(name).filter(|value| !value.is_empty())?;
        value.into_string().map_err(|_| self.problem(name, "is not UTF-8")).ok()
    }

    /// Notes a problem if the variable is not set.
    pub fn required(&mut self, name: &str, purpose: &str) {
        if !self.is_set(name) {
            self.problem(name, format!("is not set; {purpose}"));
        }
    }

    /// A whole number within `range`, or `default` where the variable is not set.
    pub fn number<N>(&mut self, name: &str, default: N, range: RangeInclusive<N>) -> Option<N>
    where
        N: FromStr + PartialOrd + Display,
    {
        let Some(value) = self.optional(name) else {
            // Set, but unreadable: the problem is noted already.
            return (!self.is_set(name)).then_some(default);
        };
        let number = value.parse().ok().filter(|number| range.contains(number));
        if number.is_none() {
            let reason = format!("is not a whole number from {} to {}", range.start(), range.end());
            self.problem(name, reason);
        }
        number
    }

    /// A value that parses, or `None` with a problem that says what was expected.
    ///
    /// The outer `None` means that there was a problem, the inner one that the
    /// variable is not set.
    pub fn parsed<T: FromStr>(&mut self, name: &str, expected: &str) -> Option<Option<T>> {
        let Some(value) = self.optional(name) else {
            return (!self.is_set(name)).then_some(None);
        };
        let parsed = value.parse().ok();
        if parsed.is_none() {
            self.problem(name, format!("is not {expected}"));
        }
        parsed.map(Some)
    }

    /// The one source of a secret: the variable itself, a file named by
    /// `<name>_FILE`, or a Secrets Manager secret named by `<name>_ID`.
    ///
    /// `Some(None)` means that none is set. Two of them are a problem.
    pub fn secret(&mut self, name: &str, forms: &[SecretForm]) -> Option<Option<SecretSource>> {
        let set: Vec<&SecretForm> =
            forms.iter().filter(|form| self.is_set(&form.variable(name))).collect();
        match set[..] {
            [] => Some(None),
            [form] => {
                let variable = form.variable(name);
                let value = self.optional(&variable)?;
                Some(Some(match form {
                    SecretForm::Value => {
                        SecretSource::Value { variable, value: SecretString::from(value) }
                    }
                    SecretForm::File => SecretSource::File { variable, path: value.into() },
                    SecretForm::Id => SecretSource::SecretsManager { variable, id: value },
                }))
            }
            _ => {
                let names: Vec<String> = set.iter().map(|form| form.variable(name)).collect();
                self.problem(names.join(", "), "only one of them may be set");
                None
            }
        }
    }

    /// Whether the variable is set to anything but the empty text.
    #[must_use]
    pub fn is_set(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| !value.is_empty())
    }
}

/// How a secret may be given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretForm {
    /// In the variable itself.
    Value,
    /// In a file, named by the variable with `_FILE` behind it.
    File,
    /// In AWS Secrets Manager, by name or ARN in the variable with `_ID` behind it.
    Id,
}

impl SecretForm {
    fn variable(self, name: &str) -> String {
        match self {
            Self::Value => name.to_owned(),
            Self::File => format!("{name}_FILE"),
            Self::Id => format!("{name}_ID"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::{collections::HashMap, ffi::OsString};

    use super::*;

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let variables = HashMap::from([("PORT", "")]);
        let mut reader = Reader::new(&variables);
        let port = reader.number("PORT", 8080_u16, 1..=u16::MAX);
        assert_eq!(reader.finish(port), Ok(8080));
    }

    #[test]
    fn a_problem_names_the_variable_and_never_its_value() {
        let variables = HashMap::from([("PORT", "canary")]);
        let mut reader = Reader::new(&variables);
        let port = reader.number("PORT", 8080_u16, 1..=u16::MAX);
        let problem = reader.finish(port).unwrap_err()[0].to_string();
        assert!(problem.starts_with("PORT: ") && !problem.contains("canary"), "{problem}");
    }

    #[test]
    fn two_sources_of_one_secret_are_a_problem() {
        let variables = HashMap::from([("S", "canary"), ("S_FILE", "/x")]);
        let mut reader = Reader::new(&variables);
        let secret = reader.secret("S", &[SecretForm::Value, SecretForm::File]);
        assert_eq!(reader.finish(secret).unwrap_err()[0].variable, "S, S_FILE");
    }

    #[test]
    fn a_variable_that_is_not_utf_8_is_a_problem_even_where_none_is_needed() {
        struct Bytes;
        impl Variables for Bytes {
            fn get(&self, _: &str) -> Option<OsString> {
                use std::os::unix::ffi::OsStringExt;
                Some(OsString::from_vec(vec![0xff]))
            }
        }
        let mut reader = Reader::new(&Bytes);
        let issuer = reader.optional("JWT_ISSUER");
        let problems = reader.finish(Some(issuer)).unwrap_err();
        assert_eq!(problems[0].to_string(), "JWT_ISSUER: is not UTF-8");
    }
}
