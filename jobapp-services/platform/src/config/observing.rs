//! Where the metrics of a process are read.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::sections::parsed;
use super::{Reader, Setting};

/// Where the metrics of a process are read, on a port of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Observing {
    /// The address and port; `None` when they are not to be read.
    pub address: Option<SocketAddr>,
    /// Whether somebody named the port: then it must be had.
    pub is_asked_for: bool,
}

impl Observing {
    /// The port metrics are read at.
    pub const PORT: Setting =
        Setting::new("metrics_port", &["JOBAPP_METRICS_PORT"], "a port between 1 and 65535, or 0 for none")
            .about("The port at which Prometheus reads `/metrics`; 0 is none");
    /// The address metrics are read at.
    pub const BIND: Setting =
        Setting::new("metrics_bind", &["JOBAPP_METRICS_BIND"], "an IP address such as 127.0.0.1 or 0.0.0.0")
            .about("The address of that port. What is told there is for operators, not for the world")
            .or("127.0.0.1");

    /// Reads the section; `port` is where they are unless somebody says otherwise, 0 for nowhere.
    pub fn read(reader: &mut Reader, port: u16) -> Self {
        let (is_asked_for, port) = (reader.is_set(&Self::PORT), reader.or(&Self::PORT, port, parsed));
        let bind = reader.or(&Self::BIND, IpAddr::V4(Ipv4Addr::LOCALHOST), parsed);
        Self { address: (port != 0).then(|| SocketAddr::new(bind, port)), is_asked_for }
    }

    /// The port of a program that listens on this one, unless somebody says otherwise: 9403 for 4003.
    pub const fn port_beside(port: u16) -> u16 {
        9400 + port % 100
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Sources;

    fn read(variables: &[(&str, &str)], port: u16) -> Result<Observing, String> {
        let pairs = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        let mut reader = Reader::new(Sources::new().environment(pairs));
        let read = Observing::read(&mut reader, port);
        reader.finish().map(|()| read).map_err(|wrong| wrong.to_string())
    }

    #[test]
    fn metrics_are_for_this_machine_unless_somebody_says_otherwise() {
        let address = |text: &str| Some(text.parse().unwrap());
        assert_eq!(read(&[], Observing::port_beside(4009)).unwrap().address, address("127.0.0.1:9409"));
        assert_eq!(read(&[], 0).unwrap(), Observing { address: None, is_asked_for: false });
        let off = read(&[("JOBAPP_METRICS_PORT", "0")], 9400).unwrap();
        assert_eq!(off, Observing { address: None, is_asked_for: true });
        let open = read(&[("JOBAPP_METRICS_PORT", "9100"), ("JOBAPP_METRICS_BIND", "0.0.0.0")], 0).unwrap();
        assert_eq!((open.address, open.is_asked_for), (address("0.0.0.0:9100"), true));
        assert!(read(&[("JOBAPP_METRICS_PORT", "many")], 0).unwrap_err().contains("JOBAPP_METRICS_PORT"));
    }
}
