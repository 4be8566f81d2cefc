//! The half on a cluster, and what the half in the listener's chain makes of its refusal.

use std::rc::Rc;
use std::sync::Arc;

use serde_json::json;

use super::{BODY, Scene};
use crate::config::Config;
use crate::lifecycle::{AtCluster, Attempt, Attribute, ClusterHalf, Exchange, Item, Next, Part};
use crate::secret::Secret;

fn scene() -> Scene {
    Scene::new(json!({ "attach": "at_cluster" }))
}

pub(super) fn compiled(scene: &Scene) -> AtCluster {
    let config = Config::from_json(scene.config.to_string().as_bytes()).unwrap();
    let environment = |name: &str| (name != "ABSENT").then(|| Secret::new(format!("sk-{name}")));
    AtCluster::open(Arc::new(ClusterHalf::compile(&config, &environment).unwrap()), &*scene.house)
}

#[test]
fn the_credential_goes_on_where_the_decided_request_arrives() {
    let scene = scene();
    let at_cluster = Rc::new(compiled(&scene));
    for (arrives, shows_passport, note) in [
        ("openai", true, "the cluster it was decided for"),
        ("elsewhere", true, "another one"),
        ("openai", false, "a request that nobody has decided"),
    ] {
        let playing = scene.chat(1).sends(BODY);
        let credential = |playing: &super::Playing<'_>| {
            playing.exchange.header(Part::RequestHeaders, "authorization").unwrap_or_default()
        };
        assert!(!credential(&playing).contains("sk-KEY"), "{note}");
        assert!(playing.exchange.remembered(Item::Passport).is_some(), "{note}");
        let arriving = if shows_passport { playing } else { scene.chat(2) };
        arriving.exchange.texts.borrow_mut().push((Attribute::Cluster, arrives.to_owned()));
        let is_right = arrives == "openai" && shows_passport;
        let next = Attempt::new(Rc::clone(&at_cluster)).request_headers(&*scene.house, &*arriving.exchange);
        assert_eq!(next, if is_right { Next::Continue } else { Next::Pause }, "{note}");
        assert_eq!(credential(&arriving) == "Bearer sk-KEY", is_right, "{note}");
        assert_eq!(arriving.exchange.refusal().is_some(), !is_right, "{note}");
        assert_eq!(scene.house.logged().contains("refused at cluster"), !is_right, "{note}");
        scene.house.forget_log();
    }
}

#[test]
fn its_refusal_is_told_in_the_callers_dialect() {
    let scene = scene();
    for (code, status) in [("route_changed", 502), ("no_such_reason", 502)] {
        let playing = scene.chat(1).sends(BODY);
        assert!(!playing.replied_with("503", &[("x-claimgate-at-cluster", code)]));
        assert_eq!(playing.exchange.refusal(), Some((status, "route_changed".to_owned())), "{code}");
        assert_eq!(playing.ends()["claimgate.reason"], "route_changed", "{code}");
    }
}
