//! What the addresses of hosts have in common, and what may be wrong with them.

use std::error::Error;
use std::path::{Path, PathBuf};

use url::Url;

/// What is wrong with the address of a host.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
pub struct HostAddressError {
    text: String,
    #[source]
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl HostAddressError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self { text: text.into(), source: None }
    }

    pub(crate) fn because(text: impl Into<String>, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self { text: text.into(), source: Some(source.into()) }
    }

    pub(crate) fn no_certificates() -> Self {
        Self::new("this system has no certificates to verify the media host by: install its ca-certificates")
    }

    pub(crate) fn tls(source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::because("connections to the media host cannot be encrypted", source)
    }

    pub(crate) fn spool(folder: &Path, source: std::io::Error) -> Self {
        let folder = folder.display();
        Self::because(
            format!(
                "uploads cannot wait in {folder}: name a folder that can be written, as in spool=/var/spool/jobapp"
            ),
            source,
        )
    }
}

/// What the addresses of all hosts may say.
#[derive(Debug, Default)]
pub(crate) struct Common {
    /// What stands in front of the names of pictures where everybody reads them.
    pub(crate) public: Option<String>,
    /// What stood there before.
    pub(crate) earlier: Vec<String>,
    /// Where uploads wait.
    pub(crate) spool: Option<PathBuf>,
}

/// The URL of a host, as an example shows it.
pub(crate) fn parsed(url: &str, example: &str) -> Result<Url, HostAddressError> {
    // The URL itself is not told: it may have a password.
    Url::parse(url).map_err(|error| HostAddressError::because(format!("this is no address like {example}"), error))
}

impl Common {
    /// Reads the parameters of a URL. `own` takes those that only this kind of host knows.
    pub(crate) fn read(
        url: &Url,
        known: &[&str],
        mut own: impl FnMut(&str, &str) -> Result<bool, HostAddressError>,
    ) -> Result<Self, HostAddressError> {
        let mut common = Self::default();
        for (name, value) in url.query_pairs() {
            match &*name {
                "public" => common.public = Some(before_names(&name, &value)?),
                "earlier" => common.earlier.push(before_names(&name, &value)?),
                "spool" if !value.is_empty() => common.spool = Some(PathBuf::from(&*value)),
                _ if own(&name, &value)? => {}
                _ => {
                    let known = [known, &["public", "earlier", "spool"]].concat().join(", ");
                    return Err(HostAddressError::new(format!("there is no parameter {name:?}; known are {known}")));
                }
            }
        }
        Ok(common)
    }
}

/// A URL that goes on with the name of a picture.
fn before_names(parameter: &str, value: &str) -> Result<String, HostAddressError> {
    web_address(parameter, value).map(|address| format!("{address}/"))
}

/// An address of the web, without a slash at its end.
pub(crate) fn web_address(parameter: &str, value: &str) -> Result<String, HostAddressError> {
    let is_one = Url::parse(value).is_ok_and(|url| {
        matches!(url.scheme(), "http" | "https") && url.has_host() && url.query().is_none() && url.fragment().is_none()
    });
    if is_one {
        return Ok(value.trim_end_matches('/').to_owned());
    }
    let example = "https://media.example.org/pictures";
    Err(HostAddressError::new(format!("{parameter}={value} is no address such as {example}")))
}
