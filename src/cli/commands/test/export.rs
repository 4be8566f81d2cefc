//! The scripts marked `live`, with the credentials they need, for whoever runs them on a real Envoy.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use serde::Serialize;
use serde_json::Value;

use super::credentials::TestCredentials;
use super::request::request_headers;
use super::script::{ScriptFile, Want};
use crate::cli::atomic_write::move_into_place;
use crate::cli::configuration::{environment_names, stand_in};
use crate::config::Config;
use crate::secret::Secret;

/// Everything that runs them needs: the configuration, the environment of Envoy, and the calls in order.
#[derive(Serialize)]
pub(super) struct Export<'a> {
    bundle: &'a Config,
    environment: BTreeMap<&'a str, String>,
    calls: Vec<ExportedCall<'a>>,
}

#[derive(Serialize)]
struct ExportedCall<'a> {
    /// The file the call is from. Each has counters of its own.
    script: String,
    note: &'a str,
    method: &'a str,
    path: &'a str,
    /// Without pseudo-headers; the credential is among them.
    headers: Vec<(String, String)>,
    body: Option<&'a Value>,
    times: u32,
    want: &'a Want,
}

impl<'a> Export<'a> {
    pub(super) fn of(credentials: &'a TestCredentials, scripts: &'a [ScriptFile], now: u64) -> Self {
        let names = environment_names(credentials.config());
        let live = scripts.iter().filter(|read| read.script.live);
        let calls = live.flat_map(|read| {
            read.script.calls.iter().map(|call| {
                let headers =
                    request_headers(credentials, &call.send, call.seconds(&read.script, (None, now)));
                ExportedCall {
                    script: read.file.display().to_string(),
                    note: &call.note,
                    method: &call.send.method,
                    path: &call.send.path,
                    headers: headers.into_iter().filter(|(name, _)| !name.starts_with(':')).collect(),
                    body: call.send.body.as_ref(),
                    times: call.times.get(),
                    want: &call.want,
                }
            })
        });
        let values = stand_in(credentials.config());
        let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
        Self {
            bundle: credentials.config(),
            environment: names.into_iter().filter_map(|name| Some((name, text(&values(name)?)))).collect(),
            calls: calls.collect(),
        }
    }

    pub(super) fn write(&self, file: &Path) -> io::Result<()> {
        let content = serde_json::to_string_pretty(self)?;
        move_into_place(file, &content).map_err(|error| {
            io::Error::new(error.kind(), format!("`{}` cannot be written: {error}", file.display()))
        })
    }
}
