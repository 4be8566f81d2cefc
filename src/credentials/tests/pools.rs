//! Several keys: which one goes on, and what answers make of it.

use std::collections::BTreeMap;
use std::rc::Rc;

use serde_json::{Value, json};

use crate::config;
use crate::credentials::{
    Credentials, Exhausted, Picked, Pool, PoolIndex, PoolState, Rests, Spell, Supply, Ticket,
};
use crate::policy::fixture::{NOW_MS, merged, moment};
use crate::request::{Headers, Moment};
use crate::secret::Secret;

const MINUTE_MS: u64 = 60_000;
const SECOND_MS: u64 = 1000;

/// Three keys `A`, `B`, `C`.
fn credentials(change: Value) -> Result<Credentials, String> {
    let plain = json!({ "members": [{ "env": "A" }, { "env": "B" }, { "env": "C" }] });
    compile(json!([{ "id": "keys", "pool": merged(plain, change) }]))
}

fn compile(entries: Value) -> Result<Credentials, String> {
    let entries: Vec<config::Credential> =
        serde_json::from_value(entries).map_err(|error| error.to_string())?;
    let environment = |name: &str| match name {
        "ABSENT" => None,
        "SAME" => Some(Secret::new("sk-A")),
        "BROKEN" => Some(Secret::new("sk\n")),
        name => Some(Secret::new(format!("sk-{name}"))),
    };
    Credentials::compile(&entries, &[], &environment).map_err(|error| error.to_string())
}

fn only(credentials: &Credentials) -> (PoolIndex, &Pool) {
    credentials.pools().next().unwrap()
}

fn ticket(subject: &str, operation: &str, model: Option<&str>) -> Ticket {
    Ticket::new((Some("acme"), subject), operation, model)
}

fn caller(number: usize) -> Ticket {
    ticket(&format!("user-{number}"), "chat", Some("gpt-4o"))
}

fn pick(credentials: &Credentials, ticket: Ticket, rests: &Rests, unix_ms: u64) -> Result<Picked, Exhausted> {
    let (index, pool) = only(credentials);
    let state = PoolState { rests: Rc::new(rests.clone()), turn: 0 };
    pool.pick(index, ticket, &state, &moment(unix_ms))
}

fn name(picked: Result<Picked, Exhausted>) -> String {
    picked.unwrap().member.name().to_owned()
}

/// How many of these go to each key.
fn spread(picks: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in picks {
        let count: &mut usize = counts.entry(name).or_default();
        *count = count.saturating_add(1);
    }
    counts
}

#[test]
fn a_caller_keeps_its_key() {
    let credentials = credentials(json!({})).unwrap();
    let chosen = |number| name(pick(&credentials, caller(number), &Rests::default(), NOW_MS));
    let counts = spread((0..3000).map(chosen));
    assert!(counts.values().all(|count| (900..1100).contains(count)), "{counts:?}");
    for number in 0..20 {
        assert_eq!(chosen(number), chosen(number));
    }
    // A model says nothing of who calls.
    let other = ticket("user-7", "chat", None);
    assert_eq!(name(pick(&credentials, other, &Rests::default(), NOW_MS)), chosen(7));
    // The same in every gateway: another build must not move callers.
    let first: Vec<String> = (0..8).map(chosen).collect();
    assert_eq!(first.concat(), "BCBCAAAB");
}

#[test]
fn where_one_key_goes_the_others_keep_their_callers() {
    let three = credentials(json!({})).unwrap();
    let two = credentials(json!({ "members": [{ "env": "A" }, { "env": "C" }] })).unwrap();
    for number in 0..200 {
        let before = name(pick(&three, caller(number), &Rests::default(), NOW_MS));
        let after = name(pick(&two, caller(number), &Rests::default(), NOW_MS));
        assert!(before == after || before == "B", "user-{number} went from {before} to {after}");
    }
}

