//! What expressions over a call may read; the names follow Envoy's attributes where those exist.

use std::collections::{BTreeMap, BTreeSet};

use percent_encoding::percent_decode_str;

use crate::anomaly::Anomaly;
use crate::dialect::{Asked, BodyFacts, BodyForm, Feature, Operation, Spelling};
use crate::expression::{Fact, Facts, Field, Members, Reads, VARIABLES, Vocabulary};
use crate::identity::{CARRIERS, Principal, protocols_without_credentials};
use crate::request::{Connection, Dialect, Moment, RequestHead};

/// The variables of rules, of `when`, and of quotas.
pub const VOCABULARY: Vocabulary = Vocabulary {
    variables: &[
        Field::object(
            "request",
            &[
                Field::value("method"),
                Field::value("path"),
                Field::value("host"),
                Field::value("headers"),
                Field::value("query"),
                Field::value("id"),
                Field::value("time"),
                Field::value(SIZE).apart(),
                Field::value(BODY).apart(),
            ],
        ),
        Field::object("source", &[Field::value("address"), Field::value("port")]),
        Field::object("connection", &[Field::value("mtls")]),
        Field::object("principal", CALLER),
        Field::object("llm", ASKED_OF),
        Field::object(
            "upstream",
            &[
                Field::value("cluster"),
                Field::value("tenant"),
                Field::value("metadata"),
                Field::value("credential"),
                Field::value("owner"),
            ],
        ),
        Field::value(VARIABLES),
    ],
};

/// The fields of the principal of a call: those of any, and what is unusual about the call. Rules that read the whole principal do
/// not need the section `anomalies`.
const CALLER: &[Field] =
    &joined::<{ PRINCIPAL.len() + 1 }>(PRINCIPAL, &[Field::object("anomaly", ANOMALY).apart()]);

/// What is asked of the model, and by whose words. Rules that read the whole do not need the body's features.
const ASKED_OF: &[Field] = &joined::<{ ASKED.len() + Feature::ALL.len() }>(ASKED, &features());

const ASKED: &[Field] = &[
    Field::value("provider"),
    Field::value("dialect"),
    Field::value("operation"),
    Field::value("stateful"),
    Field::model("model"),
    Field::value("model_name"),
    Field::value("stream"),
    Field::value("max_tokens"),
    Field::value(INPUT_BYTES).apart(),
];

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "it runs when this is compiled")]
const fn features() -> [Field; Feature::ALL.len()] {
    let mut fields = [Field::value(""); Feature::ALL.len()];
    let mut place = 0;
    while place < Feature::ALL.len() {
        fields[place] = Field::value(Feature::ALL[place].name()).apart();
        place += 1;
    }
    fields
}

#[expect(clippy::indexing_slicing, clippy::arithmetic_side_effects, reason = "it runs when this is compiled")]
const fn joined<const N: usize>(first: &[Field], then: &[Field]) -> [Field; N] {
    let mut fields = [Field::value(""); N];
    let mut place = 0;
    while place < N {
        fields[place] = if place < first.len() { first[place] } else { then[place - first.len()] };
        place += 1;
    }
    fields
}

const ANOMALY: &[Field] = &[
    Field::value("request_rate"),
    Field::value("token_rate"),
    Field::value("new_model"),
    Field::value("new_network"),
    Field::value("denial_share"),
];

/// The fields of a principal.
pub const PRINCIPAL: &[Field] = &[
    Field::value("kind"),
    Field::value("subject"),
    Field::value("issuer"),
    Field::value("tenant"),
    Field::value("project"),
    Field::value("service_account"),
    Field::value("client"),
    Field::value("scopes"),
    Field::value("roles"),
    Field::value("claims"),
    Field::object("key", &[Field::value("id"), Field::value("labels"), Field::value("created_at")]),
    Field::value("actor"),
    Field::value("actors"),
    Field::value("minted"),
    Field::value("bound_by"),
];

const INPUT_BYTES: &str = "input_bytes";
const SIZE: &str = "size";
const BODY: &str = "body";

/// True for a field that may only be known once the body is read.
pub fn is_in_body(variable: &str, field: &str) -> bool {
    match variable {
        "llm" => {
            matches!(field, "stateful" | "model" | "model_name" | "stream" | "max_tokens")
                || is_feature(field)
        }
        "request" => matches!(field, SIZE | BODY),
        _ => false,
    }
}

