//! One row of the tables: a method, a path, and what they say of an operation.

use super::{BodyForm, ModelPlace};

/// One line of a table.
pub(super) struct Row {
    pub(super) method: &'static str,
    pub(super) path: &'static str,
    pub(super) name: &'static str,
    pub(super) traits: Traits,
}

/// What is known of an operation beside its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Traits {
    pub(super) state: State,
    pub(super) model: ModelPlace,
    pub(super) body: BodyForm,
    pub(super) metering: Metering,
    pub(super) streaming: Streaming,
}

/// Whether the operation reads or leaves something under the provider's account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Stateless,
    Stateful,
}

/// Whether the operation spends model tokens or money.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Metering {
    /// And its answer tells what.
    Metered,
    /// And what it spends is not told by its answer: a batch, a fine-tuning, a long-running prediction.
    Later,
    Unmetered,
}

/// What says whether the answer is a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Streaming {
    BodySays,
    Always,
    Never,
}

/// `METHOD "path" "name" state model body metering streaming;` per line.
macro_rules! rows {
    ($($method:ident $path:literal $name:literal $state:ident $model:ident $body:ident $metering:ident $streaming:ident;)*) => {
        &[$($crate::dialect::row::Row {
            method: stringify!($method),
            path: $path,
            name: $name,
            traits: $crate::dialect::row::Traits {
                state: $crate::dialect::row::State::$state,
                model: $crate::dialect::ModelPlace::$model,
                body: $crate::dialect::BodyForm::$body,
                metering: $crate::dialect::row::Metering::$metering,
                streaming: $crate::dialect::row::Streaming::$streaming,
            },
        },)*]
    };
}
pub(super) use rows;
