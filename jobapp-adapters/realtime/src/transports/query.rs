//! What a request's query says.

use socketioxide_core::Sid;

use super::refused::Refused;

/// What carries the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Carried {
    Polling,
    Websocket,
}

/// What of a query decides who handles the request.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Query {
    pub(super) transport: Carried,
    /// The connection it belongs to.
    pub(super) sid: Option<Sid>,
}

impl Query {
    pub(super) fn read(query: &str) -> Result<Self, Refused> {
        let (mut version, mut transport, mut sid) = (None, None, None);
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let place = match name {
                "EIO" => &mut version,
                "transport" => &mut transport,
                "sid" => &mut sid,
                _ => continue,
            };
            // Two would let two readers see two things.
            if place.replace(value).is_some() {
                return Err(Refused::BAD_REQUEST);
            }
        }
        let transport = match transport {
            Some("polling") => Carried::Polling,
            Some("websocket") => Carried::Websocket,
            _ => return Err(Refused::UNKNOWN_TRANSPORT),
        };
        if version != Some("4") {
            return Err(Refused::UNSUPPORTED);
        }
        let sid = sid.map(|sid| sid.parse().map_err(|_| Refused::UNKNOWN_SID)).transpose()?;
        Ok(Self { transport, sid })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn code(query: &str) -> u8 {
        match Query::read(query) {
            Err(Refused::Engine(_, code, _)) => code,
            other => panic!("{query}: {other:?}"),
        }
    }

    #[test]
    fn a_query_says_what_carries_a_connection_and_which() {
        let begins = Query::read("EIO=4&transport=websocket").unwrap();
        assert_eq!(begins, Query { transport: Carried::Websocket, sid: None });
        let goes_on = Query::read("EIO=4&transport=polling&t=x&sid=AAAAAAAAAAAAAAHs").unwrap();
        assert_eq!(goes_on.transport, Carried::Polling);
        assert_eq!(goes_on.sid.unwrap().as_str(), "AAAAAAAAAAAAAAHs");
    }

    #[test]
    fn a_query_that_says_nothing_clear_is_refused_with_the_reference_s_codes() {
        assert_eq!(code(""), 0);
        assert_eq!(code("EIO=4&transport=pigeon"), 0);
        assert_eq!(code("EIO=3&transport=polling"), 5);
        assert_eq!(code("transport=polling"), 5);
        for sid in ["", "short", "AAAAAAAAAAAAAAA!"] {
            assert_eq!(code(&format!("EIO=4&transport=polling&sid={sid}")), 1, "{sid}");
        }
        assert_eq!(code("EIO=4&transport=polling&sid=AAAAAAAAAAAAAAHs&sid=AAAAAAAAAAAAAAHt"), 3);
        assert_eq!(code("EIO=4&transport=polling&transport=websocket"), 3);
    }
}
