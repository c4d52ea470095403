//! Where metrics go.

use std::net::{Ipv4Addr, SocketAddr};

use super::{DoorConfig, Reader};

/// `METRICS_PORT` over HTTP, `METRICS` on Lambda.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum MetricsConfig {
    /// Nowhere.
    #[default]
    Off,
    /// In Prometheus' text format, to whoever asks at this address.
    Prometheus {
        /// `HOST` and `METRICS_PORT`.
        address: SocketAddr,
    },
    /// In CloudWatch's embedded metric format, to standard output.
    Embedded {
        /// `AWS_LAMBDA_FUNCTION_NAME`.
        function: String,
    },
}

const PORT: &str = "METRICS_PORT";
const FORMAT: &str = "METRICS";

impl MetricsConfig {
    /// Reads the configuration for requests that come through `door`; `None` where `reader`
    /// has noted a problem. A setting for the other door is one: whoever made it believes
    /// that there are metrics.
    pub fn read(reader: &mut Reader<'_>, door: Option<&DoorConfig>) -> Option<Self> {
        match door {
            Some(DoorConfig::Lambda { .. }) => Self::read_on_lambda(reader),
            Some(DoorConfig::Http { address, .. }) => Self::read_over_http(reader, *address),
            // What is wrong with the door is noted already.
            None => Self::read_over_http(reader, SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0))),
        }
    }

    fn read_on_lambda(reader: &mut Reader<'_>) -> Option<Self> {
        if reader.is_set(PORT) {
            reader.problem(PORT, "is for HTTP; on Lambda set METRICS=emf");
        }
        if !reader.is_set(FORMAT) {
            return Some(Self::Off);
        }
        if reader.optional(FORMAT)? != "emf" {
            reader.problem(FORMAT, "is not `emf`");
            return None;
        }
        let function = reader.optional("AWS_LAMBDA_FUNCTION_NAME").unwrap_or_default();
        Some(Self::Embedded { function })
    }

    fn read_over_http(reader: &mut Reader<'_>, requests: SocketAddr) -> Option<Self> {
        if reader.is_set(FORMAT) {
            reader.problem(FORMAT, "is for Lambda; over HTTP set METRICS_PORT");
        }
        if !reader.is_set(PORT) {
            return Some(Self::Off);
        }
        let port = reader.number(PORT, 0, 0..=u16::MAX)?;
        // With 0 the system chooses, and never the same one twice.
        if port != 0 && port == requests.port() {
            reader.problem(PORT, "is the same as PORT; metrics are for other eyes");
            return None;
        }
        Some(Self::Prometheus { address: SocketAddr::new(requests.ip(), port) })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn read(variables: &[(&'static str, &'static str)]) -> Result<MetricsConfig, String> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        let mut reader = Reader::new(&variables);
        let door = DoorConfig::read(&mut reader);
        let metrics = MetricsConfig::read(&mut reader, door.as_ref());
        reader.finish(door.and(metrics)).map_err(|problems| problems[0].to_string())
    }

    #[test]
    fn over_http_there_are_metrics_on_a_port_of_their_own_or_none() {
        assert_eq!(read(&[]), Ok(MetricsConfig::Off));
        let address = SocketAddr::from(([127, 0, 0, 1], 9100));
        let variables = [("HOST", "127.0.0.1"), ("METRICS_PORT", "9100")];
        assert_eq!(read(&variables), Ok(MetricsConfig::Prometheus { address }));
        for (variables, problem) in [
            (vec![("METRICS_PORT", "canary")], "METRICS_PORT: is not a whole number"),
            (vec![("METRICS_PORT", "8080")], "METRICS_PORT: is the same as PORT"),
            (vec![("METRICS_PORT", "81"), ("PORT", "81")], "METRICS_PORT: is the same as PORT"),
            (vec![("METRICS", "emf")], "METRICS: is for Lambda"),
        ] {
            let error = read(&variables).unwrap_err();
            assert!(error.starts_with(problem), "{error}");
        }
    }

    #[test]
    fn on_lambda_there_are_lines_for_cloudwatch_or_none() {
        let lambda = [
            ("AWS_LAMBDA_RUNTIME_API", "127.0.0.1:1"),
            ("AWS_LAMBDA_FUNCTION_NAME", "prod-login"),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "128"),
            ("AWS_LAMBDA_FUNCTION_VERSION", "1"),
        ];
        let with = |more: &[_]| read(&[&lambda[..], more].concat());
        assert_eq!(with(&[]), Ok(MetricsConfig::Off));
        let embedded = MetricsConfig::Embedded { function: "prod-login".into() };
        assert_eq!(with(&[("METRICS", "emf")]), Ok(embedded));
        assert_eq!(with(&[("METRICS", "on")]), Err("METRICS: is not `emf`".into()));
        let error = with(&[("METRICS_PORT", "9100")]).unwrap_err();
        assert!(error.starts_with("METRICS_PORT: is for HTTP"), "{error}");
    }
}