/// True for a field of `llm` that most bodies are not read for, and which tells calls apart that are alike otherwise.
pub fn is_feature(field: &str) -> bool {
    field == INPUT_BYTES || Feature::ALL.iter().any(|feature| feature.name() == field)
}

/// True where the length of the body is read.
pub fn reads_size(reads: &Reads) -> bool {
    reads.field("request", SIZE)
}

/// What has to be read of a body beside what every decision rests on.
pub fn asked_of_bodies(reads: &Reads) -> Asked {
    let mut asked = Asked::default();
    let read = Feature::ALL.into_iter().filter(|feature| reads.field("llm", feature.name()));
    read.for_each(|feature| asked.add_feature(feature));
    match reads.members("request", Some(BODY)) {
        Some(Members::All) => asked.add_body(),
        Some(Members::Named(names)) => names.iter().for_each(|name| asked.add_member(name)),
        None => {}
    }
    asked
}

/// True where `llm.model` is read, under one of its names.
pub fn reads_model(reads: &Reads) -> bool {
    reads.field("llm", "model") || reads.field("llm", "model_name")
}

/// The fields of [`VOCABULARY`] that are read, in its order.
pub fn fields_read(reads: &Reads) -> impl Iterator<Item = (&'static str, &'static str)> {
    let fields = VOCABULARY.variables.iter().flat_map(|variable| {
        variable.fields.unwrap_or_default().iter().map(move |field| (variable.name, field.name))
    });
    fields.filter(|(variable, field)| reads.field(variable, field))
}

/// One call as expressions see it.
#[derive(Clone, Copy, Debug)]
pub struct CallFacts<'a> {
    pub request: &'a RequestHead,
    pub request_id: &'a str,
    pub moment: Moment,
    pub connection: &'a Connection,
    pub principal: &'a Principal,
    /// `None` where nothing is told of it.
    pub anomaly: Option<&'a Anomaly>,
    pub operation: &'a Operation,
    /// `None` before the body is read, and where nothing reads it.
    pub body: Option<&'a BodyFacts>,
    pub upstream: UpstreamFacts<'a>,
}

/// The upstream that Envoy selected, as the configuration describes it.
#[derive(Clone, Copy, Debug)]
pub struct UpstreamFacts<'a> {
    pub cluster: &'a str,
    pub tenant: Option<&'a str>,
    pub metadata: &'a BTreeMap<String, String>,
    /// The id of the entry of `credentials` whose token would go on; `None` where none would.
    pub credential: Option<&'a str>,
    /// Whose account at the provider it is: `gateway`, `tenant` or `caller`.
    pub owner: &'a str,
}

impl CallFacts<'_> {
    /// The model that will be used: the path's where it names one, else the body's.
    pub fn model(&self) -> Option<&str> {
        self.operation.path_model().or_else(|| self.body.and_then(|body| body.model.as_deref()))
    }

    fn streams(&self) -> Option<bool> {
        // A body that says nothing does not stream.
        self.operation.path_streams().or_else(|| self.body.map(|body| body.stream.unwrap_or(false)))
    }

    /// True where every reader of the query sees the same parameters: none comes twice, and no `;` stands in
    /// it, which separates them for some.
    pub fn has_plain_query(&self) -> bool {
        let query = self.request.query().unwrap_or_default();
        let mut names = BTreeSet::new();
        !query.contains(';') && parameters_of(query).all(|(name, _)| names.insert(name))
    }

    fn request_fact(&self, field: &str) -> Fact {
        match field {
            "method" => Fact::text(self.request.method()),
            "path" => Fact::text(self.request.path_only()),
            "host" => Fact::text(self.request.host()),
            "headers" => headers(self.request, &Members::All),
            "query" => query(self.request.query().unwrap_or_default()),
            "id" => Fact::text(self.request_id),
            "time" => Fact::Time(self.moment.unix_ms),
            SIZE => self.size().map_or(Fact::Absent, |size| number(Some(size))),
            BODY => self.json(&Members::All),
            _ => Fact::Absent,
        }
    }

    /// The length of the body in bytes; `None` where nobody has counted it.
    fn size(&self) -> Option<u64> {
        let has_none = self.operation.body_form() == BodyForm::None;
        self.body.map_or(has_none.then_some(0), |body| body.size)
    }

    fn json(&self, members: &Members) -> Fact {
        let json = self.body.and_then(|body| body.members.as_ref());
        json.map_or(Fact::Absent, |json| Fact::object(json, members))
    }

    fn llm_fact(&self, field: &str) -> Fact {
        match field {
            "provider" => Fact::text(self.operation.dialect().provider()),
            "dialect" => Fact::text(self.operation.dialect().name()),
            "operation" => Fact::text(self.operation.name()),
            "stateful" => {
                Fact::Bool(self.operation.is_stateful() || self.body.is_some_and(|body| body.is_stateful))
            }
            "model" => Fact::optional_text(self.model()),
            "model_name" => Fact::optional_text(self.model().map(Spelling::of).as_ref().map(Spelling::bare)),
            "stream" => self.streams().map_or(Fact::Absent, Fact::Bool),
            "max_tokens" => number(self.body.and_then(|body| body.max_tokens)),
            INPUT_BYTES => {
                let json = self.body.filter(|body| body.members.is_some());
                number(json.map(|body| body.text_bytes))
            }
            feature => {
                let said = self.body.and_then(|body| body.features.get(feature));
                said.map_or(Fact::Absent, |value| Fact::Json(value.clone()))
            }
        }
    }
}

