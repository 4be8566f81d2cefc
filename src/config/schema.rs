//! The JSON Schema of what reads and writes itself; the rest of the schema is derived.

use std::borrow::Cow;
use std::collections::BTreeMap;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};

use super::identity::Labels;
use super::prices::{TierPrice, TierPrices};
use super::quotas::{DescriptorValue, Limit, TimeZone, WindowLength};
use super::upstreams::CredentialSource;
use super::values::{ByteSize, Dollars, Factor, KeyHash, Span, Thumbprint, Timestamp};

macro_rules! text_schema {
    ($($type:ident, $title:literal;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "title": $title })
            }
        }
    )*};
}

text_schema! {
    Span, "a length of time, such as `30s`";
    ByteSize, "a size, such as `512KiB`";
    TimeZone, "a time zone, such as `Europe/Berlin`";
    Timestamp, "a time, such as `2026-01-31T00:00:00Z`";
    WindowLength, "a length of time, such as `1h`, or `day`, `week`, `month`";
}

macro_rules! schema_of {
    ($($type:ident, $written:ty;)*) => {$(
        impl JsonSchema for $type {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(generator: &mut SchemaGenerator) -> Schema {
                <$written>::json_schema(generator)
            }
        }
    )*};
}

schema_of! {
    Dollars, f64;
    Factor, f64;
    KeyHash, String;
    Labels, BTreeMap<String, String>;
    Thumbprint, String;
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["integer", "string"], "minimum": 0, "title": "a whole number, or CEL" })
    }
}

impl JsonSchema for DescriptorValue {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "DescriptorValue".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": ["string", "integer", "boolean"], "title": "value" })
    }
}

impl JsonSchema for TierPrice {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "TierPrice".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let prices = generator.subschema_for::<TierPrices>();
        json_schema!({ "anyOf": [{ "type": "number" }, prices] })
    }
}

impl JsonSchema for CredentialSource {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "CredentialSource".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let from = json_schema!({
            "type": "object", "additionalProperties": false, "required": ["from"], "properties": { "from": { "type": "string" } }
        });
        json_schema!({ "anyOf": [{ "type": "string" }, from] })
    }
}
