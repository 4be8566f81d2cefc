//! Providers that speak a dialect with an accent of their own.

use super::{CHAT, EVENTS, JSON, read};
use crate::dialect::PaidCall;
use crate::request::Dialect;

const NDJSON: (&str, &str) = ("content-type", "application/x-ndjson");
const GEMINI: (Dialect, &str) = (Dialect::Gemini, "/v1beta/models/m:generateContent");
const BEDROCK: (Dialect, &str) = (Dialect::Bedrock, "/model/m/invoke");

#[test]
fn figures_are_found_where_each_provider_has_them() {
    for (asked, content_type, body, counts, note) in [
        (
            CHAT,
            JSON,
            r#"{"usage":{"billed_units":{"input_tokens":5,"output_tokens":8},"tokens":{"input_tokens":71,"output_tokens":9}}}"#,
            (Some(5), None, Some(8), Some(13)),
            "Cohere's chat: what is billed",
        ),
        (
            CHAT,
            EVENTS,
            "data: {\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\",\"usage\":{\"tokens\":{\"input_tokens\":7,\"output_tokens\":2}}}}\n\n",
            (Some(7), None, Some(2), Some(9)),
            "Cohere's stream, without what is billed",
        ),
        (
            CHAT,
            JSON,
            r#"{"meta":{"billed_units":{"input_tokens":6}},"embeddings":[[0.1]]}"#,
            (Some(6), None, None, Some(6)),
            "Cohere's embeddings",
        ),
        (
            CHAT,
            JSON,
            r#"{"model":"m","message":{"content":"x"},"done":true,"prompt_eval_count":26,"eval_count":9}"#,
            (Some(26), None, Some(9), Some(35)),
            "Ollama",
        ),
        (
            CHAT,
            NDJSON,
            "{\"model\":\"m\",\"message\":{\"content\":\"a\"},\"done\":false}\n\n{\"model\":\"m\",\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_count\":26,\"eval_count\":9}\n",
            (Some(26), None, Some(9), Some(35)),
            "Ollama's stream of lines",
        ),
        (
            CHAT,
            JSON,
            r#"{"results":[{"index":0}],"usage":{"prompt_tokens":44,"total_tokens":44}}"#,
            (Some(44), None, None, Some(44)),
            "a ranking",
        ),
        (
            CHAT,
            JSON,
            r#"{"data":[{"relevance_score":0.4}],"usage":{"total_tokens":44}}"#,
            (None, None, None, Some(44)),
            "a ranking that states only a total",
        ),
        (
            CHAT,
            JSON,
            r#"{"usage":{"prompt_tokens":3,"completion_tokens":4,"total_tokens":7,"prompt_tokens_details":{"cached_tokens":1000}}}"#,
            (Some(1003), Some(1000), Some(4), Some(1007)),
            "a cache that is counted beside the prompt",
        ),
        (
            CHAT,
            JSON,
            r#"{"usage":{"prompt_tokens":12,"total_tokens":20,"completion_tokens":8,"prompt_audio_seconds":3}}"#,
            (Some(12), None, Some(8), Some(20)),
            "Mistral's sound",
        ),
        (
            GEMINI,
            JSON,
            r#"{"model":"m","usage":{"total_input_tokens":50,"total_cached_tokens":20,"total_output_tokens":10,"total_thought_tokens":30,"total_tool_use_tokens":5,"total_tokens":95}}"#,
            (Some(55), Some(20), Some(40), Some(95)),
            "an interaction",
        ),
        (
            GEMINI,
            EVENTS,
            "data: {\"event_type\":\"interaction.created\",\"interaction\":{\"model\":\"m\"}}\n\ndata: {\"event_type\":\"interaction.completed\",\"interaction\":{\"usage\":{\"total_input_tokens\":50,\"total_output_tokens\":10}}}\n\n",
            (Some(50), None, Some(10), Some(60)),
            "an interaction's stream",
        ),
        (
            GEMINI,
            EVENTS,
            "data: {\"candidates\":[{\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":9,\"candidatesTokenCount\":4,\"totalTokenCount\":13}}\n\ndata: {\"usageMetadata\":{\"promptTokenCount\":0,\"candidatesTokenCount\":0,\"totalTokenCount\":0}}\n\n",
            (Some(9), None, Some(4), Some(13)),
            "a last event of zeros",
        ),
        (
            CHAT,
            EVENTS,
            "data: {\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":4,\"total_tokens\":13}}\n\ndata: {\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":6,\"total_tokens\":6}}\n\n",
            (Some(9), None, Some(6), Some(15)),
            "a prompt that is 0 in the last event",
        ),
        (
            BEDROCK,
            JSON,
            r#"{"usage":{"input_tokens":4,"output_tokens":2,"cache_creation_input_tokens":30,"cache_creation":{"ephemeral_1h_input_tokens":30}}}"#,
            (Some(34), None, Some(2), Some(36)),
            "Anthropic's at Bedrock",
        ),
    ] {
        let usage = read(asked, content_type, body.as_bytes());
        let got = usage.counts;
        assert_eq!((got.input, got.cache_read, got.output, got.total), counts, "{note}");
        assert!(usage.is_complete, "{note}");
        for length in [1, 7] {
            let mut meter = super::open(asked, 200, &[content_type]).unwrap();
            body.as_bytes().chunks(length).for_each(|piece| meter.take(piece));
            assert_eq!(meter.settle(super::End::Whole), usage, "{note} in pieces of {length}");
        }
    }
}

