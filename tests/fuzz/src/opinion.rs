//! A second opinion on bodies that were accepted, by other means than the gateway's: a whole tree of
//! `serde_json`, a list of the names, the letters as Unicode folds them.

use std::fmt;

use claimgate::dialect::{BodyFacts, Operation};
use claimgate::request::{Dialect, Wire};
use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::{Map, Value};

const GEMINI_CONFIG: [&str; 2] = ["generationConfig", "generation_config"];
const GEMINI_LIMIT: [&str; 2] = ["maxOutputTokens", "max_output_tokens"];

/// Panics where the facts of an accepted JSON body are not those of `serde_json`'s tree.
pub fn agrees_with_tree(operation: &Operation, facts: &BodyFacts, body: &[u8]) {
    let tree: Map<String, Value> = serde_json::from_slice(body).expect("an accepted body is an object");
    let Names(names) = serde_json::from_slice(body).expect("an object has names");
    assert_eq!(names.len(), tree.len(), "a name comes twice");

    let wire = wire(operation);
    let read = read_names(wire);
    for name in &names {
        let alike = read.iter().find(|known| is_alike(known, name));
        assert!(alike.is_none_or(|known| known == name), "`{name}` is like `{alike:?}`");
    }
    let text = |name: &str| tree.get(name).and_then(Value::as_str).map(str::to_owned);
    assert_eq!(facts.model, expected_model(operation, text("model")), "the model");
    let stream = match wire {
        Wire::Gemini | Wire::Bedrock => None,
        _ => tree.get("stream").and_then(Value::as_bool),
    };
    assert_eq!(facts.stream, operation.path_streams().or(stream), "the stream");
    assert_eq!(facts.max_tokens, limit(wire, &tree), "the limit on model tokens");
}

/// Whose the body's keys are.
fn wire(operation: &Operation) -> Wire {
    let speaks = |name: &str| operation.name() == name && operation.dialect() == Dialect::Vertex;
    match operation.is_openai_compatible() {
        true => Wire::Openai,
        // At Vertex AI only Anthropic's chats are left.
        false if speaks("chat") => Wire::Anthropic,
        false => operation.dialect().wire(),
    }
}

/// The keys that every dialect reads, and those of the limits.
fn read_names(wire: Wire) -> Vec<&'static str> {
    let limits: &[&str] = match wire {
        Wire::Openai | Wire::Azure => &[
            "stream",
            "max_tokens",
            "max_completion_tokens",
            "max_output_tokens",
            "previous_response_id",
            "store",
        ],
        Wire::Anthropic => &["stream", "max_tokens", "max_tokens_to_sample", "container"],
        Wire::Gemini => &["generationConfig", "generation_config", "cachedContent", "cached_content"],
        Wire::Bedrock => &[
            "max_tokens",
            "max_completion_tokens",
            "maxTokens",
            "max_gen_len",
            "inferenceConfig",
            "textGenerationConfig",
            "additionalModelRequestFields",
        ],
    };
    [&["model"], limits].concat()
}

fn is_alike(known: &str, name: &str) -> bool {
    let folded = |text: &str| text.to_uppercase().to_lowercase();
    folded(known) == folded(name)
}

fn expected_model(operation: &Operation, in_body: Option<String>) -> Option<String> {
    let in_body = in_body.map(|model| match (operation.dialect(), model.strip_prefix("models/")) {
        (Dialect::Gemini | Dialect::Vertex, Some(bare)) => bare.to_owned(),
        _ => model,
    });
    match (operation.path_model(), operation.dialect()) {
        (None, _) => in_body,
        (Some(path), Dialect::Azure) => Some(path.to_owned()),
        (Some(path), _) => {
            assert!(in_body.is_none_or(|model| model == path), "path and body name two models");
            Some(path.to_owned())
        }
    }
}

fn limit(wire: Wire, tree: &Map<String, Value>) -> Option<u64> {
    let largest = |tree: &Map<String, Value>, names: &[&str]| {
        names.iter().filter_map(|name| tree.get(*name)?.as_u64()).max()
    };
    let inside = |outer: &[&str], names: &[&str]| {
        outer.iter().filter_map(|name| largest(tree.get(*name)?.as_object()?, names)).max()
    };
    match wire {
        Wire::Openai | Wire::Azure => {
            largest(tree, &["max_tokens", "max_completion_tokens", "max_output_tokens"])
        }
        Wire::Anthropic => largest(tree, &["max_tokens", "max_tokens_to_sample"]),
        Wire::Gemini => {
            let configs = GEMINI_CONFIG.iter().filter_map(|outer| tree.get(*outer)?.as_object());
            configs
                .flat_map(|config| GEMINI_LIMIT.iter().filter_map(|name| protobuf(config.get(*name)?)))
                .max()
        }
        Wire::Bedrock => {
            let top = largest(tree, &["max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len"]);
            let converse = inside(&["inferenceConfig"], &["maxTokens", "max_new_tokens", "maxNewTokens"]);
            let own = &["max_tokens", "max_completion_tokens", "maxTokens", "max_gen_len"];
            let own = inside(&["additionalModelRequestFields"], own);
            let titan = inside(&["textGenerationConfig"], &["maxTokenCount"]);
            top.max(converse).max(own).max(titan)
        }
    }
}

/// An integer of protobuf's JSON mapping.
fn protobuf(sent: &Value) -> Option<u64> {
    let spelt = sent.as_str().map_or_else(|| sent.to_string(), str::to_owned);
    spelt.parse::<u64>().ok().or_else(|| Some(spelt.parse::<f64>().ok()? as u64))
}

/// Panics where an accepted form does not say what was read of it.
pub fn agrees_with_form(operation: &Operation, facts: &BodyFacts, boundary: &str, body: &[u8]) {
    let says = |value: &str| {
        let wanted = format!("\r\n\r\n{value}\r\n--{boundary}");
        body.windows(wanted.len()).any(|window| window == wanted.as_bytes())
    };
    match (&facts.model, operation.path_model()) {
        (Some(model), None) => assert!(says(model), "no field says `{model}`"),
        (model, path) => assert_eq!(model.as_deref(), path),
    }
    if operation.path_streams().is_none() {
        assert!(facts.stream.is_none_or(|stream| says(if stream { "true" } else { "false" })));
    }
}

/// The names of an object as they come, also those that come twice.
struct Names(Vec<String>);

impl<'de> Deserialize<'de> for Names {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;

        impl<'de> Visitor<'de> for Object {
            type Value = Names;

            fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Names, A::Error> {
                let mut names = Vec::new();
                while let Some((name, IgnoredAny)) = map.next_entry()? {
                    names.push(name);
                }
                Ok(Names(names))
            }
        }

        deserializer.deserialize_map(Object)
    }
}
