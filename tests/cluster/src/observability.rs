//! Whether alert rules, dashboards and saved searches ask for what there is: for metrics and labels that a running process tells, and for
//! fields that its log lines have.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{AggregateExpr, Expr, LabelModifier, VectorSelector};
use promql_parser::util::{ExprVisitor, walk_expr};
use serde_json::Value;

/// Where rules, dashboards and saved searches are.
const FOLDER: &str = "examples/deployments/observability";
/// What Prometheus itself knows of everything it reads.
const OF_PROMETHEUS: [&str; 2] = ["job", "instance"];
/// Labels whose series are there from their first use on: which values they have is not known beforehand.
const GROWING: [&str; 4] = ["method", "route", "status", "status_code"];
/// Where there are several of them that nobody need name.
const PARTS_OF_HISTOGRAMS: [&str; 3] = ["_bucket", "_sum", "_count"];

/// What processes tell: for each metric its labels and their values.
#[derive(Debug, Clone, Default)]
pub struct Told(BTreeMap<String, BTreeMap<String, BTreeSet<String>>>);

/// A query, and where it stands.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Query {
    /// The file.
    pub file: String,
    /// What it asks for.
    pub text: String,
}

impl Told {
    /// Adds what a page of `/metrics` tells.
    ///
    /// # Errors
    /// When a line is none of a page.
    pub fn add(&mut self, page: &str) -> anyhow::Result<()> {
        for line in page.lines().filter(|line| !line.is_empty() && !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').with_context(|| format!("no value: {line}"))?;
            ensure!(value == "+Inf" || value.parse::<f64>().is_ok(), "no number: {line}");
            let Expr::VectorSelector(series) = parsed(series)? else { anyhow::bail!("no series: {line}") };
            let labels = self.0.entry(series.name.with_context(|| format!("no name: {line}"))?).or_default();
            for Matcher { name, value, .. } in series.matchers.matchers {
                labels.entry(name).or_default().insert(value);
            }
        }
        Ok(())
    }

    /// Every value of every label, with the names of both.
    pub fn values(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.0.iter().flat_map(|(metric, labels)| {
            labels.iter().flat_map(move |(label, values)| {
                values.iter().map(move |value| (metric.as_str(), label.as_str(), value.as_str()))
            })
        })
    }

    /// Every metric.
    pub fn metrics(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// What a query asks for that is not told.
    ///
    /// # Errors
    /// When it is no query.
    pub fn missing(&self, query: &Query) -> anyhow::Result<Vec<String>> {
        let query_text =
            query.text.replace("$__rate_interval", "5m").replace("$__interval", "1m").replace("$__range", "1h");
        let mut looking = Looking { told: self, selected: BTreeSet::new(), missing: Vec::new() };
        let expression = parsed(&query_text).with_context(|| query.file.clone())?;
        let Ok(_) = walk_expr(&mut looking, &expression);
        ensure!(!looking.selected.is_empty(), "{}: {} asks for nothing", query.file, query.text);
        let named = |what: String| format!("{}: {what} in {}", query.file, query.text);
        Ok(looking.missing.into_iter().map(named).collect())
    }
}

fn parsed(text: &str) -> anyhow::Result<Expr> {
    promql_parser::parser::parse(text).map_err(|error| anyhow!("{text}: {error}"))
}

/// Walks through a query.
struct Looking<'t> {
    told: &'t Told,
    /// Labels of everything it asked for so far.
    selected: BTreeSet<String>,
    missing: Vec<String>,
}

impl Looking<'_> {
    fn select(&mut self, selector: &VectorSelector) {
        self.selected.extend(OF_PROMETHEUS.map(str::to_owned));
        let name = selector.name.clone().unwrap_or_default();
        if name == "up" {
            return;
        }
        let Some(labels) = self.told.0.get(&name) else {
            self.missing.push(format!("no metric {name:?}"));
            return;
        };
        self.selected.extend(labels.keys().cloned());
        for Matcher { name: label, value, op } in &selector.matchers.matchers {
            if OF_PROMETHEUS.contains(&label.as_str()) {
                continue;
            }
            let Some(values) = labels.get(label) else {
                self.missing.push(format!("no label {label:?} of {name}"));
                continue;
            };
            let is_there = match op {
                MatchOp::Equal | MatchOp::NotEqual => values.contains(value),
                MatchOp::Re(regex) | MatchOp::NotRe(regex) => values.iter().any(|known| regex.is_match(known)),
            };
            if !is_there && !GROWING.contains(&label.as_str()) && !value.contains('$') {
                self.missing.push(format!("no value {value:?} of {label} of {name}"));
            }
        }
    }

    /// Labels that results are grouped by. `le` is taken up by what reads histograms.
    fn group(&mut self, labels: Option<&LabelModifier>, inside: &Expr) {
        let Some(labels) = labels else { return };
        let mut within = Looking { told: self.told, selected: BTreeSet::new(), missing: Vec::new() };
        let Ok(_) = walk_expr(&mut within, inside);
        for label in labels.labels().labels.iter().filter(|label| !within.selected.contains(*label)) {
            self.missing.push(format!("no label {label:?} to group by"));
        }
    }
}

