//! Arguments that several commands take, each with its own word for what is wrong.

use ipnet::IpNet;

use crate::config::Span;

pub(super) fn word(text: &str) -> Result<String, String> {
    match text.is_empty()
        || text.contains(|character: char| character.is_whitespace() || character.is_control())
    {
        true => Err("write one word without blanks".to_owned()),
        false => Ok(text.to_owned()),
    }
}

pub(super) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((name, value)) if !name.is_empty() => Ok((name.to_owned(), value.to_owned())),
        _ => Err("write a name and a value, such as `plan=pro`".to_owned()),
    }
}

pub(super) fn span(text: &str) -> Result<Span, String> {
    serde_json::from_value(text.into()).map_err(|error| error.to_string())
}

pub(super) fn network(text: &str) -> Result<String, String> {
    match text.parse::<IpNet>() {
        Ok(network) if network.trunc() == network => Ok(text.to_owned()),
        Ok(network) => Err(format!("bits are set behind the prefix; write `{}`", network.trunc())),
        Err(_) => Err("write a network, such as `10.0.0.0/8`".to_owned()),
    }
}
