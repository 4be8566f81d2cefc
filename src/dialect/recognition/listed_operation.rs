//! An operator's own operation: what its entry says of it, and what is assumed where it says nothing.
//!
//! An entry that says nothing leaves the body unread, its model unseen and its cost to be told by the answer, so that
//! rules and quotas must name it. What it says is believed: nobody here knows the operation.

use super::path::Path;
use crate::config::{
    ConfigError, ExtraBody, ExtraMetering, ExtraModel, ExtraOperation, ExtraStream, UsageForm,
};
use crate::dialect::operation::profile::{Metering, Profile, State, Streaming};
use crate::dialect::operation::{BodyForm, ModelPlace};

/// Stands for one segment.
const ANY: &str = "*";
/// Stands for one segment, which is the model.
const MODEL: &str = "{model}";

/// One entry of an upstream's `operations`, compiled.
#[derive(Debug)]
pub struct ListedOperation {
    method: String,
    path: Vec<String>,
    pub(super) name: String,
    pub(super) profile: Profile,
    /// `None` where its answers tell their cost as the upstream's dialect does.
    pub(super) usage: Option<UsageForm>,
}

impl ListedOperation {
    /// # Errors
    /// An entry whose parts contradict each other.
    pub fn compile(entry: &ExtraOperation, at: &str) -> Result<Self, ConfigError> {
        let refused = |field: &str, why: String| Err(ConfigError::new(format!("{at}.{field}"), why));
        let path: Vec<String> = entry.path.trim_start_matches('/').split('/').map(str::to_owned).collect();
        let places = path.iter().filter(|segment| *segment == MODEL).count();
        match (entry.model == ExtraModel::Path, places) {
            (true, 1) | (false, 0) => {}
            (true, _) => {
                let why = format!("`{}` must have one segment `{MODEL}`, where the model stands", entry.path);
                return refused("path", why);
            }
            (false, _) => return refused("model", format!("the path has a segment `{MODEL}`; write `path`")),
        }
        let body = match (entry.body, entry.model) {
            (Some(body), _) => body,
            (None, ExtraModel::Body) => ExtraBody::Json,
            (None, _) => ExtraBody::Opaque,
        };
        let model = match (entry.model, body) {
            (ExtraModel::Unseen, _) => ModelPlace::Elsewhere,
            (ExtraModel::None, _) => ModelPlace::None,
            (ExtraModel::Path, _) => ModelPlace::Path,
            (ExtraModel::Query, _) => ModelPlace::Query,
            (ExtraModel::Body, ExtraBody::Json) => ModelPlace::Body,
            (ExtraModel::Body, ExtraBody::Form) => ModelPlace::Multipart,
            (ExtraModel::Body, ExtraBody::None | ExtraBody::Opaque | ExtraBody::Websocket) => {
                let why = "the model stands in the body, which is read only as `json` or `form`; write one of them, or leave this out";
                return refused("body", why.to_owned());
            }
        };
        if body == ExtraBody::Websocket && entry.method != "GET" {
            return refused("method", format!("a WebSocket begins with `GET`, not `{}`", entry.method));
        }
        if entry.usage.is_some() && entry.metered != ExtraMetering::ByAnswer {
            let why =
                "the answer's figures are read only with `metered: by_answer`; leave one of the two out";
            return refused("usage", why.to_owned());
        }
        Ok(Self {
            method: entry.method.clone(),
            path,
            name: entry.operation.clone(),
            profile: Profile {
                state: if entry.stateful { State::Stateful } else { State::Stateless },
                model,
                body: match body {
                    ExtraBody::Json => BodyForm::Json,
                    ExtraBody::Form => BodyForm::Multipart,
                    ExtraBody::None => BodyForm::None,
                    ExtraBody::Opaque => BodyForm::Opaque,
                    ExtraBody::Websocket => BodyForm::Upgrade,
                },
                metering: match entry.metered {
                    ExtraMetering::ByAnswer => Metering::Metered,
                    ExtraMetering::Later => Metering::Later,
                    ExtraMetering::Free => Metering::Unmetered,
                },
                streaming: match entry.stream {
                    ExtraStream::AsAsked => Streaming::BodySays,
                    ExtraStream::Always => Streaming::Always,
                    ExtraStream::Never => Streaming::Never,
                },
            },
            usage: entry.usage,
        })
    }

    /// The model in the path, if it has a place for one; `None` where it is not this operation.
    pub(super) fn bind(&self, method: &str, path: &Path<'_>) -> Option<Option<String>> {
        let mut model = None;
        let mut segments = path.segments().iter().map(|segment| segment.text());
        for wanted in (self.method == method).then_some(&self.path)? {
            let sent = segments.next()?;
            match wanted.as_str() {
                ANY | MODEL if sent.contains('/') => return None,
                MODEL => model = Some(sent.to_owned()),
                ANY => {}
                wanted if wanted == sent => {}
                _ => return None,
            }
        }
        segments.next().is_none().then_some(model)
    }
}

#[cfg(test)]
mod tests;
