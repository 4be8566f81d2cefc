//! `claimgate bundle --wrap rate-limit`.

use crate::copy::Copy;

const SERVICE: &str = "\
rate_limit_service: { cluster: rate-limit }
prices: { version: test, models: [{ model: '*', input: 1, output: 1 }] }
keys:
";

/// The shipped configuration with a rate limit service and these quotas.
fn with_quotas(name: &str, quotas: &str) -> Copy {
    let copy = Copy::new(name);
    copy.edit("envoy/gateway.yaml", "keys:\n", SERVICE);
    copy.edit("envoy/gateway.yaml", "quotas:\n", &format!("quotas:\n{quotas}"));
    copy
}

#[test]
fn the_limits_are_written_once() {
    let copy = with_quotas(
        "limits",
        "
  - { id: team_tokens, engine: global, unit: tokens, limit: 5000000, window: 1d, window_kind: fixed, per: [principal.project] }
  - { id: bursts, engine: global, limit: 20, window: 10s, window_kind: fixed, per: [principal.subject] }
  - { id: by-plan, engine: global, limit: 'size(principal.subject)', window: 1h, window_kind: fixed, per: [principal.subject] }
  - { id: spend, engine: global, unit: microdollars, limit: 25000000, window: 7d, window_kind: fixed, per: [principal.tenant] }
",
    );
    let run = copy.run(&["bundle", "--wrap", "rate-limit"]);
    assert_eq!((run.code, run.errors.as_str()), (0, ""));
    let want = "\
# Written by `claimgate bundle --wrap rate-limit`; change the quotas in gateway.yaml and write it again.
domain: \"claimgate\"
descriptors:
  - key: quota
    value: \"team%5Ftokens\"
    descriptors:
      - key: per
        rate_limit: { unit: day, requests_per_unit: 5000000 }
  - key: quota
    value: \"bursts\"
    descriptors:
      - key: per
        descriptors:
          - key: window
            rate_limit: { unit: minute, requests_per_unit: 20 }
  - key: quota
    value: \"spend\"
    descriptors:
      - key: per
        rate_limit: { unit: week, requests_per_unit: 250000 }
";
    assert_eq!(run.output, want);
}

#[test]
fn where_there_is_no_service_there_is_nothing_to_write() {
    let copy = Copy::new("no-limits");
    let run = copy.run(&["bundle", "--wrap", "rate-limit"]);
    assert_eq!(run.code, 2);
    assert!(run.errors.contains("rate_limit_service: there is none"), "{}", run.errors);
}

#[test]
fn limits_that_cel_gives_leave_the_file_empty_but_for_its_domain() {
    let copy = with_quotas(
        "cel-limits",
        "
  - { id: by-plan, engine: global, limit: 'size(principal.subject)', window: 1h, window_kind: fixed, per: [principal.subject] }
",
    );
    let run = copy.run(&["bundle", "--wrap", "rate-limit"]);
    assert_eq!(
        (run.code, run.output.ends_with("domain: \"claimgate\"\ndescriptors: []\n")),
        (0, true),
        "{}",
        run.output
    );
}
