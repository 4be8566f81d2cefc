//! One exchange as Envoy has it: the host's calls act on the stream in whose callback they are made, or on the one that was
//! made the effective context.

use proxy_wasm::hostcalls;
use proxy_wasm::types::{BufferType, MapType};

use super::{attributes, header_map, host};
use crate::denial::Answer;
use crate::lifecycle::{Attribute, Exchange, Item, Part, Side};
use crate::request::Headers;

/// The stream that Envoy is about just now.
pub(super) struct Current;

impl Exchange for Current {
    fn headers(&self, part: Part) -> Headers {
        header_map::read(map(part))
    }

    fn set_header(&self, part: Part, name: &str, value: &[u8]) {
        let _ = hostcalls::set_map_value_bytes(map(part), name, Some(value));
    }

    fn remove_header(&self, part: Part, name: &str) {
        let _ = hostcalls::remove_map_value(map(part), name);
    }

    fn body(&self, side: Side, begin: usize, length: usize) -> Option<Vec<u8>> {
        hostcalls::get_buffer(buffer(side), begin, length).ok().flatten()
    }

    fn replace_body(&self, side: Side, length: usize, content: &[u8]) -> bool {
        host::set_buffer(buffer(side), length, content)
    }

    fn answer(&self, answer: &Answer) {
        let headers = answer.headers.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = (!answer.body.is_empty()).then_some(answer.body.as_bytes());
        let _ = hostcalls::send_http_response(answer.status, headers, body);
    }

    /// Its context can be made the effective one at any time.
    fn expect_visits(&self) {}

    fn resume(&self) {
        let _ = hostcalls::resume_http_request();
    }

    fn cut_off(&self) {
        host::cut();
    }

    fn text(&self, attribute: Attribute) -> Option<String> {
        attributes::text(attribute)
    }

    fn number(&self, attribute: Attribute) -> Option<u64> {
        attributes::number(attribute)
    }

    fn remember(&self, item: Item, value: &[u8]) {
        attributes::remember(item, value);
    }

    fn remembered(&self, item: Item) -> Option<Vec<u8>> {
        attributes::remembered(item)
    }
}

fn map(part: Part) -> MapType {
    match part {
        Part::RequestHeaders => MapType::HttpRequestHeaders,
        Part::RequestTrailers => MapType::HttpRequestTrailers,
        Part::ResponseHeaders => MapType::HttpResponseHeaders,
        Part::ResponseTrailers => MapType::HttpResponseTrailers,
    }
}

fn buffer(side: Side) -> BufferType {
    match side {
        Side::Request => BufferType::HttpRequestBody,
        Side::Response => BufferType::HttpResponseBody,
    }
}
