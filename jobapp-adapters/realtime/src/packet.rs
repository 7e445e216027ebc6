//! Socket.IO packets of the default namespace.

use engineioxide::Str;
use serde::Deserialize;
use serde_json::Value;
use socketioxide_core::packet::PacketData;
use socketioxide_core::parser::{Parse, ParseConfig, ParseError, ParserState};
use socketioxide_parser_common::CommonParser;

use crate::fanout::Position;

/// What a client sent.
#[derive(Debug, PartialEq)]
pub(crate) enum Incoming {
    /// It wants to join the default namespace.
    Connect(Auth),
    /// It wants to join another namespace.
    ConnectElsewhere(String),
    /// It leaves the default namespace.
    Disconnect,
    /// An event with its arguments.
    Event(String, Vec<Value>),
    /// Anything the existing client does not send and we do not answer: binary data, acknowledgements.
    Other,
}

/// What a client shows when it joins.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
pub(crate) struct Auth {
    /// The private id of the socket it wants to resume.
    #[serde(default)]
    pub(crate) pid: Option<String>,
    /// The last offset that socket got.
    #[serde(default)]
    pub(crate) offset: Option<String>,
}

/// Not Socket.IO.
#[derive(Debug, thiserror::Error)]
#[error("the packet is not Socket.IO")]
pub(crate) struct Malformed;

/// Reads a packet.
pub(crate) fn decode(text: &str) -> Result<Incoming, Malformed> {
    // Binary packets come in parts. Nobody sends us any, so no part is kept.
    let packet =
        match CommonParser.decode_str(&ParseConfig::default(), &ParserState::default(), Str::from(text.to_owned())) {
            Ok(packet) => packet,
            Err(ParseError::NeedsMoreBinaryData) => return Ok(Incoming::Other),
            Err(_) => return Err(Malformed),
        };
    let here = packet.ns == "/";
    Ok(match packet.inner {
        PacketData::Connect(_) if !here => Incoming::ConnectElsewhere(packet.ns.to_string()),
        PacketData::Connect(auth) => Incoming::Connect(auth.map(read_auth).unwrap_or_default()),
        PacketData::Disconnect if here => Incoming::Disconnect,
        PacketData::Event(data, _) if here => {
            let text = data.as_str().ok_or(Malformed)?;
            let mut arguments: Vec<Value> = serde_json::from_str(text).map_err(|_| Malformed)?;
            if arguments.is_empty() {
                return Err(Malformed);
            }
            match arguments.remove(0) {
                Value::String(name) => Incoming::Event(name, arguments),
                _ => return Err(Malformed),
            }
        }
        _ => Incoming::Other,
    })
}

/// Clients may show anything when they join; what is no invitation to resume is nothing.
fn read_auth(value: socketioxide_core::Value) -> Auth {
    value.as_str().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

/// The answer to a socket that joined, with its private id if it can resume later.
pub(crate) fn connected(socket_id: &str, pid: Option<&str>) -> Str {
    let body = match pid {
        Some(pid) => serde_json::json!({ "sid": socket_id, "pid": pid }),
        None => serde_json::json!({ "sid": socket_id }),
    };
    Str::from(format!("0{body}"))
}

/// The answer to a socket that wanted to join a namespace we do not have.
pub(crate) fn no_such_namespace(namespace: &str) -> Str {
    Str::from(format!("4{namespace},{{\"message\":\"Invalid namespace\"}}"))
}

/// An event. With an offset the client can resume after it: a last argument more than the event has.
pub(crate) fn event(name: &str, arguments: &[Value], offset: Option<Position>) -> Str {
    let mut text = format!("2[{}", Value::from(name));
    for argument in arguments {
        text.push(',');
        text.push_str(&argument.to_string());
    }
    if let Some(offset) = offset {
        text.push_str(&format!(",\"{offset}\""));
    }
    text.push(']');
    Str::from(text)
}

/// The list of users who are online.
pub(crate) fn online(users: &[String]) -> Str {
    event("online", &[Value::from(users)], None)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn joining_may_carry_what_is_needed_to_resume() {
        assert_eq!(decode("0").unwrap(), Incoming::Connect(Auth::default()));
        let auth = Auth { pid: Some("p".into()), offset: Some("o".into()) };
        assert_eq!(decode(r#"0{"pid":"p","offset":"o","token":1}"#).unwrap(), Incoming::Connect(auth));
        assert_eq!(decode(r#"0{"pid":7}"#).unwrap(), Incoming::Connect(Auth::default()));
        assert_eq!(decode("0nonsense").unwrap(), Incoming::Connect(Auth::default()));
        assert_eq!(decode("0/admin,").unwrap(), Incoming::ConnectElsewhere("/admin".into()));
    }

    #[test]
    fn events_have_a_name_and_arguments() {
        let event = decode(r#"2["category","web","Anna"]"#).unwrap();
        assert_eq!(event, Incoming::Event("category".into(), vec![json!("web"), json!("Anna")]));
        // With a request for an acknowledgement.
        assert!(matches!(decode(r#"212["getLoggedInUsers",""]"#).unwrap(), Incoming::Event(..)));
        assert_eq!(decode("1").unwrap(), Incoming::Disconnect);
    }

    #[test]
    fn what_nobody_sends_us_is_passed_over() {
        assert_eq!(decode(r#"51-["file",{"_placeholder":true,"num":0}]"#).unwrap(), Incoming::Other);
        assert_eq!(decode(r#"2/admin,["x"]"#).unwrap(), Incoming::Other);
        assert_eq!(decode("31[]").unwrap(), Incoming::Other);
    }

    #[test]
    fn what_is_no_packet_is_malformed() {
        for text in ["", "9", "2", "2{}", "2[]", "2[1]", "2[\"a\"", "x", "é"] {
            assert!(decode(text).is_err(), "{text}");
        }
    }

    #[test]
    fn arguments_keep_their_order_and_the_offset_is_last() {
        let offset = Position { era: 16, number: 1 };
        let text = event("order notification", &[json!({"a": 1}), json!("b")], Some(offset));
        assert_eq!(text, r#"2["order notification",{"a":1},"b","10-1"]"#);
        assert_eq!(online(&["Anna".into()]), r#"2["online",["Anna"]]"#);
    }

    #[test]
    fn answers_to_joining() {
        assert_eq!(connected("s", None), r#"0{"sid":"s"}"#);
        assert_eq!(connected("s", Some("p")), r#"0{"pid":"p","sid":"s"}"#);
        assert_eq!(no_such_namespace("/x"), r#"4/x,{"message":"Invalid namespace"}"#);
    }
}
