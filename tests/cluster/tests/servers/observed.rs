//! What the eight programs tell Prometheus, and whether the alerts fire on the faults they are for.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use jobapp_cluster::observability::{Told, queries};
use jobapp_cluster::{Plan, Process, SERVICES};

use crate::journey::{Options, travel};
use crate::world::{PATIENCE, cluster, until};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Runs promtool beside the rules.
fn promtool(arguments: &[&str], input: &str) -> Output {
    let found = Command::new(root().join("tests/promtool.sh")).output().unwrap();
    assert!(found.status.success(), "{}", String::from_utf8_lossy(&found.stderr));
    let tool = String::from_utf8(found.stdout).unwrap();
    let mut command = Command::new(tool.trim());
    command.args(arguments).current_dir(root().join("examples/deployments/observability/prometheus"));
    let mut running = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    running.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    running.wait_with_output().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

async fn page(process: &Process) -> anyhow::Result<String> {
    Ok(reqwest::get(process.metrics_url()).await?.error_for_status()?.text().await?)
}

#[test]
fn every_alert_fires_on_its_fault_and_on_nothing_else() {
    for arguments in [
        &["check", "rules", "alerts.yml", "services.yml"][..],
        &["check", "config", "prometheus.yml"],
        &["test", "rules", "tests/alerts.yml"],
    ] {
        let output = promtool(arguments, "");
        assert!(output.status.success(), "{arguments:?}: {}", said(&output));
    }
    // Each is tried where it fires and where it does not.
    let tests =
        std::fs::read_to_string(root().join("examples/deployments/observability/prometheus/tests/alerts.yml")).unwrap();
    let page = std::fs::read_to_string(root().join("docs/observing.md")).unwrap();
    for file in ["alerts.yml", "services.yml"] {
        let rules =
            std::fs::read_to_string(root().join("examples/deployments/observability/prometheus").join(file)).unwrap();
        let alerts: Vec<&str> = rules.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
        assert!(!alerts.is_empty(), "{file}");
        for alert in alerts {
            let looks = tests.split("- eval_time: ").filter(|look| look.contains(&format!("alertname: {alert}\n")));
            let (silent, loud): (Vec<_>, Vec<_>) = looks.partition(|look| look.contains("exp_alerts: []"));
            assert!(
                !silent.is_empty() && !loud.is_empty(),
                "{alert} is not tried where it fires and where it does not"
            );
            assert!(page.contains(&format!("\n### {alert}\n")), "docs/observing.md does not say what to do on {alert}");
            assert!(rules.contains(&format!("docs/observing.md#{}\n", alert.to_lowercase())), "{alert} leads nowhere");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eight_programs_tell_what_rules_and_dashboards_ask_for_and_name_nobody() {
    let world = cluster(Plan { each: 1, ..Plan::default() }).await;
    let options = Options {
        base: world.url().to_owned(),
        patience: PATIENCE,
        suffix: "000001".to_owned(),
        mailpit: None,
        tell: |_| {},
    };
    travel(&options).await.unwrap();
    let told = until(async || {
        let mut told = Told::default();
        let mut published = 0;
        for process in world.processes() {
            let page = page(process).await?;
            told.add(&page)?;
            published +=
                page.lines().filter(|line| line.starts_with("jobapp_events_total{") && !line.ends_with(" 0")).count();
        }
        anyhow::ensure!(published > 10, "only {published} kinds of events were published");
        Ok::<_, anyhow::Error>(told)
    })
    .await;
    for service in SERVICES {
        let process = world.of(service).next().unwrap();
        let page = page(process).await.unwrap();
        let output = promtool(&["check", "metrics"], &page);
        assert!(output.status.success() && said(&output).is_empty(), "{service}: {}", said(&output));
        // Metrics are at their own port; that of gig tells what the existing system's told, as it always did.
        let public = reqwest::get(format!("{}/metrics", process.url())).await.unwrap();
        if service == "gig" {
            let page = public.text().await.unwrap();
            let of_us =
                page.lines().filter(|line| !line.starts_with('#')).find(|line| !line.starts_with("gig_service_"));
            assert!(page.contains("gig_service_gig_views_total") && of_us.is_none(), "{of_us:?}");
        } else {
            assert_eq!(public.status(), 404, "{service}");
        }
    }
    // The disk of the data folder is what only the one binary has.
    let queries = queries().unwrap().into_iter().filter(|query| !query.text.contains("jobapp_data_disk"));
    let missing: Vec<String> = queries.flat_map(|query| told.missing(&query).unwrap()).collect();
    assert!(missing.is_empty(), "{missing:#?}");
    for (metric, label, value) in told.values() {
        let is_id = |part: &str| part.len() >= 12 && part.bytes().filter(u8::is_ascii_digit).count() > 3;
        let is_somebody = value.contains('@') || value.contains("000001");
        let has_id = value.split(|sign: char| !sign.is_alphanumeric()).any(is_id);
        assert!(!is_somebody && !has_id, "{metric} {label}={value:?}");
    }
    assert!(world.stop().unwrap(), "every process ends as it should");
}