impl Facts for CallFacts<'_> {
    fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
        match (variable, field.unwrap_or_default()) {
            ("request", field) => self.request_fact(field),
            ("source", "address") => Fact::optional_text(self.connection.source_address.as_deref()),
            ("source", "port") => number(self.connection.source_port),
            ("connection", "mtls") => Fact::Bool(self.connection.mtls),
            ("principal", "anomaly") => self.anomaly.map_or(Fact::Absent, anomaly_fact),
            ("principal", field) => principal_fact(self.principal, field),
            ("llm", field) => self.llm_fact(field),
            ("upstream", "cluster") => Fact::text(self.upstream.cluster),
            ("upstream", "tenant") => Fact::optional_text(self.upstream.tenant),
            ("upstream", "metadata") => texts(self.upstream.metadata),
            ("upstream", "owner") => Fact::text(self.upstream.owner),
            ("upstream", "credential") => Fact::optional_text(self.upstream.credential),
            _ => Fact::Absent,
        }
    }

    fn members(&self, variable: &str, field: Option<&str>, members: &Members) -> Fact {
        match (variable, field.unwrap_or_default()) {
            ("request", "headers") => headers(self.request, members),
            ("request", BODY) => self.json(members),
            ("principal", "claims") => Fact::object(&self.principal.claims, members),
            _ => self.fact(variable, field),
        }
    }
}

/// One field of [`PRINCIPAL`].
pub fn principal_fact(principal: &Principal, field: &str) -> Fact {
    match field {
        "kind" => Fact::text(principal.kind.name()),
        "subject" => Fact::text(&principal.subject),
        "issuer" => Fact::optional_text(principal.issuer.as_deref()),
        "tenant" => Fact::optional_text(principal.tenant.as_deref()),
        "project" => Fact::optional_text(principal.project.as_deref()),
        "service_account" => Fact::optional_text(principal.service_account.as_deref()),
        "client" => Fact::optional_text(principal.client.as_deref()),
        "scopes" => Fact::texts(&principal.scopes),
        "roles" => Fact::texts(&principal.roles),
        "claims" => Fact::Json(principal.claims.clone().into()),
        "key" => key(principal),
        "actor" => Fact::optional_text(principal.actor.as_deref()),
        "actors" => Fact::texts(&principal.actors),
        "minted" => Fact::Bool(principal.minted.is_some()),
        "bound_by" => Fact::texts(&principal.binding.kinds().map(str::to_owned).collect::<Vec<_>>()),
        _ => Fact::Absent,
    }
}

fn anomaly_fact(anomaly: &Anomaly) -> Fact {
    let Anomaly { request_rate, token_rate, new_model, new_network, denial_share } = *anomaly;
    let fields = [
        ("request_rate", Fact::Double(request_rate)),
        ("token_rate", Fact::Double(token_rate)),
        ("new_model", Fact::Bool(new_model)),
        ("new_network", Fact::Bool(new_network)),
        ("denial_share", Fact::Double(denial_share)),
    ];
    Fact::Map(fields.into_iter().map(|(name, fact)| (name.to_owned(), fact)).collect())
}