#[test]
fn what_is_charged_by_the_piece_is_counted() {
    for (asked, body, call, count, note) in [
        (CHAT, r#"{"usage":{"num_search_queries":3}}"#, PaidCall::WebSearch, Some(3), "Perplexity"),
        (CHAT, r#"{"usage":{"connectors":{"web_search":2}}}"#, PaidCall::WebSearch, Some(2), "Mistral"),
        (CHAT, r#"{"tool_usage":{"web_search":{"num_requests":4}}}"#, PaidCall::WebSearch, Some(4), "stated"),
        (
            CHAT,
            r#"{"output":[{"action":{"type":"find_in_page"},"type":"web_search_call"},{"type":"web_search_call"}]}"#,
            PaidCall::WebSearch,
            Some(1),
            "what looks into a page does not search",
        ),
        (
            CHAT,
            r#"{"output":[{"type":"code_interpreter_call","container_id":"a"},{"type":"code_interpreter_call","container_id":"b"}]}"#,
            PaidCall::CodeInterpreter,
            Some(2),
            "two containers",
        ),
        (
            CHAT,
            r#"{"output":[{"type":"message","content":"web_search_call"}]}"#,
            PaidCall::WebSearch,
            None,
            "a text",
        ),
        (CHAT, r#"{"meta":{"billed_units":{"search_units":1}}}"#, PaidCall::SearchUnit, Some(1), "a ranking"),
        (CHAT, r#"{"usage_info":{"pages_processed":12}}"#, PaidCall::Page, Some(12), "pages"),
        (
            GEMINI,
            r#"{"steps":[{"type":"google_search_call","arguments":{"queries":["a","b"]}}]}"#,
            PaidCall::WebSearch,
            Some(2),
            "an interaction's searches",
        ),
        (
            GEMINI,
            r#"[{"candidates":[{"groundingMetadata":{"webSearchQueries":["a"]}}]},{"candidates":[{"groundingMetadata":{"webSearchQueries":["a","b"]}}]}]"#,
            PaidCall::WebSearch,
            Some(2),
            "each part of a stream states them from the beginning",
        ),
    ] {
        assert_eq!(read(asked, JSON, body.as_bytes()).counts.calls.get(call), count, "{note}");
    }
    let pictures =
        format!(r#"{{"data":[{{"b64_json":"{}"}},{{"b64_json":null,"url":"u"}}]}}"#, "x".repeat(5000));
    assert_eq!(read(CHAT, JSON, pictures.as_bytes()).counts.images, Some(2), "however long they are");
    assert_eq!(read(BEDROCK, JSON, br#"{"images":["a","b","c"]}"#).counts.images, Some(3));
}

#[test]
fn the_tier_that_served_is_named_in_the_same_words() {
    for (asked, body, tier, note) in [
        (CHAT, r#"{"service_tier":"flex"}"#, Some("flex"), "as it is"),
        (CHAT, r#"{"service_tier":"default"}"#, None, "the standard one"),
        (CHAT, r#"{"service_tier":"auto"}"#, None, "what was asked for"),
        (CHAT, r#"{"service_tier":null}"#, None, "none"),
        (CHAT, r#"{"response":{"service_tier":"priority"}}"#, Some("priority"), "a response"),
        (GEMINI, r#"{"usageMetadata":{"trafficType":"ON_DEMAND_FLEX"}}"#, Some("flex"), "Google's word"),
        (
            GEMINI,
            r#"{"usageMetadata":{"trafficType":"ON_DEMAND","serviceTier":"priority"}}"#,
            Some("priority"),
            "both",
        ),
        (
            GEMINI,
            r#"{"usageMetadata":{"trafficType":"PROVISIONED_THROUGHPUT"}}"#,
            Some("provisioned_throughput"),
            "bought",
        ),
        (BEDROCK, r#"{"serviceTier":{"type":"priority"}}"#, Some("priority"), "Bedrock"),
        (BEDROCK, r#"{"performanceConfig":{"latency":"optimized"}}"#, Some("optimized"), "faster"),
        (
            (Dialect::Anthropic, "/v1/messages"),
            r#"{"usage":{"speed":"fast","service_tier":"standard"}}"#,
            Some("fast"),
            "fast, whatever the tier",
        ),
    ] {
        assert_eq!(read(asked, JSON, body.as_bytes()).tier.as_deref(), tier, "{note}");
    }
}

#[test]
fn runs_of_models_are_told_apart_and_bounded() {
    let run = |model: &str| format!(r#"{{"model":"{model}","input_tokens":10,"output_tokens":1}}"#);
    let runs: Vec<String> = ["m", "a", "b", "c", "d", "e", "a"].map(run).into();
    let body = format!(
        r#"{{"usage":{{"input_tokens":10,"output_tokens":1,"iterations":[{}]}},"model":"m"}}"#,
        runs.join(",")
    );
    let usage = read((Dialect::Anthropic, "/v1/messages"), JSON, body.as_bytes());
    let others: Vec<_> = usage.others.iter().map(|run| (run.model.as_str(), run.counts.input)).collect();
    assert_eq!(others, [("a", Some(20)), ("b", Some(10)), ("c", Some(30))], "the last has what is beyond");
    assert_eq!((usage.counts.input, usage.counts.output, usage.counts.total), (Some(70), Some(7), Some(77)));
}
