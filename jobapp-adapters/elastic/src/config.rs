//! Where Elasticsearch is, and how it is used.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use percent_encoding::percent_decode_str;
use tokio_rustls::rustls::ClientConfig;
use url::Url;

use crate::tls;

/// What the names of indexes begin with where nothing else is said.
const INDEX: &str = "jobapp-gigs";
/// What the names of log indexes begin with where nothing else is said.
const LOGS: &str = "jobapp-logs";
/// The port of `elasticsearch://` where none is said.
const PORT: u16 = 9200;
/// How long a search may take where nothing else is said.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long a write may take where nothing else is said.
const WRITE_PATIENCE: Duration = Duration::from_secs(30);

/// Where Elasticsearch is, and how it is used.
#[derive(Clone)]
pub struct ElasticConfig {
    /// The addresses of the nodes, each without a user and without a slash at the end.
    pub(crate) nodes: Vec<String>,
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) tls: ClientConfig,
    /// What the names of all indexes and aliases begin with: marketplaces that share a cluster have different ones.
    pub index: String,
    /// What the names of the indexes of log lines begin with, before their day.
    pub logs: String,
    /// How long connecting, or a search, may take.
    pub patience: Duration,
    /// How long a write may take.
    pub write_patience: Duration,
}

/// An address that is none of an Elasticsearch.
#[derive(Debug, thiserror::Error)]
pub enum ElasticConfigError {
    /// It cannot be read as an address.
    #[error("it is no address such as https://user:password@host:9200,host:9200/?index=jobapp-gigs: {0}")]
    Address(String),
    /// What verifies the servers' certificates cannot be read.
    #[error("the certificates to trust cannot be read: {0}")]
    Certificates(String),
}

impl ElasticConfig {
    /// From an address: `http://[user:password@]host[:port][,host[:port]…][/path]`, or `https://…`. `elasticsearch://` is `http://` at port
    /// 9200. Several hosts are nodes of one cluster; searches go to each in turn, and past those that are away. It may end in `?index=…` for
    /// [`ElasticConfig::index`]; `api-key=…` takes the place of a user; `logs=…` is [`ElasticConfig::logs`]; `ca=<file>` names a PEM file with the certificates to trust in the
    /// place of those of the system.
    ///
    /// # Errors
    /// [`ElasticConfigError`]; it tells neither password nor key.
    pub fn from_url(text: &str) -> Result<Self, ElasticConfigError> {
        let (scheme, rest) = text.split_once("://").ok_or_else(|| wrong("it has no scheme"))?;
        let scheme = match scheme {
            "elasticsearch" | "http" => ("http", if scheme == "http" { None } else { Some(PORT) }),
            "https" => ("https", None),
            _ => return Err(wrong("its scheme is none of elasticsearch, http and https")),
        };
        let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (authority, tail) = rest.split_at(end);
        let (user, hosts) = authority.rsplit_once('@').map_or((None, authority), |(user, hosts)| (Some(user), hosts));
        let parameters = Parameters::of(scheme.0, tail)?;
        let nodes = hosts.split(',').map(|host| node(scheme, host, tail)).collect::<Result<_, _>>()?;
        let authorization = authorization(user, parameters.api_key.as_deref())?;
        let tls = if scheme.0 == "https" { tls::verifying(parameters.ca.as_deref())? } else { tls::unused()? };
        let index = parameters.index.unwrap_or_else(|| INDEX.to_owned());
        let logs = parameters.logs.unwrap_or_else(|| LOGS.to_owned());
        Ok(Self { nodes, authorization, tls, index, logs, patience: PATIENCE, write_patience: WRITE_PATIENCE })
    }
}

fn wrong(what: impl fmt::Display) -> ElasticConfigError {
    ElasticConfigError::Address(what.to_string())
}

/// What follows the question mark.
#[derive(Default)]
struct Parameters {
    index: Option<String>,
    logs: Option<String>,
    api_key: Option<String>,
    ca: Option<PathBuf>,
}

impl Parameters {
    fn of(scheme: &str, tail: &str) -> Result<Self, ElasticConfigError> {
        let mut parameters = Self::default();
        let query = tail.split_once('?').map_or("", |(_, query)| query);
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match &*name {
                "index" if is_index(&value) => parameters.index = Some(value.into_owned()),
                "logs" if is_index(&value) => parameters.logs = Some(value.into_owned()),
                "index" | "logs" => {
                    return Err(wrong("an index is named with 1 to 64 of a-z, 0-9, . and -, a letter first"));
                }
                // As it was shown, whose plus signs are no blanks.
                "api-key" => parameters.api_key = Some(value.replace(' ', "+")),
                "ca" if scheme == "https" => parameters.ca = Some(value.into_owned().into()),
                other => return Err(wrong(format_args!("{other} says nothing here"))),
            }
        }
        Ok(parameters)
    }
}

