use std::sync::atomic::AtomicBool;

use crate::attempts::Watch;
use crate::cache::Cache;
use crate::choice::Choice;
use crate::client::Client;
use crate::error::HubError;
use crate::observer::PullObserver;
use crate::offline;
use crate::pulled::Pulled;
use crate::session::Session;
use crate::settings::Settings;
use crate::source::Source;
use crate::tree_file;

/// The hub, and the folder in which its files are kept.
#[derive(Debug, Clone)]
pub struct Hub {
    settings: Settings,
}

impl Hub {
    /// Nobody is asked yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    /// Sees to it that the files of `choice` are in the cache, whole and right, and says where.
    ///
    /// A pull that was cut off, or ended soon after `stop` became true, goes on where it was when
    /// it is asked for again. A full commit that is complete in the cache needs no connection, and
    /// offline nothing does.
    ///
    /// # Errors
    ///
    /// [`HubError`] lists what can be in the way. Files that are missing are reported together.
    pub fn pull(
        &self,
        source: &Source,
        choice: &Choice,
        observer: &mut dyn PullObserver,
        stop: &AtomicBool,
    ) -> Result<Pulled, HubError> {
        let settings = &self.settings;
        let cache = Cache::new(&settings.cache, &source.repository, settings.links);
        let mut watch = Watch::new(observer, stop);
        if settings.is_offline {
            return offline::pull(settings, source, choice, &cache, &mut watch);
        }
        if let Some(commit) = source.revision.commit()
            && tree_file::read(&cache.tree(commit)).is_some()
        {
            match offline::pull(settings, source, choice, &cache, &mut watch) {
                Ok(pulled) => return Ok(pulled),
                Err(HubError::Stopped) => return Err(HubError::Stopped),
                // The hub has what is missing here.
                Err(_) => {}
            }
        }
        let client = Client::new(settings)?;
        Session { settings, source, cache: &cache, client, watch: &mut watch }.pull(choice)
    }
}
