//! Where the traces of a process go, by the variables that OpenTelemetry has for all programs, and by those that existing
//! deployments have for the agent of Elastic.

use std::time::Duration;

use axum::http::{HeaderName, HeaderValue, Uri};
use jobapp_telemetry::{Sampling, TracesConfig};
use percent_encoding::percent_decode_str;

use super::sections::flag;
use super::{Reader, Setting};

/// Where traces go.
#[derive(Debug, Clone)]
pub struct Tracing {
    /// Where, and which; `None` when nobody wants them.
    pub to: Option<TracesConfig>,
}

const ADDRESS: &str = "an address such as http://collector:4318";
const NUMBER: &str = "a number between 1 and 1000000";

impl Tracing {
    /// The collector.
    pub const ENDPOINT: Setting =
        Setting::new("otel_exporter_otlp_endpoint", &["OTEL_EXPORTER_OTLP_ENDPOINT"], ADDRESS)
            .about("The collector that takes traces by OTLP over HTTP, without `/v1/traces`")
            .or("none: there are no traces");
    /// Where it takes traces, if that is no usual place.
    pub const TRACES_ENDPOINT: Setting = Setting::new(
        "otel_exporter_otlp_traces_endpoint",
        &["OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"],
        "an address such as http://collector:4318/v1/traces",
    )
    .about("The whole address at which a collector takes traces; wins over the one without its path");
    /// What the collector asks for.
    pub const HEADERS: Setting = Setting::new(
        "otel_exporter_otlp_headers",
        &["OTEL_EXPORTER_OTLP_TRACES_HEADERS", "OTEL_EXPORTER_OTLP_HEADERS"],
        "headers such as authorization=Bearer%20secret,x-tenant=shop",
    )
    .secret()
    .about("Headers that each request to the collector has");
    /// By whom its certificate is verified.
    pub const CERTIFICATE: Setting = Setting::new(
        "otel_exporter_otlp_certificate",
        &["OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE", "OTEL_EXPORTER_OTLP_CERTIFICATE"],
        "a PEM file",
    )
    .about("The certificates by which an https collector is verified")
    .or("those of the system");
    /// How it is spoken to.
    pub const PROTOCOL: Setting = Setting::new(
        "otel_exporter_otlp_protocol",
        &["OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "OTEL_EXPORTER_OTLP_PROTOCOL"],
        "http/protobuf: collectors take it at their port 4318",
    )
    .about("How the collector is spoken to")
    .or("http/protobuf");
    /// How long it has.
    pub const TIMEOUT: Setting = Setting::new(
        "otel_exporter_otlp_timeout",
        &["OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "OTEL_EXPORTER_OTLP_TIMEOUT"],
        "a number of milliseconds between 1 and 1000000",
    )
    .about("How long the collector has for what it is sent at once, in milliseconds")
    .or("10000");
    /// What the process is called.
    pub const SERVICE_NAME: Setting = Setting::new("otel_service_name", &["OTEL_SERVICE_NAME"], "a name")
        .about("What the process is called in traces")
        .or("the name of the program");
    /// What else is said of it.
    pub const ATTRIBUTES: Setting = Setting::new(
        "otel_resource_attributes",
        &["OTEL_RESOURCE_ATTRIBUTES"],
        "attributes such as deployment.environment.name=production,host.name=a",
    )
    .about("What else traces say of the process");
    /// Which traces are told.
    pub const SAMPLER: Setting = Setting::new(
        "otel_traces_sampler",
        &["OTEL_TRACES_SAMPLER"],
        "always_on, always_off, traceidratio, parentbased_always_on, parentbased_always_off or parentbased_traceidratio",
    )
    .about("Which traces are told")
    .or("parentbased_always_on");
    /// How many of them.
    pub const SAMPLER_ARG: Setting =
        Setting::new("otel_traces_sampler_arg", &["OTEL_TRACES_SAMPLER_ARG"], "a share between 0 and 1")
            .about("How many traces a sampler with a ratio tells, of those that begin here")
            .or("1");
    /// Whether there are none at all.
    pub const DISABLED: Setting = Setting::new("otel_sdk_disabled", &["OTEL_SDK_DISABLED"], "true or false")
        .about("Whether there are no traces, whatever else is said")
        .or("false");
    /// Whom they are told.
    pub const EXPORTER: Setting = Setting::new("otel_traces_exporter", &["OTEL_TRACES_EXPORTER"], "otlp or none")
        .about("Whom traces are told: `none` is nobody")
        .or("otlp");
    /// How many spans wait.
    pub const SPACE: Setting = Setting::new("otel_bsp_max_queue_size", &["OTEL_BSP_MAX_QUEUE_SIZE"], NUMBER)
        .about("How many spans wait for the collector at most; those for which there is no place are lost, and counted")
        .or("2048");
    /// How long they wait for others.
    pub const WAIT: Setting = Setting::new("otel_bsp_schedule_delay", &["OTEL_BSP_SCHEDULE_DELAY"], NUMBER)
        .about("How long a span waits for others at most, in milliseconds")
        .or("5000");
    /// Whether the server of Elastic is told.
    pub const ENABLE_APM: Setting = Setting::new("enable_apm", &["ENABLE_APM"], "1 or 0")
        .about("Whether traces are told the APM server of Elastic, where no collector is named")
        .or("0");
    /// The server of Elastic.
    pub const APM_SERVER: Setting =
        Setting::new("elastic_apm_server_url", &["ELASTIC_APM_SERVER_URL"], "an address such as http://apm:8200")
            .about("The APM server of Elastic, which takes OTLP");
    /// What it asks for.
    pub const APM_TOKEN: Setting = Setting::new("elastic_apm_secret_token", &["ELASTIC_APM_SECRET_TOKEN"], "a token")
        .secret()
        .about("The secret token of that server");

    /// All of them.
    pub const ALL: [Setting; 17] = [
        Self::ENDPOINT,
        Self::TRACES_ENDPOINT,
        Self::HEADERS,
        Self::CERTIFICATE,
        Self::PROTOCOL,
        Self::TIMEOUT,
        Self::SERVICE_NAME,
        Self::ATTRIBUTES,
        Self::SAMPLER,
        Self::SAMPLER_ARG,
        Self::DISABLED,
        Self::EXPORTER,
        Self::SPACE,
        Self::WAIT,
        Self::ENABLE_APM,
        Self::APM_SERVER,
        Self::APM_TOKEN,
    ];

    /// Reads the section; `service` is what the process is called unless somebody says otherwise.
    pub fn read(reader: &mut Reader, service: &str) -> Self {
        let address = |text: &str, path: &str| match text.trim_end_matches('/') {
            "" => Some(None),
            base => endpoint(&[base, path].concat()).map(Some),
        };
        let base = reader.or(&Self::ENDPOINT, None, |text| address(text, "/v1/traces"));
        let whole = reader.or(&Self::TRACES_ENDPOINT, None, |text| match text {
            "" => Some(None),
            text => endpoint(text).map(Some),
        });
        let headers = reader.or(&Self::HEADERS, Vec::new(), headers);
        let certificates = reader.or(&Self::CERTIFICATE, None, |text| Some(given(text)));
        let protocol = |text: &str| matches!(text, "" | "http/protobuf").then_some(());
        reader.or(&Self::PROTOCOL, (), protocol);
        let patience = reader.or(&Self::TIMEOUT, None, millis);
        let name = reader.or(&Self::SERVICE_NAME, None, |text| Some(given(text)));
        let about = reader.or(&Self::ATTRIBUTES, Vec::new(), attributes);
        let (ratio, heeds_parents) = reader.or(&Self::SAMPLER, (Ratio::One, true), sampler);
        let share = reader.or(&Self::SAMPLER_ARG, 1.0, share);
        let is_disabled =
            reader.or(&Self::DISABLED, false, |text| if text.is_empty() { Some(false) } else { flag(text) });
        let is_told = reader.or(&Self::EXPORTER, true, |text| match text {
            "" | "otlp" => Some(true),
            "none" => Some(false),
            _ => None,
        });
        let space = reader
            .or(&Self::SPACE, None, |text| if text.is_empty() { Some(None) } else { super::number(text).map(Some) });
        let wait = reader.or(&Self::WAIT, None, millis);
        let of_elastic = Self::of_elastic(reader, base.is_some() || whole.is_some());
        let (endpoint, own) = match (whole.or(base), of_elastic) {
            _ if is_disabled || !is_told => return Self { to: None },
            (Some(endpoint), _) => (endpoint, Vec::new()),
            (None, Some(of_elastic)) => of_elastic,
            (None, None) => return Self { to: None },
        };
        let usual = TracesConfig::to(endpoint, name.unwrap_or_else(|| service.to_owned()));
        let ratio = match ratio {
            Ratio::One => 1.0,
            Ratio::None => 0.0,
            Ratio::Said => share,
        };
        Self {
            to: Some(TracesConfig {
                headers: own.into_iter().chain(headers).collect(),
                certificates: certificates.map(Into::into),
                about,
                sampling: Sampling { ratio, heeds_parents },
                patience: patience.unwrap_or(usual.patience),
                wait: wait.unwrap_or(usual.wait),
                space: space.unwrap_or(usual.space),
                ..usual
            }),
        }
    }

    /// The server of Elastic, and what it asks for.
    fn of_elastic(reader: &mut Reader, is_needless: bool) -> Option<(Uri, Vec<(HeaderName, HeaderValue)>)> {
        let is_wanted = reader.or(&Self::ENABLE_APM, false, |text| match text {
            "1" => Some(true),
            "" | "0" => Some(false),
            text => flag(text),
        });
        let server = reader.or(&Self::APM_SERVER, None, |text| match text.trim_end_matches('/') {
            "" => Some(None),
            base => endpoint(&[base, "/v1/traces"].concat()).map(Some),
        });
        let token = reader.or(&Self::APM_TOKEN, None, |text| {
            given(text).map_or(Some(None), |token| secret(&["Bearer ", &token].concat()).map(Some))
        });
        if !is_wanted || is_needless {
            return None;
        }
        if server.is_none() && !reader.is_set(&Self::APM_SERVER) {
            reader.complain(&Self::ENABLE_APM, "of use without a server: set ELASTIC_APM_SERVER_URL, too");
        }
        let token = token.map(|token| (axum::http::header::AUTHORIZATION, token));
        Some((server?, token.into_iter().collect()))
    }
}

/// What a sampler says.
#[derive(Clone, Copy)]
enum Ratio {
    One,
    None,
    /// What is said beside it.
    Said,
}

/// A ratio, and whether the decision of parents holds.
fn sampler(text: &str) -> Option<(Ratio, bool)> {
    Some(match text {
        "" | "parentbased_always_on" => (Ratio::One, true),
        "parentbased_always_off" => (Ratio::None, true),
        "parentbased_traceidratio" => (Ratio::Said, true),
        "always_on" => (Ratio::One, false),
        "always_off" => (Ratio::None, false),
        "traceidratio" => (Ratio::Said, false),
        _ => return None,
    })
}

fn share(text: &str) -> Option<f64> {
    if text.is_empty() {
        return Some(1.0);
    }
    text.parse().ok().filter(|share| (0.0..=1.0).contains(share))
}

/// An empty text says nothing, as in all variables of OpenTelemetry.
fn given(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

fn millis(text: &str) -> Option<Option<Duration>> {
    if text.is_empty() {
        return Some(None);
    }
    super::number(text).map(|millis| Some(Duration::from_millis(millis as u64)))
}

/// An address of the web, without a user in it: whoever asks for a secret gets it in a header.
fn endpoint(text: &str) -> Option<Uri> {
    let uri: Uri = text.parse().ok()?;
    let is_whole =
        matches!(uri.scheme_str(), Some("http" | "https")) && uri.host().is_some_and(|host| !host.is_empty());
    (is_whole && !uri.authority()?.as_str().contains('@')).then_some(uri)
}

fn secret(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// `name=value` pairs between commas, whose values are written as in addresses.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    super::several(text, |pair| {
        let (name, value) = pair.split_once('=')?;
        let value = percent_decode_str(value.trim()).decode_utf8().ok()?;
        (!name.trim().is_empty()).then(|| (name.trim().to_owned(), value.into_owned()))
    })
}

fn headers(text: &str) -> Option<Vec<(HeaderName, HeaderValue)>> {
    let header = |(name, value): (String, String)| Some((name.parse().ok()?, secret(&value)?));
    pairs(text)?.into_iter().map(header).collect()
}

fn attributes(text: &str) -> Option<Vec<(String, String)>> {
    pairs(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn read(variables: &[(&str, &str)]) -> Result<Option<TracesConfig>, String> {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::new(Sources::new().environment(pairs));
        let read = Tracing::read(&mut reader, "jobapp-order").to;
        reader.finish().map(|()| read).map_err(|wrong| wrong.to_string())
    }

    const TO: (&str, &str) = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318/");

    #[test]
    fn there_are_none_unless_a_collector_is_named_and_wanted() {
        assert!(read(&[]).unwrap().is_none());
        assert!(read(&[("OTEL_EXPORTER_OTLP_ENDPOINT", "")]).unwrap().is_none());
        assert!(read(&[TO, ("OTEL_SDK_DISABLED", "true")]).unwrap().is_none());
        assert!(read(&[TO, ("OTEL_TRACES_EXPORTER", "none")]).unwrap().is_none());
        let config = read(&[TO]).unwrap().unwrap();
        assert_eq!(
            (config.endpoint.to_string().as_str(), config.service.as_str()),
            ("http://collector:4318/v1/traces", "jobapp-order")
        );
        assert_eq!(config.sampling, Sampling { ratio: 1.0, heeds_parents: true });
    }

    #[test]
    fn the_variables_of_opentelemetry_are_heeded() {
        let config = read(&[
            TO,
            ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "https://traces.test/here"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "Authorization=Bearer%20hush, x-tenant=shop"),
            ("OTEL_SERVICE_NAME", "orders"),
            ("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=try%20it,a=b"),
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.25"),
            ("OTEL_EXPORTER_OTLP_TIMEOUT", "1500"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "99"),
            ("OTEL_BSP_SCHEDULE_DELAY", "20"),
        ]);
        let config = config.unwrap().unwrap();
        assert_eq!(
            (config.endpoint.to_string().as_str(), config.service.as_str()),
            ("https://traces.test/here", "orders")
        );
        assert_eq!(config.headers[0].1, "Bearer hush");
        assert!(!format!("{config:?}").contains("hush"), "{config:?}");
        assert_eq!(config.about[0], ("deployment.environment.name".to_owned(), "try it".to_owned()));
        assert_eq!(config.sampling, Sampling { ratio: 0.25, heeds_parents: true });
        assert_eq!(
            (config.space, config.wait, config.patience),
            (99, Duration::from_millis(20), Duration::from_millis(1500))
        );
    }

    #[test]
    fn samplers_say_a_ratio_and_whether_parents_are_heeded() {
        for (text, ratio, heeds_parents) in [
            ("always_on", 1.0, false),
            ("always_off", 0.0, false),
            ("traceidratio", 0.5, false),
            ("parentbased_always_on", 1.0, true),
            ("parentbased_always_off", 0.0, true),
            ("parentbased_traceidratio", 0.5, true),
        ] {
            let config = read(&[TO, ("OTEL_TRACES_SAMPLER", text), ("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
            assert_eq!(config.unwrap().unwrap().sampling, Sampling { ratio, heeds_parents }, "{text}");
        }
    }

    #[test]
    fn the_agent_of_existing_deployments_is_made_up_for() {
        let server = ("ELASTIC_APM_SERVER_URL", "https://apm.test:8200");
        let token = ("ELASTIC_APM_SECRET_TOKEN", "hush");
        assert!(read(&[server, token]).unwrap().is_none());
        assert!(read(&[server, token, ("ENABLE_APM", "0")]).unwrap().is_none());
        let config = read(&[server, token, ("ENABLE_APM", "1")]).unwrap().unwrap();
        assert_eq!(config.endpoint, "https://apm.test:8200/v1/traces");
        assert_eq!(config.headers, [(axum::http::header::AUTHORIZATION, HeaderValue::from_static("Bearer hush"))]);
        assert!(!format!("{config:?}").contains("hush"));
        let otel = read(&[server, token, ("ENABLE_APM", "1"), TO]).unwrap().unwrap();
        assert!(otel.headers.is_empty() && otel.endpoint.host() == Some("collector"), "{otel:?}");
        let alone = read(&[("ENABLE_APM", "1")]).unwrap_err();
        assert!(alone.contains("ENABLE_APM") && alone.contains("set ELASTIC_APM_SERVER_URL, too"), "{alone}");
    }

    #[test]
    fn what_is_wrong_is_told_without_its_secrets() {
        for (name, value) in [
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "collector:4318"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://me:hush@collector"),
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "hush"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "a=hush%0A"),
            ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
            ("OTEL_TRACES_SAMPLER_ARG", "1.5"),
            ("OTEL_TRACES_EXPORTER", "zipkin"),
            ("OTEL_SDK_DISABLED", "perhaps"),
            ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
            ("ENABLE_APM", "perhaps"),
        ] {
            let told = read(&[(name, value)]).unwrap_err();
            assert!(told.contains(&format!("{name} in the environment")), "{told}");
            assert!(name == "OTEL_EXPORTER_OTLP_ENDPOINT" || !told.contains("hush"), "{told}");
        }
    }
}
