use super::{common, holds};

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
    ] {
        assert_eq!(holds(&list(held), scope), holds_it, "{held}: {scope}");
    }
}