/// Headers by name, several values joined by a comma as RFC 9110 section 5.3 has it, the credentials left
/// out, under every spelling a server might read, so that no rule can compare or leak one.
fn headers(request: &RequestHead, members: &Members) -> Fact {
    let mut joined: BTreeMap<&str, String> = BTreeMap::new();
    for (name, value) in request.headers() {
        if !members.hold(name) || name.starts_with(':') || CARRIERS.contains(&name.replace('_', "-").as_str())
        {
            continue;
        }
        let mut value = String::from_utf8_lossy(value);
        if name.replace('_', "-") == "sec-websocket-protocol" {
            value = protocols_without_credentials(&value).into();
        }
        joined
            .entry(name)
            .and_modify(|values| {
                values.push(',');
                values.push_str(&value);
            })
            .or_insert_with(|| value.clone().into_owned());
    }
    Fact::Map(joined.into_iter().map(|(name, value)| (name.to_owned(), Fact::Text(value))).collect())
}

/// Query parameters by decoded name; the first value counts.
fn query(query: &str) -> Fact {
    let mut parameters: BTreeMap<String, Fact> = BTreeMap::new();
    for (name, value) in parameters_of(query) {
        parameters.entry(name).or_insert_with(|| Fact::Text(decoded(value)));
    }
    Fact::Map(parameters.into_iter().collect())
}

/// Decoded names and raw values, in order.
fn parameters_of(query: &str) -> impl Iterator<Item = (String, &str)> {
    let pairs = query.split('&').filter(|pair| !pair.is_empty());
    pairs.map(|pair| pair.split_once('=').unwrap_or((pair, ""))).map(|(name, value)| (decoded(name), value))
}

fn decoded(text: &str) -> String {
    percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
}

fn key(principal: &Principal) -> Fact {
    let Some(key) = &principal.key else { return Fact::Absent };
    let created_at = key.created_at.and_then(|seconds| u64::try_from(seconds).ok());
    Fact::Map(vec![
        ("id".to_owned(), Fact::text(&key.id)),
        ("labels".to_owned(), texts(&key.labels)),
        (
            "created_at".to_owned(),
            created_at.map_or(Fact::Absent, |seconds| Fact::Time(seconds.saturating_mul(1000))),
        ),
    ])
}

fn texts(entries: &BTreeMap<String, String>) -> Fact {
    Fact::Map(entries.iter().map(|(name, value)| (name.clone(), Fact::text(value))).collect())
}

fn number(number: Option<u64>) -> Fact {
    number.and_then(|number| i64::try_from(number).ok()).map_or(Fact::Absent, Fact::Number)
}

/// Calls `with` on a call that has every field, so that an expression over it meets real types.
pub(super) fn with_typical_call<T>(with: impl FnOnce(&dyn Facts) -> T) -> T {
    struct Typical;

    impl Facts for Typical {
        fn fact(&self, variable: &str, field: Option<&str>) -> Fact {
            match (variable, field.unwrap_or_default()) {
                ("request", "headers" | "query")
                | ("principal" | "actor", "claims")
                | ("upstream", "metadata") => Fact::Map(Vec::new()),
                ("request", "time") => Fact::Time(1_767_225_600_000),
                ("source", "address") => Fact::text("192.0.2.1"),
                ("source", "port") => Fact::Number(40_000),
                ("connection", "mtls")
                | ("llm", "stream" | "stateful")
                | ("principal" | "actor", "minted") => Fact::Bool(false),
                ("principal" | "actor", "scopes" | "roles" | "actors" | "bound_by")
                | ("asked", "scopes" | "models" | "operations" | "upstreams") => {
                    Fact::texts(&["typical".to_owned()])
                }
                ("asked", "lifetime_seconds" | "requests") => Fact::Number(1),
                ("principal" | "actor", "key") => Fact::Map(vec![
                    ("id".to_owned(), Fact::text("typical")),
                    ("labels".to_owned(), Fact::Map(Vec::new())),
                    ("created_at".to_owned(), Fact::Time(1_767_225_600_000)),
                ]),
                ("principal", "anomaly") => anomaly_fact(&Anomaly::NONE),
                ("llm", "dialect") => Fact::text(Dialect::Openai.name()),
                ("llm", "max_tokens" | "input_bytes" | "messages" | "n" | "images") | ("request", "size") => {
                    Fact::Number(1)
                }
                ("llm", "temperature") => Fact::Double(1.0),
                ("llm", "web_search") => Fact::Bool(false),
                ("llm", "tools" | "modalities") => Fact::texts(&["typical".to_owned()]),
                ("request", "body") => Fact::Map(Vec::new()),
                _ => Fact::text("typical"),
            }
        }
    }

    with(&Typical)
}
