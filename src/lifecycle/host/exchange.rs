//! What one exchange offers: a request and its answer, as the host has them.

use crate::denial::Answer;
use crate::request::Headers;

/// A request and its answer. It is there for as long as one event lasts.
pub trait Exchange {
    /// The headers or trailers of one part; empty where there are none.
    fn headers(&self, part: Part) -> Headers;

    /// Sets a header to one value in the place of all that it has.
    fn set_header(&self, part: Part, name: &str, value: &[u8]);

    fn remove_header(&self, part: Part, name: &str);

    /// So many bytes of what the host holds of a body; `None` where it does not give them.
    fn body(&self, side: Side, begin: usize, length: usize) -> Option<Vec<u8>>;

    /// Puts `content` in the place of the first `length` bytes that the host holds. False where it does not let it.
    fn replace_body(&self, side: Side, length: usize, content: &[u8]) -> bool;

    /// Answers in the place of the provider; what has come and what is to come of the request goes nowhere.
    fn answer(&self, answer: &Answer);

    /// From now on the house may visit it.
    fn expect_visits(&self);

    /// Lets a request go on that was held, from outside of its own events.
    fn resume(&self);

    /// Ends the exchange at once, in both directions.
    fn cut_off(&self);

    fn text(&self, attribute: Attribute) -> Option<String>;

    fn number(&self, attribute: Attribute) -> Option<u64>;

    /// Keeps something with the exchange, for whoever looks at it later.
    fn remember(&self, item: Item, value: &[u8]);

    fn remembered(&self, item: Item) -> Option<Vec<u8>>;
}

/// A part of an exchange that has headers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    RequestHeaders,
    RequestTrailers,
    ResponseHeaders,
    ResponseTrailers,
}

/// Which of the two bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    Request,
    Response,
}

/// What the host knows of an exchange, under the names of Envoy's attributes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// `source.address`, with the port.
    SourceAddress,
    /// `source.port`; 0 where the address was taken from a header.
    SourcePort,
    /// `connection.mtls`: 1 where the client has shown a certificate.
    Mtls,
    /// `connection.sha256_peer_certificate_digest`, in hexadecimal.
    CertificateDigest,
    /// `xds.cluster_name`: the cluster that was selected. In the response phase it is the one the request really went to.
    Cluster,
    /// `response.code_details`: why the host answered as it did, in its own words.
    CodeDetails,
    /// `response.code`.
    Status,
    /// `response.flags`: bits, none where nothing went wrong.
    ResponseFlags,
}

/// What the gateway keeps with an exchange.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Item {
    /// The audit line, for the access log.
    Record,
    /// The permit that the half at the cluster demands.
    Passport,
}