#[test]
fn weights_share_the_traffic() {
    let members = json!([{ "env": "A", "weight": 3 }, { "env": "B" }]);
    for (choose, note) in [("hash", "by caller"), ("weighted", "by chance"), ("round_robin", "in turn")] {
        let credentials = credentials(json!({ "choose": choose, "members": members })).unwrap();
        let (index, pool) = only(&credentials);
        let picks = (0..4000_usize).map(|number| {
            let state = PoolState { turn: number, ..PoolState::default() };
            let moment = Moment { entropy: (number as u128).to_le_bytes(), ..moment(NOW_MS) };
            let ticket = if choose == "hash" { caller(number) } else { caller(0) };
            name(pool.pick(index, ticket, &state, &moment))
        });
        let counts = spread(picks);
        assert!((2850..3150).contains(&counts["A"]), "{note}: {counts:?}");
    }
}

#[test]
fn turns_are_spread_evenly() {
    let members = json!([{ "env": "A", "weight": 3 }, { "env": "B" }]);
    let credentials = credentials(json!({ "choose": "round_robin", "members": members })).unwrap();
    let (index, pool) = only(&credentials);
    let turn = |turn| {
        let state = PoolState { turn, ..PoolState::default() };
        name(pool.pick(index, caller(0), &state, &moment(NOW_MS)))
    };
    let turns: String = (0..8).map(turn).collect();
    assert_eq!(turns.matches('A').count(), 6, "{turns}");
    assert!(!turns.contains("AAAA") && !turns.contains("BB"), "{turns}");
}

#[test]
fn what_a_resting_key_leaves_is_shared() {
    let credentials = credentials(json!({ "choose": "round_robin" })).unwrap();
    let (index, pool) = only(&credentials);
    let first = pool.pick(index, caller(0), &PoolState::default(), &moment(NOW_MS)).unwrap();
    let rests = Rc::new(first.after(Spell::Rest { for_ms: MINUTE_MS }, &Rests::default(), NOW_MS));
    let picks = (0..100).map(|turn| {
        let state = PoolState { rests: Rc::clone(&rests), turn };
        name(pool.pick(index, caller(0), &state, &moment(NOW_MS)))
    });
    assert_eq!(spread(picks).into_values().collect::<Vec<_>>(), [50, 50]);
}

#[test]
fn a_key_rests_for_its_model_and_is_out_for_its_operation() {
    let credentials = credentials(json!({})).unwrap();
    let first = pick(&credentials, caller(1), &Rests::default(), NOW_MS).unwrap();
    let rests = first.after(Spell::Rest { for_ms: 30 * SECOND_MS }, &Rests::default(), NOW_MS);
    let another_model = ticket("user-1", "chat", Some("o3"));
    assert_ne!(name(pick(&credentials, caller(1), &rests, NOW_MS)), first.member.name());
    assert_eq!(name(pick(&credentials, another_model, &rests, NOW_MS)), first.member.name());
    let back = NOW_MS + 30 * SECOND_MS;
    assert_ne!(name(pick(&credentials, caller(1), &rests, back - 1)), first.member.name());
    assert_eq!(name(pick(&credentials, caller(1), &rests, back)), first.member.name());
    let out = first.after(Spell::Out { for_ms: 5 * MINUTE_MS }, &Rests::default(), NOW_MS);
    for ticket in [caller(1), another_model] {
        assert_ne!(name(pick(&credentials, ticket, &out, NOW_MS)), first.member.name());
    }
    let another_operation = ticket("user-1", "embeddings", Some("gpt-4o"));
    assert_eq!(name(pick(&credentials, another_operation, &out, NOW_MS)), first.member.name());
    assert!(first.is_out(&out, NOW_MS) && !first.is_out(&out, NOW_MS + 5 * MINUTE_MS));
    assert_eq!(Rests::read(&rests.write()), rests);
    assert_eq!(Rests::read(b"\0"), Rests::default());
}

