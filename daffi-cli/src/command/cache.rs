//! `daffi cache`: values that are computed once for all nodes.

use daffi_core::datatypes::Cache as Handle;
use futures::stream;
use rmpv::Value;

use super::about::About;
use super::{objects, words};
use crate::args::Cache;
use crate::mesh::{App, Mesh};
use crate::report::{End, NO, Outcome};
use crate::values;

/// Lists caches, or looks at or clears one.
///
/// # Errors
/// If the controller cannot be reached or refuses.
pub(crate) async fn run(app: &App, action: Option<Cache>) -> Outcome {
    let about = |name| About { app, kind: "cache", name };
    match action.unwrap_or(Cache::Ls { pattern: None }) {
        Cache::Ls { pattern } => objects::list(app, &["cache"], pattern.as_deref()).await,
        Cache::Info { name } => info(&about(&name)).await,
        Cache::Show { name } => {
            let all = cache(app, &name).await?.iter();
            let about = about(&name);
            let rows = futures::StreamExt::map(all, |entry| {
                entry.map(|(key, value)| about.row([("key", &key), ("value", &value)]))
            });
            about.listing(&["KEY", "VALUE"], rows).await
        }
        Cache::Forget { name, key } => {
            let key = words::value(&key);
            let forgotten = app.ask(cache(app, &name).await?.forget(&key)).await?;
            let about = about(&name);
            let object = about.object([("key", values::to_json(&key)), ("forgotten", forgotten.into())]);
            about.done(forgotten, &format!("there is no value by this key in `{name}`"), &object).await
        }
        Cache::Clear { name } => {
            let cleared = app.ask(cache(app, &name).await?.clear()).await?;
            let about = about(&name);
            about.number(cleared, &about.object([("cleared", cleared.into())]))?;
            Ok(if cleared == 0 { NO } else { 0 })
        }
    }
}

async fn cache(app: &App, name: &str) -> Result<Handle<Value, Value>, End> {
    Ok(Mesh::join(app).await?.node.cache(name))
}

async fn info(about: &About<'_>) -> Outcome {
    let info = about.app.ask(cache(about.app, about.name).await?.info()).await?;
    let [hits, misses, size, computing] =
        [info.hits, info.misses, info.size, info.computing].map(Value::from);
    let row = about.row([("hits", &hits), ("misses", &misses), ("size", &size), ("computing", &computing)]);
    about.listing(&["HITS", "MISSES", "SIZE", "COMPUTING"], stream::iter([Ok::<_, End>(row)])).await
}
