//! Where Secrets Manager is.

use axum::http::Uri;
use reqsign_core::Env;

use super::CallError;

/// The service in one region.
#[derive(Debug)]
pub(super) struct Endpoint {
    region: String,
    uri: Uri,
}

impl Endpoint {
    /// By the variables that all AWS SDKs read: `AWS_REGION` or `AWS_DEFAULT_REGION`,
    /// `AWS_ENDPOINT_URL_SECRETS_MANAGER` or `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT`.
    pub(super) fn find(environment: &impl Env) -> Result<Self, CallError> {
        let set = |name| environment.var(name).filter(|value| !value.is_empty());
        let region = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter().find_map(set);
        let region = region
            .ok_or_else(|| CallError::permanent("no AWS region is configured; set AWS_REGION"))?;
        let configured =
            ["AWS_ENDPOINT_URL_SECRETS_MANAGER", "AWS_ENDPOINT_URL"].into_iter().find_map(set);
        let fips = set("AWS_USE_FIPS_ENDPOINT").is_some_and(|it| it.eq_ignore_ascii_case("true"));
        let url = configured.unwrap_or_else(|| default_url(&region, fips));
        match url.parse::<Uri>() {
            Ok(uri) if uri.scheme().is_some() => Ok(Self { region, uri }),
            _ => Err(CallError::permanent(
                "AWS_REGION or AWS_ENDPOINT_URL_SECRETS_MANAGER makes no URL",
            )),
        }
    }

    pub(super) fn region(&self) -> &str {
        &self.region
    }

    pub(super) fn uri(&self) -> &Uri {
        &self.uri
    }
}

fn default_url(region: &str, fips: bool) -> String {
    let fips = if fips { "-fips" } else { "" };
    let domain = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    format!("https://secretsmanager{fips}.{region}.{domain}/")
}

#[cfg(test)]
mod tests {
    use reqsign_core::StaticEnv;

    use super::*;

    fn uri(variables: &[(&str, &str)]) -> Result<String, String> {
        let envs = variables.iter().map(|&(name, value)| (name.into(), value.into())).collect();
        match Endpoint::find(&StaticEnv { home_dir: None, envs }) {
            Ok(endpoint) => Ok(endpoint.uri.to_string()),
            Err(error) => Err(error.reason),
        }
    }

    #[test]
    fn the_endpoint_is_that_of_the_region() {
        for (variables, expected) in [
            (
                vec![("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "us-east-1")],
                "https://secretsmanager.eu-west-1.amazonaws.com/",
            ),
            (
                vec![("AWS_REGION", ""), ("AWS_DEFAULT_REGION", "cn-north-1")],
                "https://secretsmanager.cn-north-1.amazonaws.com.cn/",
            ),
            (
                vec![("AWS_REGION", "us-east-1"), ("AWS_USE_FIPS_ENDPOINT", "true")],
                "https://secretsmanager-fips.us-east-1.amazonaws.com/",
            ),
        ] {
            assert_eq!(uri(&variables).as_deref(), Ok(expected), "{variables:?}");
        }
    }

    #[test]
    fn a_configured_endpoint_comes_before_the_region_s_own() {
        let region = ("AWS_REGION", "eu-west-1");
        let all = ("AWS_ENDPOINT_URL", "http://127.0.0.1:1");
        let ours = ("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:2");
        assert_eq!(uri(&[region, all]).as_deref(), Ok("http://127.0.0.1:1/"));
        assert_eq!(uri(&[region, all, ours]).as_deref(), Ok("http://127.0.0.1:2/"));
    }

    #[test]
    fn what_makes_no_endpoint_is_said_with_the_variable() {
        assert!(uri(&[]).unwrap_err().contains("set AWS_REGION"));
        assert!(uri(&[("AWS_REGION", "eu west")]).unwrap_err().contains("AWS_REGION"));
    }
}
