//! Policy files as assets.

use core::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bevy::asset::io::Reader;
use bevy::asset::{AssetLoader, LoadContext};
use bevy::prelude::*;
use bevy::tasks::futures_lite::AsyncReadExt;
use ludus_policy::files::LONGEST_FILE;
use ludus_policy::{Policy, PolicyError, PolicyFile};
use ludus_spec::AgentSpec;

/// A policy that is ready to run, as `assets.load("policies/balance.safetensors")` loads it.
///
/// A policy that is not loaded from a file, such as that of a training in the same process, is made with
/// [`new`](Self::new) and added to [`Assets`]. If an asset is replaced, the new policy decides from the next decision
/// on.
#[derive(Asset, TypePath, Clone, Debug)]
pub struct PolicyAsset {
    content: Arc<Content>,
}

/// The data that an asset and the batches that run it share.
#[derive(Debug)]
pub(crate) struct Content {
    pub name: PathBuf,
    pub policy: Policy,
    pub decision_interval: NonZeroU32,
    pub tick_rate_hz: f64,
}

impl Content {
    /// Returns the policy for agents whose layout fits: another one if they have other observations for the critic than
    /// the policy was trained with.
    pub fn for_agents(self: &Arc<Self>, spec: &AgentSpec) -> Result<Arc<Self>, PolicyError> {
        let Some(policy) = self.policy.for_agents(spec)? else { return Ok(self.clone()) };
        let Self { ref name, decision_interval, tick_rate_hz, .. } = **self;
        Ok(Arc::new(Self { name: name.clone(), policy, decision_interval, tick_rate_hz }))
    }
}

impl PolicyAsset {
    /// Creates the policy of a file. `name` names it in messages: its path, if it has one.
    ///
    /// # Errors
    ///
    /// If the parameters are not those of the network that the file describes.
    pub fn new(file: &PolicyFile, name: impl Into<PathBuf>) -> Result<Self, PolicyError> {
        let &PolicyFile { decision_interval, tick_rate_hz, .. } = file;
        let content = Content { name: name.into(), policy: Policy::new(file)?, decision_interval, tick_rate_hz };
        Ok(Self { content: Arc::new(content) })
    }

    /// The name in messages.
    pub fn name(&self) -> &Path {
        &self.content.name
    }

    /// The policy, without its steps and ticks.
    pub fn policy(&self) -> &Policy {
        &self.content.policy
    }

    /// Ticks per step, as in training.
    pub fn decision_interval(&self) -> NonZeroU32 {
        self.content.decision_interval
    }

    /// Ticks per second of the game's time, as in training \[Hz\]; 0 if it is not known.
    pub fn tick_rate_hz(&self) -> f64 {
        self.content.tick_rate_hz
    }

    pub(crate) fn content(&self) -> &Arc<Content> {
        &self.content
    }
}

/// Reads policy files. A file that is damaged is an error, and the policy that was loaded before stays.
#[derive(Default, TypePath)]
pub(crate) struct PolicyLoader;

impl AssetLoader for PolicyLoader {
    type Asset = PolicyAsset;
    type Settings = ();
    type Error = PolicyError;

    async fn load(
        &self,
        reader: &mut dyn Reader,
        (): &(),
        context: &mut LoadContext<'_>,
    ) -> Result<PolicyAsset, PolicyError> {
        let path = context.path().path().to_owned();
        let mut bytes = Vec::new();
        // A limit, because a file that is a device may have no end.
        let read = reader.take(LONGEST_FILE).read_to_end(&mut bytes).await;
        read.map_err(|source| PolicyError::Unreadable { path: path.clone(), source })?;
        PolicyAsset::new(&PolicyFile::from_bytes(&bytes, &path)?, path)
    }

    fn extensions(&self) -> &[&str] {
        &["safetensors"]
    }
}
