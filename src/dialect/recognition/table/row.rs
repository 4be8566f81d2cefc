//! One row of the tables: a method, a path, and what they say of an operation.

use crate::dialect::operation::profile::Profile;

/// One line of a table.
pub(in crate::dialect::recognition) struct Row {
    pub(in crate::dialect::recognition) method: &'static str,
    pub(in crate::dialect::recognition) path: &'static str,
    pub(in crate::dialect::recognition) name: &'static str,
    pub(in crate::dialect::recognition) profile: Profile,
}

/// `METHOD "path" "name" state model body metering streaming;` per line.
macro_rules! rows {
    ($($method:ident $path:literal $name:literal $state:ident $model:ident $body:ident $metering:ident $streaming:ident;)*) => {
        &[$($crate::dialect::recognition::table::row::Row {
            method: stringify!($method),
            path: $path,
            name: $name,
            profile: $crate::dialect::operation::profile::Profile {
                state: $crate::dialect::operation::profile::State::$state,
                model: $crate::dialect::operation::profile::ModelPlace::$model,
                body: $crate::dialect::operation::profile::BodyForm::$body,
                metering: $crate::dialect::operation::profile::Metering::$metering,
                streaming: $crate::dialect::operation::profile::Streaming::$streaming,
            },
        },)*]
    };
}
pub(super) use rows;
