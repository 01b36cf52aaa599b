//! Names of systems and components, which Bevy knows only with its feature `debug`.

use std::sync::Arc;

use bevy::app::App;
use bevy::prelude::DebugName;

/// Returns the name; `None` if Bevy was built without names.
pub(crate) fn shown(name: DebugName) -> Option<String> {
    has_names().then(|| name.to_string())
}

/// True if Bevy was built with names.
pub(crate) fn has_names() -> bool {
    DebugName::type_name::<App>() != DebugName::type_name::<Arc<App>>()
}