impl ExprVisitor for Looking<'_> {
    type Error = std::convert::Infallible;

    fn pre_visit(&mut self, expression: &Expr) -> Result<bool, Self::Error> {
        match expression {
            Expr::VectorSelector(selector) => self.select(selector),
            Expr::MatrixSelector(selector) => self.select(&selector.vs),
            Expr::Aggregate(AggregateExpr { modifier, expr, .. }) => self.group(modifier.as_ref(), expr),
            Expr::Binary(binary) => {
                if let Some(modifier) = &binary.modifier {
                    self.group(modifier.matching.as_ref(), &binary.lhs);
                    self.group(modifier.matching.as_ref(), &binary.rhs);
                }
            }
            _ => {}
        }
        Ok(true)
    }
}

/// The files below a folder of ours that end so.
///
/// # Errors
/// When there are none.
pub fn files(folder: &str, extension: &str) -> anyhow::Result<Vec<PathBuf>> {
    let folder = root().join(FOLDER).join(folder);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
        let path = entry?.path();
        if path.extension().is_some_and(|own| own == extension) {
            files.push(path);
        }
    }
    ensure!(!files.is_empty(), "{} has no file that ends in {extension}", folder.display());
    files.sort();
    Ok(files)
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Every query of the alert rules and of the dashboards.
///
/// # Errors
/// When a file cannot be read.
pub fn queries() -> anyhow::Result<Vec<Query>> {
    let mut queries = Vec::new();
    for file in files("prometheus", "yml")? {
        let rules: Value = serde_saphyr::from_str(&std::fs::read_to_string(&file)?)?;
        take("expr", &rules, &name(&file), &mut queries);
    }
    for file in files("grafana", "json")? {
        let dashboard: Value = serde_json::from_str(&std::fs::read_to_string(&file)?)?;
        take("expr", &dashboard, &name(&file), &mut queries);
    }
    Ok(queries)
}

fn name(file: &Path) -> String {
    file.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

/// Every text of this name, however deep.
fn take(wanted: &str, value: &Value, file: &str, found: &mut Vec<Query>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                match value {
                    Value::String(text) if name == wanted => {
                        found.push(Query { file: file.to_owned(), text: text.clone() });
                    }
                    value => take(wanted, value, file, found),
                }
            }
        }
        Value::Array(all) => all.iter().for_each(|value| take(wanted, value, file, found)),
        _ => {}
    }
}

/// Every field of these lines of a log, those of spans as `span.queue`.
///
/// # Errors
/// When a line is no JSON.
pub fn fields(log: &str) -> anyhow::Result<BTreeSet<String>> {
    let mut fields = BTreeSet::new();
    for line in log.lines().filter(|line| line.starts_with('{')) {
        let line: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
        for (name, value) in line.as_object().into_iter().flatten() {
            match value.as_object() {
                Some(span) => fields.extend(span.keys().map(|field| format!("{name}.{field}"))),
                None => {
                    fields.insert(name.clone());
                }
            }
        }
    }
    Ok(fields)
}

/// Every field that the saved objects name, with the object that does: in columns, sorting, searches, and what visualisations count by.
///
/// # Errors
/// When a file cannot be read.
pub fn saved_fields() -> anyhow::Result<BTreeSet<(String, String)>> {
    let mut found = BTreeSet::new();
    for file in files("kibana", "ndjson")? {
        for line in std::fs::read_to_string(&file)?.lines() {
            let object: Value = serde_json::from_str(line).with_context(|| line.to_owned())?;
            let title = object["attributes"]["title"].as_str().with_context(|| format!("no title: {line}"))?.to_owned();
            let mut named = BTreeSet::new();
            saved_in(&object["attributes"], &mut named)?;
            found.extend(named.into_iter().map(|field| (title.clone(), field)));
        }
    }
    Ok(found)
}