#[test]
fn what_serves_where_none_serves() {
    let credentials = credentials(json!({})).unwrap();
    let mut rests = Rests::default();
    let mut back_first = None;
    for (seconds, last) in [(30, false), (10, false), (20, true)] {
        let picked = pick(&credentials, caller(2), &rests, NOW_MS).unwrap();
        rests = picked.after(Spell::Rest { for_ms: seconds * SECOND_MS }, &rests, NOW_MS);
        if seconds == 10 {
            back_first = Some(picked);
        }
        assert_eq!(
            last,
            rests.count("A", NOW_MS).0 + rests.count("B", NOW_MS).0 + rests.count("C", NOW_MS).0 == 3
        );
    }
    let back_first = back_first.unwrap();
    // The provider says better than we do how long to wait.
    assert_eq!(name(pick(&credentials, caller(2), &rests, NOW_MS)), back_first.member.name());
    // It is refused: those that rest still come before none at all.
    rests = back_first.after(Spell::Out { for_ms: 5 * MINUTE_MS }, &rests, NOW_MS);
    assert_ne!(name(pick(&credentials, caller(2), &rests, NOW_MS)), back_first.member.name());
    let mut now_ms = NOW_MS;
    while let Ok(picked) = pick(&credentials, caller(2), &rests, now_ms) {
        rests = picked.after(Spell::Out { for_ms: 5 * MINUTE_MS }, &rests, now_ms);
        now_ms += SECOND_MS;
    }
    let refused = pick(&credentials, caller(2), &rests, now_ms).unwrap_err();
    assert_eq!(refused, Exhausted::Refused { retry_ms: NOW_MS + 5 * MINUTE_MS });
    assert_eq!(name(pick(&credentials, caller(2), &rests, NOW_MS + 5 * MINUTE_MS)), back_first.member.name());
}

#[test]
fn answers_are_told_apart() {
    let pool = credentials(json!({ "rest": "40s", "out": "10m", "out_on": [402] })).unwrap();
    let (_, pool) = only(&pool);
    let rest = |seconds: u64| Some(Spell::Rest { for_ms: seconds * SECOND_MS });
    let out = Some(Spell::Out { for_ms: 10 * MINUTE_MS });
    for (status, header, want, note) in [
        (200, None, None, "a success"),
        (429, None, rest(40), "a provider that says nothing"),
        (429, Some(("retry-after", "7")), rest(7), "one that does"),
        (429, Some(("retry-after", "0")), rest(1), "no shorter than a second"),
        (429, Some(("retry-after", "86400")), rest(3600), "no longer than an hour"),
        (429, Some(("retry-after", "Wed, 21 Oct 2026 07:28:00 GMT")), rest(40), "a date"),
        (429, Some(("retry-after-ms", "2500")), Some(Spell::Rest { for_ms: 2500 }), "in milliseconds"),
        (401, None, out, "refused"),
        (407, None, None, "a proxy on the way"),
        (403, None, None, "may be about the model"),
        (
            403,
            Some(("x-amzn-errortype", "UnrecognizedClientException:http://x")),
            out,
            "AWS's way to say 401",
        ),
        (402, None, out, "as the operator wants it"),
        (500, Some(("retry-after", "7")), None, "the provider's own trouble"),
    ] {
        let mut headers = Headers::with_capacity(0, 0);
        header.into_iter().for_each(|(name, value): (&str, &str)| headers.push(name, value.as_bytes()));
        assert_eq!(pool.spell(status, &headers), want, "{status} {header:?}: {note}");
    }
}

#[test]
fn two_callers_that_are_refused_are_more_than_one() {
    let credentials = credentials(json!({})).unwrap();
    let refused = |subject: &str, operation: &str, rests: &Rests| {
        let of_a = |number| {
            let ticket = ticket(&format!("{subject}{number}"), operation, None);
            pick(&credentials, ticket, rests, NOW_MS).ok().filter(|picked| picked.member.name() == "A")
        };
        let picked = (0..50).find_map(of_a).unwrap();
        picked.after(Spell::Out { for_ms: MINUTE_MS }, rests, NOW_MS)
    };
    let once = refused("mallory", "chat", &Rests::default());
    assert_eq!(once.count("A", NOW_MS), (0, 0));
    let elsewhere = refused("alice", "embeddings", &once);
    assert_eq!(elsewhere.count("A", NOW_MS), (0, 0), "of another operation");
    let twice = refused("alice", "chat", &elsewhere);
    assert_eq!(twice.count("A", NOW_MS), (0, 1));
    assert!((0..50).all(|number| name(pick(&credentials, caller(number), &twice, NOW_MS)) != "A"));
}

