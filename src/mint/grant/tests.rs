use serde_json::{Map, json};

use super::{common, may_act};
use crate::identity::{Binding, Kind, Principal, holds_scope};

/// Somebody of this issuer, with no claims.
fn somebody(subject: &str, issuer: Option<&str>) -> Principal {
    Principal {
        kind: if issuer.is_some() { Kind::Jwt } else { Kind::ApiKey },
        subject: subject.to_owned(),
        tenant: None,
        project: None,
        service_account: None,
        client: issuer.map(|_| "app".to_owned()),
        scopes: Vec::new(),
        roles: Vec::new(),
        claims: Map::new(),
        key: None,
        issuer: issuer.map(str::to_owned),
        credential_id: "id".to_owned(),
        actor: None,
        actors: Vec::new(),
        expires_at: None,
        issued_at: None,
        binding: Binding::default(),
        minted: None,
    }
}

#[test]
fn may_act_names_one_actor_of_one_issuer() {
    let (ours, theirs) = (Some("https://a.example"), Some("https://b.example"));
    for (named, issuer, may, note) in [
        (json!({ "sub": "agent" }), ours, Some(true), "of the user's own issuer"),
        (json!({ "sub": "agent" }), None, Some(true), "a key of this gateway"),
        (json!({ "sub": "agent" }), theirs, Some(false), "one of that name elsewhere"),
        (json!({ "sub": "agent", "iss": "https://b.example" }), theirs, Some(true), "named with its issuer"),
        (json!({ "sub": "agent", "iss": "https://b.example" }), ours, Some(false), "the other way round"),
        (json!({ "sub": "agent", "iss": "https://b.example" }), None, Some(false), "a key is of no issuer"),
        (json!({ "client_id": "app" }), ours, Some(true), "by its client"),
        (json!({ "client_id": "other" }), ours, Some(false), "by another client"),
        (json!({ "sub": "agent", "client_id": "other" }), ours, Some(false), "all must fit"),
        (json!({ "iss": "https://a.example" }), ours, Some(false), "a whole issuer is nobody"),
        (json!("agent"), ours, Some(false), "no object"),
        (json!({ "sub": ["agent"] }), ours, Some(false), "no text"),
    ] {
        let mut user = somebody("alice", ours);
        user.claims.insert("may_act".to_owned(), named);
        assert_eq!(may_act(&user, &somebody("agent", issuer)), may, "{note}");
    }
    assert_eq!(may_act(&somebody("alice", ours), &somebody("agent", ours)), None, "nobody is named");
}

fn list(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[test]
fn what_both_hold_is_the_narrower_of_the_two() {
    for (user, agent, both, note) in [
        ("chat files", "chat", "chat", "one of two"),
        ("chat", "chat.write", "chat.write", "below"),
        ("chat.write", "chat", "chat.write", "the other way round"),
        ("*", "chat models", "chat models", "all"),
        ("chat.*", "chat.read chat", "chat.* chat.read", "a wildcard level covers what is below, not itself"),
        ("model:gpt-4o*", "model:gpt-4o*", "model:gpt-4o*", "equal texts, whatever they mean"),
        ("model:gpt-4o*", "model:gpt-4o-mini", "", "no pattern is understood here that rules might not"),
        ("chat", "files", "", "nothing"),
        ("", "chat", "", "no scope"),
    ] {
        assert_eq!(common(&list(user), &list(agent)), list(both), "{note}");
        assert_eq!(common(&list(agent), &list(user)), list(both), "{note}, turned round");
    }
}

#[test]
fn a_scope_is_held_by_name_or_from_above() {
    for (held, scope, holds_it) in [
        ("chat", "chat", true),
        ("chat", "chat.write", true),
        ("chat.write", "chat", false),
        ("*", "anything", true),
        ("chat", "*", false),
        ("chat", "", false),
        ("chat/", "chat//*", false),
        ("chat", "chat.*", true),
    ] {
        assert_eq!(holds_scope(&list(held), scope), holds_it, "{held}: {scope}");
    }
}