fn saved_in(value: &Value, fields: &mut BTreeSet<String>) -> anyhow::Result<()> {
    match value {
        Value::Object(all) => {
            for (name, value) in all {
                match (name.as_str(), value) {
                    ("field" | "timeFieldName" | "sourceField", Value::String(field)) => {
                        fields.insert(field.clone());
                    }
                    ("columns", Value::Array(columns)) => {
                        fields.extend(columns.iter().filter_map(Value::as_str).map(str::to_owned));
                    }
                    ("sort", Value::Array(sorts)) => {
                        let first = sorts.iter().filter_map(|sort| sort.get(0)).filter_map(Value::as_str);
                        fields.extend(first.map(str::to_owned));
                    }
                    ("query", Value::String(query)) => fields.extend(of_search(query)),
                    // Kibana keeps JSON in texts within JSON.
                    (name, Value::String(json)) if name.ends_with("JSON") || name == "visState" => {
                        saved_in(&serde_json::from_str(json).with_context(|| json.clone())?, fields)?;
                    }
                    (_, value) => saved_in(value, fields)?,
                }
            }
        }
        Value::Array(all) => all.iter().try_for_each(|value| saved_in(value, fields))?,
        _ => {}
    }
    Ok(())
}

/// The fields of a search such as `level: "ERROR" and status >= 500`.
fn of_search(search: &str) -> BTreeSet<String> {
    let words: Vec<&str> = search.split_whitespace().collect();
    let with_colon = words.iter().filter_map(|word| word.split_once(':')).map(|(field, _)| field);
    let compared = words.windows(2).filter(|pair| matches!(pair[1], ">" | ">=" | "<" | "<=")).map(|pair| pair[0]);
    let is_name =
        |field: &&str| !field.is_empty() && field.chars().all(|sign| sign.is_alphanumeric() || "._@".contains(sign));
    with_colon.chain(compared).map(|field| field.trim_start_matches('(')).filter(is_name).map(str::to_owned).collect()
}

/// The names of metrics as people say them: those of a histogram are one.
pub fn said(metric: &str) -> &str {
    PARTS_OF_HISTOGRAMS.into_iter().find_map(|part| metric.strip_suffix(part)).unwrap_or(metric)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told() -> Told {
        let mut told = Told::default();
        told.add("# HELP a_total A.\n# TYPE a_total counter\na_total{queue=\"hot\",kind=\"x \\\"y\\\"\"} 3\nb 1.5\n")
            .unwrap();
        told
    }

    fn missing(text: &str) -> Vec<String> {
        told().missing(&Query { file: "f".to_owned(), text: text.to_owned() }).unwrap()
    }

    #[test]
    fn what_is_there_may_be_asked_for() {
        for query in
            ["sum by (queue) (rate(a_total{queue=\"hot\"}[$__rate_interval])) > 0", "b / on (instance) b", "up == 0"]
        {
            assert_eq!(missing(query), Vec::<String>::new(), "{query}");
        }
    }

    #[test]
    fn what_is_not_there_is_found_out() {
        for (query, expected) in [
            ("c", "no metric \"c\""),
            ("a_total{colour=\"red\"}", "no label \"colour\""),
            ("a_total{queue=\"cold\"}", "no value \"cold\""),
            ("a_total{queue=~\"c.*\"}", "no value \"c.*\""),
            ("sum by (colour) (a_total)", "no label \"colour\" to group by"),
            ("b + on (queue) a_total", "no label \"queue\" to group by"),
        ] {
            let missing = missing(query);
            assert!(missing.iter().any(|missing| missing.contains(expected)), "{query}: {missing:?}");
        }
        assert!(told().missing(&Query { file: "f".to_owned(), text: "sum(".to_owned() }).is_err());
        assert!(told().missing(&Query { file: "f".to_owned(), text: "1 > 0".to_owned() }).is_err());
        assert!(Told::default().add("a{ 1").is_err() && Told::default().add("a x").is_err());
    }

    #[test]
    fn the_fields_of_a_search_are_found() {
        let search = "level: \"ERROR\" and (status >= 500 or target: access) and not message: *a:b*";
        let expected = ["level", "message", "status", "target"].map(str::to_owned);
        assert_eq!(of_search(search), expected.into());
    }
}