#[test]
fn what_rests_is_bounded_and_what_is_refused_stays() {
    let credentials = credentials(json!({})).unwrap();
    let mut rests = Rests::default();
    for number in 0..2 {
        let picked = pick(&credentials, ticket("alice", "chat", None), &rests, NOW_MS).unwrap();
        let other = pick(&credentials, caller(number), &rests, NOW_MS).unwrap();
        for picked in [picked, other] {
            rests = picked.after(Spell::Out { for_ms: MINUTE_MS / 2 }, &rests, NOW_MS);
        }
    }
    let out = |rests: &Rests| ["A", "B", "C"].map(|name| rests.count(name, NOW_MS).1).iter().sum::<usize>();
    let refused = out(&rests);
    assert!(refused > 0);
    for number in 0..1000_u64 {
        let ticket = ticket("mallory", "chat", Some(&format!("model-{number}")));
        let picked = pick(&credentials, ticket, &rests, NOW_MS).unwrap();
        rests = picked.after(Spell::Rest { for_ms: MINUTE_MS + number }, &rests, NOW_MS);
    }
    let resting = |now_ms| ["A", "B", "C"].map(|name| rests.count(name, now_ms).0).iter().sum::<usize>();
    assert_eq!((resting(NOW_MS), out(&rests)), (256_usize.saturating_sub(refused), refused));
    assert_eq!(resting(NOW_MS + MINUTE_MS + 1000), 0);
    assert!(rests.write().len() < 32 * 1024, "{}", rests.write().len());
}

#[test]
fn a_pool_that_cannot_be_meant_is_refused() {
    let member = |name: &str| json!({ "env": name });
    for (change, want) in [
        (json!({ "members": [] }), "there are 0; name 2 to 32 keys"),
        (json!({ "members": [member("A")] }), "write `credential: {env: NAME}` for one"),
        (json!({ "members": [member("A"), member("A")] }), "members[1].env: `A` is named twice"),
        (json!({ "members": [member("A"), member("SAME")] }), "`SAME` holds the same key as `A`"),
        (
            json!({ "members": [member("A"), member("BROKEN")] }),
            "members[1].env: the variable's value is not one word",
        ),
        (
            json!({ "members": [member("A"), { "env": "B", "weight": 0 }] }),
            "members[1].weight: 0 is no weight",
        ),
        (json!({ "out_on": [429] }), "out_on: 429 says nothing of a key"),
        (json!({ "out_on": [400] }), "out_on: 400 says nothing of a key"),
        (json!({ "rest": "2h" }), "pool.rest: `2h` is not from 1s to 1h"),
        (json!({ "out": "30d" }), "pool.out: `30d` is not from 1s to 1h"),
        (json!({ "choose": "random" }), "unknown variant `random`"),
        (json!({ "member": [] }), "unknown field `member`"),
    ] {
        let error = credentials(change.clone()).unwrap_err();
        assert!(error.contains(want), "{change}: {error}");
    }
}

#[test]
fn keys_that_are_not_there() {
    let some = credentials(json!({ "members": [{ "env": "A" }, { "env": "ABSENT" }] })).unwrap();
    assert_eq!(only(&some).1.missing(), ["ABSENT"]);
    assert!((0..50).all(|number| name(pick(&some, caller(number), &Rests::default(), NOW_MS)) == "A"));
    let entry = json!([{ "id": "none", "pool": { "members": [{ "env": "ABSENT" }, { "env": "ABSENT" }] } }]);
    assert!(compile(entry).is_err());
}

#[test]
fn an_entry_of_keys_tells_its_accounts() {
    let all = credentials(json!({})).unwrap();
    let chosen = all.choose("keys", "from").unwrap();
    assert!(matches!(chosen.supply, Supply::Key(_)));
    assert_eq!((chosen.kind, chosen.accounts.len(), chosen.is_one_account), ("pool", 3, false));
    assert!(!format!("{chosen:?} {all:?}").contains("sk-A"));
}