/// No underscore: what is behind the name begins with a hyphen, and wildcards must not reach others.
fn is_index(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || matches!(c, '.' | '-');
    (1..=64).contains(&text.len()) && text.starts_with(|c: char| c.is_ascii_lowercase()) && text.chars().all(fits)
}

/// The address of one node: `http://one:9200/path`.
fn node((scheme, port): (&str, Option<u16>), host: &str, tail: &str) -> Result<String, ElasticConfigError> {
    let path = tail.split(['?', '#']).next().unwrap_or_default();
    let mut url = Url::parse(&format!("{scheme}://{host}{path}")).map_err(wrong)?;
    if let (Some(port), None) = (port, url.port()) {
        url.set_port(Some(port)).map_err(|()| wrong("it takes no port"))?;
    }
    Ok(url.as_str().trim_end_matches('/').to_owned())
}

/// The header that says who asks.
fn authorization(user: Option<&str>, api_key: Option<&str>) -> Result<Option<HeaderValue>, ElasticConfigError> {
    let told = match (user, api_key) {
        (None, None) => return Ok(None),
        (Some(_), Some(_)) => return Err(wrong("it has a user and an API key")),
        (None, Some(key)) => format!("ApiKey {key}"),
        (Some(user), None) => {
            let (user, password) = user.split_once(':').unwrap_or((user, ""));
            let [user, password] = [user, password].map(|part| percent_decode_str(part).collect::<Vec<u8>>());
            format!("Basic {}", STANDARD.encode([user, password].join(&b':')))
        }
    };
    let mut value = HeaderValue::try_from(told).map_err(|_| wrong("its API key is none"))?;
    value.set_sensitive(true);
    Ok(Some(value))
}

/// Without password and key.
impl fmt::Debug for ElasticConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ElasticConfig")
            .field("nodes", &self.nodes)
            .field("is_authorized", &self.authorization.is_some())
            .field("index", &self.index)
            .field("logs", &self.logs)
            .field("patience", &self.patience)
            .field("write_patience", &self.write_patience)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(url: &str) -> String {
        ElasticConfig::from_url(url).unwrap().authorization.unwrap().to_str().unwrap().to_owned()
    }

    #[test]
    fn an_address_names_every_node_and_what_its_indexes_are_called() {
        let address = "http://es-0.test:9200,es-1.test,[::1]:9201/behind/?index=shop&logs=shop-logs";
        let config = ElasticConfig::from_url(address).unwrap();
        assert_eq!(
            config.nodes,
            ["http://es-0.test:9200/behind", "http://es-1.test/behind", "http://[::1]:9201/behind"]
        );
        assert_eq!((config.index.as_str(), config.logs.as_str()), ("shop", "shop-logs"));
        let config = ElasticConfig::from_url("elasticsearch://es.test,two.test:9300").unwrap();
        assert_eq!(config.nodes, ["http://es.test:9200", "http://two.test:9300"]);
        assert_eq!((config.index.as_str(), config.logs.as_str()), ("jobapp-gigs", "jobapp-logs"));
        assert!(config.authorization.is_none());
    }

    #[test]
    fn who_asks_is_said_in_a_header_and_shown_nowhere() {
        assert_eq!(sent("http://elastic:hu%40sh:h@es.test"), format!("Basic {}", STANDARD.encode("elastic:hu@sh:h")));
        assert_eq!(sent("https://es.test?api-key=aHVz+aA=="), "ApiKey aHVz+aA==");
        let config = ElasticConfig::from_url("http://elastic:hush@es.test").unwrap();
        let shown = format!("{config:?}");
        assert!(shown.contains("http://es.test") && !shown.contains("hush"), "{shown}");
        assert!(!format!("{:?}", config.authorization).contains(&STANDARD.encode("elastic:hush")));
    }

    #[test]
    fn what_is_no_address_is_refused_without_its_password() {
        for text in [
            "es.test:9200",
            "redis://:hush@es.test",
            "http://:hush@",
            "http://:hush@es.test,,",
            "http://:hush@es.test:port",
            "http://:hush@es.test?index=",
            "http://:hush@es.test?index=Shop",
            "http://:hush@es.test?index=a*",
            "http://:hush@es.test?logs=Shop",
            "http://:hush@es.test?indx=a",
            "http://:hush@es.test?api-key=hush",
            "http://es.test?api-key=hush%0a",
            "http://:hush@es.test?ca=/x.pem",
            "https://:hush@es.test?ca=/no/such/file.pem",
        ] {
            let error = ElasticConfig::from_url(text).unwrap_err().to_string();
            assert!(!error.contains("hush"), "{text}: {error}");
        }
    }
}
