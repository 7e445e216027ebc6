//! How the things are on which the services stand: the disk, their databases, the search index.

use std::sync::Arc;
use std::time::Duration;

use jobapp_platform::{Part, Vitals};
use serde_json::{Map, Value, json};

/// How long looking after all of them may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// What was found about the parts.
pub(crate) struct Findings(Vec<Part>);

impl Findings {
    /// Looks after every part. When that takes too long, this is what is wrong.
    pub(crate) async fn of(vitals: &Arc<dyn Vitals>) -> Self {
        let parts = tokio::time::timeout(PATIENCE, vitals.parts()).await;
        Self(parts.unwrap_or_else(|_| {
            let trouble = Some("it does not answer".to_owned());
            vec![Part { name: "storage".to_owned(), service: None, is_vital: true, trouble }]
        }))
    }

    /// Name and trouble of every part that is not well.
    fn troubles(&self) -> impl Iterator<Item = (&Part, &str)> {
        self.0.iter().filter_map(|part| Some((part, part.trouble.as_deref()?)))
    }

    /// Whether all is well.
    pub(crate) fn is_well(&self) -> bool {
        self.troubles().next().is_none()
    }

    /// What keeps requests away, as words and as JSON; `None` when nothing does.
    pub(crate) fn reasons(&self) -> Option<(String, Value)> {
        let vital: Vec<_> = self.troubles().filter(|(part, _)| part.is_vital).collect();
        let words: Vec<String> = vital.iter().map(|(part, trouble)| format!("{}: {trouble}", part.name)).collect();
        let json = vital.iter().map(|(part, trouble)| json!({ "part": part.name, "reason": trouble })).collect();
        (!vital.is_empty()).then(|| (words.join("; "), Value::Array(json)))
    }

    /// What is wrong with what a service stands on.
    pub(crate) fn trouble_of(&self, service: &str) -> Option<String> {
        let concerns = |part: &Part| part.service.map_or(part.is_vital, |only| only == service);
        let words: Vec<String> = self
            .troubles()
            .filter(|(part, _)| concerns(part))
            .map(|(part, trouble)| format!("{}: {trouble}", part.name))
            .collect();
        (!words.is_empty()).then(|| words.join("; "))
    }

    /// Each part by its name.
    pub(crate) fn json(&self) -> Value {
        let part = |part: &Part| {
            let value = match &part.trouble {
                None => json!({ "status": "up" }),
                Some(trouble) => json!({ "status": "down", "reason": trouble }),
            };
            (part.name.clone(), value)
        };
        Value::Object(self.0.iter().map(part).collect::<Map<String, Value>>())
    }
}
